"""Many lives at once, each in a thread and each asked about by a test of its own.

They wait far more than they work, so that side by side they take little longer than the longest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Protocol, TypeVar

import pytest


class Case(Protocol):
    """What a table's row must have."""

    def key(self) -> str:
        """Its id, as pytest shows it."""
        ...


C = TypeVar("C", bound=Case)


def selected(request: pytest.FixtureRequest, cases: Iterable[C]) -> list[C]:
    """The cases whose tests take part in this run; their ids must be the cases' keys."""
    names = " ".join(node.name for node in request.session.items)
    return [case for case in cases if f"[{case.key()}]" in names]


def parameters(cases: Iterable[C], *, first: Collection[C]) -> list[Any]:
    """For pytest: the cases of `first` belong to `make test`, the others to `make verify`."""
    return [pytest.param(case, id=case.key(), marks=() if case in first else pytest.mark.verify) for case in cases]

"""Every kind of verdict, for tests that go through all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from tokenfactory_operator.decision.actions import Applied, Hindered, UnderWay, Unjudged, Verdict

KINDS: Final[tuple[Callable[..., Verdict], ...]] = (
    Applied,
    UnderWay,
    Hindered,
    partial(Hindered, asks=True),
    partial(Hindered, asks=False),
    Unjudged,
    partial(Unjudged, asks=False),
)

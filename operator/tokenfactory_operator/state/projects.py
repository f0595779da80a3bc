"""Which scopes are of one project: what an endpoint shows that is recorded in one of them and listed in the other.

The scope of a credential without a project id is a hash of its token, so a rotated token has another scope. An endpoint
lives in one project. Nothing is decided here, and what is known goes with the process.
"""

from __future__ import annotations

from typing import Any, Final

from tokenfactory_operator.domain.timing import NEVER
from tokenfactory_operator.state.cache import ObjectCache
from tokenfactory_operator.state.inventory import Inventory

REMEMBERED: Final = 1000
"""Scopes that are remembered; the oldest are forgotten, which costs a question to a person at most."""


class Projects:
    """Scopes that were shown to be of one project."""

    def __init__(self, objects: ObjectCache) -> None:
        self._objects = objects
        self._first: dict[str, str] = {}
        """Scope → the one that stands for its project."""
        self._searched: dict[tuple[str, str], float] = {}
        """Two scopes → start of the LIST by which they were compared last."""

    def same(self, written: str, scope: str) -> bool:
        """Whether both scopes were shown to be of one project."""
        return self._of(written) == self._of(scope)

    def compare(self, written: str, inventory: Inventory) -> None:
        """Look whether this inventory shows an endpoint that is recorded in the scope `written`."""
        compared = self._searched.get((written, inventory.scope), NEVER)
        if self.same(written, inventory.scope) or compared >= inventory.last_view:
            return  # of a thousand objects one compares, once for each LIST
        self._searched[written, inventory.scope] = inventory.last_view
        _shorten(self._searched)
        if any(self._recorded_in(written, uid, endpoint_id) for uid, endpoint_id in inventory.marked_and_listed()):
            self._join(written, inventory.scope)

    def _recorded_in(self, scope: str, uid: str, endpoint_id: str) -> bool:
        """Whether the object that the endpoint's mark names has it, and had it in this scope."""
        key = self._objects.uids.get(uid)
        body = self._objects.get(key) if key is not None else None
        status = (body or {}).get("status") or {}
        return (status.get("uid"), status.get("scope"), status.get("endpointId")) == (uid, scope, endpoint_id)

    def _of(self, scope: str) -> str:
        return self._first.get(scope, scope)

    def _join(self, one: str, other: str) -> None:
        kept, gone = self._of(one), self._of(other)
        members = [scope for scope, first in self._first.items() if first == gone]
        self._first.update(dict.fromkeys((*members, one, other, gone), kept))
        _shorten(self._first)


def _shorten(known: dict[Any, Any]) -> None:
    while len(known) > REMEMBERED:
        del known[next(iter(known))]

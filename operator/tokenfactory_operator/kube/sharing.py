"""Objects that say the same in parts hold those parts once.

Ten thousand objects have the same keys, and mostly the same specs and conditions, each decoded anew from every answer.
What is shared must not be changed in place; nothing of an object is.
"""

from __future__ import annotations

from collections.abc import Mapping
from sys import intern
from typing import Any, Final

from tokenfactory_operator.ports import JsonObject

CAPACITY: Final = 2048
"""Parts that are remembered; then all are forgotten, and the next ones are held anew."""
_OWN: Final = frozenset({"metadata", "status"})
"""Parts in which every object says something of its own: only what they have within is shared."""


class Sharing:
    """The parts that were seen lately."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._texts: dict[str, str] = {}
        self._parts: dict[tuple[object, ...], Any] = {}
        """By the identities of what is in them, which lives as long as they do."""
        self._capacity = capacity

    def of(self, body: JsonObject) -> dict[str, Any]:
        """The same object, of shared parts."""
        if max(len(self._texts), len(self._parts)) > self._capacity:
            self._texts, self._parts = {}, {}
        return {
            intern(name): self._inner(part) if name in _OWN and isinstance(part, dict) else self._part(part)
            for name, part in body.items()
        }

    def _inner(self, part: Mapping[str, Any]) -> dict[str, Any]:
        return {intern(name): self._part(value) for name, value in part.items()}

    def _part(self, value: Any) -> Any:  # noqa: ANN401  # JSON is what it is
        if isinstance(value, str):
            return self._texts.setdefault(value, value)
        if isinstance(value, dict):
            inner = self._inner(value)
            return self._parts.setdefault((dict, *inner, *map(id, inner.values())), inner)
        if isinstance(value, list):
            items = [self._part(item) for item in value]
            return self._parts.setdefault((list, *map(id, items)), items)
        return value

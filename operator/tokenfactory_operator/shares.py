"""Whose turn is it? The one rule of fairness between namespaces, for work, for calls to the cloud and for Events.

Whoever has waited longest since its last turn is next. So between two turns of one namespace each other one has at most
one, and a namespace that asks now and then goes before all those that ask without end. No I/O, no clock.
"""

from __future__ import annotations

import heapq
import itertools
from collections import OrderedDict
from typing import Final, Generic, TypeVar

from tokenfactory_operator.buckets import Recent

K = TypeVar("K")
V = TypeVar("V")

REMEMBERED: Final = 4096
"""Namespaces whose last turn is known; one that is forgotten counts as one that never had a turn."""


class Shares(Generic[K, V]):
    """Items by namespace: first in, first out in each, and turns for the namespaces."""

    def __init__(self) -> None:
        # OrderedDict and not dict: taking the first item of a dict again and again is quadratic.
        self._lines: dict[str, OrderedDict[K, V]] = {}
        self._held: set[str] = set()
        self._size = self._ready = 0
        self._numbers = itertools.count(1)
        self._served: Recent[str, int] = Recent(REMEMBERED)
        self._queue: list[tuple[int, int, str]] = []
        """Heap of last turn, number of arrival, and namespace: at most one entry for each. It may be held or empty."""
        self._queued: set[str] = set()

    def __len__(self) -> int:
        """All items, those that are held back among them."""
        return self._size

    @property
    def ready(self) -> bool:
        """Whether there is an item to `pop`."""
        return self._ready > 0

    def get(self, namespace: str, key: K) -> V | None:
        """The item, if it is there."""
        line = self._lines.get(namespace)
        return line.get(key) if line is not None else None

    def put(self, namespace: str, key: K, value: V) -> None:
        """As the last of the namespace; in its old place where it is there already."""
        line = self._lines.setdefault(namespace, OrderedDict())
        if key not in line:
            self._count(namespace, 1)
        line[key] = value
        self._enter(namespace)

    def remove(self, namespace: str, key: K) -> None:
        """Take an item out, wherever it is; raises `KeyError` where it is not there."""
        del self._lines[namespace][key]
        self._taken(namespace)

    def pop(self) -> tuple[K, V]:
        """Take the next item; there has to be one."""
        while (namespace := self._next()) in self._held or namespace not in self._lines:
            pass  # it comes back with its next item, or when it is released
        self._served.store(namespace, next(self._numbers))
        item = self._lines[namespace].popitem(last=False)
        self._taken(namespace)
        self._enter(namespace)
        return item

    def pop_newest(self, of: str) -> tuple[K, V]:
        """Take the newest item of the namespace that has most; of several such ones that is `of`, if it is one."""
        namespace = max(self._lines, key=lambda each: (len(self._lines[each]), each == of))
        item = self._lines[namespace].popitem(last=True)
        self._taken(namespace)
        return item

    def hold(self, namespace: str) -> None:
        """Give it no turn until it is released; its items keep their order."""
        self._ready -= len(self._lines.get(namespace, ()))
        self._held.add(namespace)

    def release(self, namespace: str) -> None:
        """Let it have its turns again."""
        self._held.remove(namespace)
        self._ready += len(self._lines.get(namespace, ()))
        self._enter(namespace)

    def _enter(self, namespace: str) -> None:
        """Have it among those whose turn comes, if it has something to take."""
        if namespace in self._lines and namespace not in self._held and namespace not in self._queued:
            entry = (self._served.get(namespace, 0), next(self._numbers), namespace)
            heapq.heappush(self._queue, entry)
            self._queued.add(namespace)

    def _next(self) -> str:
        _, _, namespace = heapq.heappop(self._queue)
        self._queued.remove(namespace)
        return namespace

    def _taken(self, namespace: str) -> None:
        self._count(namespace, -1)
        if not self._lines[namespace]:
            del self._lines[namespace]

    def _count(self, namespace: str, change: int) -> None:
        self._size += change
        if namespace not in self._held:
            self._ready += change

"""The Events that wait to be written: bounded, and with turns for the namespaces, so that none fills it for all."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from tokenfactory_operator.kube.correlation import Occurrence


@dataclass(frozen=True)
class Waiting:
    """An Event still to be written: how often it happened meanwhile, and when."""

    count: int
    first: datetime
    last: datetime


class EventQueue:
    """First in, first out in each namespace; the namespaces take turns."""

    def __init__(self, limit: int) -> None:
        """`limit`: different Events that may wait, of all namespaces together."""
        self._limit = limit
        # OrderedDict and not dict: taking the first item of a dict again and again is quadratic.
        self._lanes: OrderedDict[str, OrderedDict[Occurrence, Waiting]] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, occurrence: Occurrence, now: datetime) -> Occurrence | None:
        """Take it in, or count up the same one that waits; answers the one that is dropped because there is no room.

        That is the newest of the namespace that has most.
        """
        namespace = occurrence.subject.namespace
        lane = self._lanes.setdefault(namespace, OrderedDict())
        earlier = lane.get(occurrence)
        if earlier is not None:
            lane[occurrence] = Waiting(earlier.count + 1, earlier.first, now)
            return None
        lane[occurrence] = Waiting(1, now, now)
        self._size += 1
        if self._size <= self._limit:
            return None
        fullest = max(self._lanes, key=lambda each: (len(self._lanes[each]), each == namespace))
        return self._take(fullest, newest=True)[0]

    def pop(self) -> tuple[Occurrence, Waiting]:
        """The next one to be written."""
        namespace = next(iter(self._lanes))
        self._lanes.move_to_end(namespace)
        return self._take(namespace)

    def _take(self, namespace: str, *, newest: bool = False) -> tuple[Occurrence, Waiting]:
        lane = self._lanes[namespace]
        found = lane.popitem(last=newest)
        self._size -= 1
        if not lane:
            del self._lanes[namespace]
        return found

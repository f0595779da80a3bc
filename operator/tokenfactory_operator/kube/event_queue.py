"""The Events that wait to be written: bounded, and with turns for the namespaces, so that none fills it for all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tokenfactory_operator.kube.correlation import Occurrence
from tokenfactory_operator.shares import Shares


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
        self._waiting: Shares[Occurrence, Waiting] = Shares()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, occurrence: Occurrence, now: datetime) -> Occurrence | None:
        """Take it in, or count up the same one that waits; answers the one that is dropped because there is no room.

        That is the newest of the namespace that has most.
        """
        namespace = occurrence.subject.namespace
        earlier = self._waiting.get(namespace, occurrence) or Waiting(0, now, now)
        self._waiting.put(namespace, occurrence, Waiting(earlier.count + 1, earlier.first, now))
        return self._waiting.pop_newest(of=namespace)[0] if len(self) > self._limit else None

    def pop(self) -> tuple[Occurrence, Waiting]:
        """The next one to be written."""
        return self._waiting.pop()

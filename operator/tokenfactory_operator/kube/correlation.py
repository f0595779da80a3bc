"""Which Events are one and which are too many: the rules of client-go's EventCorrelator, as pure bookkeeping.

The same thing said again about the same object within a window raises the count of the Event that exists, and each
object has a bucket of Events that refills slowly, so that a loop cannot flood etcd; nor can many objects, since their
namespace has one too. Time is an argument; no I/O. Numbers are client-go's (`tools/record/events_cache.go`): 25 at
once, one more in 5 minutes, 10 minutes' window, 4096 entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tokenfactory_operator.buckets import Buckets, Recent

WINDOW: Final = 600.0
"""Seconds since the last occurrence within which a repetition counts as the same Event."""
BURST: Final = 25
"""Events that one object may have at once."""
REFILL: Final = 300.0
"""Seconds until an object may have one Event more."""
NAMESPACE_BURST: Final = 1000
"""Events that the objects of one namespace may have at once; client-go knows no such bound."""
NAMESPACE_REFILL: Final = 1.0
"""Seconds until a namespace may have one Event more."""
CAPACITY: Final = 4096
"""Objects and Events that are remembered; the least recently used are forgotten first."""


@dataclass(frozen=True)
class Subject:
    """The object that an Event is about. Two uids are two objects, whatever their names."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


@dataclass(frozen=True)
class Occurrence:
    """What makes two Events the same."""

    subject: Subject
    kind: str
    """`Normal` or `Warning`."""
    reason: str
    message: str


@dataclass(frozen=True)
class Series:
    """An Event that exists on the API server, and how often it has been seen."""

    event_name: str
    count: int
    last_seen: float


class Correlator:
    """Remembers what was recorded. Times are monotonic seconds."""

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        """`capacity` bounds the memory, for objects and for Events each."""
        self._series: Recent[Occurrence, Series] = Recent(capacity)
        self._objects: Buckets[Subject] = Buckets(capacity, burst=BURST, refill=REFILL)
        self._namespaces: Buckets[str] = Buckets(capacity, burst=NAMESPACE_BURST, refill=NAMESPACE_REFILL)

    def admit(self, subject: Subject, now: float) -> bool:
        """Whether the object, and its namespace, may have one Event more now; takes it from their buckets."""
        return self._objects.take(subject, now) and self._namespaces.take(subject.namespace, now)

    def series(self, occurrence: Occurrence, now: float) -> Series | None:
        """The Event to raise the count of; `None` when a new one is due."""
        series = self._series.get(occurrence)
        return series if series is not None and now - series.last_seen < WINDOW else None

    def recorded(self, occurrence: Occurrence, *, event_name: str, count: int, now: float) -> None:
        """The API server has this Event, seen `count` times by now."""
        self._series.store(occurrence, Series(event_name=event_name, count=count, last_seen=now))

    def forget(self, occurrence: Occurrence) -> None:
        """The Event is gone (they live for an hour by default)."""
        self._series.pop(occurrence, None)

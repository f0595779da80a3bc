"""The Lease that processes elect their leader by: its times, its record, where it lies, and how a follower reads it.

A follower trusts no clock but its own: it counts from when it has *seen* the last change, and waits for the time that
the record states, or for its own where that is longer.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Final, Protocol

UNCLAIMED: Final = "unclaimed"
"""Holder of a Lease that a follower has made because there was none.

Perhaps somebody has just deleted that of a leader. So it is waited for like any other one, and a leader whose Lease is
gone may write itself into it; a follower that made one in its own name could lead beside a leader it has never seen.
"""
RELEASED: Final = 1
"""Seconds that a Lease states which its holder has released (client-go writes the same).

Without a holder and with another duration it was edited: its leader may act until its next renewal fails.
"""
MOST_TRANSITIONS: Final = 2**31 - 1
"""The API server takes no greater count."""


@dataclass(frozen=True, kw_only=True)
class LeaseTerms:
    """The times of a lease, in seconds (client-go's leader election has the same ones)."""

    duration: float = 15.0
    """How long a follower waits after the last renewal that it has seen."""
    renew_deadline: float = 10.0
    """How long the leader goes on without a successful renewal."""
    retry_period: float = 2.0
    """Time between two tries, and the longest time of one; a follower looks twice as often."""

    @property
    def acts_for(self) -> float:
        """How long after the start of a renewal the leader may act: a fifteenth is left for clocks that differ."""
        return self.duration * 14 / 15


@dataclass(frozen=True, kw_only=True)
class LeaseRecord:
    """A Lease as `coordination.k8s.io/v1` has it, with the version that a write has to name."""

    holder: str
    """Empty: nobody holds it, as it says."""
    duration: int | None
    """Whole seconds that the holder states; None where it states nothing that can be used."""
    acquired: str = ""
    renewed: str = ""
    transitions: int = 0
    version: str = ""

    @property
    def content(self) -> tuple[object, ...]:
        """What a renewal changes; a label or an annotation does not."""
        return self.holder, self.duration, self.acquired, self.renewed, self.transitions


class LeaseStore(Protocol):
    """Where the record lies. Every method raises `KubeError` and nothing else."""

    name: str
    """`namespace/name`, for people."""

    async def get(self) -> LeaseRecord | None:
        """The record as it is now; None where there is none."""
        ...

    async def create(self, record: LeaseRecord) -> LeaseRecord:
        """Write the first one; raises `KubeConflict` where there is one already."""
        ...

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """Replace it under the precondition of `record.version`; raises `KubeConflict` or `KubeNotFound`."""
        ...


class LeaseClock(Protocol):
    """The clocks that a right to act is measured by, in seconds."""

    def boottime(self) -> float:
        """Since boot; goes on while the machine is suspended, and never steps."""
        ...

    def wall(self) -> float:
        """Since the epoch; may step, and is right again after a suspended virtual machine has been told the time."""
        ...


class Follower:
    """Since when the record has not changed, by this process's own clock."""

    def __init__(self, duration: float) -> None:
        self._duration = duration
        self._content: tuple[object, ...] | None = None
        self._since: float | None = None

    def saw(self, record: LeaseRecord) -> None:
        """The record has just been read."""
        content = record.content
        if self._since is None or content != self._content:
            self._content, self._since = content, asyncio.get_running_loop().time()

    def left(self, record: LeaseRecord) -> float:
        """Seconds until the record may be taken over; 0 where it may be now."""
        if not record.holder and record.duration == RELEASED:
            return 0.0
        stated = max(record.duration or 0, self._duration)  # a person may have shortened it
        seen = self._since if self._since is not None else math.inf
        return max(0.0, seen + stated - asyncio.get_running_loop().time())

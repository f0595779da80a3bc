"""Who leads in a run: a right that the world hands around as it likes, or the real election over a Lease in memory.

The world's own way is the harsher one (a lease can be lost at any moment, and passes on after any gap) and cheap. The
real election shows that what it promises is what the rest rests on: at no moment do two processes act.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, TypeVar

from model.apiserver import Body
from model.ports import Surroundings, WorldClock
from tokenfactory_operator.domain.errors import KubeConflict, KubeError, KubeNotFound
from tokenfactory_operator.leader.lease import LeaseRecord, LeaseTerms

T = TypeVar("T")

TERMS: Final = LeaseTerms(duration=60.0, renew_deadline=40.0, retry_period=8.0)
"""Longer than the default, since most of a run is quiet and each renewal is worked on."""
TRAVEL: Final = 0.02


class Right(Protocol):
    """What a process asks before it acts: `ports.Lease`."""

    def held(self) -> bool:
        """Whether this process may act at this moment."""
        ...


@dataclass
class Lease:
    """The right to act as the world hands it around: who holds it."""

    holder: str = ""


@dataclass(frozen=True)
class Handed:
    """It, for one process."""

    lease: Lease
    name: str

    def held(self) -> bool:
        """See `Right`."""
        return self.lease.holder == self.name


@dataclass
class StoredLease:
    """The record on the API server, for the real election."""

    record: LeaseRecord | None = None
    writes: int = 0

    def put(self, record: LeaseRecord) -> LeaseRecord:
        """Store it as the newest version."""
        self.writes += 1
        self.record = replace(record, version=str(self.writes))
        return self.record

    def taken_away(self, by: str) -> None:
        """A person writes another holder, or (by nobody) deletes it."""
        if self.record is not None and by:
            self.put(replace(self.record, holder=by))
        else:
            self.record = None


def lease_said(body: Mapping[str, Any]) -> LeaseRecord:
    """What a request writes, by the fields of coordination.k8s.io/v1."""
    spec = body["spec"]
    return LeaseRecord(
        holder=spec["holderIdentity"],
        duration=spec["leaseDurationSeconds"],
        acquired=spec["acquireTime"] or "",
        renewed=spec["renewTime"] or "",
        transitions=spec["leaseTransitions"],
    )


def lease_shown(record: LeaseRecord) -> Body:
    """The Lease as the API server shows it."""
    spec = {
        "holderIdentity": record.holder,
        "leaseDurationSeconds": record.duration,
        "acquireTime": record.acquired or None,
        "renewTime": record.renewed or None,
        "leaseTransitions": record.transitions,
    }
    metadata = {"namespace": "system", "name": "lease", "uid": "lease", "resourceVersion": record.version}
    return {"metadata": metadata, "spec": {name: value for name, value in spec.items() if value is not None}}


class LeasePort:
    """`lease.LeaseStore` for one process: requests get lost, answers get lost, the API server is down for a while."""

    name = "system/lease"

    def __init__(self, around: Surroundings, stored: StoredLease) -> None:
        self._around = around
        self._stored = stored

    async def get(self) -> LeaseRecord | None:
        """See `LeaseStore`."""
        return await self._call(lambda: self._stored.record)

    async def create(self, record: LeaseRecord) -> LeaseRecord:
        """See `LeaseStore`."""
        return await self._call(lambda: self._create(record))

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """See `LeaseStore`."""
        return await self._call(lambda: self._write(record))

    def _create(self, record: LeaseRecord) -> LeaseRecord:
        if self._stored.record is not None:
            raise KubeConflict("there is one")
        return self._stored.put(record)

    def _write(self, record: LeaseRecord) -> LeaseRecord:
        if self._stored.record is None:
            raise KubeNotFound("there is none")
        if self._stored.record.version != record.version:
            raise KubeConflict("written in between")
        return self._stored.put(record)

    async def _call(self, effect: Callable[[], T]) -> T:
        down = getattr(self._around.weather, "lasting", None)
        dice = self._around.chance
        if (down is not None and down.kube_down) or dice.strikes("kube.lost_request"):
            raise KubeError("connection refused")
        await asyncio.sleep(TRAVEL)
        answer = effect()
        if dice.strikes("kube.lost_answer"):
            await asyncio.sleep(TERMS.duration)
        if dice.strikes("kube.slow"):
            await asyncio.sleep(dice.between(0.0, TERMS.retry_period * 1.5))
        await asyncio.sleep(TRAVEL)
        return answer


class ProcessClock:
    """`lease.LeaseClock`: nothing is suspended here but by SIGSTOP, which both clocks count."""

    def __init__(self, around: Surroundings, clock: WorldClock) -> None:
        self._loop = around.loop
        self._clock = clock

    def boottime(self) -> float:
        """See `LeaseClock`."""
        return self._loop.time()

    def wall(self) -> float:
        """See `LeaseClock`."""
        return self._clock.now().timestamp()

"""A Lease in memory, and machines whose clocks and network a test can break."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from tokenfactory_operator.domain.errors import KubeConflict, KubeError, KubeNotFound, LeaseLost
from tokenfactory_operator.leader.election import Elector
from tokenfactory_operator.leader.lease import LeaseRecord, LeaseTerms

TERMS = LeaseTerms()


@dataclass
class SharedLease:
    """What the API server holds."""

    record: LeaseRecord | None = None
    writes: int = 0

    def edit(self, **changes: object) -> None:
        """Somebody writes it by hand."""
        assert self.record is not None
        self._put(replace(self.record, **changes))  # type: ignore[arg-type]  # a test's own values

    def give_to(self, holder: str) -> None:
        """Somebody makes another the holder, where there is a lease."""
        if self.record is not None:
            self.edit(holder=holder)

    def shorten(self) -> None:
        """Somebody writes that it is for two seconds, where there is a lease."""
        if self.record is not None:
            self.edit(duration=2)

    def _put(self, record: LeaseRecord) -> LeaseRecord:
        self.writes += 1
        self.record = replace(record, version=str(self.writes))
        return self.record


@dataclass
class Store:
    """One machine's way to it; implements `lease.LeaseStore`."""

    shared: SharedLease
    name: str = "ops/lease"
    latency: float = 0.01
    down: bool = False
    """Requests are refused at once."""
    hangs: bool = False
    """Requests get no answer."""
    loses_answers: bool = False
    """Writes take effect and get no answer."""
    answers_for: str = ""
    """Whom the answers to writes name as the holder, where they have no effect."""
    undone: bool = False
    """Writes are accepted, and what was there before stays."""

    async def get(self) -> LeaseRecord | None:
        """See `LeaseStore`."""
        await self._travel()
        record = self.shared.record
        await self._travel()
        return record

    async def create(self, record: LeaseRecord) -> LeaseRecord:
        """See `LeaseStore`."""
        await self._travel()
        if self.shared.record is not None:
            raise KubeConflict("exists")
        return await self._written(record)

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """See `LeaseStore`."""
        await self._travel()
        if self.shared.record is None:
            raise KubeNotFound("gone")
        if self.shared.record.version != record.version:
            raise KubeConflict("written in between")
        return await self._written(record)

    async def _written(self, record: LeaseRecord) -> LeaseRecord:
        if self.answers_for:
            return replace(record, holder=self.answers_for)
        if self.undone and self.shared.record is not None:
            return self.shared.record
        written = self.shared._put(record)
        if self.loses_answers:
            await asyncio.sleep(3600.0)
        await self._travel()
        return written

    async def _travel(self) -> None:
        if self.down:
            raise KubeError("connection refused")
        await asyncio.sleep(3600.0 if self.hangs else self.latency)


@dataclass
class Clocks:
    """A machine's; implements `lease.LeaseClock` on the loop's time."""

    boot_offset: float = 0.0
    wall_offset: float = 1_700_000_000.0

    def boottime(self) -> float:
        """See `LeaseClock`."""
        return asyncio.get_running_loop().time() + self.boot_offset

    def wall(self) -> float:
        """See `LeaseClock`."""
        return asyncio.get_running_loop().time() + self.wall_offset


@dataclass
class Machine:
    """A process that wants to lead: its elector, its clocks, its network."""

    shared: SharedLease
    identity: str
    terms: LeaseTerms = TERMS
    lost: LeaseLost | None = None
    led_at: float | None = None
    lost_at: float | None = None
    bounds: list[float] = field(default_factory=list)
    """The seconds that its watchdog was given."""

    def __post_init__(self) -> None:
        """Nothing is broken yet."""
        self.store, self.clocks = Store(self.shared), Clocks()
        self.elector = Elector(self.store, self.clocks, self.terms, identity=self.identity, renewed=self.bounds.append)
        self.life: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Follow, lead, keep leading."""
        self.life = asyncio.get_running_loop().create_task(self._live())

    async def _live(self) -> None:
        await self.elector.acquire()
        self.led_at = asyncio.get_running_loop().time()
        try:
            await self.elector.keep()
        except LeaseLost as error:
            self.lost, self.lost_at = error, asyncio.get_running_loop().time()

    async def end(self) -> None:
        """In order: the lease is released."""
        self.kill()
        await self.elector.release()

    def kill(self) -> None:
        """Nothing of it runs any more."""
        assert self.life is not None
        self.life.cancel()

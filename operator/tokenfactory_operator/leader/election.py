"""Who may act? One process of several, by a Lease that each of them watches and one of them renews.

    follow ──free, or not renewed for the time that it states──▶ lead ──renew, every retry period──┐
      ▲                                                           │ ▲─────────────────────────────┘
      └── somebody else was quicker                               ├─ not renewed in time, or somebody else's: lost
                                                                  └─ release, at an orderly end

The leader counts from the *start* of its last successful renewal, on the worse of two clocks: the time since boot,
which goes on while a machine is suspended, and the wall clock. A follower counts from when it has *seen* the last
change, and waits for the time that the record states, or for its own setting where that is longer. So the leader's
right ends before anybody else's begins, without clocks that agree, and whatever a person writes into the record. A
process that has lost its lease never leads again: it ends.

This module knows no transport: a `LeaseStore` reads and writes the record.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, NoReturn, Protocol, TypeVar

from tokenfactory_operator.domain.errors import KubeConflict, KubeError, KubeNotFound, LeaseHeld, LeaseLost
from tokenfactory_operator.leader.lease import (
    MOST_TRANSITIONS,
    RELEASED,
    UNCLAIMED,
    Follower,
    LeaseClock,
    LeaseRecord,
    LeaseStore,
    LeaseTerms,
)

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)


class Election(Protocol):
    """How a process comes to lead, and how that ends; `ports.Lease` besides."""

    def held(self) -> bool:
        """Whether this process may act at this very moment."""
        ...

    def leader(self) -> str:
        """Who leads, as far as this process knows; empty for nobody."""
        ...

    def problem(self) -> str | None:
        """Why the lease could not be read or written at the last try, for the readiness probe."""
        ...

    async def acquire(self) -> None:
        """Return when this process leads."""
        ...

    async def keep(self) -> NoReturn:
        """Renew until cancelled; raises `LeaseLost`."""
        ...

    async def release(self) -> None:
        """Give the lease up, so that another process leads at once. Nothing may act any more."""
        ...


class Elector:
    """Election by a Lease; see the head of this module."""

    def __init__(
        self,
        store: LeaseStore,
        clock: LeaseClock,
        terms: LeaseTerms,
        *,
        identity: str,
        renewed: Callable[[float], None] = lambda _: None,
    ) -> None:
        """`identity` is this process's alone, of this start.

        `renewed` is told after each renewal for how many seconds more this process may act.
        """
        self._store = store
        self._clock = clock
        self._terms = terms
        self._identity = identity
        self._renewed = renewed
        self._record: LeaseRecord | None = None
        self._since: tuple[float, float] | None = None
        """Both clocks at the start of the last successful renewal; None while not leading."""
        self._problem: str | None = None
        self._waits_for: str | None = None

    def held(self) -> bool:
        """See `ports.Lease`."""
        return self._since is not None and self._age(self._since) < self._terms.acts_for

    def leader(self) -> str:
        """See `Election`."""
        return self._record.holder if self._record and self._record.holder != UNCLAIMED else ""

    def problem(self) -> str | None:
        """See `Election`."""
        return self._problem

    def _now(self) -> tuple[float, float]:
        return self._clock.boottime(), self._clock.wall()

    def _age(self, since: tuple[float, float]) -> float:
        return max(now - then for now, then in zip(self._now(), since, strict=True))

    async def acquire(self) -> None:
        """See `Election`."""
        follower = Follower(self._terms.duration)
        while True:
            left = self._terms.retry_period / 2
            try:
                left = min(left, await self._bounded(self._follow(follower)))
            except (KubeConflict, KubeNotFound):
                pass  # somebody was quicker: read again
            except KubeError as error:
                self._failed(error)
            if self._since is not None:
                _LOG.info("this process leads, by the Lease %s", self._store.name)
                return
            await asyncio.sleep(left)

    async def _follow(self, follower: Follower) -> float:
        """Read the record, and take it over if that is due; answers the seconds until it may be."""
        record = await self._store.get()
        if record is None:
            unclaimed = LeaseRecord(holder=UNCLAIMED, duration=self._stated(), renewed=_text(self._clock.wall()))
            record = await self._store.create(unclaimed)
        self._record, self._problem = record, None
        follower.saw(record)
        left = follower.left(record)
        if left == 0.0 or record.holder == self._identity:
            await self._write(takes_over=record.holder != self._identity)
        elif self._waits_for != self.leader():
            self._waits_for = self.leader()
            _LOG.info("waiting for the Lease %s, held by %s", self._store.name, self._waits_for or "nobody yet")
        return left

    async def keep(self) -> NoReturn:
        """See `Election`."""
        while True:
            await asyncio.sleep(self._terms.retry_period)
            since = self._since
            if since is None or not self.held():
                self._lose("it was not renewed in time")
            try:
                await self._bounded(self._renew())
            except KubeError as error:
                self._failed(error)
                if self._age(since) >= self._terms.renew_deadline:
                    self._lose(f"it could not be renewed within {self._terms.renew_deadline:g} s: {error.message}")

    async def _renew(self) -> None:
        try:
            await self._write(takes_over=False)
        except (KubeConflict, KubeNotFound):
            # Somebody has written or deleted it: a person who labels it, or a process that has taken it over.
            self._record = await self._store.get()
            if self._record is not None and self._record.holder not in (self._identity, UNCLAIMED):
                self._lose(f"{self._record.holder or 'nobody'} holds it now")
            await self._write(takes_over=False)

    def _lose(self, why: str) -> NoReturn:
        self._since = None
        raise LeaseLost(f"The Lease {self._store.name} is lost: {why}.")

    async def _write(self, *, takes_over: bool) -> None:
        """One try to be the holder from now on."""
        begun, before = self._now(), self._record
        now = _text(begun[1])
        wanted = LeaseRecord(
            holder=self._identity,
            duration=self._stated(),
            acquired=now if takes_over or before is None else before.acquired,
            renewed=now,
            transitions=min(
                (before.transitions if before else 0) + (takes_over and before is not None), MOST_TRANSITIONS
            ),
            version=before.version if before else "",
        )
        write = self._store.write if before else self._store.create
        written = await write(wanted)
        if written.holder != self._identity:
            raise KubeError(f"the answer to its write names {written.holder or 'nobody'} as the holder")
        if before is not None and written.content == before.content:  # so no follower sees any either
            raise KubeError("the answer to its write shows no renewal: a mutating webhook may undo it")
        self._record = written
        self._since, self._problem = begun, None
        self._renewed(self._terms.acts_for - self._age(begun))

    def _stated(self) -> int:
        """The duration as a record states it: in whole seconds."""
        return math.ceil(self._terms.duration)

    async def _bounded(self, call: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._terms.retry_period):
                return await call
        except TimeoutError as error:
            raise KubeError(f"no answer within {self._terms.retry_period:g} s") from error

    def _failed(self, error: KubeError) -> None:
        problem = f"the Lease {self._store.name} cannot be read or written: {error.message}"
        if self._problem is None:
            _LOG.warning(problem)
        self._problem = problem

    async def release(self) -> None:
        """See `Election`."""
        held, self._since = self.held(), None
        if not held or self._record is None:
            return
        try:
            await self._bounded(self._give_up(self._record))
        except KubeError as error:
            _LOG.warning("the Lease %s could not be released: %s", self._store.name, error.message)
        else:
            _LOG.info("the Lease %s is released", self._store.name)

    async def _give_up(self, record: LeaseRecord) -> None:
        try:
            await self._store.write(replace(record, holder="", duration=RELEASED))
        except KubeConflict:
            # Its last renewal was cut off and has come all the same; or somebody has labelled the Lease.
            fresh = await self._store.get()
            if fresh is None or fresh.holder != self._identity:
                raise
            await self._store.write(replace(fresh, holder="", duration=RELEASED))


def _text(wall: float) -> str:
    """A time as the API server takes it (MicroTime), from seconds since the epoch."""
    return f"{datetime.fromtimestamp(wall, UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


class NoElection:
    """A single process, by an explicit setting: it leads as long as it lives, and touches no Lease.

    One that finds a Lease which somebody renews refuses to start: then there are several processes after all.
    """

    def __init__(self, store: LeaseStore, terms: LeaseTerms) -> None:
        self._store = store
        self._terms = terms
        self._leads = False

    def held(self) -> bool:
        """See `ports.Lease`."""
        return self._leads

    def leader(self) -> str:
        """See `Election`."""
        return "this process, without election" if self._leads else ""

    def problem(self) -> str | None:
        """See `Election`."""
        return None

    async def acquire(self) -> None:
        """See `Election`; raises `LeaseHeld` where another process renews the Lease, and `KubeError`."""
        follower, first = Follower(self._terms.duration), await self._store.get()
        record = first
        while record is not None:
            if first is not None and record.content != first.content and record.holder:
                raise LeaseHeld(
                    f"Leader election is off (TOKENFACTORY_LEADER_ELECTION), and {record.holder} renews the Lease "
                    f"{self._store.name}: two operators would act at once. Switch the election on or end the other."
                )
            follower.saw(record)
            left = follower.left(record)
            if left == 0.0:
                break
            await asyncio.sleep(min(left, self._terms.retry_period))
            record = await self._store.get()
        self._leads = True

    async def keep(self) -> NoReturn:
        """See `Election`."""
        await asyncio.Event().wait()
        raise AssertionError

    async def release(self) -> None:
        """See `Election`."""
        self._leads = False

"""What keeps one credential from hammering the cloud: an obeyed `Retry-After`, a token bucket, and places to connect.

All calls of a credential share one `Throttle`. Changes and LIST have places of their own, so that a thousand waiting
creates do not hide what the cloud has. The order is place first, then bucket token, so that no token is spent on a call
that then waits for a place. Namespaces take turns at the tokens, and LIST has every other one: none of them waits
behind more than a few calls of another.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass

from aiolimiter import AsyncLimiter

from tokenfactory_operator.cloud.retry import MAX_WAIT
from tokenfactory_operator.cloud.turns import Turns
from tokenfactory_operator.domain.errors import RateLimited
from tokenfactory_operator.ports import Clock


class Lane(enum.Enum):
    """Which places a call competes for."""

    CHANGES = "changes"
    """POST, PATCH, DELETE and GET by id."""
    INVENTORY = "inventory"
    """LIST and templates: one place of their own."""


@dataclass
class _Slot:
    """A place that is held for calls to come; good for one call at a time, until it is given back."""

    owner: Throttle
    returned: bool = False
    busy: bool = False

    def serves(self, throttle: Throttle) -> bool:
        # A task started inside keeps seeing the slot after it was given back, and may call while it is in use.
        return self.owner is throttle and not self.returned and not self.busy


_held: ContextVar[_Slot | None] = ContextVar("tokenfactory_cloud_slot", default=None)


class Throttle:
    """The wait, the bucket and the places of one credential."""

    def __init__(self, clock: Clock, *, connections: int, rate_limit: float | None) -> None:
        """`connections` for changes, besides the one for LIST; `rate_limit` in calls per second, `None` for none."""
        self._clock = clock
        self._until = clock.monotonic()
        self._places = {Lane.CHANGES: asyncio.Semaphore(connections), Lane.INVENTORY: asyncio.Semaphore(1)}
        self._bucket = _bucket(rate_limit)
        self._turns = Turns()

    def blocked_for(self) -> float:
        """Seconds until the credential may call again, 0 when it may."""
        return max(0.0, self._until - self._clock.monotonic())

    def block(self, seconds: float) -> None:
        """Let no call out for `seconds`, at most 300; a longer wait that runs already stays."""
        self._until = max(self._until, self._clock.monotonic() + min(seconds, MAX_WAIT))

    def check(self) -> None:
        """Raise `RateLimited` while blocked. Nothing was sent then, so the error counts as refused."""
        wait = self.blocked_for()
        if wait > 0:
            raise RateLimited(
                "nothing is sent with this credential until the time that the cloud asked for (Retry-After) is over",
                retry_after=wait,
                refused=True,
            )

    @contextlib.asynccontextmanager
    async def slot(self, namespace: str = "") -> AsyncIterator[None]:
        """Hold a place and a bucket token for the calls made inside; raises `RateLimited` where blocked."""
        async with self._admitted(Lane.CHANGES, namespace):
            slot, before = _Slot(self), _held.get()
            _held.set(slot)
            try:
                yield
            finally:
                slot.returned = True
                _held.set(before)

    def turn(self, lane: Lane) -> AbstractAsyncContextManager[None]:
        """Admit one call: through the slot that the caller holds, else with a place of its own in `lane`."""
        slot = _held.get()
        return self._admitted(lane) if slot is None or not slot.serves(self) else self._served(slot)

    @contextlib.asynccontextmanager
    async def _served(self, slot: _Slot) -> AsyncIterator[None]:
        self.check()
        slot.busy = True
        try:
            yield
        finally:
            slot.busy = False

    def _admitted(self, lane: Lane, namespace: str = "") -> _Admission:
        return _Admission(self, self._places[lane], None if lane is Lane.INVENTORY else namespace)

    async def take_token(self, namespace: str | None) -> None:
        """Wait for the bucket; `namespace`: whose turn it is, `None` for a LIST's."""
        if self._bucket is not None:
            async with self._turns.one(namespace):  # the limiter itself is not fair
                await self._bucket.acquire()


@dataclass(slots=True)
class _Admission:
    """A place that is held while calls are made. Each LIST takes one, and a class costs less than a generator."""

    throttle: Throttle
    place: asyncio.Semaphore
    namespace: str | None

    async def __aenter__(self) -> None:
        self.throttle.check()
        await self.place.acquire()
        try:
            await self.throttle.take_token(self.namespace)
            self.throttle.check()  # another call's answer may have blocked the credential meanwhile
        except BaseException:
            self.place.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        self.place.release()


def _bucket(rate_limit: float | None) -> AsyncLimiter | None:
    """A bucket that holds one second's calls, or a single one where less than one a second is allowed."""
    if rate_limit is None:
        return None
    return AsyncLimiter(rate_limit, 1.0) if rate_limit >= 1 else AsyncLimiter(1.0, 1.0 / rate_limit)

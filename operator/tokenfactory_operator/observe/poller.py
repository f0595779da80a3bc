"""When does the cloud get listed, and who has to look again afterwards?

One LIST per credential and interval, however many objects there are. After a mutation the intervals are short and fall
back to the default ten minutes after the last one, even if a GPU is still awaited: one object in transition must not
make the fleet poll for hours.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.decision_input import Outage
from tokenfactory_operator.domain.errors import CloudError, CloudUnavailable, Forbidden, Handling, Unauthorized
from tokenfactory_operator.domain.observed import Changes, EndpointList
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.timing import NEVER, OUTAGE_INTERVALS, Timing
from tokenfactory_operator.limiter import Limiter
from tokenfactory_operator.observe.catalog_reader import CatalogReader
from tokenfactory_operator.observe.list_turns import BURST, ListTurns
from tokenfactory_operator.ports import Clock, Cloud, Key, Telemetry
from tokenfactory_operator.state.cache import ObjectCache
from tokenfactory_operator.state.inventory import Inventory

SHORT_INTERVALS: Final = (1.0, 2.0, 4.0)
"""Seconds after a mutation, before the setting for objects in transition applies."""
REST: Final = 10.0
"""So many times the processor time of a LIST pass until the next one, so that a large fleet is not always at it."""
TRANSITION: Final = 600.0
"""Seconds after the last mutation until the default interval applies again."""
STAGGER: Final = 60.0
"""Seconds over which the objects of an outage are told at most, so that ten thousand are no storm."""
STAGGER_STEP: Final = 0.02
"""Seconds that one object adds to the stagger."""
REFUSED: Final = 300.0
"""Seconds between two LISTs at most while the cloud refuses the credential: only a person can change that."""
UNENDED: Final = (Reason.CLOUD_UNAVAILABLE, "no list has come to its end")
"""Why the cloud is not seen, where no LIST has failed since the last good one."""
JITTER: Final = 0.1
TICK: Final = 1e-3
"""Seconds that a timer may fire early."""

_LOG = logging.getLogger(__name__)


def no_cost() -> float:
    """Nobody measures."""
    return 0.0


class Wake(Protocol):
    """Have keys looked at."""

    def __call__(self, key: Key, after: float, /, *, pressing: bool = False) -> None:
        """After so many seconds; `pressing`: before all that costs nobody anything."""


@dataclass(frozen=True, kw_only=True)
class Common:
    """What all pollers of a process share."""

    cache: ObjectCache
    wake: Wake
    clock: Clock
    timing: Timing
    telemetry: Telemetry
    rng: random.Random
    defects: Defects
    turns: ListTurns = field(default_factory=ListTurns)
    spent: Callable[[], float] = no_cost
    """Processor time of this process so far, in seconds."""


class Poller:
    """One credential: the calls that can be made with it, what it knows, and the LISTs that keep that fresh."""

    def __init__(
        self, common: Common, *, cloud: Cloud, inventory: Inventory, users: Callable[[], Iterable[Key]] | None = None
    ) -> None:
        """`users` answers the objects that have this credential; all objects where it is `None`."""
        self.common = common
        self._users = users or (lambda: tuple(common.cache))
        self.cloud = cloud
        self.inventory = inventory
        self.catalog = CatalogReader(cloud, inventory.stamp)
        self._waiting: set[Key] = set()
        self._rest = 0.0
        """Seconds after the last LIST in which a change brings no other one."""
        self._rested = 0.0
        """When they are over."""
        self._soon = asyncio.Event()
        self._next = 0.0
        self._last_mutation = NEVER
        self._unclear = False
        """Since the last LIST began, a call has ended that may have changed something."""
        self._step = 0
        self._failures = 0
        self._refused = False
        """The last LIST was refused in a way that does not end by itself."""
        self._requests = Limiter(BURST, every=common.timing.poll_interval_in_transition)
        self._good_at = common.clock.monotonic()
        self._good_wall: datetime | None = None
        self._problem = ""
        """What the last LIST said of its unreadable items."""
        self._aging: asyncio.TimerHandle | None = None
        self._cause = UNENDED
        """Why the last LIST failed, and not the error: that holds its traceback, and with it the answer."""

    def wait_for_list(self, key: Key) -> None:
        """Have this key looked at after the next complete LIST."""
        self._waiting.add(key)

    def mutated(self) -> None:
        """The cloud has just accepted a change: the next LIST comes soon, but none is put off."""
        now = self._last_mutation = self.common.clock.monotonic()
        self._step = 0
        self._bring_forward(max(SHORT_INTERVALS[0], self._rested - now))

    def uncertain(self) -> None:
        """A call may have changed something: one LIST comes soon; the pace stays, or it would be so for ever."""
        self._unclear = True
        if not self._failures:  # in an outage LISTs have a backoff, which failing calls must not undo
            self._bring_forward(SHORT_INTERVALS[0])

    def hurry(self) -> None:
        """A person asks for a look now; one who asks again and again waits in between."""
        now = self.common.clock.monotonic()
        if self._next > now:  # else one is due already, or under way, and whoever waits for it asks again after it
            self._bring_forward(self._requests.wait(now))

    def _bring_forward(self, delay: float) -> None:
        self._next = min(self._next, self.common.clock.monotonic() + delay)
        self._soon.set()

    async def run(self) -> None:
        """Poll until cancelled."""
        self._age()
        try:
            while True:
                before, self._unclear = self.common.spent(), False
                retry_after = await self.poll()
                self._rest = min(REST * (self.common.spent() - before), self.common.timing.poll_interval)
                self._rested = self.common.clock.monotonic() + self._rest
                self._next = self.common.clock.monotonic() + max(retry_after, self._interval())
                await self._until_next(not_before=self.common.clock.monotonic() + retry_after)
        finally:
            if self._aging is not None:
                self._aging.cancel()

    def _age(self) -> None:
        """Tell by the clock that the inventory has become too old, whatever the LIST under way is doing."""
        left = self._good_at + self.common.timing.inventory_max_age - self.common.clock.monotonic()
        if left <= TICK:
            self._blinded()
        again = left if left > TICK else self.common.timing.inventory_max_age
        self._aging = asyncio.get_running_loop().call_later(again, self._age)

    def _blinded(self) -> None:
        outage = self.inventory.outage
        if outage is None or not outage.blind:
            self._tell(blind=True)

    async def _until_next(self, *, not_before: float) -> None:
        while (left := max(self._next, not_before) - self.common.clock.monotonic()) > 0:
            self._soon.clear()
            loop = asyncio.get_running_loop()
            timer = loop.call_later(left, self._soon.set)
            try:
                await self._soon.wait()
            finally:
                timer.cancel()
            # The loop decides whether the time is up: our clock may be a rounding behind, and would wait for nothing.
            if loop.time() + TICK >= timer.when():
                return

    def _interval(self) -> float:
        jitter = self.common.rng.uniform(1 - JITTER, 1 + JITTER)
        if self._failures:
            # The exponent is bounded too: a float overflows at 1024, which is a night of outage.
            most = self.common.timing.poll_interval
            if self._refused:
                most = max(REFUSED, most)
            return min(most, 2.0 ** min(self._failures - 1, 16)) * jitter
        if self._unclear:
            return max(SHORT_INTERVALS[0], self._rest)
        if self.common.clock.monotonic() - self._last_mutation >= TRANSITION:
            return self.common.timing.poll_interval * jitter
        ladder = (*SHORT_INTERVALS, self.common.timing.poll_interval_in_transition)
        interval = ladder[min(self._step, len(ladder) - 1)]
        self._step += 1
        return min(max(interval, self._rest), self.common.timing.poll_interval)

    async def poll(self) -> float:
        """One LIST, and what follows from it; answers the seconds that the cloud asks to wait before the next."""
        try:
            await self._poll()
        except CloudError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a LIST that failed, and the next may not
            failure = self.common.defects.note(error, "Listing the endpoints")
        else:
            return 0.0
        self.common.telemetry.listed("failed")
        self._failed(failure)
        return failure.retry_after or 0.0

    async def _poll(self) -> None:
        async with self.common.turns.turn(self.inventory.namespace, failing=self._failures > 0):
            begun = self.inventory.stamp()
            answer = await self.cloud.list_endpoints()
        changes = self.inventory.listed(begun, answer)
        self._wake_changed(changes)
        self.common.telemetry.listed("complete" if answer.complete else "incomplete")
        if answer.view:
            self._note_bad_items(answer)
            self._succeeded()
        else:
            self._failed(CloudUnavailable(f"The cloud's list is not complete: {answer.problem}"))

    def _note_bad_items(self, answer: EndpointList) -> None:
        """Said once: everything else goes on, and what they may hide is taken to exist."""
        if answer.problem and answer.problem != self._problem:
            self.common.telemetry.counted("unreadable_items")
            _LOG.warning("the cloud's list of scope %s: %s", self.inventory.scope, answer.problem, extra=self._about)
        self._problem = answer.problem

    def _wake_changed(self, changes: Changes) -> None:
        for key in self.common.cache.keys_of(uids=changes.uids, endpoint_ids=changes.endpoint_ids):
            self.common.wake(key, 0.0)
        for key in self.common.cache.keys_of(uids=changes.doubled, endpoint_ids=()):
            self.common.wake(key, 0.0, pressing=True)  # a duplicate is billed as long as it lives

    def _succeeded(self) -> None:
        self._failures, self._cause = 0, UNENDED
        self._good_at = self.common.clock.monotonic()
        if self._good_wall is None:
            count = len(self.inventory)
            _LOG.info("the cloud is listed: %d endpoints in scope %s", count, self.inventory.scope, extra=self._about)
        self._good_wall = self.common.clock.now()
        waiting, self._waiting = self._waiting, set()
        for key in waiting:
            self.common.wake(key, 0.0)
        if self.inventory.outage is not None:
            self.inventory.outage = None
            self.common.telemetry.counted("cloud_recovered")
            _LOG.info("the cloud is listed again", extra=self._about)
            self._wake_all()

    @property
    def _about(self) -> dict[str, str]:
        """The namespace whose share of the log a line is; none for the operator's own credential."""
        return {"namespace": self.inventory.namespace} if self.inventory.namespace else {}

    def _failed(self, error: CloudError) -> None:
        self._failures += 1
        self._cause = error.reason, error.message
        self._refused = error.handling in (Handling.WAITING_ON_USER, Handling.TERMINAL)
        again = f" (failure {self._failures} in a row)" if self._failures > 1 else ""
        _LOG.warning("the cloud could not be listed%s: %s", again, error.message, extra=self._about)
        lasted = self.common.clock.monotonic() - self._good_at
        blind = lasted >= self.common.timing.inventory_max_age
        never = self._good_wall is None
        final = isinstance(error, Unauthorized | Forbidden)
        if not (blind or never or final or lasted >= OUTAGE_INTERVALS * self.common.timing.poll_interval):
            return
        before = self.inventory.outage
        if before is None or before.reason is not error.reason or before.blind != blind:
            self._tell(blind=blind)

    def _tell(self, *, blind: bool) -> None:
        reason, message = self._cause
        since = f"since {self._good_wall:%Y-%m-%dT%H:%M:%SZ}" if self._good_wall else "since this operator started"
        text = f"The cloud could not be listed {since}: {message}"
        self.inventory.outage = Outage(reason, text, blind=blind)
        self.common.telemetry.counted("cloud_outage")
        self._wake_all()

    def _wake_all(self) -> None:
        keys = tuple(self._users())
        spread = min(STAGGER, len(keys) * STAGGER_STEP)
        for key in keys:
            self.common.wake(key, self.common.rng.uniform(0.0, spread))

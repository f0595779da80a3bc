"""The order of work: which object a free worker reconciles next, and when a failed one is tried again.

The semantics are those of client-go's `util/workqueue` (its queue, delaying queue and rate-limiting queue): a key is
never handed to two workers at once, and a key added while it is worked on is handed out again after `done`. What is
added here is fairness: weighted shares for three classes of urgency, and turns for the namespaces of each class.

It must not know what a key means, do I/O, or start tasks. It is not thread-safe: every method is called from the one
event loop, whose `time()` is the only clock.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import random
from collections import Counter, deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from tokenfactory_operator.work.fair_order import FairOrder, Urgency

__all__ = ["Backoff", "QueueObserver", "QueueStats", "Urgency", "WorkQueue"]

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff with full jitter; in seconds."""

    base: float = 1.0
    cap: float = 300.0

    def delay(self, failures: int, *, at_least: float, rng: random.Random) -> float:
        """Seconds to wait after `failures` earlier failures, drawn evenly from the window that they give.

        The window begins at `at_least` and ends at `min(cap, base * 2**failures)`, yet is never narrower than `base`,
        so that the objects of a throttled credential do not all come back in the same instant.
        """
        ceiling = min(self.cap, self.base * 2.0 ** min(failures, 64))  # 64: a float overflows at 1024
        return at_least + rng.uniform(0.0, max(ceiling - at_least, min(self.base, self.cap)))


class QueueObserver(Protocol):
    """Told of each step, for metrics; must not raise. The names given are those of client-go's metrics."""

    def added(self, urgency: Urgency) -> None:
        """`workqueue_adds_total`: a key needs work that did not before."""
        ...

    def taken(self, urgency: Urgency, *, queue_seconds: float) -> None:
        """`workqueue_queue_duration_seconds`: a worker has the key, so long after it was added."""
        ...

    def finished(self, *, work_seconds: float) -> None:
        """`workqueue_work_duration_seconds`: the worker is done with it."""
        ...

    def retried(self) -> None:
        """`workqueue_retries_total`; unlike client-go's, delayed adds that follow no failure are not counted."""
        ...


@dataclass(frozen=True)
class QueueStats:
    """The queue at one moment; counts of keys, ages in seconds (0 where there is nothing to be old)."""

    depth: Mapping[Urgency, int]
    """Ready to be handed out (`workqueue_depth`)."""
    delayed: int
    processing: int
    failing: int
    """Keys whose backoff is not forgotten."""
    adds_total: int
    oldest_seconds: float
    """Age of the oldest add that no worker has taken up yet."""
    unfinished_work_seconds: float
    """Sum over the keys being worked on."""
    longest_running_processor_seconds: float


class _Due(NamedTuple):
    when: float
    serial: int
    urgency: Urgency


class _Delays(Generic[K]):
    """Keys to be added later: one heap and one timer for all, and one entry (the earliest deadline) for each key."""

    def __init__(self, add: Callable[[K, Urgency], None]) -> None:
        self._add = add
        self._due: dict[K, _Due] = {}
        # Entries that were brought forward or cancelled stay here until they surface or outnumber the others.
        self._heap: list[tuple[float, int, K]] = []
        self._serials = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._due)

    def schedule(self, key: K, when: float, urgency: Urgency) -> None:
        known = self._due.get(key)
        if known is not None:
            urgency = max(urgency, known.urgency)
            if known.when <= when:
                self._due[key] = known._replace(urgency=urgency)
                return
        serial = next(self._serials)
        self._due[key] = _Due(when, serial, urgency)
        heapq.heappush(self._heap, (when, serial, key))
        self._arm()

    def cancel(self, key: K) -> None:
        if self._due.pop(key, None) is not None:
            self._arm()

    def clear(self) -> None:
        self._due.clear()
        self._arm()

    def _alive(self, serial: int, key: K) -> bool:
        due = self._due.get(key)
        return due is not None and due.serial == serial

    def _arm(self) -> None:
        """Let the timer stand at the earliest deadline that is still wanted."""
        if len(self._heap) > 2 * len(self._due) + 64:
            self._heap = [entry for entry in self._heap if self._alive(entry[1], entry[2])]
            heapq.heapify(self._heap)
        while self._heap and not self._alive(self._heap[0][1], self._heap[0][2]):
            heapq.heappop(self._heap)
        when = self._heap[0][0] if self._heap else None
        if self._timer is not None and self._timer.when() != when:
            self._timer.cancel()
            self._timer = None
        if self._timer is None and when is not None:
            self._timer = asyncio.get_running_loop().call_at(when, self._fire, when)

    def _fire(self, deadline: float) -> None:
        self._timer = None
        # asyncio fires up to a clock tick early: what the timer was set for is due even if the clock says not quite.
        now = max(deadline, asyncio.get_running_loop().time())
        while self._heap and self._heap[0][0] <= now:
            _, serial, key = heapq.heappop(self._heap)
            if self._alive(serial, key):
                self._add(key, self._due.pop(key).urgency)
        self._arm()


class _Wanted(NamedTuple):
    urgency: Urgency
    since: float


class WorkQueue(Generic[K]):
    """Hands out keys, each to one worker at a time. Not thread-safe.

    A worker's loop::

        while (key := await queue.get()) is not None:
            try:
                ...  # then, for example, retry(key, ...) or forget(key)
            finally:
                queue.done(key)

    Nothing is kept of a key that is neither queued, delayed, being worked on nor failing, but for a bounded number of
    cancelled deadlines.

    Args:
        share: The namespace of a key; namespaces take turns.
        most: How many keys of one namespace may be worked on at once; the others wait, whatever workers are free.
        backoff: The window of `retry`.
        rng: The source of jitter; a seeded one makes a run repeatable.
        observer: Told of each step.
    """

    def __init__(
        self,
        *,
        share: Callable[[K], str],
        most: int | None = None,
        backoff: Backoff | None = None,
        rng: random.Random | None = None,
        observer: QueueObserver | None = None,
    ) -> None:
        self._backoff = backoff or Backoff()
        self._rng = rng or random.Random()  # noqa: S311 - spreads retries; nothing secret depends on it
        self._observer = observer
        self._dirty: dict[K, _Wanted] = {}
        """Every key that needs work: those in `_order`, and those added while they are worked on."""
        self._processing: dict[K, float] = {}
        self._order = FairOrder(share)
        self._share = share
        self._most = most
        self._busy: Counter[str] = Counter()
        self._delays: _Delays[K] = _Delays(self.add)
        self._failures: dict[K, int] = {}
        self._getters: deque[asyncio.Future[None]] = deque()
        self._adds_total = 0
        self._stopped = False

    def __len__(self) -> int:
        """Keys ready to be handed out; delayed ones and those that wait for `done` do not count (as in client-go)."""
        return sum(self._order.depth().values())

    def add(self, key: K, urgency: Urgency) -> None:
        """Have `key` worked on; at once, or after `done` when it is being worked on.

        A key that waits already keeps its place, or moves up to `urgency` if that is greater. A delayed add of the key
        stays. Ignored after `shut_down`.
        """
        if self._stopped:
            return
        wanted = self._dirty.get(key)
        if wanted is None:
            self._dirty[key] = _Wanted(urgency, self._now())
            self._adds_total += 1
            if self._observer is not None:
                self._observer.added(urgency)
            if key not in self._processing:
                self._enqueue(key, urgency)
        elif urgency > wanted.urgency:
            self._dirty[key] = wanted._replace(urgency=urgency)
            if key not in self._processing:
                self._order.remove(key, wanted.urgency)
                self._order.push(key, urgency)

    def add_after(self, key: K, delay_seconds: float, urgency: Urgency) -> None:
        """Add `key` in `delay_seconds`; at once if that is not positive. Ignored after `shut_down`.

        A key has one delayed add: of several the earliest deadline and the greatest urgency hold. Work on the key does
        not cancel it: a pass that sets all its deadlines anew calls `cancel_delayed` before.

        Raises:
            ValueError: `delay_seconds` is not a finite number.
        """
        if not math.isfinite(delay_seconds):
            raise ValueError(f"delay_seconds must be finite, not {delay_seconds}")
        if delay_seconds <= 0:
            self.add(key, urgency)
        elif not self._stopped:
            self._delays.schedule(key, self._now() + delay_seconds, urgency)

    def cancel_delayed(self, key: K) -> None:
        """Drop the delayed add of `key`, if there is one."""
        self._delays.cancel(key)

    def retry(self, key: K, urgency: Urgency, *, at_least: float | None = None) -> float:
        """Count a failure of `key` and add it after its backoff; answers the backoff, in seconds.

        `at_least` is what the server asked for (`Retry-After`), in seconds. As with `add_after`, an earlier deadline
        that the key has already holds.
        """
        failures = self._failures.get(key, 0)
        delay = self._backoff.delay(failures, at_least=max(at_least or 0.0, 0.0), rng=self._rng)
        if not self._stopped:
            self._failures[key] = failures + 1
            if self._observer is not None:
                self._observer.retried()
            self.add_after(key, delay, urgency)
        return delay

    def forget(self, key: K) -> None:
        """Let the next failure of `key` be its first; what is queued or delayed stays (as in client-go)."""
        self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        """How often `key` was retried since it was last forgotten."""
        return self._failures.get(key, 0)

    async def get(self) -> K | None:
        """The next key, once there is one; it is the caller's until `done`. `None` after `shut_down`.

        A call that is cancelled takes no key.
        """
        while not (self._order or self._stopped):
            await self._turn()
        if self._stopped:
            return None
        key = self._order.pop()
        share = self._share(key)
        self._busy[share] += 1
        if self._busy[share] == self._most:
            self._order.hold(share)
        if self._order:
            self._call_one()  # whoever was called before may have found nothing that it was allowed to take
        wanted, now = self._dirty.pop(key), self._now()
        self._processing[key] = now
        if self._observer is not None:
            self._observer.taken(wanted.urgency, queue_seconds=now - wanted.since)
        return key

    def done(self, key: K) -> None:
        """Give `key` back; if it was added meanwhile, it is queued again, in the greatest class that was asked for.

        Raises:
            ValueError: `key` is not being worked on.
        """
        started = self._processing.pop(key, None)
        if started is None:
            raise ValueError(f"done() for {key}, which is not being worked on")
        if self._observer is not None:
            self._observer.finished(work_seconds=self._now() - started)
        share = self._share(key)
        if self._busy[share] == self._most:
            self._order.release(share)
            self._call_one()
        self._busy[share] -= 1
        if not self._busy[share]:
            del self._busy[share]
        wanted = self._dirty.get(key)
        if wanted is not None:
            self._enqueue(key, wanted.urgency)

    def shut_down(self) -> None:
        """Make every `get`, also one under way, answer `None`; what is queued or delayed is not handed out any more."""
        if not self._stopped:
            self._stopped = True
            self._delays.clear()
            while self._getters:
                self._call_one()

    def stats(self) -> QueueStats:
        """The present state, for gauges; reads every waiting key, so for each scrape and not for each key."""
        now = self._now()
        running = [now - started for started in self._processing.values()]
        return QueueStats(
            depth=self._order.depth(),
            delayed=len(self._delays),
            processing=len(running),
            failing=len(self._failures),
            adds_total=self._adds_total,
            oldest_seconds=max((now - wanted.since for wanted in self._dirty.values()), default=0.0),
            unfinished_work_seconds=math.fsum(running),
            longest_running_processor_seconds=max(running, default=0.0),
        )

    def _enqueue(self, key: K, urgency: Urgency) -> None:
        self._order.push(key, urgency)
        self._call_one()

    async def _turn(self) -> None:
        """Wait until there may be a key for this one of those that wait."""
        getter = asyncio.get_running_loop().create_future()
        self._getters.append(getter)
        try:
            await getter
        except asyncio.CancelledError:
            if not getter.cancelled():  # it was called, and somebody else can take what it was called for
                self._call_one()
            raise

    def _call_one(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

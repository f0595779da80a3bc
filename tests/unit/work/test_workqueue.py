"""The work queue by example: one behaviour a test, on the virtual clock of the event loop."""

from __future__ import annotations

import asyncio
import gc
import math
import random
import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from tokenfactory_operator.ports import Key
from tokenfactory_operator.work.fair_order import WEIGHTS
from tokenfactory_operator.work.workqueue import Backoff, QueueStats, Urgency, WorkQueue

pytestmark = pytest.mark.looptime

URGENT, EDIT, RESYNC = Urgency.URGENT, Urgency.EDIT, Urgency.RESYNC
A, B, C = (Key("ml", name) for name in "abc")
OTHER = Key("web", "other")

Queue = WorkQueue[Key]


def a_queue(seed: int = 0) -> Queue:
    return WorkQueue(share=lambda key: key.namespace, rng=random.Random(seed))


def keys(count: int, *, namespace: str = "ml") -> list[Key]:
    return [Key(namespace, f"ep-{number}") for number in range(count)]


def now() -> float:
    return asyncio.get_running_loop().time()


async def take(queue: Queue, count: int) -> list[Key]:
    """Work on `count` ready keys, one after the other."""
    taken = []
    for _ in range(count):
        key = await queue.get()
        assert key is not None
        queue.done(key)
        taken.append(key)
    return taken


async def let_others_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("adds", "expected"),
    [
        pytest.param([(A, EDIT), (B, EDIT), (C, EDIT)], [A, B, C], id="first-in-first-out"),
        pytest.param([(A, EDIT), (B, EDIT), (A, EDIT)], [A, B], id="a-queued-key-keeps-its-place"),
        pytest.param([(A, RESYNC), (B, RESYNC), (B, URGENT)], [B, A], id="raised-to-a-greater-class"),
        pytest.param([(A, EDIT), (B, URGENT), (B, RESYNC)], [B, A], id="never-lowered"),
        pytest.param([(A, RESYNC), (B, EDIT), (C, URGENT)], [C, B, A], id="urgent-edit-resync"),
        pytest.param([(A, EDIT), (B, EDIT), (OTHER, EDIT)], [A, OTHER, B], id="namespaces-take-turns"),
    ],
)
async def test_order(adds: Iterable[tuple[Key, Urgency]], expected: list[Key]) -> None:
    """Ready keys come by class, then in turns of their namespaces, then by age, each once."""
    queue = a_queue()
    for key, urgency in adds:
        queue.add(key, urgency)

    assert await take(queue, len(queue)) == expected


async def test_classes_get_their_shares_while_all_have_work() -> None:
    """Of each 13 keys 8 are urgent, 4 are edits and 1 is a resync."""
    queue = a_queue()
    for urgency in Urgency:
        for key in keys(100, namespace=urgency.name):
            queue.add(key, urgency)

    for _ in range(5):
        served = Counter(Urgency[key.namespace] for key in await take(queue, sum(WEIGHTS.values())))
        assert served == WEIGHTS


async def test_an_idle_class_saves_up_no_share() -> None:
    """A flood of resyncs after a long time without any does not push urgent work aside."""
    queue = a_queue()
    for key in keys(500, namespace="URGENT"):
        queue.add(key, URGENT)
    await take(queue, 400)
    for key in keys(100, namespace="RESYNC"):
        queue.add(key, RESYNC)

    served = Counter(key.namespace for key in await take(queue, 90))

    assert served == {"URGENT": 80, "RESYNC": 10}


async def test_a_class_that_keeps_coming_back_gets_no_more_than_its_share() -> None:
    """A resync that is added again whenever it was handed out does not count as a class after a pause."""
    queue = a_queue()
    for key in keys(500, namespace="URGENT"):
        queue.add(key, URGENT)

    served: Counter[str] = Counter()
    for _ in range(90):
        queue.add(Key("RESYNC", "loop"), RESYNC)
        served.update(key.namespace for key in await take(queue, 1))

    assert served == {"URGENT": 80, "RESYNC": 10}


async def test_a_namespace_with_a_thousand_keys_delays_another_by_one() -> None:
    """The DELETE of one tenant waits for one of another's, not for all of them."""
    queue = a_queue()
    for key in keys(1000):
        queue.add(key, URGENT)
    queue.add(OTHER, URGENT)

    assert OTHER in await take(queue, 2)


async def test_a_namespace_has_its_share_of_the_workers() -> None:
    """However many of its keys wait, as many as are allowed are worked on; a free worker is there for the next one."""
    queue: Queue = WorkQueue(share=lambda key: key.namespace, most=2)
    loud, quiet = keys(5), Key("web", "a")
    for key in loud:
        queue.add(key, URGENT)
    assert [await queue.get() for _ in range(2)] == loud[:2]
    waiting = asyncio.create_task(queue.get())
    await let_others_run()
    assert not waiting.done()
    queue.add(quiet, Urgency.RESYNC)
    assert await waiting == quiet
    waiting = asyncio.create_task(queue.get())
    await let_others_run()
    assert not waiting.done()
    queue.done(loud[0])
    assert await waiting == loud[2]
    assert len(queue) == 2


async def test_each_free_worker_is_called() -> None:
    """Two keys of a namespace that had its share become free at once: both workers that wait have one."""
    queue: Queue = WorkQueue(share=lambda key: key.namespace, most=2)
    for key in keys(4):
        queue.add(key, URGENT)
    at_work = [await queue.get() for _ in range(2)]
    waiting = [asyncio.create_task(queue.get()) for _ in range(2)]
    await let_others_run()
    for taken in at_work:
        assert taken is not None
        queue.done(taken)
    async with asyncio.timeout(10):
        assert await asyncio.gather(*waiting) == keys(4)[2:]


@pytest.mark.rule("W5")
async def test_a_key_is_not_handed_out_while_it_is_worked_on() -> None:
    """A change during work is handed out after `done`, once, in the greatest class that was asked for."""
    queue = a_queue()
    queue.add(A, RESYNC)
    assert await queue.get() == A
    for urgency in (RESYNC, URGENT, EDIT):
        queue.add(A, urgency)
    second = asyncio.create_task(queue.get())
    await let_others_run()
    assert not second.done()
    assert len(queue) == 0

    queue.done(A)
    queue.add(B, EDIT)

    assert await second == A
    assert queue.stats().depth == {URGENT: 0, EDIT: 1, RESYNC: 0}


async def test_the_class_of_a_change_during_work_orders_it_afterwards() -> None:
    """What became urgent while it was worked on goes before what was queued meanwhile."""
    queue = a_queue()
    queue.add(A, RESYNC)
    await queue.get()
    queue.add(B, EDIT)
    queue.add(A, RESYNC)
    queue.add(A, URGENT)
    queue.done(A)

    assert await take(queue, len(queue)) == [A, B]


async def test_done_without_get_is_an_error() -> None:
    """A `done` too many could let a key be worked on twice at once, so it is refused."""
    queue = a_queue()
    queue.add(A, EDIT)
    queue.add(B, EDIT)
    assert await take(queue, 1) == [A]

    for key in (A, B):
        with pytest.raises(ValueError, match="not being worked on"):
            queue.done(key)


@pytest.mark.parametrize(
    ("adds", "expected"),
    [
        pytest.param(lambda q: q.add_after(A, 10, EDIT), [10], id="once"),
        pytest.param(lambda q: (q.add_after(A, 10, EDIT), q.add_after(A, 3, EDIT)), [3], id="earlier-wins"),
        pytest.param(lambda q: (q.add_after(A, 3, EDIT), q.add_after(A, 10, EDIT)), [3], id="later-is-dropped"),
        pytest.param(lambda q: (q.add_after(A, 3, EDIT), q.add(A, EDIT)), [0, 3], id="an-add-cancels-nothing"),
        pytest.param(lambda q: (q.add_after(A, 3, EDIT), q.add_after(A, -1, EDIT)), [0, 3], id="negative-is-at-once"),
        pytest.param(lambda q: (q.add_after(A, 3, EDIT), q.forget(A)), [3], id="forget-cancels-nothing"),
        pytest.param(lambda q: (q.add_after(A, 3, EDIT), q.cancel_delayed(A)), [], id="cancelled"),
        pytest.param(
            lambda q: (q.add_after(A, 3, EDIT), q.cancel_delayed(A), q.add_after(A, 10, EDIT)), [10], id="set-anew"
        ),
        pytest.param(
            lambda q: (q.add_after(B, 1, EDIT), q.add_after(A, 3, EDIT), q.cancel_delayed(A), q.add_after(A, 10, EDIT)),
            [1, 10],
            id="set-anew-behind-another-key",
        ),
    ],
)
async def test_delayed_adds(adds: Callable[[Queue], object], expected: list[float]) -> None:
    """A key has one delayed add, the earliest, which is handed out at its time and not before."""
    queue, handed_out = a_queue(), list[float]()

    async def worker() -> None:
        while (key := await queue.get()) is not None:
            handed_out.append(now())
            queue.done(key)

    working = asyncio.create_task(worker())
    adds(queue)
    await asyncio.sleep(100)
    queue.shut_down()
    await working

    assert handed_out == pytest.approx(expected, abs=1e-5)


async def test_a_delayed_add_keeps_the_greatest_urgency() -> None:
    """The earliest deadline and the greatest urgency hold, whichever call brought them."""
    queue = a_queue()
    queue.add_after(A, 3, RESYNC)
    queue.add_after(A, 10, URGENT)
    queue.add_after(B, 3, EDIT)
    await asyncio.sleep(4)

    assert queue.stats().depth == {URGENT: 1, EDIT: 1, RESYNC: 0}


@pytest.mark.parametrize("delay", [math.nan, math.inf])
async def test_a_delay_must_be_a_number(delay: float) -> None:
    """What would never come, or spoil the order of the others, is refused."""
    with pytest.raises(ValueError, match="finite"):
        a_queue().add_after(A, delay, EDIT)


@pytest.mark.parametrize(
    ("failures", "at_least", "low", "high"),
    [
        pytest.param(0, 0, 0, 1, id="first"),
        pytest.param(1, 0, 0, 2, id="doubled"),
        pytest.param(8, 0, 0, 256, id="ninth"),
        pytest.param(9, 0, 0, 300, id="capped"),
        pytest.param(5000, 0, 0, 300, id="no-overflow"),
        pytest.param(4, 10, 10, 16, id="retry-after-within-the-window"),
        pytest.param(0, 30, 30, 31, id="retry-after-beyond-the-window"),
        pytest.param(20, 300, 300, 301, id="longest"),
    ],
)
def test_backoff_is_spread_over_its_window(failures: int, at_least: float, low: float, high: float) -> None:
    """Delays lie in the window, and use it from end to end."""
    rng = random.Random(1)
    delays = [Backoff().delay(failures, at_least=at_least, rng=rng) for _ in range(1000)]

    assert low <= min(delays) < low + (high - low) * 0.05
    assert high - (high - low) * 0.05 < max(delays) <= high


async def test_a_retry_comes_after_its_backoff() -> None:
    """The delay that `retry` answers is the one that passes, and never less than the server asked for."""
    queue = a_queue()
    delay = queue.retry(A, EDIT, at_least=30)

    assert await queue.get() == A
    assert delay >= 30
    assert now() == pytest.approx(delay, abs=1e-5)


async def test_failures_are_counted_for_each_key_until_forgotten() -> None:
    """One object's failures do not slow another's retries, and a success starts anew."""
    queue = a_queue()
    for _ in range(7):
        queue.retry(A, EDIT)
    queue.retry(B, EDIT)
    assert (queue.failures(A), queue.failures(B), queue.failures(C)) == (7, 1, 0)

    queue.forget(A)

    assert (queue.failures(A), queue.failures(B)) == (0, 1)
    assert queue.retry(A, EDIT) <= 1


async def test_the_window_of_a_key_grows_with_its_failures() -> None:
    """The tenth retry is spread over minutes."""
    tenth = []
    for seed in range(50):
        queue = a_queue(seed)
        for _ in range(9):
            queue.retry(A, EDIT)
        tenth.append(queue.retry(A, EDIT))

    assert 200 < max(tenth) <= 300


async def test_a_cancelled_get_loses_nothing() -> None:
    """A worker that is cancelled in the instant in which it was woken leaves the key to another one."""
    queue = a_queue()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await let_others_run()
    queue.add(A, EDIT)
    first.cancel()

    assert await asyncio.wait_for(second, timeout=1) == A
    assert first.cancelled()


async def test_shut_down_ends_every_get_and_hands_out_nothing_more() -> None:
    """Workers that wait and workers that come later get `None`; what was queued or delayed stays undone."""
    queue = a_queue()
    queue.add(A, EDIT)
    assert await queue.get() == A
    waiting = [asyncio.create_task(queue.get()) for _ in range(3)]
    await let_others_run()
    queue.add_after(B, 1, EDIT)

    queue.shut_down()
    queue.shut_down()
    queue.add(C, URGENT)
    queue.add_after(C, 1, URGENT)
    queue.retry(C, URGENT)
    queue.done(A)

    assert (len(queue), queue.stats().delayed, queue.failures(C)) == (0, 0, 0)
    assert await asyncio.gather(*waiting) == [None, None, None]
    assert await queue.get() is None


@dataclass
class Recording:
    """An observer that writes down what it was told."""

    reported: list[tuple[object, ...]] = field(default_factory=list)

    def added(self, urgency: Urgency) -> None:
        """A key needs work."""
        self.reported.append(("added", urgency))

    def taken(self, urgency: Urgency, *, queue_seconds: float) -> None:
        """A worker has it."""
        self.reported.append(("taken", urgency, round(queue_seconds, 3)))

    def finished(self, *, work_seconds: float) -> None:
        """The worker is done."""
        self.reported.append(("finished", round(work_seconds, 3)))

    def retried(self) -> None:
        """It failed."""
        self.reported.append(("retried",))


async def test_the_observer_is_told_of_each_step() -> None:
    """Adds that change nothing are not counted; waiting counts from the first add, whatever class it had."""
    observer = Recording()
    queue: Queue = WorkQueue(share=lambda key: key.namespace, observer=observer)
    queue.add(A, RESYNC)
    await asyncio.sleep(2)
    queue.add(A, URGENT)
    await queue.get()
    await asyncio.sleep(3)
    queue.retry(A, EDIT)
    queue.done(A)

    assert observer.reported == [("added", RESYNC), ("taken", URGENT, 2), ("retried",), ("finished", 3)]


async def test_stats_tell_ages_and_counts() -> None:
    """Depth, ages and totals are those of this moment."""
    queue = a_queue()
    queue.add(A, URGENT)
    queue.add(B, RESYNC)
    await queue.get()
    await asyncio.sleep(5)
    queue.add(C, EDIT)
    queue.add_after(OTHER, 60, RESYNC)

    assert queue.stats() == QueueStats(
        depth={URGENT: 0, EDIT: 1, RESYNC: 1},
        delayed=1,
        processing=1,
        failing=0,
        adds_total=3,
        oldest_seconds=5,
        unfinished_work_seconds=5,
        longest_running_processor_seconds=5,
    )


class Token:
    """A key that tells whether anybody still holds it."""


async def test_a_finished_and_forgotten_key_is_dropped() -> None:
    """Ten thousand keys that came and went leave no more behind than a bounded number of cancelled deadlines."""
    queue: WorkQueue[Token] = WorkQueue(share=lambda _: "ml")
    held: weakref.WeakSet[Token] = weakref.WeakSet()
    queue.add_after(Token(), 1, EDIT)  # surfaces first, so that the cancelled ones lie below it
    for _ in range(10_000):
        key = Token()
        held.add(key)
        queue.add(key, EDIT)
        assert await queue.get() is key
        queue.retry(key, EDIT, at_least=60)
        queue.cancel_delayed(key)
        queue.forget(key)
        queue.done(key)
    del key
    gc.collect()

    assert len(held) < 100
    assert len(asyncio.all_tasks()) == 1

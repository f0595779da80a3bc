"""The work queue against a plain model of it, over any sequence of calls; and with workers that come and go."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any, TypeVar

import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tokenfactory_operator.ports import Key
from tokenfactory_operator.work.workqueue import Urgency, WorkQueue

T = TypeVar("T")

NEVER_PASSED_OVER_MORE_THAN = {Urgency.URGENT: 2, Urgency.EDIT: 4, Urgency.RESYNC: 14}
"""Picks of other classes while a class has work: the sum of `stride / other stride + 1`, ties to the more urgent."""

some_key = st.builds(Key, st.sampled_from(["ml", "web", "dev"]), st.sampled_from(["a", "b", "c", "d"]))
some_urgency = st.sampled_from(Urgency)
some_delay = st.integers(0, 40)


class Model:
    """What must be handed out, in the simplest form that can be written down."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.wanted: dict[Key, Urgency] = {}
        self.since: dict[Key, float] = {}
        self.ready: list[Key] = []  # by time of entry into its class
        self.processing: set[Key] = set()
        self.delayed: dict[Key, tuple[float, int, Urgency]] = {}
        self.failures: dict[Key, int] = defaultdict(int)
        self.adds_total = 0
        self.passed_over: dict[Urgency, int] = defaultdict(int)
        self.served_since: dict[tuple[Urgency, str], set[str]] = defaultdict(set)
        self._serial = itertools.count()

    def add(self, key: Key, urgency: Urgency, now: float) -> None:
        """Want `key` worked on."""
        if key not in self.wanted:
            self.wanted[key], self.since[key] = urgency, now
            self.adds_total += 1
            if key not in self.processing:
                self.ready.append(key)
        elif urgency > self.wanted[key]:
            self.wanted[key] = urgency
            if key in self.ready:
                self.ready.remove(key)
                self.ready.append(key)
        self._forget_turns_of_the_idle()

    def free(self) -> list[Key]:
        """The ready keys of namespaces of which more may be worked on."""
        return [key for key in self.ready if self.at_work(key.namespace) < self.most]

    def at_work(self, namespace: str) -> int:
        """How many of its keys are."""
        return sum(key.namespace == namespace for key in self.processing)

    def delay(self, key: Key, when: float, urgency: Urgency) -> None:
        """Want it later; the earliest deadline and the greatest urgency hold."""
        known = self.delayed.get(key, (when, next(self._serial), urgency))
        first = known if known[0] <= when else (when, next(self._serial), urgency)
        self.delayed[key] = (first[0], first[1], max(known[2], urgency))

    def pass_time(self, now: float) -> None:
        """Add what has become due."""
        for key, (when, _, urgency) in sorted(self.delayed.items(), key=lambda item: item[1][:2]):
            if when <= now:
                del self.delayed[key]
                self.add(key, urgency, when)

    def take(self, key: Key) -> None:
        """Check that `key` may be handed out now, and hand it out."""
        assert key not in self.processing, "two workers at once"
        assert key in self.ready, "nobody asked for it"
        assert key in self.free(), "more of one namespace than may be"
        urgency = self.wanted[key]
        mine = (urgency, key.namespace)
        assert key == next(each for each in self.ready if (self.wanted[each], each.namespace) == mine), "out of order"
        self._check_classes(urgency)
        self._check_namespaces(urgency, key.namespace)
        self.ready.remove(key)
        del self.wanted[key], self.since[key]
        self.processing.add(key)
        self._forget_turns_of_the_idle()

    def done(self, key: Key) -> None:
        """Queue it again if it was wanted meanwhile."""
        self.processing.remove(key)
        if key in self.wanted:
            self.ready.append(key)
        self._forget_turns_of_the_idle()

    def _check_classes(self, picked: Urgency) -> None:
        for urgency in {self.wanted[key] for key in self.free()} - {picked}:
            self.passed_over[urgency] += 1
            assert self.passed_over[urgency] <= NEVER_PASSED_OVER_MORE_THAN[urgency], f"{urgency} starves"
        self.passed_over[picked] = 0

    def _check_namespaces(self, urgency: Urgency, picked: str) -> None:
        for namespace in {key.namespace for key in self.free() if self.wanted[key] == urgency} - {picked}:
            served = self.served_since[urgency, namespace]
            assert picked not in served, f"{picked} had two turns while {namespace} waited"
            served.add(picked)
        self.served_since[urgency, picked] = set()

    def _forget_turns_of_the_idle(self) -> None:
        waiting = {(self.wanted[key], key.namespace) for key in self.free()}
        for turn in list(self.served_since):
            if turn not in waiting:
                del self.served_since[turn]
        for urgency in set(self.passed_over) - {urgency for urgency, _ in waiting}:
            del self.passed_over[urgency]


class QueueMachine(RuleBasedStateMachine):
    """Any sequence of calls: the queue does what the model says."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = looptime.new_event_loop(start=0.0)
        self.model = Model(99)

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        """Run on the virtual clock."""
        return self.loop.run_until_complete(call)

    @initialize(seed=st.integers(0, 2**32), most=st.none() | st.integers(1, 3))
    def start(self, seed: int, most: int | None) -> None:
        """Begin with an empty queue."""
        self.queue: WorkQueue[Key] = WorkQueue(share=lambda key: key.namespace, most=most, rng=random.Random(seed))
        self.model = Model(most or 99)

    @rule(keys=st.lists(some_key, min_size=1, max_size=12), urgency=some_urgency)
    def add(self, keys: list[Key], urgency: Urgency) -> None:
        """Several keys at once."""

        async def call() -> None:
            for key in keys:
                self.queue.add(key, urgency)
                self.model.add(key, urgency, self.loop.time())

        self.run(call())

    @rule(key=some_key, delay=some_delay, urgency=some_urgency)
    def add_after(self, key: Key, delay: int, urgency: Urgency) -> None:
        """A delay of 0 is an add."""

        async def call() -> None:
            self.queue.add_after(key, delay, urgency)

        self.run(call())
        if delay == 0:
            self.model.add(key, urgency, self.loop.time())
        else:
            self.model.delay(key, self.loop.time() + delay, urgency)

    @rule(key=some_key, urgency=some_urgency, at_least=st.none() | some_delay)
    def retry(self, key: Key, urgency: Urgency, at_least: int | None) -> None:
        """The backoff lies in its window."""

        async def call() -> float:
            return self.queue.retry(key, urgency, at_least=at_least)

        delay = self.run(call())
        low, ceiling = at_least or 0, min(300, 2 ** self.model.failures[key])
        assert low <= delay <= max(ceiling, low + 1)
        self.model.failures[key] += 1
        self.model.delay(key, self.loop.time() + delay, urgency)

    @precondition(lambda self: self.model.delayed)
    @rule(data=st.data(), later=st.none() | st.integers(1, 40), urgency=some_urgency)
    def cancel_delayed(self, data: st.DataObject, later: int | None, urgency: Urgency) -> None:
        """A delayed add goes; it may be set anew, then also to a later time."""
        key = data.draw(st.sampled_from(sorted(self.model.delayed)))

        async def call() -> None:
            self.queue.cancel_delayed(key)

        self.run(call())
        del self.model.delayed[key]
        if later is not None:
            self.add_after(key, later, urgency)

    @rule(key=some_key)
    def forget(self, key: Key) -> None:
        """The failures go, and nothing else."""
        self.queue.forget(key)
        self.model.failures.pop(key, None)

    @rule(most=st.integers(1, 12))
    def take(self, most: int) -> None:
        """Each key handed out is one that may be."""
        for _ in range(most):
            if not self.model.free():
                break
            key = self.run(self.queue.get())
            assert key is not None
            self.model.take(key)

    @precondition(lambda self: not self.model.free())
    @rule()
    def take_when_there_is_nothing(self) -> None:
        """A worker waits, and may give up."""

        async def call() -> None:
            worker = asyncio.create_task(self.queue.get())
            for _ in range(3):
                await asyncio.sleep(0)
            assert not worker.done()
            worker.cancel()
            await asyncio.wait([worker])

        self.run(call())

    @precondition(lambda self: self.model.processing)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        """Some of the keys at work are given back."""
        finished = data.draw(st.lists(st.sampled_from(sorted(self.model.processing)), min_size=1, unique=True))

        async def call() -> None:
            for key in finished:
                self.queue.done(key)
                self.model.done(key)

        self.run(call())

    @rule(seconds=st.integers(1, 60))
    def pass_time(self, seconds: int) -> None:
        """What became due is queued, in the order of its deadlines."""
        self.run(asyncio.sleep(seconds))
        self.model.pass_time(self.loop.time())

    @invariant()
    def counts_agree(self) -> None:
        """Length and statistics are those of the model."""

        async def call() -> None:
            stats, model = self.queue.stats(), self.model
            assert len(self.queue) == len(model.ready)
            assert stats.depth == {each: sum(model.wanted[key] == each for key in model.ready) for each in Urgency}
            assert (stats.delayed, stats.processing) == (len(model.delayed), len(model.processing))
            assert stats.adds_total == model.adds_total
            assert stats.failing == sum(count > 0 for count in model.failures.values())
            oldest = self.loop.time() - min(model.since.values(), default=self.loop.time())
            assert stats.oldest_seconds == pytest.approx(oldest, abs=1e-4)

        self.run(call())

    def teardown(self) -> None:
        """In the end everything that was asked for is handed out, and nothing else."""
        try:
            self.run(asyncio.sleep(500))
            self.model.pass_time(self.loop.time())
            while self.model.ready or self.model.processing:
                self.take(12)
                self._finish_all()
            assert not self.model.wanted
            assert not self.model.delayed
            self.counts_agree()
        finally:
            self.loop.close()

    def _finish_all(self) -> None:
        async def call() -> None:
            for key in sorted(self.model.processing):
                self.queue.done(key)
                self.model.done(key)

        self.run(call())


QueueMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestQueueAgainstModel = QueueMachine.TestCase


class Crew:
    """Workers that record which version of each key they saw, and complain when two hold one key."""

    def __init__(self, queue: WorkQueue[Key], *, seed: int) -> None:
        self.queue = queue
        self.rng = random.Random(seed)
        self.latest: dict[Key, int] = defaultdict(int)
        self.seen: dict[Key, int] = {}
        self.at_work: set[Key] = set()
        self.ending = False

    def change(self, key: Key, urgency: Urgency) -> None:
        """A new version of `key` needs work."""
        self.latest[key] += 1
        self.queue.add(key, urgency)

    async def work(self) -> None:
        """Work on what comes, seeing the version that is the latest at the start."""
        while (key := await self.queue.get()) is not None:
            assert key not in self.at_work, "two workers at once"
            self.at_work.add(key)
            self.seen[key] = self.latest[key]
            await asyncio.sleep(self.rng.choice([0, 0, 1, 3]))
            self.at_work.remove(key)
            self.queue.done(key)

    async def hesitate(self) -> None:
        """Ask for a key and give up at once, again and again; keep none."""
        while not self.ending:
            asking = asyncio.create_task(self.queue.get())
            await asyncio.sleep(self.rng.choice([0, 0, 1]))
            if not asking.cancel() and (key := asking.result()) is not None:
                self.queue.add(key, Urgency.RESYNC)
                self.queue.done(key)
            await asyncio.wait([asking])


@settings(max_examples=100)
@given(
    changes=st.lists(st.tuples(st.sampled_from([0, 0, 1]), some_key, some_urgency), max_size=60),
    workers=st.integers(1, 4),
    most=st.none() | st.integers(1, 3),
    seed=st.integers(0, 2**32),
)
def test_no_change_is_lost(changes: list[tuple[int, Key, Urgency]], workers: int, most: int | None, seed: int) -> None:
    """However workers and changes interleave, each key is worked on after its last change, by one worker at a time."""

    async def scenario() -> None:
        crew = Crew(WorkQueue(share=lambda key: key.namespace, most=most), seed=seed)
        crewmen = [asyncio.create_task(crew.work()) for _ in range(workers)]
        hesitant = asyncio.create_task(crew.hesitate())
        for pause, key, urgency in changes:
            await asyncio.sleep(pause)
            crew.change(key, urgency)
        crew.ending = True
        await hesitant
        await asyncio.sleep(1000)
        crew.queue.shut_down()
        await asyncio.gather(*crewmen)
        assert crew.seen == dict(crew.latest)

    loop = looptime.new_event_loop(start=0.0)
    try:
        loop.run_until_complete(scenario())
    finally:
        loop.close()

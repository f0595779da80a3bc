"""One namespace beside loud ones: queue, workers and pace together, as an account has them, on virtual time.

What is counted is how many calls of others go out between a request and its call. That does not depend on the machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, Final

import pytest

from tokenfactory_operator.cloud.throttle import Lane, Throttle
from tokenfactory_operator.ports import Key
from tokenfactory_operator.work.crew import Crew, Take, share_of
from tokenfactory_operator.work.workqueue import Urgency, WorkQueue
from unit.support.clock import LoopClock

pytestmark = pytest.mark.looptime

WORKERS: Final = 20
PACE: Final = 16.0
"""Calls per second. Powers of two, here and below: where a sum of times is rounded, virtual time would stand still."""
TAKES: Final = 1 / 32
"""Seconds of a call."""
CALLS: Final = 12
"""Of the quiet namespace."""
LISTS: Final = "LIST"


class Account:
    """Workers of one credential; each call is noted with its namespace, in the order in which they go out."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.throttle = Throttle(LoopClock(), connections=WORKERS, rate_limit=PACE)
        self.queue: WorkQueue[Key] = WorkQueue(share=lambda key: key.namespace, most=share_of(WORKERS))
        self._again: set[Key] = set()
        self._waiting: dict[Key, asyncio.Future[None]] = {}

    async def work(self, queue: WorkQueue[Key], take: Take) -> None:
        """A worker: a call for each key."""
        while (key := await take()) is not None:
            async with self.throttle.slot(key.namespace):
                self.sent.append(key.namespace)
                if key in self._waiting:
                    self._waiting.pop(key).set_result(None)
                await asyncio.sleep(TAKES)
            queue.done(key)
            if key in self._again:
                queue.add(key, Urgency.EDIT)

    async def lists(self) -> None:
        """One after the other, without end."""
        while True:
            async with self.throttle.turn(Lane.INVENTORY):
                self.sent.append(LISTS)
                await asyncio.sleep(TAKES)

    def flood(self, namespace: str, objects: int) -> None:
        """Objects that are changed again as soon as their call is over."""
        self._again |= {Key(namespace, f"loud-{number}") for number in range(objects)}
        for key in self._again:
            self.queue.add(key, Urgency.EDIT)

    async def call(self, namespace: str, number: int) -> int:
        """How many calls of others, LISTs not counted, go out before this one, once it is asked for."""
        key, before = Key(namespace, f"quiet-{number}"), len(self.sent)
        self._waiting[key] = sent = asyncio.get_running_loop().create_future()
        self.queue.add(key, Urgency.EDIT)
        await sent
        return sum(name not in (namespace, LISTS) for name in self.sent[before:])


@asynccontextmanager
async def busy(loud: int, objects: int) -> AsyncIterator[Account]:
    """An account with so many loud namespaces, each of so many objects, when all of them have called."""
    account, tasks = Account(), list[asyncio.Task[None]]()

    def spawn(life: Any, name: str) -> asyncio.Task[None]:  # noqa: ANN401 - a function that makes a coroutine
        coroutine: Coroutine[Any, Any, None] = life()
        tasks.append(asyncio.create_task(coroutine, name=name))
        return tasks[-1]

    Crew(account.queue, account.work, limit=WORKERS, spawn=spawn, name="account").start()
    spawn(account.lists, "lists")
    for number in range(loud):
        account.flood(f"loud-{number}", objects)
    await asyncio.sleep(10)
    try:
        yield account
    finally:
        account.queue.shut_down()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(
    ("loud", "objects", "most"),
    [
        pytest.param(1, 30, 1, id="one"),
        pytest.param(1, 300, 1, id="one, with more objects"),
        pytest.param(3, 300, 2, id="several have all workers: until one of these is free"),
        pytest.param(9, 100, 2, id="many"),
    ],
)
async def test_one_who_calls_now_and_then_waits_for_one_call(loud: int, objects: int, most: int) -> None:
    """The one whose turn it is just then: neither the flood's size counts nor how many there are.

    "Now and then" is: less often than its share, which is one call in a second here where nine others are loud.
    """
    async with busy(loud, objects) as account:
        waited = []
        for number in range(CALLS):
            await asyncio.sleep(2 + number * 11 / 64)
            waited.append(await account.call("quiet", number))
    assert max(waited) <= most


@pytest.mark.parametrize("loud", [1, 3])
async def test_one_who_has_much_to_do_waits_for_one_call_of_each(loud: int) -> None:
    """With all its calls asked for at once: between two of them goes one call of each other namespace."""
    async with busy(loud, 100) as account:
        before = len(account.sent)
        await asyncio.gather(*(account.call("quiet", number) for number in range(CALLS)))
        changes = [name for name in account.sent[before:] if name != LISTS]
    places = [place for place, name in enumerate(changes) if name == "quiet"]
    assert len(places) == CALLS
    assert max(later - earlier for earlier, later in pairwise(places)) <= loud + 1


async def test_lists_go_on() -> None:
    """However many calls wait, every other one is a LIST while one is wanted."""
    async with busy(2, 100) as account:
        before = len(account.sent)
        await asyncio.sleep(10)
        lists = account.sent[before:].count(LISTS)
    assert lists >= (len(account.sent) - before) // 2 - 1

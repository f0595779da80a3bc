"""What nobody waits for, while something more urgent is worked on; on the virtual clock of the event loop."""

from __future__ import annotations

import asyncio
import random

import pytest

from tokenfactory_operator.ports import Key
from tokenfactory_operator.work.workqueue import Urgency, WorkQueue

pytestmark = pytest.mark.looptime

URGENT, EDIT, RESYNC = Urgency.URGENT, Urgency.EDIT, Urgency.RESYNC
PACE = 0.25
"""Powers of two: sums of times are exact."""
CREATED, EDITED = Key("ml", "created"), Key("web", "edited")


class Parts:
    """A queue with a worker that takes whatever it can get at once, and notes when."""

    def __init__(self, pace: float = PACE) -> None:
        self.queue: WorkQueue[Key] = WorkQueue(share=lambda key: key.namespace, rng=random.Random(0), pace=pace)
        self.taken: list[tuple[str, float]] = []
        self.worker = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while (key := await self.queue.get()) is not None:
            self.taken.append((key.name, asyncio.get_running_loop().time()))
            self.queue.done(key)

    async def under_way(self, urgency: Urgency) -> None:
        """Somebody else works on a key of that class."""
        self.worker.cancel()
        self.queue.add(CREATED, urgency)
        assert await self.queue.get() == CREATED
        self.worker = asyncio.create_task(self._work())

    def add(self, *names: str) -> None:
        """Keys that nobody waits for."""
        for name in names:
            self.queue.add(Key("ml", name), RESYNC)

    async def later(self, seconds: float) -> list[tuple[str, float]]:
        """What was taken by then."""
        await asyncio.sleep(seconds)
        return self.taken


@pytest.mark.parametrize("urgency", [URGENT, EDIT])
async def test_one_at_a_time(urgency: Urgency) -> None:
    """While a change is under way they come at a pace, the first one at once."""
    parts = Parts()
    await parts.under_way(urgency)
    parts.add("a", "b", "c")
    assert await parts.later(1) == [("a", 0.0), ("b", PACE), ("c", 2 * PACE)]


async def test_what_is_urgent_does_not_wait() -> None:
    """Nor does an edit, between two of them."""
    parts = Parts()
    await parts.under_way(EDIT)
    parts.add("a", "b")
    await asyncio.sleep(PACE / 2)
    parts.queue.add(EDITED, EDIT)
    assert await parts.later(1) == [("a", 0.0), ("edited", PACE / 2), ("b", PACE)]


async def test_the_end_of_the_last_change_ends_the_wait() -> None:
    """Then all that wait are handed out."""
    parts = Parts()
    await parts.under_way(EDIT)
    parts.add("a", "b", "c")
    await asyncio.sleep(PACE / 2)
    parts.queue.done(CREATED)
    assert await parts.later(1) == [("a", 0.0), ("b", PACE / 2), ("c", PACE / 2)]


@pytest.mark.parametrize(("pace", "urgency"), [(PACE, RESYNC), (0.0, EDIT)], ids=["none is urgent", "no pace"])
async def test_where_nothing_is_in_a_hurry(pace: float, urgency: Urgency) -> None:
    """They come at once."""
    parts = Parts(pace)
    await parts.under_way(urgency)
    parts.add("a", "b", "c")
    assert await parts.later(1) == [(name, 0.0) for name in "abc"]


async def test_the_end_of_the_queue() -> None:
    """Whoever waits is let go, and no timer stays."""
    parts = Parts()
    await parts.under_way(EDIT)
    parts.add("a", "b")
    await asyncio.sleep(0)
    parts.queue.shut_down()
    async with asyncio.timeout(PACE / 2):
        await parts.worker
    assert [name for name, _ in await parts.later(1)] == ["a"]

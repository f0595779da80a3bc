"""The workers of a queue: one waits as long as there may be one more."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tokenfactory_operator.ports import Key
from tokenfactory_operator.work.crew import Crew, Take
from tokenfactory_operator.work.workqueue import Urgency, WorkQueue

pytestmark = pytest.mark.looptime

HANGS, OTHER = Key("loud", "hangs"), Key("quiet", "other")


def spawn(life: Any, name: str) -> asyncio.Task[None]:  # noqa: ANN401  # a function that makes a coroutine
    """A worker as a task of its own."""
    coroutine: Coroutine[Any, Any, None] = life()
    return asyncio.create_task(coroutine, name=name)


async def test_a_worker_that_ends_while_another_one_takes_its_key_leaves_its_place() -> None:
    """An object that was changed while it was worked on is handed on; if that hangs, the others' work goes on."""
    worked: list[Key] = []

    async def work(queue: WorkQueue[Key], take: Take) -> None:
        while (key := await take()) is not None:
            worked.append(key)
            if worked == [HANGS]:
                await asyncio.sleep(0.5)
                queue.add(HANGS, Urgency.EDIT)  # changed meanwhile
            elif key == HANGS:
                await asyncio.sleep(60)
            queue.done(key)

    queue: WorkQueue[Key] = WorkQueue(share=lambda key: key.namespace)
    crew = Crew(queue, work, limit=2, spawn=spawn, name="test")
    crew.start()
    queue.add(HANGS, Urgency.EDIT)
    await asyncio.sleep(1)
    queue.add(OTHER, Urgency.EDIT)
    await asyncio.sleep(1)
    assert worked == [HANGS, HANGS, OTHER]
    queue.shut_down()
    await asyncio.gather(*crew.workers)

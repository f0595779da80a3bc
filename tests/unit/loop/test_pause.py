"""When a task was put off, so that others may have changed what it has decided from."""

from __future__ import annotations

import asyncio

import pytest

from tokenfactory_operator.loop.pause import Pause


async def nothing() -> None:
    """A coroutine that awaits nothing."""


async def test_a_task_that_was_not_put_off() -> None:
    """Neither by what it calls, nor by what is free at once."""
    pause = Pause()
    await nothing()
    async with asyncio.Lock(), asyncio.Semaphore(1):
        assert not pause.happened()


@pytest.mark.parametrize("waits", [1, 2])
async def test_a_task_that_was_put_off(waits: int) -> None:
    """Be it for one turn of the loop, and though others were ready before."""
    loop, ran = asyncio.get_running_loop(), list[int]()
    loop.call_soon(ran.append, 1)
    pause = Pause()
    loop.call_soon(ran.append, 2)
    for _ in range(waits):
        await asyncio.sleep(0)
    assert ran == [1, 2]
    assert pause.happened()


async def test_a_lock_that_somebody_holds() -> None:
    """Its holder runs, and may change anything, before this task does."""
    lock, seen = asyncio.Lock(), list[bool]()

    async def wait() -> None:
        pause = Pause()
        async with lock:
            seen.append(pause.happened())

    async with asyncio.TaskGroup() as group, lock:
        group.create_task(wait())
        await asyncio.sleep(0)
    assert seen == [True]

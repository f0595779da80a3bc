"""LISTs of many credentials at once: bounded, and the dead ones wait among themselves."""

from __future__ import annotations

import asyncio

from tokenfactory_operator.poller import ListTurns
from unit.support.waiting import until


async def hold(turns: ListTurns, *, failing: bool, running: list[bool], end: asyncio.Event) -> None:
    """A LIST that runs until the end."""
    async with turns.turn(failing=failing):
        running.append(failing)
        await end.wait()


async def test_dead_credentials_hold_up_no_healthy_one() -> None:
    """However many fail, only so many of them list at once, and every healthy one still gets its turn."""
    turns, running, end = ListTurns(healthy=2, failing=1), list[bool](), asyncio.Event()
    tasks = [asyncio.create_task(hold(turns, failing=True, running=running, end=end)) for _ in range(5)]
    tasks += [asyncio.create_task(hold(turns, failing=False, running=running, end=end)) for _ in range(3)]
    await until(lambda: len(running) == 3)
    await asyncio.sleep(0)
    assert sorted(running) == [False, False, True]
    end.set()
    await asyncio.gather(*tasks)
    assert len(running) == len(tasks)

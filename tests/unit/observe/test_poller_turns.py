"""LISTs of many credentials at once: bounded, and the dead ones wait among themselves."""

from __future__ import annotations

import asyncio

from tokenfactory_operator.observe.list_turns import ListTurns
from unit.support.waiting import until


async def hold(turns: ListTurns, namespace: str, *, failing: bool, running: list[bool], end: asyncio.Event) -> None:
    """A LIST that runs until the end."""
    async with turns.turn(namespace, failing=failing):
        running.append(failing)
        await end.wait()


async def test_dead_credentials_hold_up_no_healthy_one() -> None:
    """However many fail, only so many of them list at once, and every healthy one still gets its turn."""
    turns, running, end = ListTurns(healthy=2, failing=1), list[bool](), asyncio.Event()
    tasks = [
        asyncio.create_task(hold(turns, f"team-{number}", failing=number < 5, running=running, end=end))
        for number in range(8)
    ]
    await until(lambda: len(running) == 3)
    await asyncio.sleep(0)
    assert sorted(running) == [False, False, True]
    end.set()
    await asyncio.gather(*tasks)
    assert len(running) == len(tasks)


async def test_a_namespace_has_a_share_of_the_turns() -> None:
    """However many LISTs of one namespace do not come to an end, another's begins; the operator's own always does."""
    turns, running, end = ListTurns(healthy=4, share=2), list[str](), asyncio.Event()

    async def run(namespace: str) -> None:
        async with turns.turn(namespace, failing=False):
            running.append(namespace)
            await end.wait()

    tasks = [asyncio.create_task(run(namespace)) for namespace in (*["loud"] * 10, "a", "b", "c", "")]
    await until(lambda: len(running) == 5)
    await asyncio.sleep(0)
    assert sorted(running) == ["", "a", "b", "loud", "loud"]
    end.set()
    await asyncio.gather(*tasks)
    assert len(running) == len(tasks)

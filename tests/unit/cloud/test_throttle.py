"""Waiting as the cloud asks, the token bucket, and the places to connect. Time is virtual."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextvars import Context

import pytest

from tokenfactory_operator.cloud.throttle import Lane, Throttle
from tokenfactory_operator.domain.errors import RateLimited
from unit.cloud.support import ManualClock

virtual_time = pytest.mark.looptime


def throttle(clock: ManualClock | None = None, *, connections: int = 1, rate_limit: float | None = None) -> Throttle:
    """A throttle with one place for changes, unless told otherwise."""
    return Throttle(clock or ManualClock(), connections=connections, rate_limit=rate_limit)


async def settled() -> None:
    """Let every task run until it waits for something."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_blocks_until_the_time_is_over() -> None:
    """A wait runs down with the clock, a shorter one does not cut it, and none is longer than five minutes."""
    clock = ManualClock()
    limits = throttle(clock)
    assert limits.blocked_for() == 0
    limits.block(20)
    limits.block(5)
    assert limits.blocked_for() == 20
    clock.seconds += 15
    assert limits.blocked_for() == 5
    clock.seconds += 10
    assert limits.blocked_for() == 0
    limits.block(86_400)
    assert limits.blocked_for() == 300


@pytest.mark.parametrize(
    "enter",
    [
        pytest.param(lambda limits: limits.slot(), id="slot"),
        pytest.param(lambda limits: limits.turn(Lane.CHANGES), id="change"),
        pytest.param(lambda limits: limits.turn(Lane.INVENTORY), id="LIST"),
    ],
)
async def test_blocked_raises_at_once(enter: Callable[[Throttle], AbstractAsyncContextManager[None]]) -> None:
    """While blocked nothing is admitted; the error says for how long and that nothing was sent."""
    limits = throttle()
    limits.block(7)
    with pytest.raises(RateLimited) as raised:
        async with enter(limits):
            pytest.fail("admitted")
    assert (raised.value.retry_after, raised.value.refused) == (7, True)


async def test_a_block_that_comes_while_waiting_counts() -> None:
    """Whoever waited for a place is turned away when the credential was blocked meanwhile, and gives the place back."""
    clock = ManualClock()
    limits = throttle(clock)

    async def call() -> None:
        async with limits.turn(Lane.CHANGES):
            pytest.fail("admitted")

    async with limits.slot():
        # A worker of its own: with an empty context it holds nobody's slot.
        waiting = asyncio.create_task(call(), context=Context())
        await settled()
        limits.block(3)
    with pytest.raises(RateLimited):
        await waiting
    clock.seconds += 4
    async with limits.slot():
        pass


async def test_a_call_inside_a_slot_takes_no_second_place() -> None:
    """With a single place, calls inside its slot still go through, one after the other."""
    limits = throttle()
    async with limits.slot():
        for _ in range(2):
            async with asyncio.timeout(5), limits.turn(Lane.CHANGES):
                pass


async def test_a_slot_is_one_place_at_a_time() -> None:
    """Two tasks started inside one slot do not share its place at the same moment."""
    limits = throttle(connections=2)
    admitted = 0
    go_on = asyncio.Event()

    async def call() -> None:
        nonlocal admitted
        async with limits.turn(Lane.CHANGES):
            admitted += 1
            await go_on.wait()

    async with limits.slot():
        tasks = [asyncio.create_task(call()) for _ in range(3)]
        await settled()
        assert admitted == 2  # the slot's place, and the one that was left
        go_on.set()
        await asyncio.gather(*tasks)


async def test_a_slot_that_was_given_back_serves_nobody() -> None:
    """A task that outlives the slot it was started in needs a place of its own."""
    limits = throttle()
    left = asyncio.Event()
    admitted = asyncio.Event()

    async def straggler() -> None:
        await left.wait()
        async with limits.turn(Lane.CHANGES):
            admitted.set()

    async with limits.slot():
        task = asyncio.create_task(straggler())
    async with limits.slot():
        left.set()
        await settled()
        assert not admitted.is_set()
    await asyncio.wait_for(task, 5)


async def test_slots_of_two_credentials_do_not_mix() -> None:
    """Holding a slot of one credential is no slot of another; its own holds again after the inner one."""
    one, other = throttle(), throttle()
    async with one.slot():
        async with other.slot():
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01), one.turn(Lane.CHANGES):
                    pass
        async with asyncio.timeout(5), one.turn(Lane.CHANGES):
            pass


async def test_list_has_a_place_of_its_own() -> None:
    """With every place for changes taken, LIST goes through."""
    limits = throttle()
    go_on = asyncio.Event()

    async def change() -> None:
        async with limits.turn(Lane.CHANGES):
            await go_on.wait()

    changes = [asyncio.create_task(change()) for _ in range(5)]
    await settled()
    async with asyncio.timeout(5), limits.turn(Lane.INVENTORY):
        pass
    go_on.set()
    await asyncio.gather(*changes)


@virtual_time
@pytest.mark.parametrize(
    ("rate", "calls", "seconds"),
    [
        pytest.param(None, 100, 0, id="no limit"),
        pytest.param(5, 5, 0, id="a second's calls at once"),
        pytest.param(5, 15, 2, id="then at the rate"),
        pytest.param(0.5, 3, 4, id="one in two seconds"),
    ],
)
async def test_rate(rate: float | None, calls: int, seconds: float) -> None:
    """Calls leave at the configured rate after a burst of one second's worth."""
    limits = throttle(connections=3, rate_limit=rate)
    start = asyncio.get_running_loop().time()

    async def call() -> None:
        async with limits.turn(Lane.CHANGES):
            pass

    await asyncio.gather(*(call() for _ in range(calls)))
    assert asyncio.get_running_loop().time() - start == pytest.approx(seconds, abs=0.01)


@virtual_time
async def test_list_waits_behind_one_change() -> None:
    """A hundred changes queued for tokens delay a LIST by the one that has its turn, not by a hundred."""
    limits = throttle(connections=3, rate_limit=1)
    loop = asyncio.get_running_loop()

    async def change() -> None:
        async with limits.turn(Lane.CHANGES):
            pass

    changes = [asyncio.create_task(change()) for _ in range(100)]
    await settled()
    start = loop.time()
    async with limits.turn(Lane.INVENTORY):
        waited = loop.time() - start
    assert waited == pytest.approx(2, abs=0.01)
    for task in changes:
        task.cancel()
    await asyncio.gather(*changes, return_exceptions=True)


@virtual_time
async def test_namespaces_take_turns_at_the_tokens() -> None:
    """Whoever has called longest ago is next, however many calls of one wait; LISTs and changes alternate."""
    limits, order = throttle(connections=100, rate_limit=1), list[str]()

    async def change(namespace: str) -> None:
        async with limits.slot(namespace):
            order.append(namespace)

    async def listing() -> None:
        for _ in range(3):
            async with limits.turn(Lane.INVENTORY):
                order.append("LIST")

    tasks = [asyncio.create_task(change("loud")) for _ in range(20)]
    await settled()
    tasks += [asyncio.create_task(change(name)) for name in ("a", "b", "a")]
    tasks.append(asyncio.create_task(listing()))
    await asyncio.gather(*tasks)
    changes = [name for name in order if name != "LIST"]
    assert changes[:9] == ["loud", "loud", "a", "b", "loud", "a", "loud", "loud", "loud"]
    places = [number for number, name in enumerate(order) if name == "LIST"]
    assert places == [2, 4, 6]


@virtual_time
async def test_waiters_that_give_up_hold_up_nobody() -> None:
    """Cancelled while waiting, or just when the turn was theirs: the next one has it."""
    limits, order = throttle(connections=100, rate_limit=1), list[int]()

    async def change(number: int) -> None:
        async with limits.slot(f"n{number % 3}"):
            order.append(number)

    tasks = [asyncio.create_task(change(number)) for number in range(30)]
    await asyncio.sleep(0.5)
    for number in range(30):
        if number % 4:
            tasks[number].cancel()
        await asyncio.sleep(0.3)
    async with asyncio.timeout(60):
        await asyncio.gather(*tasks, return_exceptions=True)
        async with limits.slot("late"):
            pass
    assert {number for number in range(30) if not number % 4} <= set(order)


async def test_cancelled_waiters_leave_no_place_taken() -> None:
    """Giving up while waiting, or while holding, returns the place."""
    limits = throttle()

    async def hold() -> None:
        async with limits.slot():
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(hold()) for _ in range(3)]
    await settled()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(5), limits.slot():
        pass

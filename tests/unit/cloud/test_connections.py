"""Connections: one call at a time on each, the one used last first, and none again after a call that was cut off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tokenfactory_operator.cloud.connections import IDLE, Connections
from tokenfactory_operator.cloud.requests import Connection
from tokenfactory_operator.cloud.transport import CloudSettings
from tokenfactory_operator.domain.errors import CloudUnavailable
from unit.cloud.support import URL, reply, scripted
from unit.support.clock import LoopClock, ManualClock


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands."""
    return ManualClock()


@pytest.fixture
async def connections(clock: ManualClock) -> AsyncIterator[Connections]:
    """Connections to nowhere."""
    transport = httpx.MockTransport(scripted(reply(200, {})))
    found = Connections(CloudSettings(base_url=URL), clock=clock, transport=transport)
    yield found
    await found.aclose()


async def used(connections: Connections) -> Connection:
    """That of one call that comes to its end."""
    async with connections.one() as connection:
        return connection


async def closed(connection: Connection) -> bool:
    """Whether it is closed, a turn of the loop later."""
    await asyncio.sleep(0)
    return connection.is_closed


async def test_one_after_the_other(connections: Connections) -> None:
    """Calls in a row use one connection."""
    first = await used(connections)
    assert await used(connections) is first
    assert not await closed(first)


async def test_at_once(connections: Connections) -> None:
    """Calls at the same time have connections of their own; the one used last is taken first."""
    async with connections.one() as first:
        async with connections.one() as second:
            assert second is not first
        assert await used(connections) is second
    assert await used(connections) is first


@pytest.mark.rule("W6")
@pytest.mark.parametrize(
    "error", [CloudUnavailable("no answer"), asyncio.CancelledError()], ids=["failed", "cancelled"]
)
async def test_cut_off(connections: Connections, error: BaseException) -> None:
    """After a call that did not come to its end the connection is closed, and the next call has a new one."""
    with pytest.raises(type(error)):
        async with connections.one() as connection:
            raise error
    assert await closed(connection)
    assert await used(connections) is not connection


async def test_unused_for_long(connections: Connections, clock: ManualClock) -> None:
    """What more calls at once needed is closed by the calls that come later."""
    async with connections.one() as busy:
        spare = await used(connections)
    clock.seconds += IDLE - 1
    assert (await used(connections), await closed(spare)) == (busy, False)
    clock.seconds += 1
    assert (await used(connections), await closed(spare)) == (busy, True)


@pytest.mark.looptime
async def test_nobody_calls_any_more() -> None:
    """Unused connections are closed by the time alone, the last one too: a thousand credentials keep none open."""
    transport = httpx.MockTransport(scripted(reply(200, {})))
    found = Connections(CloudSettings(base_url=URL), clock=LoopClock(), transport=transport)
    async with found.one() as first:
        second = await used(found)
    await asyncio.sleep(IDLE - 1)
    again = await used(found)
    await asyncio.sleep(2)
    assert (again is first, await closed(first), await closed(second)) == (True, False, True)
    await asyncio.sleep(IDLE)
    assert await closed(first)
    await found.aclose()


class CountingClock(ManualClock):
    """It fails when it is asked too often."""

    asked = 0

    def monotonic(self) -> float:
        """Seconds."""
        self.asked += 1
        assert self.asked < 1_000
        return super().monotonic()


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("used_at", "ends_at"),
    [
        pytest.param(16383.971802719776, 16387.971802719774, id="the difference is less, and nothing is left"),
        pytest.param(100.0, 104.0 - 1e-9, id="less is left than a loop waits for"),
    ],
)
async def test_the_time_is_up_by_a_rounding(used_at: float, ends_at: float) -> None:
    """A timer fires up to a tick early: that is no reason to set it again and again."""
    clock = CountingClock()
    transport = httpx.MockTransport(scripted(reply(200, {})))
    found = Connections(CloudSettings(base_url=URL), clock=clock, transport=transport)
    clock.seconds = used_at
    connection = await used(found)
    clock.seconds = ends_at
    await asyncio.sleep(IDLE + 0.1)
    assert await closed(connection)
    await found.aclose()


async def test_the_end(connections: Connections) -> None:
    """The end closes all, those in use among them; nothing is sent afterwards."""
    unused = await used(connections)
    async with connections.one(), connections.one() as in_use:
        await connections.aclose()
    assert (await closed(unused), await closed(in_use)) == (True, True)
    with pytest.raises(CloudUnavailable, match="closed"):
        await used(connections)

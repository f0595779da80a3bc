"""For how long what a watch says of an object waits for the answer to a write of ours."""

from __future__ import annotations

import asyncio

import pytest

from tokenfactory_operator.kube.under_way import WAIT, WritesUnderWay

pytestmark = pytest.mark.looptime


async def waited(writes: WritesUnderWay, path: str = "/a") -> float:
    """Seconds until no write to `path` counts as under way."""
    begun = asyncio.get_running_loop().time()
    await writes.over(path)
    return asyncio.get_running_loop().time() - begun


async def write(writes: WritesUnderWay, seconds: float, path: str = "/a") -> None:
    """A write whose answer takes so long."""
    with writes.write(path):
        await asyncio.sleep(seconds)


async def test_what_nobody_writes_is_not_waited_for() -> None:
    """Another object's write is none of its business."""
    writes = WritesUnderWay()
    assert await waited(writes) == 0
    with writes.write("/b"):
        assert await waited(writes) == 0


@pytest.mark.parametrize(
    ("takes", "wait"),
    [pytest.param(0.3, 0.3, id="until the answer"), pytest.param(15.0, WAIT, id="no longer than a second")],
)
async def test_a_write_is_waited_for(takes: float, wait: float) -> None:
    """An API server that does not answer must not hold up the watch."""
    writes = WritesUnderWay()
    async with asyncio.TaskGroup() as group:
        group.create_task(write(writes, takes))
        await asyncio.sleep(0)
        assert await waited(writes) == pytest.approx(wait)
        assert await waited(writes) == 0, "a second event of the same write does not wait once more"


async def test_a_write_that_fails_is_over() -> None:
    """Whatever it fails with."""
    writes = WritesUnderWay()
    with pytest.raises(ValueError, match="refused"), writes.write("/a"):
        raise ValueError("refused")
    assert await waited(writes) == 0


async def test_the_second_of_two_writes_counts() -> None:
    """The end of an earlier one does not end it."""
    writes = WritesUnderWay()
    async with asyncio.TaskGroup() as group:
        group.create_task(write(writes, 0.1))
        await asyncio.sleep(0)
        group.create_task(write(writes, 0.5))
        await asyncio.sleep(0.2)
        assert await waited(writes) == pytest.approx(0.3)

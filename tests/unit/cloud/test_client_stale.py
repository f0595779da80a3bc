"""What is older than the request, or a part of something, proves nothing: no list, no catalog, no look by id."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tokenfactory_operator.cloud.transport import MOST_PIECES, SMALLEST_PIECE
from tokenfactory_operator.domain.errors import CloudUnavailable
from unit.cloud.support import CREATE, OPERATIONS, cloud_before, endpoint_json, every_operation, reply, scripted
from unit.cloud.support import Operation as Call

READS = ("list", "templates", "get")


@pytest.mark.rule("E37")
@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("age", ["1", "3600", "00031", "1e999", "-1", "soon", "0, 5", "9" * 60_000])
@pytest.mark.parametrize("status", [200, 404, 500])
async def test_what_a_cache_kept_is_no_answer(name: str, age: str, status: int) -> None:
    """RFC 9111, 5.1: the server was not asked; neither presence nor absence may be taken from that."""
    script = scripted(reply(status, {"data": [], **endpoint_json()}, age=age))
    async with cloud_before(script) as cloud:
        with pytest.raises(CloudUnavailable) as raised:
            await OPERATIONS[name](cloud)
    assert not raised.value.refused
    assert script.requests[0].headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("age", ["0", "00", "", " 0 ", "0, 0", "0,00"])
async def test_an_age_of_nothing_is_fresh(name: str, age: str) -> None:
    """Some servers send it with each answer."""
    async with cloud_before(scripted(reply(200, {"data": [], **endpoint_json()}, age=age))) as cloud:
        await OPERATIONS[name](cloud)


async def test_a_change_is_never_taken_from_a_cache() -> None:
    """Nothing keeps the answer to a POST: an endpoint that was made is not lost by a header."""
    async with cloud_before(scripted(reply(201, endpoint_json(), age="60"))) as cloud:
        assert (await cloud.create_endpoint(CREATE)).id == "ep-1"


@pytest.mark.rule("E37")
@pytest.mark.parametrize("status", [201, 202, 203, 205, 206, 226, 299])
async def test_only_a_200_is_a_list(status: int) -> None:
    """A 206 is a part, a 203 somebody else's version, a 202 not yet an answer."""
    async with cloud_before(scripted(reply(status, {"data": []}))) as cloud:
        with pytest.raises(CloudUnavailable):
            await cloud.list_endpoints()


@every_operation
async def test_small_pieces_are_not_read_to_their_end(operation: Call) -> None:
    """Each piece of an answer costs time, however small it is; so the answer is given up long before its limit."""
    sent = 0

    async def crumbs() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" "

    async with cloud_before(scripted(httpx.Response(200, content=crumbs()))) as cloud:
        with pytest.raises(CloudUnavailable, match="small pieces"):
            await operation(cloud)
    assert sent <= MOST_PIECES + sent // SMALLEST_PIECE + 1

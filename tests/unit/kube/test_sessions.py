"""Informational answers (1xx) of the API server: a few are read over, and any number is a failed call."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.errors import NoAnswer
from tokenfactory_operator.kube.sessions import MOST_INFORMATIONAL
from tokenfactory_operator.kube.watch_session import Failed
from tokenfactory_operator.process import handlers
from unit.kube.loopback import Loopback, client_of
from unit.support.raw_server import HINT, raw_server

OBJECT = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"kind": 7}'
WITHOUT_END = [
    pytest.param(HINT * 1000, id="many at once"),
    pytest.param(HINT, id="one by one"),
    pytest.param(b"HTTP/1.1 100 Continue\r\nA: " + b"b" * 7000 + b"\r\n\r\n", id="long ones"),
]


@contextlib.asynccontextmanager
async def api_server(piece: bytes, *, times: int | None, then: bytes = b"") -> AsyncIterator[Loopback]:
    """See `raw_server`."""
    async with raw_server(piece, times=times, then=then) as address:
        yield Loopback(address)


@contextlib.asynccontextmanager
async def without_end(piece: bytes) -> AsyncIterator[KubeClient]:
    """A client of a server that says that for ever, and half of the time that a call has."""
    async with api_server(piece, times=None) as server, client_of(server, request_timeout=60.0) as client:
        async with asyncio.timeout(30.0):
            yield client


@pytest.mark.parametrize("piece", WITHOUT_END)
async def test_informational_answers_without_end(piece: bytes) -> None:
    """The call fails at once, and not when its time is over."""
    async with without_end(piece) as client:
        with pytest.raises(NoAnswer, match="before the head"):
            await client.request("GET", "/x")


@pytest.mark.parametrize("piece", WITHOUT_END)
async def test_informational_answers_without_end_to_kopf(piece: bytes) -> None:
    """A watch fails, too, and is tried again."""
    async with without_end(piece) as client:
        session = handlers.session_of(client, handlers.build_settings("")).aiohttp_session
        async with session:
            with pytest.raises(Failed, match="before the head"):
                await session.get(f"{client.server}/x?watch=true")


@pytest.mark.parametrize("hints", [0, 1, MOST_INFORMATIONAL])
async def test_a_few_informational_answers(hints: int) -> None:
    """They say nothing, and each call on a connection has its own."""
    async with api_server(HINT, times=hints, then=OBJECT) as server, client_of(server) as client:
        for _ in range(3):
            assert await client.request("GET", "/x") == {"kind": 7}

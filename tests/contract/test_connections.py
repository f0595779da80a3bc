"""Calls that are cut off, at whatever moment: every connection of the credential stays usable."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import pytest

from contract.client_support import client_of
from tokenfactory_operator.cloud.client import HttpCloud

CONNECTIONS: Final = 3
STEPS: Final = 40
"""Turns of the event loop; a call takes 10 to 25 of them."""


class Server:
    """Answers every request with an empty list; `closes` says whether a connection is good for one request only."""

    def __init__(self) -> None:
        """Count what comes."""
        self.url = ""
        self.closes = False
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until an end closes it."""
        self.connections += 1
        close = b"connection: close\r\n" if self.closes else b""
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\n" + close + b'content-length: 11\r\n\r\n{"data":[]}')
                await writer.drain()
                if self.closes:
                    break
        self.connections -= 1
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server on loopback."""
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listening:
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield server


async def until_at_most(server: Server, connections: int) -> None:
    """Wait until the server has no more connections than that."""
    async with asyncio.timeout(10):
        while server.connections > connections:  # noqa: ASYNC110 - the server's own count has no event
            await asyncio.sleep(0.01)


async def cut_off(cloud: HttpCloud, step: int) -> None:
    """A call that is cancelled after `step` turns of the loop."""
    call = asyncio.create_task(cloud.list_endpoints())
    for _ in range(step):
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)


@pytest.mark.rule("W6", "X21")
@pytest.mark.parametrize("closes", [pytest.param(False, id="kept"), pytest.param(True, id="new for each call")])
async def test_cut_off_at_every_step(server: Server, closes: bool) -> None:  # noqa: FBT001
    """More calls than there are connections end at the same await; the next call is answered, and none stays open."""
    server.closes = closes
    async with client_of(server, request_timeout=10.0, max_connections=CONNECTIONS) as cloud:
        for step in range(STEPS):
            for _ in range(2 * CONNECTIONS):
                await cloud.list_endpoints()
                await cut_off(cloud, step)
            assert (await cloud.list_endpoints()).complete, f"after {step} steps"
        await until_at_most(server, 1)
    await until_at_most(server, 0)

"""What comes without being asked for is the answer to nothing: a connection that has more to say is not used again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr

from tokenfactory_operator.cloud.client import HttpCloud
from tokenfactory_operator.cloud.heads import PIECE
from tokenfactory_operator.cloud.transport import CloudSettings
from unit.support.clock import LoopClock

PEM: Final = Path(__file__).with_name("test_server.pem")
MOMENT: Final = 0.05
"""Seconds."""

Say = Callable[[int], list[bytes]]
"""What is written for the request of this number, one write (and so one record of TLS) after the other. Nothing stands
for a moment's pause."""


def answer(body: bytes, *, size: int = 0) -> bytes:
    """An answer with this body; filled up to so many bytes."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Fill: %s\r\nContent-Length: %d\r\n\r\n"
    plain = head % (b"", len(body)) + body
    return head % (b"x" * (size - len(plain)), len(body)) + body


def listed(number: int, *, size: int = 0) -> bytes:
    """The list that the request of this number is to get."""
    return answer(json.dumps({"data": [{"id": f"ep-{number}"}]}).encode(), size=size)


EMPTY: Final = answer(b'{"data": []}')
SURPLUS: Final[dict[str, Say]] = {
    "another answer behind it": lambda n: [listed(n) + EMPTY],
    "another answer in a write of its own": lambda n: [listed(n), EMPTY],
    "another answer at the end of what is read at once": lambda n: [listed(n, size=PIECE) + EMPTY],
    "another answer a moment later": lambda n: [listed(n), b"", EMPTY],
    "half a head": lambda n: [listed(n) + b"HTTP/1.1 404 Not Found\r\nX: "],
    "a byte too many": lambda n: [listed(n) + b"}"],
    "blank lines": lambda n: [listed(n) + b"\r\n\r\n"],
}


@contextlib.asynccontextmanager
async def cloud(say: Say, *, tls: bool) -> AsyncIterator[tuple[HttpCloud, list[int]]]:
    """A client of such a server, and before which request each connection was made."""
    count, made = 0, list[int]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        made.append(count)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                count += 1
                for piece in say(count):
                    writer.write(piece)
                    await asyncio.sleep(0 if piece else MOMENT)
                await writer.drain()
        writer.close()

    offered = None
    if tls:
        offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        offered.load_cert_chain(PEM)
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=offered) as server:
        address = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        settings = CloudSettings(base_url=address, request_timeout=3.0, trust_env=False, ca_bundle=PEM)
        async with HttpCloud(settings, token=lambda: SecretStr("t"), clock=LoopClock()) as client:
            yield client, made


@pytest.mark.rule("E37", "X44")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("say", [pytest.param(say, id=case) for case, say in SURPLUS.items()])
async def test_no_answer_is_another_requests(say: Say, *, tls: bool) -> None:
    """Each list shows what this request was answered with, whatever lay behind the answer before."""
    async with cloud(say, tls=tls) as (client, _):
        for number in (1, 2, 3):
            seen = await client.list_endpoints()
            assert ([item.id for item in seen.endpoints], seen.complete) == ([f"ep-{number}"], True)
            await asyncio.sleep(2 * MOMENT if b"" in say(number) else 0)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
async def test_an_honest_server(*, tls: bool) -> None:
    """Its one connection serves call after call."""
    async with cloud(lambda number: [listed(number)], tls=tls) as (client, made):
        for number in (1, 2, 3, 4):
            assert [item.id for item in (await client.list_endpoints()).endpoints] == [f"ep-{number}"]
    assert made == [0]

"""Informational answers (1xx) before the head of an answer: a few are read over, and any number is a failed call."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from tokenfactory_operator.cloud.client import HttpCloud
from tokenfactory_operator.cloud.heads import HEAD_LIMIT
from tokenfactory_operator.cloud.transport import CloudSettings
from tokenfactory_operator.domain.errors import CloudUnavailable
from unit.support.clock import LoopClock
from unit.support.raw_server import HINT, raw_server

DESCRIPTION = "x" * 3000


def listed() -> bytes:
    """A list of more bytes than may come before a head."""
    item = f'{{"id": "e", "name": "n", "description": "{DESCRIPTION}"}}'
    body = f'{{"endpoints": [{", ".join([item] * 50)}]}}'.encode()
    assert len(body) > HEAD_LIMIT
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@contextlib.asynccontextmanager
async def cloud(piece: bytes, *, times: int | None, then: bytes = b"") -> AsyncIterator[HttpCloud]:
    """A client of `raw_server`."""
    async with raw_server(piece, times=times, then=then) as address:
        settings = CloudSettings(base_url=address, request_timeout=60.0, trust_env=False)
        async with HttpCloud(settings, token=lambda: SecretStr("t"), clock=LoopClock()) as client:
            yield client


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(HINT * 1000, id="many at once"),
        pytest.param(HINT, id="one by one"),
        pytest.param(b"HTTP/1.1 100 Continue\r\nA: " + b"b" * 9000 + b"\r\n\r\n", id="long ones"),
    ],
)
async def test_informational_answers_without_end(piece: bytes) -> None:
    """The call fails at once, and not when its time is over."""
    async with cloud(piece, times=None) as client, asyncio.timeout(30.0):
        with pytest.raises(CloudUnavailable, match="before the head"):
            await client.get_endpoint("e")


@pytest.mark.parametrize("hints", [0, 1, 20])
async def test_a_few_informational_answers(hints: int) -> None:
    """They say nothing, and each call has its own."""
    async with cloud(HINT, times=hints, then=listed()) as client:
        for _ in range(3):
            assert len((await client.list_endpoints()).endpoints) == 1

"""Those who connect and ask nothing, or too much, take nothing away from the kubelet's probe."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tokenfactory_operator.settings import ListenAddress
from tokenfactory_operator.telemetry import doors
from tokenfactory_operator.telemetry.health import HealthServer
from tokenfactory_operator.telemetry.metrics import Metrics
from unit.support.waiting import until

ANYWHERE = ListenAddress("127.0.0.1", 0)
Silent = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def server() -> HealthServer:
    return HealthServer(health_address=ANYWHERE, metrics_address=None, exposition=Metrics(version="1").render)


async def connected(port: int | None, count: int, text: bytes = b"") -> list[Silent]:
    """So many connections that have sent this much."""
    made = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    for _, writer in made:
        writer.write(text)
    return made


async def is_closed(reader: asyncio.StreamReader) -> bool:
    """Whether the server has ended it."""
    try:
        return not await asyncio.wait_for(reader.read(1), 10.0)
    except ConnectionError:
        return True


@pytest.mark.parametrize("text", [b"", b"GET /livez HTTP/1.1\r\nX: "], ids=["nothing asked", "half a request"])
async def test_the_oldest_makes_room(text: bytes) -> None:
    """More connections than are allowed: a probe is answered all the same, and the first ones are closed."""
    async with server() as health:
        held = await connected(health.health_port, doors.MOST * 2, text)
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{health.health_port}/livez", timeout=10.0)
        assert answer.status_code == 200
        assert all([await is_closed(reader) for reader, _ in held[: doors.MOST]])
        for _, writer in held:
            writer.close()


async def test_none_outlives_its_time() -> None:
    """A connection ends by itself, whatever it does; what is over is no longer counted."""
    made: list[asyncio.Protocol] = []

    def inner() -> asyncio.Protocol:
        made.append(asyncio.Protocol())
        return made[-1]

    loop = asyncio.get_running_loop()
    listening = await loop.create_server(doors.Doors(inner, longest=0.05), "127.0.0.1", 0)
    ((reader, writer),) = await connected(listening.sockets[0].getsockname()[1], 1, b"hello")
    assert await is_closed(reader)
    await until(lambda: len(made) == 1)
    writer.close()
    listening.close()


@pytest.mark.parametrize(
    "request_text",
    [
        pytest.param(b"GET /livez HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 100_000 + b"\r\n\r\n", id="a long header"),
        pytest.param(b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", id="a long path"),
        pytest.param(b"\x16\x03\x01 not HTTP \xff\r\n\r\n", id="no HTTP"),
    ],
)
async def test_a_request_out_of_bounds_is_refused(request_text: bytes) -> None:
    """It is answered with an error, or not at all; the next probe is answered."""
    async with server() as health:
        ((reader, writer),) = await connected(health.health_port, 1, request_text)
        answer = await asyncio.wait_for(reader.readline(), 10.0)
        assert b" 400 " in answer or answer == b""
        writer.close()
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"http://127.0.0.1:{health.health_port}/livez")).status_code == 200

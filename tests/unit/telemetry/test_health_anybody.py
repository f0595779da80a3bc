"""Anybody in the cluster's network may ask for the probes and the metrics, in whatever form: it costs little."""

from __future__ import annotations

import asyncio
import io

import httpx
import pytest

from tokenfactory_operator.settings import ListenAddress
from tokenfactory_operator.telemetry.health import HealthServer
from tokenfactory_operator.telemetry.logging import configure_logging
from tokenfactory_operator.telemetry.metrics import Metrics

ANYWHERE = ListenAddress("127.0.0.1", 0)
METRICS = Metrics(version="1")

REQUESTS = [
    pytest.param(b"GET /livez HTTP/1.1\r\nX: " + b"a" * 100_000, id="a long header"),
    pytest.param(b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", id="a negative length"),
    pytest.param(
        b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        id="two lengths",
    ),
    pytest.param(bytes(range(256)), id="no HTTP"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS"),
    pytest.param(b"GET /livez%00%ff?\xff HTTP/1.1\r\nHost: \xff\r\n\r\n", id="an odd address"),
    pytest.param(
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text; version=a\r\n\r\n", id="no form"
    ),
]


def server(exposition: object = METRICS.render) -> HealthServer:
    return HealthServer(health_address=ANYWHERE, metrics_address=ANYWHERE, exposition=exposition)  # type: ignore[arg-type]  # of the tests


@pytest.mark.parametrize("request_", REQUESTS)
async def test_odd_requests_fill_no_log(request_: bytes) -> None:
    """Each is answered or ended, and none leaves a line: there may be thousands."""
    stream = io.StringIO()
    configure_logging(log_level="debug", stream=stream)
    async with server() as health:
        before = stream.getvalue()
        reader, writer = await asyncio.open_connection("127.0.0.1", health.health_port)
        writer.write(request_)
        await asyncio.wait_for(reader.read(100), 10.0)
        writer.close()
        assert stream.getvalue() == before
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"http://127.0.0.1:{health.health_port}/livez")).status_code == 200


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text; version=a", "text/plain; escaping=\udcff;;=", ";", "=" * 900]
)
def test_a_form_that_is_none_gets_the_plain_one(accept: str) -> None:
    """What cannot be read is no reason to answer nothing."""
    body, content_type = METRICS.render(accept)
    assert content_type.startswith("text/plain")
    assert b"tokenfactory_build_info" in body


async def test_many_who_ask_get_the_same() -> None:
    """However many ask, and in whatever words: the metrics are made once for each form."""
    made: list[str] = []

    def exposition(accept: str) -> tuple[bytes, str]:
        made.append(accept)
        return METRICS.render(accept)

    modern = "application/openmetrics-text; version=1.0.0"
    async with server(exposition) as health, httpx.AsyncClient(trust_env=False) as client:
        asyncio.get_running_loop().time = lambda: 7.0  # type: ignore[method-assign]  # time stands still
        for number in range(10):
            for accept in (modern, f"text/plain;q=0.{number}", "*/*"):
                answer = await client.get(f"http://127.0.0.1:{health.metrics_port}/metrics", headers={"Accept": accept})
                assert answer.text.endswith("# EOF\n") == (accept == modern)
    assert sorted(made) == ["", modern]

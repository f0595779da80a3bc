"""A connection that never came about sent nothing: the create is surely not done, whatever stage it failed at."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from contract.client_support import CREATE, TOKEN, SystemClock
from tokenfactory_operator.cloud.client import HttpCloud
from tokenfactory_operator.cloud.transport import CloudSettings
from tokenfactory_operator.domain.errors import CloudError

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[str]:
    """A TCP server's `host:port`."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    listening = await asyncio.start_server(served, "127.0.0.1", 0)
    async with listening:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def _create(url: str, *, request_timeout: float = 10.0, trust_env: bool = False) -> CloudError:
    settings = CloudSettings(base_url=url, trust_env=trust_env, request_timeout=request_timeout)
    async with HttpCloud(settings, token=lambda: SecretStr(TOKEN), clock=SystemClock()) as cloud:
        with pytest.raises(CloudError) as raised:
            await cloud.create_endpoint(CREATE)
    return raised.value


async def _plain_text(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.transport.abort()


async def _silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def test_nobody_listens() -> None:
    """ECONNREFUSED."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refuses, and nobody else gets the port
        assert (await _create(f"http://127.0.0.1:{taken.getsockname()[1]}")).refused


async def test_no_such_name() -> None:
    """DNS; the domain is reserved for this (RFC 2606)."""
    assert (await _create("http://api.invalid")).refused


@pytest.mark.parametrize("serve", [_plain_text, _hang_up, _silence], ids=["no TLS", "hangs up", "silent"])
async def test_no_tls(serve: Serve) -> None:
    """The handshake fails, or does not end within the time of the whole request."""
    async with server(serve) as address:
        assert (await _create(f"https://{address}", request_timeout=1.0)).refused


# httpcore 1.0 leaves the proxy's connection to the collector where it answers CONNECT with an error.
@pytest.mark.filterwarnings("ignore:.*:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("serve", [_refuse, _hang_up, _silence], ids=["refuses", "hangs up", "silent"])
async def test_a_proxy_that_does_not_connect(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """CONNECT is no request to the cloud."""
    async with server(serve) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        monkeypatch.setenv("NO_PROXY", "")
        assert (await _create("https://api.invalid", request_timeout=1.0, trust_env=True)).refused
    gc.collect()  # here, and not in the next test


@pytest.mark.parametrize("serve", [_hang_up, _silence], ids=["hangs up", "silent"])
async def test_what_was_connected_may_have_heard(serve: Serve) -> None:
    """From the first byte of the request on, no answer leaves the outcome open."""
    async with server(serve) as address:
        assert not (await _create(f"http://{address}", request_timeout=3.0)).refused

"""A reverse proxy between the operator and one server, which lets a test act before and after each HTTP call.

It forwards what it is given byte for byte and knows nothing of Kubernetes or of the cloud. What happens at a call's
two moments is the gate's business. All proxies of a run live in one event loop in a thread of its own, so that plain
synchronous tests can use them.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

T = TypeVar("T")

_STEP_TIMEOUT: Final = 30.0
"""Seconds for what a test asks of the loop."""
_HOP_BY_HOP: Final = ("connection", "keep-alive", "transfer-encoding", "content-length", "host", "upgrade")
_NO_LIMIT: Final = aiohttp.ClientTimeout(total=None)


class Side(StrEnum):
    """The two moments of a call."""

    BEFORE = "before"
    """The request is here whole, and the server knows nothing of it."""
    AFTER = "after"
    """The server has answered, and the client knows nothing of it (of a stream: its head)."""


@dataclass(frozen=True)
class Call:
    """One HTTP request."""

    number: int
    """Counted by its proxy, from 1."""
    method: str
    path: str
    query: str
    body: bytes


class Cut(Exception):
    """Raised by a gate: the client's connection is dropped without an answer."""


Gate = Callable[[Call, Side], Awaitable[None]]
"""Awaited at each moment of each call; the call goes on when it returns."""


async def let_pass(_call: Call, _side: Side) -> None:
    """The gate that does nothing."""


class Proxy:
    """Serves `upstream` on a free port of 127.0.0.1; use it through `ProxyHost.proxy`."""

    def __init__(
        self,
        upstream: str,
        *,
        gate: Gate = let_pass,
        upstream_tls: ssl.SSLContext | None = None,
        own_tls: ssl.SSLContext | None = None,
    ) -> None:
        self.url = ""
        self.gate = gate
        self._upstream = upstream
        self._upstream_tls: ssl.SSLContext | bool = upstream_tls or True
        self._own_tls = own_tls
        self._numbers = itertools.count(1)
        self._open: dict[asyncio.Task[Any], web.BaseRequest] = {}
        self._runner: web.ServerRunner | None = None
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Listen."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60, ssl=self._upstream_tls)
        self._session = aiohttp.ClientSession(
            connector=connector, auto_decompress=False, timeout=_NO_LIMIT, cookie_jar=aiohttp.DummyCookieJar()
        )
        self._runner = web.ServerRunner(web.Server(self._serve, keepalive_timeout=300.0), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._own_tls)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"{'https' if self._own_tls else 'http'}://{host}:{port}"

    async def stop(self) -> None:
        """Drop everything and listen no longer."""
        self.drop()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    def drop(self) -> None:
        """Cut every call that is under way, streams too, but the one that asks for it; only from the proxies' loop."""
        current = asyncio.current_task()
        for task, request in list(self._open.items()):
            if task is not current:
                _abort(request)
                task.cancel()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = request
        try:
            return await self._exchange(request)
        except (Cut, aiohttp.ClientError, OSError):
            # The client is told nothing; where the server has cut the connection, neither is it told more than that.
            _abort(request)
            return web.Response(status=502)
        finally:
            del self._open[task]

    async def _exchange(self, request: web.BaseRequest) -> web.StreamResponse:
        call = Call(next(self._numbers), request.method, request.path, request.query_string, await request.read())
        await self.gate(call, Side.BEFORE)
        assert self._session is not None
        async with self._session.request(
            call.method,
            f"{self._upstream}{request.raw_path}",
            headers=_forwarded(request.headers),
            data=call.body or None,
            allow_redirects=False,
        ) as answer:
            if "watch=" in call.query:
                return await self._stream(request, call, answer)
            content = await answer.read()
            await self.gate(call, Side.AFTER)
            return web.Response(status=answer.status, headers=_forwarded(answer.headers), body=content)

    async def _stream(self, request: web.BaseRequest, call: Call, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        await self.gate(call, Side.AFTER)
        stream = web.StreamResponse(status=answer.status, headers=_forwarded(answer.headers))
        await stream.prepare(request)
        async for chunk in answer.content.iter_any():
            await stream.write(chunk)
        return stream


def _abort(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


def _forwarded(headers: Any) -> CIMultiDict[str]:  # noqa: ANN401  # aiohttp's several kinds of multidict
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP)


class ProxyHost:
    """The loop that the proxies of a run live in."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Have a coroutine run in the loop; answers what it answers."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_STEP_TIMEOUT)

    @contextmanager
    def proxy(self, proxy: Proxy) -> Iterator[Proxy]:
        """Serve it for as long as the context lasts."""
        self.run(proxy.start())
        try:
            yield proxy
        finally:
            self.run(proxy.stop())

    def close(self) -> None:
        """End the loop and its thread."""
        self.run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STEP_TIMEOUT)
        self._loop.close()

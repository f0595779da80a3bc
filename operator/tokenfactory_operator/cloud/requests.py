"""The requests of one credential, and the connection that one is sent on: httpx at the level of its transports.

The address, the headers and the times that all requests have in common are made once. A client of httpx merges them
again for each call, with cookies, hooks, redirects and a flow of authentication, none of which is wanted here (ADR 53).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import httpx
from pydantic import SecretStr

from tokenfactory_operator.cloud.call import Call
from tokenfactory_operator.cloud.heads import Heads, left_over

ADDRESSES: Final = 8
"""Addresses that are remembered: those of the catalog, the LIST and the POST are the same each time."""

Trace = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Told of each step of a request (httpcore's extension `trace`)."""


class Requests:
    """Makes them. It sends nothing, and keeps no token."""

    def __init__(self, base_url: str, *, request_timeout: float, connect_timeout: float, agent: str) -> None:
        """Times are in seconds."""
        self._base = httpx.URL(base_url)
        connect = min(connect_timeout, request_timeout)
        timeout = httpx.Timeout(connect=connect, read=request_timeout, write=request_timeout, pool=connect)
        self._timeouts = timeout.as_dict()
        self._headers = [
            (b"Host", self._base.netloc),
            (b"User-Agent", agent.encode()),
            (b"Accept", b"application/json"),
            (b"Cache-Control", b"no-cache"),  # what a cache kept would prove nothing
            (b"Accept-Encoding", b"identity"),  # a compressed answer can be a thousand times as large as it came
            (b"Connection", b"keep-alive"),
        ]
        self._address = functools.lru_cache(ADDRESSES)(self._joined)

    def of(self, call: Call, token: SecretStr, trace: Trace) -> httpx.Request:
        """The signed request of a call."""
        headers = [*self._headers, (b"Authorization", b"Bearer " + token.get_secret_value().encode())]
        content = b""
        if call.body is not None:
            content = json.dumps(call.body).encode()
            headers += ((b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % len(content)))
        return httpx.Request(
            call.method,
            self._address(call.path, tuple(call.params.items())),
            headers=headers,
            stream=httpx.ByteStream(content),
            extensions={"timeout": self._timeouts, "trace": trace},
        )

    def _joined(self, path: str, params: tuple[tuple[str, str], ...]) -> httpx.URL:
        base = self._base.raw_path
        joined = (base if base.endswith(b"/") else base + b"/") + httpx.URL(path).raw_path.lstrip(b"/")
        address = self._base.copy_with(raw_path=joined)
        return address.copy_merge_params(dict(params)) if params else address


class Connection:
    """One connection to the cloud, which serves one call at a time."""

    def __init__(self, transport: httpx.AsyncBaseTransport, requests: Requests, heads: Heads | None = None) -> None:
        """`transport` has one connection at most, of `heads`. Nothing is connected before the first request."""
        self._transport = transport
        self._heads = heads
        self.requests = requests
        self.is_closed = False

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send it once; the answer has its head only, and is to be closed. Raises what httpx raises."""
        if self.is_closed:
            raise RuntimeError("the connection was closed")
        if self._heads is None:
            return await self._transport.handle_async_request(request)
        self._heads.await_head()
        answer = await self._transport.handle_async_request(request)
        self._heads.head_came()
        return answer

    async def quiet(self) -> bool:
        """Whether it can serve another call: nothing has come but the answers that were asked for."""
        return self._heads is None or (not left_over(self._transport) and await self._heads.quiet())

    async def aclose(self) -> None:
        """Close it; a call that is under way fails."""
        self.is_closed = True
        await self._transport.aclose()

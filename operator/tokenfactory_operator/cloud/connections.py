"""The connections of one credential: each serves one call at a time, and a call that is cut off takes its own with it.

One HTTP client for all of them would be simpler, but its pool loses a place for good where a call is cancelled between
two of its awaits (httpcore 1.0; ADR 18), and the time-out of a whole call is a cancellation. A client is therefore one
connection here, used again only after a call that came to its end. How many there are at once is `Throttle`'s business.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx

from tokenfactory_operator.cloud.transport import CloudSettings, tls_context
from tokenfactory_operator.domain.errors import CloudUnavailable
from tokenfactory_operator.ports import Clock
from tokenfactory_operator.version import operator_version

IDLE: Final = 4.0
"""Seconds that an unused connection is kept. Below the shortest idle time-out that servers commonly have (5 s): a POST
on a connection that the server is just closing would end with its outcome unknown, which costs far more than a new
connection."""


class Connections:
    """Clients of one connection each. Close them with `aclose`."""

    def __init__(
        self,
        settings: CloudSettings,
        *,
        clock: Clock,
        tls: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`tls` is shared between credentials; `transport` replaces the network in tests.

        Raises:
            ValueError: the CA bundle of the settings, or the environment's proxy, cannot be used.
        """
        self._settings = settings
        self._clock = clock
        self._tls = tls or tls_context(settings.ca_bundle)
        self._transport = transport
        self._proxy = settings.proxy
        self._agent = f"tokenfactory-operator/{operator_version()}"
        self._idle: list[tuple[httpx.AsyncClient, float]] = []
        """With the clock's time since which each is unused. The one used last is at the end, and is taken first."""
        self._open: set[httpx.AsyncClient] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client for one call; left by an exception, a cancellation among them, it is not used again.

        Raises:
            CloudUnavailable: `aclose` was called before.
        """
        client = self._idle.pop()[0] if self._idle else self._new()
        try:
            yield client
        except BaseException:
            self._drop(client)
            raise
        else:
            self._keep(client)

    async def aclose(self) -> None:
        """Close them all; calls under way fail, later ones too."""
        self._closed = True
        self._idle.clear()
        if self._timer is not None:
            self._timer.cancel()
        for client in tuple(self._open):
            self._drop(client)
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _keep(self, client: httpx.AsyncClient) -> None:
        if not self._closed:
            self._idle.append((client, self._clock.monotonic()))
        self._expire()

    def _expire(self) -> None:
        """Close those that have been idle for long, and come back when the next one has: nobody may call again."""
        now = self._clock.monotonic()
        while self._idle and now - self._idle[0][1] >= IDLE:
            self._drop(self._idle.pop(0)[0])
        if self._timer is not None:
            self._timer.cancel()
        left = self._idle[0][1] + IDLE - now if self._idle else 0.0
        self._timer = asyncio.get_running_loop().call_later(left, self._expire) if self._idle else None

    def _drop(self, client: httpx.AsyncClient) -> None:
        """Close `client` in a task of its own: whoever calls may be cancelled again before it is done."""
        if client in self._open:
            self._open.discard(client)
            closing = asyncio.get_running_loop().create_task(client.aclose())
            self._closing.add(closing)
            closing.add_done_callback(self._ended)

    def _ended(self, closing: asyncio.Task[None]) -> None:
        self._closing.discard(closing)
        if not closing.cancelled():
            closing.exception()  # a connection that ends badly has ended all the same

    def _new(self) -> httpx.AsyncClient:
        if self._closed:
            raise CloudUnavailable("nothing is sent: the connections of this credential were closed", refused=True)
        client = self._made()
        self._open.add(client)
        return client

    def _made(self) -> httpx.AsyncClient:
        settings = self._settings
        whole, connect = settings.request_timeout, min(settings.connect_timeout, settings.request_timeout)
        return httpx.AsyncClient(
            base_url=settings.base_url,
            headers={
                "User-Agent": self._agent,
                "Accept": "application/json",
                "Cache-Control": "no-cache",  # what a cache kept would prove nothing
                "Accept-Encoding": "identity",  # a compressed answer can be a thousand times as large as it came
            },
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            verify=self._tls,
            timeout=httpx.Timeout(connect=connect, read=whole, write=whole, pool=connect),
            limits=httpx.Limits(max_connections=1, keepalive_expiry=IDLE),
            follow_redirects=False,
            trust_env=False,
            proxy=self._proxy,
            transport=self._transport,  # httpx's own never retries unless told so
        )

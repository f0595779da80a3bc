"""The connections of one credential: each serves one call at a time, and a call that is cut off takes its own with it.

One pool for all of them would be simpler, but it loses a place for good where a call is cancelled between two of its
awaits (httpcore 1.0; ADR 18), and the time-out of a whole call is a cancellation. A transport of httpx is therefore one
connection here, used again only after a call that came to its end. How many there are at once is `Throttle`'s business.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Final

import httpx

from tokenfactory_operator.cloud.heads import Heads
from tokenfactory_operator.cloud.requests import Connection, Requests
from tokenfactory_operator.cloud.transport import CloudSettings, tls_context
from tokenfactory_operator.domain.errors import CloudUnavailable
from tokenfactory_operator.ports import Clock
from tokenfactory_operator.version import operator_version

TICK: Final = 1e-3
"""Seconds that a timer may fire early."""
IDLE: Final = 4.0
"""Seconds that an unused connection is kept. Below the shortest idle time-out that servers commonly have (5 s): a POST
on a connection that the server is just closing would end with its outcome unknown, which costs far more than a new
connection."""


class Connections:
    """Made when they are needed. Close them with `aclose`."""

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
        self._clock = clock
        self._tls = tls or tls_context(settings.ca_bundle)
        self._transport = transport
        self._proxy = settings.proxy(self._tls)
        self._requests = Requests(
            settings.base_url,
            request_timeout=settings.request_timeout,
            connect_timeout=settings.connect_timeout,
            agent=f"tokenfactory-operator/{operator_version()}",
        )
        self._idle: list[tuple[Connection, float]] = []
        """With the clock's time since which each is unused. The one used last is at the end, and is taken first."""
        self._open: set[Connection] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[Connection]:
        """A connection for one call; left by an exception, a cancellation among them, it is not used again.

        Raises:
            CloudUnavailable: `aclose` was called before.
        """
        connection = await self._quiet()
        try:
            yield connection
        except BaseException:
            self._drop(connection)
            raise
        else:
            self._keep(connection)

    async def aclose(self) -> None:
        """Close them all; calls under way fail, later ones too."""
        self._closed = True
        self._idle.clear()
        if self._timer is not None:
            self._timer.cancel()
        for connection in tuple(self._open):
            self._drop(connection)
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _quiet(self) -> Connection:
        """One that can serve a call; those that have something to say are closed."""
        while self._idle:
            connection, _ = self._idle.pop()
            quiet = False
            try:
                quiet = await connection.quiet()
            finally:
                if not quiet:
                    self._drop(connection)
            if quiet:
                return connection
        return self._new()

    def _keep(self, connection: Connection) -> None:
        if not self._closed:
            self._idle.append((connection, self._clock.monotonic()))
        self._drop_unused()
        if self._idle and self._timer is None:  # one that runs looks again by itself
            self._timer = asyncio.get_running_loop().call_later(IDLE, self._expire)

    def _drop_unused(self) -> float:
        """Close those that have been idle for long; answers the seconds until the next one has."""
        now = self._clock.monotonic()
        while self._idle and self._idle[0][1] + IDLE - now <= TICK:
            self._drop(self._idle.pop(0)[0])
        return self._idle[0][1] + IDLE - now if self._idle else 0.0

    def _expire(self) -> None:
        """Nobody may call again: so the time alone closes them."""
        left = self._drop_unused()
        self._timer = asyncio.get_running_loop().call_later(left, self._expire) if self._idle else None

    def _drop(self, connection: Connection) -> None:
        """Close `connection` in a task of its own: whoever calls may be cancelled again before it is done."""
        if connection in self._open:
            self._open.discard(connection)
            closing = asyncio.get_running_loop().create_task(connection.aclose())
            self._closing.add(closing)
            closing.add_done_callback(self._ended)

    def _ended(self, closing: asyncio.Task[None]) -> None:
        self._closing.discard(closing)
        if not closing.cancelled():
            closing.exception()  # a connection that ends badly has ended all the same

    def _new(self) -> Connection:
        if self._closed:
            raise CloudUnavailable("nothing is sent: the connections of this credential were closed", refused=True)
        connection = self._made()
        self._open.add(connection)
        return connection

    def _made(self) -> Connection:
        if self._transport is not None:
            return Connection(self._transport, self._requests)
        transport = httpx.AsyncHTTPTransport(  # which never repeats a request unless told so
            verify=self._tls,
            trust_env=False,
            limits=httpx.Limits(max_connections=1, keepalive_expiry=IDLE),
            proxy=self._proxy,
        )
        return Connection(transport, self._requests, Heads.of(transport))

"""Bounds on who may be connected to the probes and the metrics: how many at once, and for how long.

Anybody in the cluster's network may connect. Without bounds a thousand connections that ask nothing take every file
descriptor of the process, and the kubelet's probe gets no answer. So a new connection takes the place of the oldest,
and none outlives its time: a probe or a scrape is over in a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

MOST: Final = 100
"""Connections at once, for each address."""
LONGEST: Final = 30.0
"""Seconds for one connection, whatever it does."""


class Doors:
    """A factory of protocols for `loop.create_server`, over another one's."""

    def __init__(self, factory: Callable[[], asyncio.Protocol], *, most: int = MOST, longest: float = LONGEST) -> None:
        """`factory` makes what serves one connection; `longest` is in seconds."""
        self._factory = factory
        self._most = most
        self._longest = longest
        self._open: dict[_Door, asyncio.TimerHandle] = {}

    def __call__(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        return _Door(self._factory(), self)

    def opened(self, door: _Door) -> None:
        """One more; the oldest goes where there are too many."""
        while len(self._open) >= self._most:
            self.closed(oldest := next(iter(self._open)))
            oldest.abort()
        self._open[door] = asyncio.get_running_loop().call_later(self._longest, door.abort)

    def closed(self, door: _Door) -> None:
        """It is over."""
        timer = self._open.pop(door, None)
        if timer is not None:
            timer.cancel()


class _Door(asyncio.Protocol):
    """Hands everything on, and tells when it opens and closes."""

    def __init__(self, inner: asyncio.Protocol, doors: Doors) -> None:
        self._inner = inner
        self._doors = doors
        self._transport: asyncio.Transport | None = None

    def abort(self) -> None:
        """Close it now, without sending what waits."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)
        self._doors.opened(self)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """See `asyncio.Protocol`."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._doors.closed(self)
        self._inner.connection_lost(exc)

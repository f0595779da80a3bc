"""A TCP proxy that can be cut, slow, deaf, mute, or fall silent within an answer, at a moment of one's choice.

It forwards bytes and knows no protocol, so that TLS passes through it untouched. It runs in a thread with an event loop
of its own; every public method may be called from any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

T = TypeVar("T")

_CHUNK: Final = 65_536
_START_TIMEOUT: Final = 10.0
_HEAD_START: Final = 0.1
"""Seconds from the last piece that a server gets to the cut."""


class Mode(enum.Enum):
    """What becomes of bytes and connections."""

    OPEN = "open"
    CUT = "cut"
    """Connections are reset, old ones and new ones."""
    SLOW = "slow"
    """Every piece waits for the network's latency."""
    DEAF = "deaf"
    """Connections are accepted and nothing reaches the server."""
    MUTE = "mute"
    """What is asked reaches the server, and no answer comes back."""
    TORN = "torn"
    """The first bytes of an answer come, the rest never does."""


@dataclass(frozen=True)
class Fault:
    """A mode and its measures."""

    mode: Mode = Mode.OPEN
    latency: float = 0.0
    """Seconds for each piece, where the network is slow."""
    first: int = 100
    """Bytes of each connection's next answer that still come, where answers are torn."""


OPEN: Final = Fault()


@dataclass(eq=False)
class _Pair:
    """One connection of a client and the one to the server behind it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    damaged: bool = False
    """Bytes of it were lost: it can never be whole again."""
    answered: int = 0
    """Bytes of an answer that came since answers are torn."""

    def abort(self) -> None:
        for writer in (self.client, self.server):
            sock: socket.socket = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):  # closed already
                # A linger time of zero makes close() send RST instead of FIN.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


@dataclass
class _State:
    fault: Fault = OPEN
    armed: tuple[bytes, Fault, bool] | None = None
    pairs: set[_Pair] = field(default_factory=set)
    pumps: set[asyncio.Task[None]] = field(default_factory=set)
    handlers: set[asyncio.Task[Any]] = field(default_factory=set)
    accepted: int = 0


class TcpProxy:
    """Forwards its own port to another one of 127.0.0.1. Use `running_proxy`."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._state = _State()
        self._engaged = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True)

    @property
    def port(self) -> int:
        """Where clients connect."""
        number: int = self._listener.getsockname()[1]
        return number

    @property
    def accepted(self) -> int:
        """Connections that clients have made so far."""
        return self._state.accepted

    def set(self, fault: Fault) -> None:
        """From now on the network is like this; on `OPEN` connections that lost bytes are reset."""
        self._run(self._set(fault))

    def forget(self) -> None:
        """The network is whole again, but nobody tells those whose bytes were lost: their connections stay silent."""
        self._run(self._set(OPEN, reset=False))

    def arm(self, word: bytes, fault: Fault, *, forward: bool) -> None:
        """Set `fault` as soon as a client sends `word`; `forward`: the server still gets the piece that has it."""
        self._engaged.clear()
        self._state.armed = (word, fault, forward)

    @property
    def engaged(self) -> bool:
        """Whether the armed fault has come into force."""
        return self._engaged.is_set()

    def start(self) -> None:
        """Accept connections."""
        self._thread.start()
        self._run(self._serve())

    def stop(self) -> None:
        """Reset every connection and end."""
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_TIMEOUT)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_START_TIMEOUT)

    async def _serve(self) -> None:
        self._server = await asyncio.start_server(self._connected, sock=self._listener)

    async def _end(self) -> None:
        self._server.close()
        for pair in list(self._state.pairs):
            pair.abort()
        for task in self._state.pumps:
            task.cancel()
        await asyncio.gather(*self._state.handlers, return_exceptions=True)

    async def _set(self, fault: Fault, *, reset: bool = True) -> None:
        self._apply(fault)
        if fault.mode is Mode.OPEN and reset:
            for pair in [pair for pair in self._state.pairs if pair.damaged]:
                pair.abort()

    def _apply(self, fault: Fault) -> None:
        self._state.fault = fault
        for pair in list(self._state.pairs):
            pair.answered = 0
            if fault.mode is Mode.CUT:
                pair.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._state.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._state.handlers.add(task)
        try:
            with contextlib.suppress(OSError):  # the server is not there: the client sees its connection end
                await self._relay(reader, writer)
        finally:
            writer.close()
            self._state.handlers.discard(task)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        pair = _Pair(writer, to_server)
        self._state.pairs.add(pair)
        if self._state.fault.mode is Mode.CUT:
            pair.abort()
        halves = (self._pump(pair, reader, to_server), self._pump(pair, from_server, writer))
        pumps = {asyncio.ensure_future(half) for half in halves}
        self._state.pumps |= pumps
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        self._state.pumps -= pumps
        self._state.pairs.discard(pair)
        to_server.close()

    async def _pump(self, pair: _Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asks = writer is pair.server
        with contextlib.suppress(OSError):  # an end of either side ends both
            while data := await reader.read(_CHUNK):
                passed = self._heard(pair, data) if asks else self._passed(pair, data, asks=False)
                if self._state.fault.mode is Mode.SLOW:
                    await asyncio.sleep(self._state.fault.latency)
                writer.write(passed)
                await writer.drain()

    def _heard(self, pair: _Pair, data: bytes) -> bytes:
        """What the server gets of a client's piece; a word that was waited for sets its fault."""
        armed = self._state.armed
        if armed is None or armed[0] not in data:
            return self._passed(pair, data, asks=True)
        _, fault, forward = armed
        self._state.armed = None
        if not forward:
            self._engage(fault)
            return self._passed(pair, data, asks=True)
        if fault.mode is Mode.CUT:
            # A reset may overtake what was sent: the server gets its time, and its answer is lost.
            self._apply(Fault(Mode.MUTE))
            self._loop.call_later(_HEAD_START, self._engage, fault)
        else:
            self._engage(fault)
        return data

    def _engage(self, fault: Fault) -> None:
        self._apply(fault)
        self._engaged.set()

    def _passed(self, pair: _Pair, data: bytes, *, asks: bool) -> bytes:
        """What gets through of a piece; a connection that has lost some gets nothing through any more."""
        fault = self._state.fault
        swallowed = {Mode.DEAF: True, Mode.MUTE: not asks}.get(fault.mode, False)
        if pair.damaged and not (asks and fault.mode is Mode.MUTE):
            return b""
        if fault.mode is Mode.TORN and not asks:
            left = max(0, fault.first - pair.answered)
            pair.answered += len(data)
            pair.damaged = pair.damaged or left < len(data)
            return data[:left]
        pair.damaged = pair.damaged or swallowed
        return b"" if swallowed else data


@contextlib.contextmanager
def running_proxy(target: int) -> Iterator[TcpProxy]:
    """A proxy in front of a port of 127.0.0.1."""
    proxy = TcpProxy(target)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()

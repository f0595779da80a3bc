"""What may come before the head of an answer: informational answers (1xx), and nothing before the request.

httpcore reads informational answers one after the other as long as they come, and no time-out of a single read ends
that. Each costs as much as a head, so a server that sends nothing else takes the whole processor. The bytes before the
head are bounded.

httpcore also takes whatever lies behind one answer for the answer to the next request. A gateway that answers twice, or
whose answer is longer than it says, would so answer a LIST with what another call was told. `left_over` and `quiet`
tell whether something lies there.

The bound and `left_over` need private parts of httpx and httpcore, which no other module touches.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Final

import httpcore
import httpx

HEAD_LIMIT: Final = 64 * 1024
"""Bytes that are read before the head of an answer is complete: two thousand informational answers at most."""
PIECE: Final = 4 * 1024
"""Bytes that are read at once until then: other work has its turn between two pieces."""
TURNS: Final = 5
"""Turns of the loop in which what has come already is read."""


class Heads(httpcore.AsyncNetworkBackend):
    """Makes the streams of one connection, and bounds what is read from them while a head is awaited."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend) -> None:
        """`backend` connects."""
        self._backend = backend
        self._left: int | None = None
        self._stream: _Stream | None = None

    @classmethod
    def of(cls, transport: httpx.AsyncHTTPTransport) -> Heads:
        """Those of a transport that has one connection at most; it connects through them from now on."""
        pool = transport._pool  # noqa: SLF001 - httpx has no argument for it, httpcore has
        pool._network_backend = heads = cls(pool._network_backend)  # noqa: SLF001
        return heads

    def await_head(self) -> None:
        """A request is sent: from now on the bytes count."""
        self._left = HEAD_LIMIT

    def head_came(self) -> None:
        """From now on as much is read as is wanted."""
        self._left = None

    def piece(self, wanted: int) -> int:
        """How many bytes may be read now. Raises `httpcore.RemoteProtocolError` when it were too many."""
        if self._left is None:
            return wanted
        if self._left <= 0:
            raise httpcore.RemoteProtocolError("too much comes before the head of the answer")
        return min(wanted, PIECE)

    def came(self, count: int) -> None:
        """So many bytes were read."""
        if self._left is not None:
            self._left -= count

    def uses(self, stream: httpcore.AsyncNetworkStream) -> httpcore.AsyncNetworkStream:
        """The stream, bounded; from now on it is the one of the connection."""
        self._stream = _Stream(stream, self)
        return self._stream

    async def quiet(self) -> bool:
        """Whether the stream has nothing to say, not even that it has ended."""
        return self._stream is None or await self._stream.quiet()

    async def connect_tcp(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:  # noqa: ANN401 - as httpcore's
        """A bounded stream."""
        return self.uses(await self._backend.connect_tcp(*args, **options))

    async def sleep(self, seconds: float) -> None:
        """As the backend."""
        await self._backend.sleep(seconds)


def left_over(transport: httpx.AsyncBaseTransport) -> bool:
    """Whether bytes were read that belong to no answer; httpcore keeps them for the next one, and does not tell.

    Where they cannot be seen, as in another version of httpcore, the connection serves no second call.
    """
    for connection in transport._pool.connections:  # type: ignore[attr-defined]  # noqa: SLF001 - only some have one
        inner = connection
        while (within := getattr(inner, "_connection", None)) is not None:
            inner = within
        state = getattr(inner, "_h11_state", None)
        if state is None or state.trailing_data[0]:
            return True
    return False


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream, heads: Heads) -> None:
        self._stream = stream
        self._heads = heads

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as httpcore's
        data = await self._stream.read(self._heads.piece(max_bytes), timeout)
        self._heads.came(len(data))
        return data

    async def quiet(self) -> bool:
        """A look at the socket would not do: what came may be held by the loop or by TLS already."""
        reading = asyncio.ensure_future(self._stream.read(1))
        try:
            for _ in range(TURNS):
                await asyncio.sleep(0)
        finally:
            reading.cancel()
        await asyncio.wait([reading])
        if reading.cancelled():
            return True
        reading.exception()  # a stream that has ended in error is not quiet either
        return False

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as httpcore's
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as httpcore's
    ) -> httpcore.AsyncNetworkStream:
        return self._heads.uses(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as httpcore's
        return self._stream.get_extra_info(info)

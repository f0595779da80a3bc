"""What may come before the head of an answer: informational answers (1xx), of which there may be any number.

httpcore reads them one after the other as long as they come, and no time-out of a single read ends that. Each costs as
much as a head, so a server that sends nothing else takes the whole processor. The bytes before the head are bounded.
"""

from __future__ import annotations

import ssl
from typing import Any, Final

import httpcore

HEAD_LIMIT: Final = 64 * 1024
"""Bytes that are read before the head of an answer is complete: two thousand informational answers at most."""
PIECE: Final = 4 * 1024
"""Bytes that are read at once until then: other work has its turn between two pieces."""


class Heads(httpcore.AsyncNetworkBackend):
    """Makes the streams of one connection, and bounds what is read from them while a head is awaited."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend) -> None:
        """`backend` connects."""
        self._backend = backend
        self._left: int | None = None

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

    async def connect_tcp(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:  # noqa: ANN401 - as httpcore's
        """A bounded stream."""
        return _Stream(await self._backend.connect_tcp(*args, **options), self)

    async def sleep(self, seconds: float) -> None:
        """As the backend."""
        await self._backend.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream, heads: Heads) -> None:
        self._stream = stream
        self._heads = heads

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as httpcore's
        data = await self._stream.read(self._heads.piece(max_bytes), timeout)
        self._heads.came(len(data))
        return data

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
        return _Stream(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._heads)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as httpcore's
        return self._stream.get_extra_info(info)

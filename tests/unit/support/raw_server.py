"""A server that says what it is told to, byte by byte, whatever is asked of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

HINT: Final = b"HTTP/1.1 103 Early Hints\r\n\r\n"
"""An informational answer: the answer itself comes behind it."""


@contextlib.asynccontextmanager
async def raw_server(piece: bytes, *, times: int | None, then: bytes = b"") -> AsyncIterator[str]:
    """The address of a server that says `piece` so often (`None`: for ever), `then` that, to each request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                count = 0
                while times is None or count < times:
                    writer.write(piece)
                    await writer.drain()
                    count += 1
                writer.write(then)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"

"""What the loop logs of errors that nobody asked for: none of kopf, and no flood where nothing can be accepted."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket
from pathlib import Path
from typing import Any, Final

import kopf
import pytest

from tokenfactory_operator.process import loop_errors
from tokenfactory_operator.process.loop_errors import QUIET, LoopErrors

FAILS: Final = """
async def task():
    raise AssertionError

async def generator():
    try:
        yield
    finally:
        raise AssertionError
"""


def compiled(file: Path) -> dict[str, Any]:
    """The functions above, as if they stood in that file."""
    found: dict[str, Any] = {}
    exec(compile(FAILS, str(file), "exec"), found)  # noqa: S102 - the text above
    return found


async def nobody_asks(file: Path) -> None:
    """A task fails and nobody asks for it; a generator fails while the loop closes it."""
    asyncio.get_running_loop().set_exception_handler(LoopErrors())
    functions = compiled(file)
    await asyncio.wait([asyncio.create_task(functions["task"]())])
    gc.collect()
    generator = functions["generator"]()
    await anext(generator)
    await asyncio.get_running_loop().shutdown_asyncgens()


@pytest.mark.parametrize(
    ("file", "reported"),
    [
        pytest.param(Path(kopf.__file__).parent / "_core" / "any.py", [], id="kopf"),
        pytest.param(
            Path(loop_errors.__file__),
            ["Task exception was never retrieved", "an error occurred during closing"],
            id="own",
        ),
    ],
)
async def test_what_nobody_asked_for(file: Path, reported: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """Kopf's is left out, at any time; that of anybody else is told."""
    await nobody_asks(file)
    assert [record.message[: len(text)] for record, text in zip(caplog.records, reported, strict=True)] == reported


class OutOfDescriptors(socket.socket):
    """A listening socket of a process that has no file descriptor left."""

    failing = True

    def accept(self) -> tuple[socket.socket, Any]:
        """As the kernel answers then."""
        if self.failing:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return super().accept()


async def served(listening: socket.socket) -> tuple[asyncio.Server, socket.socket]:
    """A server at that socket, and somebody who has connected and waits to be accepted."""
    listening.bind(("127.0.0.1", 0))
    listening.setblocking(False)
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), sock=listening, backlog=128)
    return server, socket.create_connection(listening.getsockname())


@pytest.mark.looptime
async def test_connections_that_cannot_be_accepted_flood_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """One line in a minute, however often the loop tries again; then it goes on by itself."""
    asyncio.get_running_loop().set_exception_handler(LoopErrors())
    with OutOfDescriptors(socket.AF_INET, socket.SOCK_STREAM) as listening:
        server, waiting = await served(listening)
        await asyncio.sleep(2.5 * QUIET)
        assert [record.message.split(":")[0] for record in caplog.records] == ["A connection cannot be accepted"] * 3
        assert "more times" in caplog.text
        listening.failing = False
        await asyncio.sleep(2)
        waiting.setblocking(False)
        assert waiting.recv(1) == b""
        waiting.close()
        server.close()


async def test_other_errors_of_sockets_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Only a lack of descriptors or memory is bounded."""
    loop = asyncio.get_running_loop()
    for _ in range(2):
        LoopErrors()(loop, {"message": "broken", "exception": OSError(errno.EPERM, "no"), "socket": None})
    assert [record.message.split()[0] for record in caplog.records] == ["broken", "broken"]

"""The writes to objects that are under way: what a watch says of such an object waits for the answer.

The API server tells the watch of a write and answers it at about the same time. If the watch is the quicker one, its
event looks like news: kopf makes a task for it, and the object gets a pass of its own that finds nothing to do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

WAIT: Final = 1.0
"""Seconds after the start of a write until which an event waits for its answer: then the event counts as it is."""


class WritesUnderWay:
    """By the path of the object."""

    def __init__(self) -> None:
        """None yet."""
        self._writes: dict[str, tuple[float, asyncio.Event]] = {}

    @contextlib.contextmanager
    def write(self, path: str) -> Iterator[None]:
        """Around a write, from before it is sent until its answer has come or it has failed."""
        begun, over = asyncio.get_running_loop().time(), asyncio.Event()
        self._writes[path] = (begun, over)
        try:
            yield
        finally:
            if self._writes.get(path) == (begun, over):
                del self._writes[path]
            over.set()

    async def over(self, path: str) -> None:
        """Return when no write is under way, or when the one that is began `WAIT` seconds ago."""
        begun, over = self._writes.get(path, (0.0, None))
        if over is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(begun + WAIT):
                    await over.wait()

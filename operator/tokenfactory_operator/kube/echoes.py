"""The watch of the objects, without what it says of our own writes: the answer to each has brought it before.

Of four events of an endpoint's creation three are echoes, and kopf takes a task and four handlers for each event. An
event that comes before the answer to our write waits for it, a second at most.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

import aiohttp
from yarl import URL

_STATES: Final = frozenset({"ADDED", "MODIFIED"})
"""Kinds of events that bring an object as it is."""

Known = Callable[[Mapping[str, Any]], bool]
"""Whether an object that the watch brings is held as it is or newer; that it was brought is noted."""
Settled = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Returns when no write of ours to an object is under way, or has been for too long."""


def without_echoes(
    url: URL, content: aiohttp.StreamReader, is_metadata_only: Callable[[str], bool], is_known: Known, settled: Settled
) -> Any:  # noqa: ANN401  # a reader, as far as kopf reads it
    """The answer's content; of a watch of whole objects only its news."""
    if not url.query.get("watch") or is_metadata_only(url.path):
        return content
    return _News(content, is_known, settled)


class _News:
    """The events of a watch; a bookmark stands in the place of each that brings nothing new."""

    def __init__(self, content: aiohttp.StreamReader, is_known: Known, settled: Settled) -> None:
        self._content = content
        self._is_known = is_known
        self._settled = settled

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever aiohttp asks of it
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Whole lines, but for the last."""
        rest = b""
        async for data in self._content.iter_chunked(size):
            *lines, rest = (rest + data).split(b"\n")
            if lines:
                yield b"".join([await self._news(line) + b"\n" for line in lines])
        if rest:
            yield rest

    async def _news(self, line: bytes) -> bytes:
        """The event, or where the watch is by now: kopf goes on from there when the connection breaks."""
        try:
            event = json.loads(line)
        except ValueError:
            return line
        if event.get("type") not in _STATES or not await self._held(event["object"]):
            return line
        metadata = {"resourceVersion": event["object"]["metadata"]["resourceVersion"]}
        return json.dumps({"type": "BOOKMARK", "object": {"metadata": metadata}}).encode()

    async def _held(self, body: Mapping[str, Any]) -> bool:
        if self._is_known(body):
            return True
        await self._settled(body)
        return self._is_known(body)

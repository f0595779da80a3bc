"""The watch of the objects, without what it says of our own writes: the answer to each has brought it before.

Of four events of an endpoint's creation three are echoes, and kopf takes a task and four handlers for each event.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import aiohttp
from yarl import URL

_STATES: Final = frozenset({"ADDED", "MODIFIED"})
"""Kinds of events that bring an object as it is."""

Known = Callable[[Mapping[str, Any]], bool]
"""Whether an object is held as it is, or newer."""


def without_echoes(
    url: URL, content: aiohttp.StreamReader, is_metadata_only: Callable[[str], bool], is_known: Known
) -> Any:  # noqa: ANN401  # a reader, as far as kopf reads it
    """The answer's content; of a watch of whole objects only its news."""
    if not url.query.get("watch") or is_metadata_only(url.path):
        return content
    return _News(content, is_known)


class _News:
    """The events of a watch; a bookmark stands in the place of each that brings nothing new."""

    def __init__(self, content: aiohttp.StreamReader, is_known: Known) -> None:
        self._content = content
        self._is_known = is_known

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever aiohttp asks of it
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Whole lines, but for the last."""
        rest = b""
        async for data in self._content.iter_chunked(size):
            *lines, rest = (rest + data).split(b"\n")
            if lines:
                yield b"".join(self._news(line) + b"\n" for line in lines)
        if rest:
            yield rest

    def _news(self, line: bytes) -> bytes:
        """The event, or where the watch is by now: kopf goes on from there when the connection breaks."""
        try:
            event = json.loads(line)
        except ValueError:
            return line
        if event.get("type") not in _STATES or not self._is_known(event["object"]):
            return line
        metadata = {"resourceVersion": event["object"]["metadata"]["resourceVersion"]}
        return json.dumps({"type": "BOOKMARK", "object": {"metadata": metadata}}).encode()

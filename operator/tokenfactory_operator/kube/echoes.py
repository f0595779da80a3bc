"""What a watch brings, without what it says of our own writes: the answer to each has brought it before.

Of four events of an endpoint's creation three are echoes, and kopf takes a task and four handlers for each event. An
event that comes before the answer to our write waits for it, a second at most. A line that is no event ends the watch,
and all is listed anew: nobody knows what was lost.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

import aiohttp

from tokenfactory_operator.domain.errors import bounded
from tokenfactory_operator.kube import forms
from tokenfactory_operator.kube.paths import ANYTHING, Target
from tokenfactory_operator.ports import JsonObject

EXPIRED: Final = b'{"type": "ERROR", "object": {"code": 410}}\n'
"""The event after which kopf lists anew; for any other error it would end."""
LONGEST_LINE: Final = 2**24
"""Bytes of an event; etcd holds 1.5 MB of an object."""
SHOWN: Final = 200
"""Characters of an error that are logged."""

_STATES: Final = frozenset({"ADDED", "MODIFIED"})
"""Kinds of events that bring an object as it is."""

Known = Callable[[Mapping[str, Any]], bool]
"""Whether an object that the watch brings is held as it is or newer; that it was brought is noted."""
Settled = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Returns when no write of ours to an object is under way, or has been for too long."""


class Ended(Exception):
    """The watch cannot go on; why, in words."""


class Line:
    """Reads the lines of a watch; without `is_known` nothing is held of what it brings."""

    def __init__(
        self, is_known: Known | None = None, settled: Settled | None = None, *, asked: Target = ANYTHING
    ) -> None:
        """See `Known` and `Settled`; `asked`: what is watched."""
        self._is_known = is_known
        self._settled = settled
        self._asked = asked

    async def news(self, line: bytes) -> bytes:
        """The event, or where the watch is by now: kopf goes on from there when the connection breaks.

        Raises:
            Ended: it is an error, or no event.
        """
        try:
            kind, body = forms.event_of(json.loads(line), self._asked, bare=self._is_known is None)
        except (ValueError, RecursionError) as error:
            raise Ended(f"the watch brought what is no event ({bounded(str(error), SHOWN)})") from None
        if kind == forms.ERROR:
            raise Ended(f"the watch ended: {bounded(str(body.get('message') or body.get('code')), SHOWN)}")
        if kind not in _STATES or not await self._held(body):
            return line
        metadata = {"resourceVersion": body["metadata"]["resourceVersion"]}
        return json.dumps({"type": forms.BOOKMARK, "object": {"metadata": metadata}}).encode()

    async def _held(self, body: JsonObject) -> bool:
        if self._is_known is None or self._settled is None:
            return False
        if self._is_known(body):
            return True
        await self._settled(body)
        return self._is_known(body)


class News:
    """The content of a watch; a bookmark stands in the place of each event that brings nothing new."""

    def __init__(
        self, content: aiohttp.StreamReader, line: Line, ended: Callable[[str], None], *, first: bytes = b""
    ) -> None:
        """`ended` is told why all is listed anew."""
        self._content = content
        self._line = line
        self._ended = ended
        self._first = first

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever aiohttp asks of it
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Whole lines. What is left without an end was cut off: the next watch brings it again."""
        if self._first:
            self._ended("the place from which to watch is not known any more")
            yield self._first
            return
        rest = b""
        async for data in self._content.iter_chunked(size):
            *lines, rest = (rest + data).split(b"\n")
            try:
                news = [await self._line.news(line) for line in lines if line.strip()]
                _check_length(rest)
            except Ended as error:
                self._ended(str(error))
                yield EXPIRED
                return
            if news:
                yield b"\n".join([*news, b""])


def _check_length(line: bytes) -> None:
    if len(line) > LONGEST_LINE:
        raise Ended("an event is too long")

"""The connections that kopf lists and watches by: whatever is answered, kopf goes on.

kopf ends, and the process with it, for an answer that it does not expect. Here each answer is one of three: good; as if
the connection had broken, after which kopf asks the same again, later each time (`supervision.Backoffs`); or one after
which it lists anew, at a pace. What only a new start can mend is found by the supervisor, which asks for itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final, cast

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from tokenfactory_operator.kube import forms
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.echoes import EXPIRED, Known, Line, News, Settled
from tokenfactory_operator.kube.lean import METADATA, METADATA_LIST, PAGE_BYTES, lean
from tokenfactory_operator.kube.paths import target_of
from tokenfactory_operator.limiter import Limiter

WATCH_EVERY: Final = 1.0
"""Seconds from the begin of one watch to that of the next: kopf opens it at once, and a proxy may close each as soon as
it is open. That would be a request after the other. It costs a watch that ends as it should nothing."""

_OK: Final = 200
_STALE: Final = (400, 410)
"""The place from which to go on is not known, or not any more."""

logger = logging.getLogger(__name__)


class Failed(aiohttp.ClientConnectionError):
    """kopf asks the same again, later."""


class ListAnew(aiohttp.ClientPayloadError):
    """kopf lists from the beginning."""


class Answer(aiohttp.ClientResponse):
    """What kopf reads: a document that was judged, or the lines of a watch."""

    document: object = None

    async def json(self, **_options: Any) -> Any:  # noqa: ANN401  # as aiohttp's
        """The document."""
        return self.document


def _limiters() -> defaultdict[str, Limiter]:
    return defaultdict(lambda: Limiter(1, every=WATCH_EVERY))


@dataclass(frozen=True, kw_only=True)
class WatchSession:
    """Judges what is answered to kopf, and keeps of it what is needed."""

    root: str
    """See `KubeClient.root`."""
    is_metadata_only: Callable[[str], bool]
    """For which paths the metadata suffice."""
    too_large: Callable[[], bool]
    """Told of a listing's page over `PAGE_BYTES`; if it answers True, the page is given up."""
    is_known: Known
    """Asked about each object that a listing, or a watch of whole objects, brings; what is held is left out."""
    settled: Settled
    listed_anew: Callable[[], None]
    """Told that kopf will list from the beginning."""
    needed: Mapping[str, Collection[str]] = field(default_factory=dict)
    """By the path of a document of discovery, what it has to list: what it left out, kopf would never watch."""
    _limiters: defaultdict[str, Limiter] = field(default_factory=_limiters)

    def of(self, client: KubeClient) -> aiohttp.ClientSession:
        """Connections to the API server of `client`."""
        tracing = aiohttp.TraceConfig()
        tracing.on_request_start.append(self._before)
        return client.session(self._judged, limit=0, response_class=Answer, trace_configs=[tracing])

    async def _before(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, start: aiohttp.TraceRequestStartParams
    ) -> None:
        watches, path = _watches(start.url), self._path(start.url)
        if watches:
            await asyncio.sleep(self._limiters[path].wait(asyncio.get_running_loop().time()))
        if self.is_metadata_only(path):
            headers: CIMultiDict[str] = start.headers  # aiohttp documents that these may be changed here
            headers["Accept"] = METADATA if watches else METADATA_LIST

    async def _judged(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        try:
            answer = await handler(request)
        except (aiohttp.ClientConnectionError, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - what is no HTTP, or a proxy that lets nobody through
            raise Failed(_named(error)) from None  # its repr shows the request's headers, the token among them
        try:
            await self._judge(cast("Answer", answer))
        except BaseException:
            answer.close()  # what is left of it would keep the connection open
            raise
        return answer

    async def _judge(self, answer: Answer) -> None:
        stale, url = answer.status in _STALE, answer.url
        if stale and _watches(url):
            answer.status = _OK
            self._read_by_line(answer, first=EXPIRED)
        elif stale and url.query.get("continue"):
            self._begin_anew(url, f"the answer is {answer.status}")
            raise ListAnew
        elif answer.status != _OK:
            raise Failed(f"the answer is {answer.status}")
        elif _watches(url):
            self._read_by_line(answer)
        else:
            await self._read_whole(answer)

    def _path(self, url: URL) -> str:
        return url.path.removeprefix(self.root)

    def _begin_anew(self, url: URL, why: str) -> None:
        logger.warning("%s is listed again: %s", self._path(url), why)
        self.listed_anew()

    def _read_by_line(self, answer: Answer, first: bytes = b"") -> None:
        """`first`: nothing but that is read."""
        path = self._path(answer.url)
        held = () if self.is_metadata_only(path) else (self.is_known, self.settled)
        line = Line(*held, asked=target_of(path))
        news: Any = News(answer.content, line, lambda why: self._begin_anew(answer.url, why), first=first)
        answer.content = news  # a reader, as far as kopf reads it

    async def _read_whole(self, answer: Answer) -> None:
        try:
            document = json.loads(await self._read(answer))
            path = self._path(answer.url)
            if forms.discovered(path, document, self.needed.get(path, ())) is None:
                page = forms.page_of(document, target_of(path), bare=self.is_metadata_only(path))
                items = [lean(item) for item in page.items if not self.is_known(item)]
                document = {**document, "items": items}
        except (ListAnew, aiohttp.ClientConnectionError, TimeoutError):
            raise
        except Exception as error:  # whatever is wrong with the answer
            raise Failed(f"the answer cannot be used: {_named(error)}") from error
        answer.document = document

    async def _read(self, answer: Answer) -> bytearray:
        read, given_up = bytearray(), False
        async for part in answer.content.iter_any():
            read += part
            if len(read) > PAGE_BYTES and not given_up:
                if self.too_large():
                    self._begin_anew(answer.url, "a page of the listing is too large")
                    raise ListAnew
                given_up = True
        return read


def _watches(url: URL) -> bool:
    return bool(url.query.get("watch"))


def _named(error: Exception) -> str:
    text = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return f"{type(error).__name__}: {text}"

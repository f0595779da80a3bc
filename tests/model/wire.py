"""The real client before the cloud in memory: what it makes of each answer is compared with what the cloud has said.

A request is taken apart, carried out by `CloudService`, and answered in one of the forms of `forms`. So its time-outs,
its throttle and its reading of pages and errors run under all that a seed does.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeVar
from urllib.parse import unquote

import httpx

from model.fates import Lost
from model.forms import Style, Unsent
from model.ports import CONNECTIONS, CloudService, Place, Surroundings, WorldClock
from tokenfactory_operator.cloud.client import ENDPOINTS, TEMPLATES, HttpCloud
from tokenfactory_operator.cloud.transport import CloudSettings
from tokenfactory_operator.credentials.choice import Credential
from tokenfactory_operator.domain.catalog import Template
from tokenfactory_operator.domain.errors import CloudError, CloudUnavailable, bounded
from tokenfactory_operator.domain.observed import EndpointCreate, EndpointList, EndpointPatch, ObservedEndpoint

T = TypeVar("T")

URL: Final = "http://cloud.test"
TLS: Final = ssl.create_default_context()
UNANSWERED: Final = CloudUnavailable("the client did not wait for the answer")
NOT_SENT: Final = CloudUnavailable("nothing was sent", refused=True)
MISSING: Final[list[object]] = []
"""Stands for the items of a page that cannot be had."""
RATES: Final = (None, None, 5.0)
"""Calls a second of one credential."""
UNSENT: Final = 0.3
"""How often a request is lost because there was no connection."""
STATED: Final = 0.2
"""How often a LIST that shows all says how many there are."""
REPEATED: Final = 0.1
"""How often a LIST has an endpoint twice, and one that is no more."""
_TRAVEL: Final = 0.05
"""Seconds of a further page."""


class Wire(httpx.AsyncBaseTransport):
    """The cloud at the level of HTTP."""

    def __init__(self, service: CloudService, clock: WorldClock, rng: random.Random) -> None:
        self._service = service
        self._clock = clock
        self._rng = rng
        self._style = Style(rng)
        self._total = 0
        """How many items the LIST says that there are; 0 where it says nothing of that."""
        self._rest: list[object] = []
        """Of the LIST that is being read: what the pages so far have not shown."""
        self.said: dict[asyncio.Task[Any] | None, object] = {}
        """What the cloud has said to each task's last call: a result, or a `CloudError`."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry it out, and answer."""
        kind, endpoint_id = _kind(request)
        if kind == "LIST" and _cursor(request) is not None:
            await asyncio.sleep(_TRAVEL)
            return self._next_page()
        task = asyncio.current_task()
        self.said[task] = UNANSWERED
        body = json.loads(await request.aread() or b"{}")
        try:
            said = await self._carried_out(kind, endpoint_id, body)
        except CloudError as error:
            self.said[task] = error = self._unsent(error)
            return self._style.error(kind, error, self._clock.now())
        self.said[task] = said
        return self._answer(kind, said)

    @property
    def unread(self) -> bool:
        """Whether a page of the last LIST has not been asked for."""
        return bool(self._rest)

    async def _carried_out(self, kind: str, endpoint_id: str, body: dict[str, Any]) -> object:
        match kind:
            case "LIST":
                return await self._service.list_endpoints()
            case "CATALOG":
                return await self._service.list_templates()
            case "GET":
                return await self._service.get_endpoint(endpoint_id)
            case "POST":
                return await self._service.create_endpoint(EndpointCreate(**_unscaled(body)))
            case "PATCH":
                return await self._service.update_endpoint(endpoint_id, _patch(body))
            case _:
                return await self._service.delete_endpoint(endpoint_id)

    def _unsent(self, error: CloudError) -> CloudError:
        """Where the request was lost, it may be that there was no connection."""
        lost = isinstance(error, Lost) and self._rng.random() < UNSENT
        return Unsent("no connection", refused=True) if lost else error

    def _answer(self, kind: str, said: object) -> httpx.Response:
        style = self._style
        if isinstance(said, ObservedEndpoint):
            return style.one(said)
        if isinstance(said, EndpointList):
            items = self._items(said)
            self._total = len(items) + said.left_out if said.left_out or self._rng.random() < STATED else 0
            return self._page(items) if said.view else self._part(items)
        if kind == "CATALOG":
            return style.catalog()
        return style.deleted() if said else style.not_found(kind)

    def _items(self, said: EndpointList) -> list[object]:
        """Those of a LIST: its endpoints, what cannot be read, and such as make no difference."""
        style, rng = self._style, self._rng
        items: list[object] = [style.endpoint(each) for each in said.endpoints]
        odd = [style.odd(description) for description in said.nameless]
        if said.unreadable:
            odd.append(style.odd(None))
        if rng.random() < REPEATED:
            odd += [style.gone("ep-0"), *items[:1]]
        for item in odd:
            items.insert(rng.randrange(1, len(items) + 1) if items else 0, item)
        return items

    def _part(self, items: list[object]) -> httpx.Response:
        """What is missing cannot be asked for, or its page cannot be had."""
        style = self._style
        if not style.page or self._rng.random() < 0.5:
            return style.part(items)
        self._rest = MISSING
        return style.listing(items, "missing", self._total)

    def _next_page(self) -> httpx.Response:
        """The pages of one LIST show one moment."""
        if self._rest is MISSING:
            return self._style.error("LIST", CloudUnavailable("HTTP 502", status=502), self._clock.now())
        return self._page(self._rest)

    def _page(self, left: list[object]) -> httpx.Response:
        size = self._style.page or len(left)
        shown, self._rest = left[:size], left[size:]
        return self._style.listing(shown, f"before-the-last-{len(self._rest)}" if self._rest else "", self._total)


class WiredCloud:
    """`ports.Cloud`: the real client, and a look at what each of its calls came to."""

    def __init__(
        self, around: Surroundings, place: Place, clock: WorldClock, credential: Credential, rng: random.Random
    ) -> None:
        self._tell = around.trace.violated
        self._wire = Wire(CloudService(around, place, credential), clock, rng)
        settings = CloudSettings(
            base_url=URL,
            request_timeout=around.timing.request_timeout,
            max_connections=CONNECTIONS + 1,
            rate_limit=rng.choice(RATES),
            trust_env=False,
        )
        token = credential.token
        self._client = HttpCloud(settings, token=lambda: token, clock=clock, tls=TLS, transport=self._wire)
        self.aclose = self._client.aclose
        self.blocked_for = self._client.blocked_for

    def slot(self, namespace: str = "") -> AbstractAsyncContextManager[None]:
        """See `ports.Cloud`."""
        return self._client.slot(namespace)

    async def list_endpoints(self) -> EndpointList:
        """See `ports.Cloud`."""
        return await self._compared("LIST", self._client.list_endpoints())

    async def list_templates(self) -> tuple[Template, ...]:
        """See `ports.Cloud`."""
        return await self._compared("CATALOG", self._client.list_templates())

    async def get_endpoint(self, endpoint_id: str) -> ObservedEndpoint | None:
        """See `ports.Cloud`."""
        return await self._compared("GET", self._client.get_endpoint(endpoint_id))

    async def create_endpoint(self, body: EndpointCreate) -> ObservedEndpoint:
        """See `ports.Cloud`."""
        return await self._compared("POST", self._client.create_endpoint(body))

    async def update_endpoint(self, endpoint_id: str, patch: EndpointPatch) -> ObservedEndpoint:
        """See `ports.Cloud`."""
        return await self._compared("PATCH", self._client.update_endpoint(endpoint_id, patch))

    async def delete_endpoint(self, endpoint_id: str) -> bool:
        """See `ports.Cloud`."""
        return await self._compared("DELETE", self._client.delete_endpoint(endpoint_id))

    async def _compared(self, kind: str, call: Awaitable[T]) -> T:
        task = asyncio.current_task()
        self._wire.said.pop(task, None)
        try:
            result = await call
        except CloudError as error:
            self._compare(kind, self._wire.said.pop(task, NOT_SENT), error)
            raise
        self._compare(kind, self._wire.said.pop(task, NOT_SENT), result)
        return result

    def _compare(self, kind: str, said: object, got: object) -> None:
        if isinstance(got, EndpointList) and not got.view and self._wire.unread:
            return  # a later page was not asked for: another call was told to wait, or the time was over
        if problem := difference(said, got):
            self._tell(
                f"WIRE: {kind}: {problem}: the cloud said {bounded(repr(said))}, the client {bounded(repr(got))}"
            )


def difference(said: object, got: object) -> str:
    """What the client has made of an answer that it must not; empty where it is right."""
    if said is NOT_SENT:
        return "" if isinstance(got, CloudError) and got.refused else "nothing was sent"
    if isinstance(said, CloudError):
        return _of_error(said, got)
    if isinstance(said, EndpointList):
        return _of_list(said, got)
    return "" if got == said else "not the same"


def _of_error(said: CloudError, got: object) -> str:
    if not isinstance(got, CloudError):
        return "no error"
    if got.refused and not said.refused:
        return "taken for a refusal"
    if said.refused and not (isinstance(said, type(got)) and got.refused):
        return "not taken for this refusal"
    return ""


def _of_list(said: EndpointList, got: object) -> str:
    if not isinstance(got, EndpointList):
        return "no list"
    if (got.view, got.complete, sorted(got.nameless)) != (said.view, said.complete, sorted(said.nameless)):
        return "complete, or not"
    if said.view and got.left_out != said.left_out:
        return "more, or not"
    return "" if got.endpoints == said.endpoints else "other endpoints"


def _kind(request: httpx.Request) -> tuple[str, str]:
    """What it asks for, and of which endpoint."""
    path = request.url.raw_path.decode().partition("?")[0]
    if path == TEMPLATES:
        return "CATALOG", ""
    if path == ENDPOINTS:
        return ("LIST" if request.method == "GET" else request.method), ""
    return request.method, unquote(path.removeprefix(f"{ENDPOINTS}/"))


def _cursor(request: httpx.Request) -> object:
    params = request.url.params
    return params.get("after") or params.get("page_token")


def _unscaled(body: dict[str, Any]) -> dict[str, Any]:
    scaling = body.pop("scaling", {})
    return {**body, **scaling}


def _patch(body: dict[str, Any]) -> EndpointPatch:
    scaling = body.pop("scaling", None)
    if body.get("custom_weights_id") == "UNSET":
        body["custom_weights_id"] = ""
    return EndpointPatch(**body, scaling=(scaling["min_replicas"], scaling["max_replicas"]) if scaling else None)

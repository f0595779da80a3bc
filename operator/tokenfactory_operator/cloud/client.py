"""The dedicated-endpoints API with one credential: the `Cloud` port over HTTP.

"What did we send?" is answered here. It decides nothing and repeats nothing: a POST is sent once, whatever happens.
Every failure is a `CloudError`, mapped in `failures`.
"""

from __future__ import annotations

import asyncio
import functools
import re
import ssl
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from http import HTTPStatus
from types import TracebackType
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar
from urllib.parse import quote

import httpx

from tokenfactory_operator.cloud import wire
from tokenfactory_operator.cloud.auth import BearerAuth, TokenProvider, guard_transport_logs
from tokenfactory_operator.cloud.call import LIST_LIMIT, Answer, Call
from tokenfactory_operator.cloud.connections import Connections
from tokenfactory_operator.cloud.error_body import states_error
from tokenfactory_operator.cloud.failures import Advice, OnDefect, from_answer, not_understood, unreported
from tokenfactory_operator.cloud.pages import PageReader
from tokenfactory_operator.cloud.paging import MORE, Cursor, Listing, Page
from tokenfactory_operator.cloud.retry import reset_hint, retry_after
from tokenfactory_operator.cloud.templates import parse_templates
from tokenfactory_operator.cloud.throttle import Lane, Throttle
from tokenfactory_operator.cloud.transport import CloudSettings, exchange
from tokenfactory_operator.domain.catalog import Template
from tokenfactory_operator.domain.errors import (
    CloudError,
    CloudUnavailable,
    EndpointNotFound,
    InvalidId,
    RateLimited,
    bounded,
)
from tokenfactory_operator.domain.observed import EndpointCreate, EndpointList, EndpointPatch, ObservedEndpoint
from tokenfactory_operator.ports import Clock

ENDPOINTS: Final = "/v0/dedicated_endpoints"
TEMPLATES: Final = f"{ENDPOINTS}/templates"
MAX_PAGES: Final = 1000
MAX_ITEMS: Final = 50_000
MAX_BYTES: Final = 32 * 1024 * 1024
"""What a LIST may have in all; one with more is given up as incomplete."""
_AGE_SHOWN: Final = 16
"""Characters of a header."""
_ID_SHOWN: Final = 64
_LARGE: Final = 256 * 1024
"""Bytes of an answer from which on it is read in a thread."""
_NOTHING: Final = (b"", b"null")
"""Bodies of a DELETE's success that say no more than its status."""
_NEXT_LINK: Final = re.compile(r"""\brel\s*=\s*(?:"[^"]*\bnext\b|'[^']*\bnext\b|next\b)""", re.IGNORECASE)
"""Of the header `Link` (RFC 8288): there is a next page, at an address that is not followed."""
_NO_ENDPOINT: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE})


P = ParamSpec("P")
T = TypeVar("T")

Observer = Callable[[str, int | str, float], None]
"""Told of each request: operation, HTTP status (or `none` where no whole answer came), seconds."""


def _answered(
    operation: Callable[Concatenate[HttpCloud, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[HttpCloud, P], Coroutine[Any, Any, T]]:
    """Let nothing but a `CloudError` out of an operation: a fault of ours at one answer is one failed call."""

    @functools.wraps(operation)
    async def answered(cloud: HttpCloud, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await operation(cloud, *args, **kwargs)
        except CloudError:
            raise
        except Exception as error:  # noqa: BLE001 - the port promises CloudError and nothing else
            failure = cloud.on_defect(error, f"the call {operation.__name__}")
        raise failure  # out here it carries neither cause nor context: those hold the answer

    return answered


class HttpCloud:
    """`ports.Cloud`, and the templates. Close it with `aclose`, or use it as an async context manager."""

    def __init__(
        self,
        settings: CloudSettings,
        *,
        token: TokenProvider,
        clock: Clock,
        project_id: str | None = None,
        advice: Advice | None = None,
        tls: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        observe: Observer | None = None,
    ) -> None:
        """`advice` names where this credential is kept; `tls` is shared between credentials; `transport` is for tests.

        Raises:
            ValueError: the CA bundle of the settings cannot be used.
        """
        guard_transport_logs()
        self._settings = settings
        self._clock = clock
        self._advice = advice or Advice()
        self._project = {"ai_project_id": project_id} if project_id else {}
        self._auth = BearerAuth(token)
        self._throttle = Throttle(clock, connections=settings.max_connections - 1, rate_limit=settings.rate_limit)
        self._observe = observe
        self._reader = PageReader()
        self.on_defect: OnDefect = unreported
        """Who counts and logs them."""
        self._connections = Connections(settings, clock=clock, tls=tls, transport=transport)

    def __repr__(self) -> str:
        project = self._project.get("ai_project_id")
        return f"{type(self).__name__}({self._settings.base_url!r}, project_id={project!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; calls under way end as `CloudUnavailable`."""
        await self._connections.aclose()

    def blocked_for(self) -> float:
        """See `ports.Cloud`."""
        return self._throttle.blocked_for()

    def slot(self, namespace: str = "") -> AbstractAsyncContextManager[None]:
        """See `ports.Cloud`. A slot serves one call at a time, any number one after the other."""
        return self._throttle.slot(namespace)

    @_answered
    async def list_endpoints(self) -> EndpointList:
        """See `ports.Cloud`. Each page is a request of its own, with its own time-out and rate-limit token."""
        listing = Listing(max_pages=MAX_PAGES, max_items=MAX_ITEMS, max_bytes=MAX_BYTES)
        try:
            async with asyncio.timeout(self._settings.list_timeout):
                while listing.goes_on:
                    listing.add(*await self._page(listing.cursor))
        except TimeoutError:
            if not listing.pages:
                raise CloudUnavailable(
                    f"listing the endpoints: no page came within {self._settings.list_timeout:g} s"
                ) from None
            listing.end(f"its pages did not come to an end within {self._settings.list_timeout:g} s")
        except CloudError as error:
            if not listing.pages:
                raise
            listing.end(f"a later page is missing: {error.message}")
        self._reader.ended(listing.asked)
        return listing.result()

    async def _page(self, cursor: Cursor | None) -> tuple[Page, int]:
        """One page, and its size in bytes."""
        params = self._project if cursor is None else {**self._project, cursor.parameter: cursor.value}
        call = Call("GET", ENDPOINTS, "listing the endpoints", params=params, answer_limit=LIST_LIMIT)
        answer = self._accepted(call, await self._send(call, Lane.INVENTORY))
        # A fleet's LIST that is new takes a fifth of a second to read, in which nothing else would happen.
        large = len(answer.content) > _LARGE
        if answer.status != HTTPStatus.OK:  # a 206, say, is a part of something
            raise not_understood(call, answer, "only a 200 is a list")
        page = (
            await asyncio.to_thread(self._reader.read, cursor, answer) if large else self._reader.read(cursor, answer)
        )
        if page is None:
            raise not_understood(call, answer, "it is not a list of endpoints")
        if page.next is None and _NEXT_LINK.search(answer.headers.get("link", "")):
            page = replace(page, problem=MORE)
        return page, len(answer.content)

    @_answered
    async def list_templates(self) -> tuple[Template, ...]:
        """The catalog, as far as it could be read.

        Raises:
            CloudError: the call failed, or its answer is no list of templates.
        """
        call = Call("GET", TEMPLATES, "listing the templates", params=self._project, answer_limit=LIST_LIMIT)
        answer = self._accepted(call, await self._send(call, Lane.INVENTORY))
        templates = parse_templates(answer.json())
        if templates is None:
            raise not_understood(call, answer, "it is not a list of templates")
        return templates

    @_answered
    async def get_endpoint(self, endpoint_id: str) -> ObservedEndpoint | None:
        """See `ports.Cloud`."""
        call = _by_id("GET", endpoint_id, "reading the endpoint")
        answer = await self._send(call)
        try:
            return None if answer.status in _NO_ENDPOINT else self._endpoint(call, answer)
        except EndpointNotFound:
            return None  # it is shown, as deleted

    @_answered
    async def create_endpoint(self, body: EndpointCreate) -> ObservedEndpoint:
        """See `ports.Cloud`."""
        call = Call("POST", ENDPOINTS, "creating the endpoint", params=self._project, body=wire.create_body(body))
        return self._endpoint(call, await self._send(call))

    @_answered
    async def update_endpoint(self, endpoint_id: str, patch: EndpointPatch) -> ObservedEndpoint:
        """See `ports.Cloud`."""
        call = _by_id("PATCH", endpoint_id, "updating the endpoint", body=wire.patch_body(patch))
        return self._endpoint(call, await self._send(call))

    @_answered
    async def delete_endpoint(self, endpoint_id: str) -> bool:
        """See `ports.Cloud`."""
        call = _by_id("DELETE", endpoint_id, "deleting the endpoint")
        answer = await self._send(call)
        try:
            self._accepted(call, answer)
        except EndpointNotFound:
            return False
        if answer.oversized or (answer.content.strip() not in _NOTHING and answer.json() is None):
            # A gateway's page would end the deletion here, while the endpoint is still billed.
            raise not_understood(call, answer, "it is not the API's answer")
        return True

    async def _send(self, call: Call, lane: Lane = Lane.CHANGES) -> Answer:
        async with self._throttle.turn(lane):
            begun, code = self._clock.monotonic(), "none"
            asked = list[float]()
            try:
                async with self._connections.one() as connection:
                    answer = await exchange(
                        connection,
                        call,
                        auth=self._auth,
                        request_timeout=self._settings.request_timeout,
                        advice=self._advice,
                        on_head=lambda status, headers: asked.extend(self._pauses(status, headers)),
                        on_defect=self.on_defect,
                    )
                code = str(answer.status)
                _check_fresh(call, answer)
            except CloudError:
                for wait in asked:  # the words that might have told what it is about are lost
                    self._throttle.block(wait)
                raise
            finally:
                if self._observe is not None:
                    self._observe(call.operation, code, self._clock.monotonic() - begun)
            return answer

    def _pauses(self, status: int, headers: Mapping[str, str]) -> list[float]:
        """The seconds for which the whole credential is asked to pause, if it is."""
        wait = retry_after(headers, now=self._clock.now())
        return [wait] if status == HTTPStatus.TOO_MANY_REQUESTS and wait is not None else []

    def _accepted(self, call: Call, answer: Answer) -> Answer:
        """The answer, if it is a success.

        A 429 about the pace of requests blocks the credential. What is refused for want of room (429, 503), and a
        server that is busy (503), say nothing about other calls: the error tells for how long this one has to wait.
        """
        if answer.success:
            return answer
        wait = retry_after(answer.headers, now=self._clock.now())
        if wait is None and answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = reset_hint(answer.headers)
        error = from_answer(call, answer, retry_after=wait, advice=self._advice)
        if isinstance(error, RateLimited):
            for pause in self._pauses(answer.status, answer.headers):
                self._throttle.block(pause)
        raise error

    def _endpoint(self, call: Call, answer: Answer) -> ObservedEndpoint:
        body = self._accepted(call, answer).json()
        if call.endpoint_id is None and states_error(body):  # of an endpoint that is there, such a field may be its own
            raise not_understood(call, answer, "it states an error")
        if call.endpoint_id is not None and wire.is_deleted(body):
            raise EndpointNotFound(f"{call.purpose}: the cloud shows it as deleted", refused=True, status=answer.status)
        endpoint = wire.parse_endpoint(body)
        if endpoint is None:
            raise not_understood(call, answer, "it names no endpoint id")
        if call.endpoint_id not in {None, endpoint.id}:
            raise not_understood(call, answer, "it speaks of another endpoint")
        return endpoint


def _check_fresh(call: Call, answer: Answer) -> None:
    """Refuse what a cache on the way has kept: it is older than the request, and proves nothing after it.

    Raises:
        CloudUnavailable: RFC 9111, 5.1: an `Age` says that the server was not asked. Some always send a zero.
    """
    age = answer.headers.get("age", "0") if call.method == "GET" else ""
    if any(each.strip().strip("0") for each in age.split(",")):
        raise not_understood(
            call, answer, f"the answer is {bounded(age, _AGE_SHOWN)} s old: a cache on the way kept it"
        )


def _by_id(method: str, endpoint_id: str, purpose: str, *, body: Mapping[str, object] | None = None) -> Call:
    """A call on one endpoint; the id stays one segment of the path, whatever it holds."""
    if endpoint_id.strip() in {"", ".", ".."} or len(endpoint_id) > wire.TEXT_LIMIT:
        raise InvalidId(f"{purpose}: {bounded(repr(endpoint_id), _ID_SHOWN)} is no endpoint id", refused=True)
    path = f"{ENDPOINTS}/{quote(endpoint_id, safe='', errors='replace')}"
    return Call(method, path, purpose, body=body, endpoint_id=endpoint_id)

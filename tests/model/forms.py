"""The forms that an answer of the cloud can have over HTTP: each says the same, and the real client has to read it so.

Facts: the vendor's API reference for the API's own forms; the others are what gateways and proxies send. What refuses a
request and what leaves its outcome open is told by the tables of sentences that the client's own tests have.
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

import httpx

from tokenfactory_operator.domain.errors import (
    CloudConflict,
    CloudError,
    CloudUnavailable,
    EndpointNotFound,
    Forbidden,
    InvalidSpec,
    QuotaExceeded,
    RateLimited,
    Unauthorized,
)
from tokenfactory_operator.domain.observed import ObservedEndpoint
from unit.cloud.sentences import EFFECTS, FAULTS, LACKS, MISHAPS, PARTS, REFUSALS

READS: Final = ("GET", "LIST")
BROKEN: Final = (httpx.ReadError, httpx.RemoteProtocolError, httpx.ReadTimeout, httpx.WriteError, ConnectionResetError)
NEVER_CONNECTED: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
DELETED: Final = 0.3
"""How often an endpoint that is no more is shown as deleted in place of a 404."""
STATED: Final = 0.2
"""How often a useless success of a POST has an id, and states an error."""
_FAULTY: Final = (408, 425, 499, 500, 502, 504, 520, 524)
_REFUSING: Final[Mapping[type[CloudError], tuple[tuple[int, ...], tuple[str, ...]]]] = {
    Unauthorized: ((401,), ("Invalid token", "Not authenticated")),
    Forbidden: ((403,), ("You may not do this", "Insufficient permissions")),
    RateLimited: ((429,), ("Too many requests", "Rate limit: quota of 10 requests per second", "slow down")),
    InvalidSpec: ((400, 413, 415, 422), ("unknown gpu_type", "model x is not deployed", "a field is wrong")),
    QuotaExceeded: ((400, 402, 403, 409, 422, 429, 503), REFUSALS),
    EndpointNotFound: ((404, 410), ("no such endpoint", "Not Found", "gone")),
}
"""Statuses and sentences of the API's own answers that refuse a request, by what they are to be read as."""


class Unsent(CloudUnavailable):
    """No connection came about."""


class Pieces(httpx.AsyncByteStream):
    """A body as it comes; with `then`, the connection breaks after it."""

    def __init__(self, pieces: list[bytes], then: Exception | None = None) -> None:
        self._pieces = pieces
        self._then = then

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._then is not None:
            raise self._then


class Style:
    """How one cloud writes its answers; single answers differ in what may differ."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._id = rng.choice(("id", "id", "endpoint_id"))
        self._shape = rng.choice(("data", "data", "endpoints", ""))
        self._nulls = rng.random() < 0.5
        self._wraps = rng.random() < 0.2
        self._spaced = rng.random() < 0.5
        self.page = rng.choice((0, 0, 1, 3)) if self._shape else 0
        """Endpoints on a page of a LIST; 0: all."""
        self._cursor = rng.choice(("next_page_token", "after", "last_id"))

    # What is so

    def endpoint(self, shown: ObservedEndpoint) -> dict[str, Any]:
        """The JSON of one endpoint."""
        fields: dict[str, Any] = {
            self._id: shown.id,
            "object": "dedicated_endpoint",
            "name": shown.name,
            "routing_key": shown.routing_key,
            "model_name": shown.model_name,
            "flavor_name": shown.flavor_name,
            "region": shown.region,
            "gpu_type": shown.gpu_type,
            "gpu_count": shown.gpu_count,
            "enabled": shown.enabled,
            "scaling": {"min_replicas": shown.min_replicas, "max_replicas": shown.max_replicas, "extra": None},
            "deployment": {
                "status": shown.status,
                "readiness": shown.readiness,
                "ready_replicas": shown.ready_replicas,
                "error": None,
            },
            "created_at": shown.created_at,
        }
        if not self._nulls:
            fields = {name: value for name, value in fields.items() if value is not None}
        for name in ("description", "custom_weights_id"):  # of these a null says that there is none
            value = getattr(shown, name)
            if value is not None:
                fields[name] = value or (None if self._nulls else value)
        return fields

    def one(self, shown: ObservedEndpoint) -> httpx.Response:
        """The answer to a GET, a POST or a PATCH."""
        body = self.endpoint(shown)
        return self._json(self._rng.choice((200, 201)), {"endpoint": body} if self._wraps else body)

    def deleted(self) -> httpx.Response:
        """The answer to a DELETE."""
        kinds: tuple[Callable[[], httpx.Response], ...] = (
            lambda: self._raw(204, b""),
            lambda: self._raw(200, b""),
            lambda: self._json(200, {"id": "ep", "deleted": True}),
            lambda: self._json(202, None),
            lambda: self._json(200, {}),
        )
        return self._rng.choice(kinds)()

    def not_found(self, kind: str) -> httpx.Response:
        """The API's own 404, or an endpoint that is shown as deleted."""
        if kind == "GET" and self._rng.random() < DELETED:
            return self._json(200, self.gone("ep-1"))
        return self._json(self._rng.choice((404, 410)), self._api_form("no such endpoint"))

    def catalog(self) -> httpx.Response:
        """The templates: one, about which nothing is told."""
        templates = [{"name": "m/one"}]
        return self._json(200, self._rng.choice(({"data": templates}, {"templates": templates}, templates)))

    def odd(self, description: str | None) -> object:
        """An item of a LIST that names no endpoint; `None`: nor its owner."""
        nameless: tuple[dict[str, Any], ...] = ({}, {self._id: ""}, {self._id: "../x"}, {self._id: 7.5})
        item: dict[str, Any] = {**self._rng.choice(nameless), "name": "x", "deployment": None}
        if description is None:
            return self._rng.choice((item, {**item, "description": {"text": "x"}}, "ep-1", None, [], 7))
        return {**item, "description": description}

    def gone(self, endpoint_id: str) -> dict[str, Any]:
        """An endpoint that is shown only to say that it is no more."""
        ways: tuple[dict[str, Any], ...] = (
            {"deployment": {"status": self._rng.choice(("deleted", "Deleted", "STATUS_DELETED"))}},
            {"deleted": True},
            {"state": "soft-deleted"},
        )
        return {self._id: endpoint_id, "description": "gone", **self._rng.choice(ways)}

    def listing(self, items: list[object], rest: str, total: int = 0) -> httpx.Response:
        """A page of a LIST; `rest`: the cursor of the next one, if there is one; `total`: items that there are."""
        if not self._shape and not total:
            return self._json(200, items)
        body: dict[str, Any] = {"object": "list", self._shape or "data": items}
        if rest and self._cursor == "next_page_token":
            body["next_page_token"] = rest
        elif rest:
            body |= {"has_more": True, ("after" if self._cursor == "after" else "last_id"): rest}
        elif self._nulls:
            body |= {"has_more": False, "next_page_token": None}
        if total:
            name = self._rng.choice(("total", "total_count", "totalItems"))
            body |= self._rng.choice(({name: total}, {"meta": {name: total}}, {"pagination": {name: total}}))
        return self._json(200, body)

    def part(self, items: list[object]) -> httpx.Response:
        """A LIST that says that there is more, and not how to get it."""
        if self._rng.random() < 0.3:
            answer = self._json(200, {"data": items})
            answer.headers["Link"] = self._rng.choice(
                ('</next>; rel="next"', "</p/2>; rel=next", '</a>; rel="last next"')
            )
            return answer
        more: dict[str, Any] = self._rng.choice(
            (
                {"next_url": "/v0/dedicated_endpoints?page=2"},
                {"links": {"next": "/v0/dedicated_endpoints?page=2"}},
                {"meta": {"has_next": True}},
                {"pagination": {"nextCursor": "x"}},
                {"next_page_token": "x" * 3000},
            )
        )
        return self._json(200, {"data": items, **more})

    # What is not so, or may not be

    def error(self, kind: str, error: CloudError, now: datetime) -> httpx.Response:
        """An answer that says what the error says; raises an exception of the network where no answer came."""
        if error.status is None:
            return self._broken(error)
        if error.refused:
            return self._refusal(error, now)
        return self._open(kind, error)

    def _broken(self, error: CloudError) -> httpx.Response:
        if isinstance(error, Unsent):
            raise self._rng.choice(NEVER_CONNECTED)("no connection")
        failure = self._rng.choice(BROKEN)("the connection broke")
        if self._rng.random() < 0.7:
            raise failure
        body = json.dumps({"id": "ep-0", "description": "cut", "more": "x" * 50}).encode()
        cut = self._rng.randrange(len(body))
        return httpx.Response(self._rng.choice((200, 201, 500)), stream=Pieces([body[:cut]], failure))

    def _refusal(self, error: CloudError, now: datetime) -> httpx.Response:
        if isinstance(error, EndpointNotFound) and self._rng.random() < DELETED:
            return self._json(200, self.gone("ep-1"))
        statuses, sentences = _REFUSING[type(error)]
        status, words = self._rng.choice(statuses), self._rng.choice(sentences)
        answer = self._json(status, self._api_form(words))
        if error.retry_after is not None:
            answer.headers.update(self._pause(error.retry_after, now))
        return answer

    def _pause(self, seconds: float, now: datetime) -> dict[str, str]:
        if self._rng.random() < 0.7:
            return {"Retry-After": f"{seconds:.3f}"}
        until = format_datetime(now + timedelta(seconds=seconds + 1), usegmt=True)
        return {"Date": format_datetime(now, usegmt=True), "Retry-After": until}

    def _open(self, kind: str, error: CloudError) -> httpx.Response:
        """After it nobody knows whether anything was done."""
        unclear = self._rng.choice((self._fault_sentence, self._effect_sentence))
        if isinstance(error, CloudConflict):
            return self._json(409, self._api_form(unclear()))
        kinds: tuple[Callable[[], httpx.Response], ...] = (
            lambda: self._json(self._rng.choice(_FAULTY), self._api_form(self._rng.choice(REFUSALS))),
            lambda: self._json(503, self._api_form(unclear())),
            lambda: self._page(kind),
            lambda: self._useless(kind),
        )
        return self._rng.choice(kinds)()

    def _fault_sentence(self) -> str:
        return self._rng.choice(FAULTS).format(self._rng.choice(PARTS))

    def _effect_sentence(self) -> str:
        return self._rng.choice((*EFFECTS, *MISHAPS)).format(self._rng.choice(LACKS))

    def _page(self, kind: str) -> httpx.Response:
        """A gateway's words, which prove nothing whatever its status. To a GET by id each 404 says "not found"."""
        statuses = (*_FAULTY, 301, 302, 307, 400, 403, 413, 422, 503)
        status = self._rng.choice(statuses if kind == "GET" else (*statuses, 404, 405))
        words = self._rng.choice(("Bad Gateway", "Not Found", "quota exceeded", "no such endpoint", "")).encode()
        bodies = (
            b"<html><head><title>" + words + b"</title></head></html>",
            words,
            b'{"message": "' + words + b'"}',
            b'{"detail": "' + words,
            b'{"error": "' + words + b'"}',
            b'{"detail": {"message": "' + words + b'"}}',
        )
        answer = self._raw(status, self._rng.choice(bodies))
        if 300 <= status < 400:
            answer.headers["Location"] = "http://elsewhere.test/v0/dedicated_endpoints"
        return answer

    def _useless(self, kind: str) -> httpx.Response:
        """A success that does not say what it must."""
        body = self._rng.choice((b"<html>Welcome</html>", b"OK", b'{"id": "ep-', b"\xff\xfe\x00"))
        if kind in READS and self._rng.random() < 0.5:
            return self._kept(kind)
        if kind == "POST" and self._rng.random() < STATED:
            body = b'{"id": "ep-0", "error": {"message": "no"}}'
        elif kind != "DELETE":  # to which any JSON is an answer
            body = self._rng.choice((body, b"", b"{}", b"null", b'{"error": {"message": "no"}}', b'{"id": "../x"}'))
        return self._raw(self._rng.choice((200, 201, 202)), body)

    def _kept(self, kind: str) -> httpx.Response:
        """What a cache on the way has kept, or a part of something."""
        ages = ("7", "0, 30", "86400", "x")
        answer = self._json(200, {"data": []} if kind == "LIST" else self.gone("ep-1"))
        if kind == "GET" or self._rng.random() < 0.5:
            answer.headers["Age"] = self._rng.choice(ages)
        else:
            answer.status_code = self._rng.choice((203, 206, 226))
        return answer

    def _api_form(self, words: str) -> dict[str, Any]:
        forms: tuple[dict[str, Any], ...] = (
            {"detail": words},
            {"error": {"message": words, "type": "error", "code": None}},
            {"error": {"message": words, "type": None, "param": None}, "object": "error"},
        )
        return self._rng.choice(forms)

    # How it comes

    def _json(self, status: int, body: object) -> httpx.Response:
        separators = (" , ", " :\t") if self._spaced else (",", ":")
        text = json.dumps(body, ensure_ascii=not self._spaced, separators=separators)
        return self._raw(status, (f"\n{text}\r\n" if self._spaced else text).encode())

    def _raw(self, status: int, body: bytes) -> httpx.Response:
        cut = self._rng.randrange(len(body) + 1)
        pieces = [body] if self._rng.random() < 0.7 else [body[:cut], body[cut:]]
        headers = {"Content-Type": self._rng.choice(("application/json", "text/html", "application/problem+json"))}
        if self._rng.random() < 0.2:
            headers["Age"] = "0"
        return httpx.Response(status, headers=headers, stream=Pieces(pieces))

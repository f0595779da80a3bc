"""How an API server writes its answers, and what may come in their place: HTTP statuses, bodies, broken connections.

What an answer is to be taken for is said by the error that it stands for. An answer that says nothing of what was done
stands for a `Garbled`.
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

import aiohttp

from model.apiserver import Body, Invalid
from tokenfactory_operator.domain.errors import KubeConflict, KubeError, KubeNotFound

KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "dedicatedendpoints": ("tokenfactory.nebius.com/v1alpha1", "DedicatedEndpoint"),
    "secrets": ("v1", "Secret"),
    "configmaps": ("v1", "ConfigMap"),
    "events": ("v1", "Event"),
    "leases": ("coordination.k8s.io/v1", "Lease"),
}
"""API version and kind of each resource that is served."""
META: Final = "meta.k8s.io/v1"
REASONS: Final[Mapping[int, str]] = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
"""By HTTP status, the reason in the API server's own form."""


class Answered(KubeError):
    """The API server has answered with this HTTP status, in its own form."""

    def __init__(self, message: str, status: int, *, field: str = "", retry_after: int | None = None) -> None:
        """`field`: of the object, which the answer names as the cause."""
        super().__init__(f"HTTP {status}: {message}", retry_after=retry_after)
        self.status = status
        self.field = field


class Garbled(KubeError):
    """The answer says nothing of what was asked: a gateway's, a part of one, or another's."""


class Answer:
    """What aiohttp shows of an answer, as far as a client reads it."""

    def __init__(
        self, status: int, data: bytes, headers: Mapping[str, str] | None = None, *, breaks: bool = False
    ) -> None:
        """`breaks`: the connection does, behind these bytes."""
        self.status = status
        self.headers = dict(headers or {})
        self._data = data
        self._breaks = breaks

    @property
    def content(self) -> Answer:
        """What to read piece by piece."""
        return self

    async def read(self) -> bytes:
        """The whole body."""
        if self._breaks:
            raise aiohttp.ClientPayloadError("the answer is cut off")
        return self._data

    async def iter_any(self) -> AsyncIterator[bytes]:
        """The same in two pieces."""
        half = len(self._data) // 2
        for piece in (self._data[:half], self._data[half:]):
            yield piece
        if self._breaks:
            raise aiohttp.ClientPayloadError("the answer is cut off")

    def close(self) -> None:
        """Nothing is open."""


class KubeStyle:
    """Answers in JSON, each with things beside what matters that a client must not stumble over."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._managed = [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {}}}]
        self._applied = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}

    # What is so

    def one(self, plural: str, body: Body, *, metadata_only: bool, status: int = 200) -> Answer:
        """An object, or its metadata."""
        return _json(status, self._whole(plural, body, metadata_only=metadata_only))

    def page(self, plural: str, bodies: Sequence[Body], version: str, rest: str, *, metadata_only: bool) -> Answer:
        """A page of a listing; `rest`: what to go on with."""
        kind = "PartialObjectMetadataList" if metadata_only else f"{KINDS[plural][1]}List"
        items: list[Any] | None = [self._item(body, metadata_only=metadata_only) for body in bodies]
        metadata = {"resourceVersion": version} | ({"continue": rest, "remainingItemCount": 1} if rest else {})
        if metadata_only and not items:
            items = None
        return _json(200, {"kind": kind, "apiVersion": "v1", "metadata": metadata, "items": items})

    def _whole(self, plural: str, body: Body, *, metadata_only: bool) -> dict[str, Any]:
        version, kind = (META, "PartialObjectMetadata") if metadata_only else KINDS[plural]
        return {"apiVersion": version, "kind": kind, **self._item(body, metadata_only=metadata_only)}

    def _item(self, body: Body, *, metadata_only: bool) -> dict[str, Any]:
        given = body["metadata"]
        noise = {"managedFields": self._managed, "annotations": {**self._applied, **(given.get("annotations") or {})}}
        metadata = {**given, **noise}
        return {"metadata": metadata} if metadata_only else {**body, "metadata": metadata}

    # What is not so, or may not be

    def error(self, error: KubeError, plural: str, name: str, stored: Body | None, *, metadata_only: bool) -> Answer:
        """An answer that says what the error says; `stored`: the object that is meant, if there is one."""
        if isinstance(error, Garbled):
            return self._garbled(plural, stored, metadata_only=metadata_only)
        status, field = _status_of(error)
        webhooks = isinstance(error, Answered) and status == 404  # who denies, chooses the code, and gives no reason
        cause = {"reason": "FieldValueInvalid", "message": "not valid", "field": field} if field else {"message": "no"}
        details = {"name": name, "kind": plural, "causes": [cause]} if status != 404 else {"name": name, "kind": plural}
        said = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": error.message,
            "reason": "" if webhooks else REASONS.get(status, "Unknown"),
            "details": details,
            "code": status,
        }
        wait = {} if error.retry_after is None else {"Retry-After": f"{error.retry_after:.0f}"}
        return _json(status, said, wait)

    def broken(self) -> Exception:
        """What aiohttp raises where no answer comes."""
        failures: tuple[Callable[[], Exception], ...] = (
            aiohttp.ServerDisconnectedError,
            lambda: aiohttp.ClientOSError(104, "Connection reset by peer"),
            lambda: aiohttp.ClientPayloadError("the answer is cut off"),
            lambda: OSError(32, "Broken pipe"),
            lambda: aiohttp.SocketTimeoutError("time-out"),
        )
        return self._rng.choice(failures)()

    def _garbled(self, plural: str, stored: Body | None, *, metadata_only: bool) -> Answer:
        forms: tuple[Callable[[], Answer], ...] = (
            self._gateways,
            self._gateways,
            lambda: self._cut(plural, stored),
            lambda: self._others(plural, stored, metadata_only=metadata_only),
        )
        return self._rng.choice(forms)()

    def _gateways(self) -> Answer:
        """A gateway's words, which say nothing of the object, whatever their status."""
        status = self._rng.choice((200, 301, 302, 401, 403, 404, 404, 409, 410, 429, 500, 502, 503, 504))
        words = self._rng.choice((b"Bad Gateway", b"404 page not found\n", b"no healthy upstream", b""))
        bodies = (
            b"<html><head><title>" + words + b"</title></head></html>",
            words,
            b'{"message": "' + words[:9] + b'"}',
        )
        return Answer(status, self._rng.choice(bodies), {"Location": "http://elsewhere.test/"} if status < 400 else {})

    def _cut(self, plural: str, stored: Body | None) -> Answer:
        """The beginning of the right answer: its length is known, or not."""
        data = json.dumps(self._whole(plural, stored or {"metadata": {"name": "x"}}, metadata_only=False)).encode()
        return Answer(200, data[: self._rng.randrange(len(data))], breaks=self._rng.random() < 0.5)

    def _others(self, plural: str, stored: Body | None, *, metadata_only: bool) -> Answer:
        """JSON, and an object of Kubernetes even, but not what was asked for."""
        metadata = (stored or {"metadata": {}})["metadata"]
        other = {**metadata, "name": "another", "uid": "u0", "resourceVersion": "7"}
        forms: tuple[object, ...] = (
            {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"},
            {"kind": "Table", "apiVersion": META, "metadata": {}, "rows": []},
            {"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": []},
            {"kind": "Namespace" if metadata_only else "PartialObjectMetadata", "metadata": metadata},
            {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": metadata, "spec": {}},
            {"kind": KINDS[plural][1], "apiVersion": KINDS[plural][0], "metadata": other, "spec": {}, "status": {}},
            {"kind": KINDS[plural][1], "apiVersion": KINDS[plural][0], "metadata": {"name": metadata.get("name", "x")}},
            {},
            [],
            None,
            "OK",
        )
        return _json(200, self._rng.choice(forms))


def _status_of(error: KubeError) -> tuple[int, str]:
    """Its HTTP status, and the field that it is about."""
    if isinstance(error, Answered):
        return error.status, error.field
    if isinstance(error, Invalid):
        return 422, "metadata.finalizers"
    return (404 if isinstance(error, KubeNotFound) else 409 if isinstance(error, KubeConflict) else 500), ""


def _json(status: int, document: object, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, json.dumps(document).encode(), headers)

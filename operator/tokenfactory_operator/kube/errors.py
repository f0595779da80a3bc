"""What the API server's answers mean, as errors of the one tree.

Only an answer in the API server's own form (`kind: Status`) proves anything about an object. A bare 404 is what a path
answers that is not served at all (the CRD is gone, the server is still starting): it must never be read as "the object
does not exist". This module decides on answers; it makes no request.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, NamedTuple

from tokenfactory_operator.domain.errors import (
    Handling,
    KubeConflict,
    KubeError,
    KubeNotFound,
    KubeRefused,
    OperatorError,
)
from tokenfactory_operator.kube.paths import ANYTHING, Target

MAX_RETRY_AFTER: Final = 300.0
"""Seconds that a `Retry-After` may ask for; more is cut."""
NAMESPACE_TERMINATING: Final = "NamespaceTerminating"
"""The cause that a 403 carries when something is created in a namespace that is being deleted (seen on 1.37)."""

_HTTP_UNAUTHORIZED: Final = 401
_HTTP_FORBIDDEN: Final = 403
_HTTP_NOT_FOUND: Final = 404
_HTTP_CONFLICT: Final = 409
_HTTP_TOO_MANY_REQUESTS: Final = 429
_HTTP_SERVER_ERRORS: Final = 500
_REFUSALS: Final = frozenset({400, 413, 422})


class SetupError(OperatorError):
    """This process cannot run as it is set up; its message says what to do, and a retry is no help."""

    handling: ClassVar[Handling] = Handling.TERMINAL


class NoAnswer(KubeError):
    """The network failed or the time was over: the API server may have done what was asked, or never heard of it."""


class TooLarge(KubeError):
    """The answer has more bytes than the caller wants to hold; it was not read to its end."""


class Cause(NamedTuple):
    """One of the causes that an answer names in `details.causes`."""

    reason: str
    field: str = ""
    """A path such as `spec.region`; empty where it is about no field."""


class ApiServerError(KubeError):
    """The API server answered with an error that is neither a conflict nor a missing object."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        causes: frozenset[Cause] = frozenset(),
        retry_after: float | None = None,
    ) -> None:
        """`status` is the HTTP code."""
        super().__init__(message, retry_after=retry_after)
        self.status = status
        self.causes = causes

    @property
    def names_field(self) -> bool:
        """Whether the schema speaks, and no admission policy."""
        return any(cause.field for cause in self.causes)

    @property
    def of_a_terminating_namespace(self) -> bool:
        """Whether the namespace is being deleted, so that nothing is created in it."""
        return any(cause.reason == NAMESPACE_TERMINATING for cause in self.causes)


class RefusedByServer(ApiServerError, KubeRefused):
    """The API server will not take what was sent."""


@contextlib.contextmanager
def reading(request: str) -> Iterator[None]:
    """Around what reads an answer: where it has not the form that it should have, the call has failed."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise KubeError(f"{request}: the answer cannot be used: {type(error).__name__}: {error}") from error


def may_pass(error: KubeError) -> bool:
    """Whether the same request may succeed soon, with nothing changed by a person."""
    if isinstance(error, ApiServerError):
        return error.status >= _HTTP_SERVER_ERRORS or error.status == _HTTP_TOO_MANY_REQUESTS
    return isinstance(error, NoAnswer)


def _as_status(body: bytes | bytearray) -> Mapping[str, Any] | None:
    """The answer as a `Status` object; `None` for anything else, such as text from a proxy."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and document.get("kind") == "Status" else None


def _causes(status: Mapping[str, Any]) -> Iterator[Cause]:
    """The causes that it names, as far as they can be read."""
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, Mapping) else None
    for cause in causes if isinstance(causes, list) else ():
        if isinstance(cause, Mapping):
            yield Cause(str(cause.get("reason") or ""), str(cause.get("field") or ""))


def retry_after_seconds(header: str | None) -> float | None:
    """`Retry-After` in seconds, at most `MAX_RETRY_AFTER`. The API server sends whole seconds only."""
    if header is None or not header.strip().isdecimal():
        return None
    return min(float(header), MAX_RETRY_AFTER)


def _is_about(status: Mapping[str, Any], asked: Target) -> bool:
    """Whether it may be about the object that was asked for: as far as it says, it has its name and its kind."""
    details = status.get("details")
    named = details if isinstance(details, Mapping) else {}
    name, kind = named.get("name") or asked.name, named.get("kind") or asked.plural
    return not asked.name or (name == asked.name and kind in (asked.plural, asked.kind))


def from_answer(
    request: str, *, status: int, body: bytes | bytearray, retry_after: str | None = None, asked: Target = ANYTHING
) -> KubeError:
    """The error that an answer other than 2xx stands for; `request` says in words what was `asked`."""
    answer = _as_status(body)
    kind = RefusedByServer if status in _REFUSALS else ApiServerError
    if answer is None:
        text = body.decode(errors="replace").strip() or "an empty body"
        return kind(f"{request}: {status}: {text}", status=status, retry_after=retry_after_seconds(retry_after))
    text = f"{request}: {answer.get('message') or answer.get('reason') or status}"
    if status == _HTTP_NOT_FOUND and answer.get("reason") == "NotFound" and _is_about(answer, asked):
        return KubeNotFound(text)
    if status == _HTTP_CONFLICT:
        return KubeConflict(text)
    if status == _HTTP_UNAUTHORIZED:
        text = f"{request}: the API server does not accept the operator's Kubernetes credentials"
    if status == _HTTP_FORBIDDEN:
        text = f"{request}: not allowed to the operator's Kubernetes account: {answer.get('message')}"
    causes = frozenset(_causes(answer))
    return kind(text, status=status, causes=causes, retry_after=retry_after_seconds(retry_after))

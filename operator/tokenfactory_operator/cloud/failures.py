"""From an answer, or none, to the error tree: which class, whether it surely had no effect, and what people read.

What is a refusal stands in `refusals`; here it is put into words. Everything else leaves the outcome open.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

import httpx
from pydantic import SecretStr

from tokenfactory_operator.cloud import refusals
from tokenfactory_operator.cloud.auth import TokenError, redacted
from tokenfactory_operator.cloud.call import Answer, Call
from tokenfactory_operator.cloud.error_body import read_error_body
from tokenfactory_operator.cloud.repeated import without_names, without_request
from tokenfactory_operator.cloud.words import BY_WORDS
from tokenfactory_operator.domain.errors import (
    CloudError,
    CloudUnavailable,
    InvalidSpec,
    OperatorDefect,
    QuotaExceeded,
    Unauthorized,
    bounded,
)

NEVER_CONNECTED: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ProxyError,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)
"""No connection to the cloud came about, so it has heard nothing: refused, no such name, TLS, a proxy's CONNECT."""
_CAUSE_SHOWN: Final = 160
"""Characters of a transport's own text."""


class OnDefect(Protocol):
    """Told of a fault of ours; answers it as a failed call (`defects.Defects.note`)."""

    def __call__(self, error: BaseException, doing: str, /, *, refused: bool = False) -> CloudError:
        """`doing` is for people; `refused`: nothing was sent."""
        ...


def unreported(error: BaseException, doing: str, /, *, refused: bool = False) -> CloudError:
    """An `OnDefect` that only answers."""
    return OperatorDefect(f"{doing} failed by a defect of the operator ({type(error).__name__}).", refused=refused)


@dataclass(frozen=True)
class Advice:
    """Where a person mends things: the names of settings or fields, as people know them."""

    token: str = "TOKENFACTORY_TOKEN_FILE"  # noqa: S105 - the name of a setting
    project: str = "TOKENFACTORY_PROJECT_ID"
    address: str = "TOKENFACTORY_API_URL"
    authorities: str = "TOKENFACTORY_CA_FILE"

    def for_status(self, status: int, *, from_api: bool) -> str:
        """What to do about an answer; empty where waiting is all there is."""
        if status == HTTPStatus.UNAUTHORIZED:
            return f"Check the token in {self.token}."
        if status == HTTPStatus.FORBIDDEN:
            return f"Check that the token in {self.token} may do this in its project ({self.project})."
        if not from_api and HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return f"The answer is not the API's: check {self.address} and any proxy on the way."
        return ""


def from_answer(call: Call, answer: Answer, *, retry_after: float | None, advice: Advice) -> CloudError:
    """The error of an answer that is no success."""
    error_body = read_error_body(answer, lambda text: redacted(text, answer.secret))
    said = f": {error_body.text}" if error_body.text else ""
    error, refused = refusals.foreign(answer.status), False
    if error_body.from_api:
        own = without_request(error_body.words, call.body, apart=answer.status in BY_WORDS)
        named = {"by_id": call.endpoint_id is not None, "names_one": error_body.names_endpoint}
        words = without_names(error_body.said, call.body)
        error, refused = refusals.judged(_kind(call), answer.status, words, own, **named)
    hint = advice.for_status(answer.status, from_api=error_body.from_api)
    if error is InvalidSpec and answer.status == HTTPStatus.CONFLICT:
        hint = _taken(call)
    if error is QuotaExceeded:
        hint = ""  # neither token nor project is at fault
    text = " ".join(f"{call.purpose} failed with HTTP {answer.status}{said}".split())
    text = f"{text.removesuffix('.')}. {hint}" if hint else text
    return error(text, retry_after=retry_after, refused=refused, status=answer.status)


def _kind(call: Call) -> refusals.Kind:
    kinds = {"POST": refusals.Kind.CREATE, "PATCH": refusals.Kind.CHANGE}
    return kinds.get(call.method, refusals.Kind.OTHER) if call.body is not None else refusals.Kind.OTHER


def _taken(call: Call) -> str:
    key = (call.body or {}).get("routing_key")
    return f"Choose another spec.routingKey than {key}." if key else ""


def not_understood(call: Call, answer: Answer, problem: str) -> CloudUnavailable:
    """The error of a success that does not say what it must; the outcome is open."""
    problem = "the answer is larger than may be read" if answer.oversized else problem
    return CloudUnavailable(f"{call.purpose}: HTTP {answer.status}, but {problem}", status=answer.status)


def unreachable(call: Call, error: Exception, *, secret: SecretStr, advice: Advice, unsent: bool = False) -> CloudError:
    """The error of a call without a whole answer: the outcome is open, unless nothing was sent.

    `unsent`: the connection was still being made when it failed.
    """
    if isinstance(error, TokenError):
        said = redacted(str(error), secret)
        return Unauthorized(f"{call.purpose}: the token in {advice.token} cannot be used: {said}", refused=True)
    nothing_sent = unsent or isinstance(error, NEVER_CONNECTED)
    text = bounded(redacted(str(error), secret), _CAUSE_SHOWN)
    kind = type(error).__name__
    cause = f"{kind}: {text}" if text else kind
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return CloudUnavailable(f"{call.purpose}: no whole answer within the time-out ({cause})", refused=nothing_sent)
    hint = f" Check {advice.authorities}." if "CERTIFICATE_VERIFY_FAILED" in text else ""
    where = f" Check {advice.address}." if isinstance(error, httpx.ConnectError) and not hint else ""
    return CloudUnavailable(f"{call.purpose}: no whole answer came ({cause}).{hint}{where}", refused=nothing_sent)

"""From an answer, or none, to the error tree: which class, whether it surely had no effect, and what people read.

The one place that decides "refused" (exactly-once.md, Create 5): only an answer of the API itself, in one of its own
JSON error forms and with a status that means "not done", is a refusal. Everything else leaves the outcome open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, Protocol

import httpx
from pydantic import SecretStr

from tokenfactory_operator.cloud.auth import TokenError, redacted
from tokenfactory_operator.cloud.call import Answer, Call
from tokenfactory_operator.cloud.complaint import Complaint, read_complaint
from tokenfactory_operator.domain.errors import (
    CloudConflict,
    CloudError,
    CloudUnavailable,
    EndpointNotFound,
    Forbidden,
    InvalidSpec,
    OperatorDefect,
    QuotaExceeded,
    RateLimited,
    Unauthorized,
    bounded,
)

REFUSALS: Final = frozenset({400, 401, 403, 404, 405, 413, 415, 422, 429})
"""Statuses by which the API says that nothing was done."""
_JUDGEMENTS: Final = frozenset({400, 404, 405, 413, 415, 422})
"""Refusals that repeat as long as the request is the same."""
_LACKING: Final = frozenset({402, 403, 409, 422, 429, 503})
"""Statuses that may carry a lack of quota or capacity."""
_BY_STATUS: Final[Mapping[int, type[CloudError]]] = MappingProxyType(
    {
        HTTPStatus.UNAUTHORIZED: Unauthorized,
        HTTPStatus.PAYMENT_REQUIRED: Forbidden,
        HTTPStatus.FORBIDDEN: Forbidden,
        HTTPStatus.CONFLICT: CloudConflict,
        HTTPStatus.TOO_MANY_REQUESTS: RateLimited,
    }
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


def untold(error: BaseException, doing: str, /, *, refused: bool = False) -> CloudError:
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
    complaint = read_complaint(answer, lambda text: redacted(text, answer.secret))
    said = f": {complaint.text}" if complaint.text else ""
    hint = advice.for_status(answer.status, from_api=complaint.from_api)
    text = " ".join(f"{call.purpose} failed with HTTP {answer.status}{said}".split())
    return _error_class(call, answer.status, complaint)(
        f"{text.removesuffix('.')}. {hint}" if hint else text,
        retry_after=retry_after,
        refused=complaint.from_api and answer.status in REFUSALS,
        status=answer.status,
    )


def _error_class(call: Call, status: int, complaint: Complaint) -> type[CloudError]:
    if call.body is not None and complaint.lacks_room and status in _LACKING and not _only_too_fast(status, complaint):
        return QuotaExceeded
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if not complaint.from_api:
        return CloudUnavailable
    if status == HTTPStatus.NOT_FOUND and call.endpoint_id is not None:
        return EndpointNotFound
    # Only a request that carries a spec can be at fault for it; a LIST or a DELETE is to be tried again.
    return InvalidSpec if call.body is not None and status in _JUDGEMENTS else CloudUnavailable


def _only_too_fast(status: int, complaint: Complaint) -> bool:
    """Whether a 429 names a quota, but one of requests."""
    return status == HTTPStatus.TOO_MANY_REQUESTS and complaint.too_fast


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

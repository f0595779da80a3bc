"""The one error tree of the operator.

Every failure of a call to the cloud or to Kubernetes is one of these by the time it leaves its adapter. What is done
next follows from its class and from `handling`, never from the text.

Texts are bounded and free of secrets: an adapter passes the vendor's sentence through `bounded`.
"""

from __future__ import annotations

import enum
from typing import ClassVar, Final, Self

from tokenfactory_operator.domain.reasons import Reason

MAX_TEXT: Final = 400
"""Characters of foreign text that an error keeps."""


class Handling(enum.Enum):
    """What kind of retry an error deserves (design: Errors)."""

    TRANSIENT = "transient"
    """Retry with backoff."""
    WAITING_ON_USER = "waiting on the user"
    """Retry slowly, and at once when what the user has to mend changes."""
    WAITING_ON_CLOUD = "waiting on the cloud"
    """Retry with backoff, and say since when."""
    TERMINAL = "terminal"
    """No retry for this generation of the spec."""


def bounded(text: str, limit: int = MAX_TEXT) -> str:
    """Fold white space and cut `text` to `limit` characters."""
    folded = " ".join(text.split())
    return folded if len(folded) <= limit else folded[: limit - 1] + "…"


def visible(text: str) -> str:
    """`text` with an escape for what is no visible character: control, bidirectional, zero width."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


class OperatorError(Exception):
    """Base of the tree: a reason for conditions, a sentence for people, and how to go on."""

    reason: ClassVar[Reason] = Reason.CLOUD_UNAVAILABLE
    handling: ClassVar[Handling] = Handling.TRANSIENT

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Keep `message` bounded; `retry_after` is in seconds."""
        self.message = visible(bounded(message))
        self.retry_after = retry_after
        super().__init__(self.message)

    @property
    def retryable(self) -> bool:
        """Whether trying again without a change by a person can help."""
        return self.handling is not Handling.TERMINAL

    def remembered(self) -> Self:
        """The same without traceback and cause: these hold the frames that it came through, and what is in them."""
        self.__cause__ = self.__context__ = None
        return self.with_traceback(None)


class CloudError(OperatorError):
    """A call to the cloud did not do what was asked."""

    def __init__(
        self, message: str, *, retry_after: float | None = None, refused: bool = False, status: int | None = None
    ) -> None:
        """`refused`: the answer proves that the request had no effect (docs/protocol.md, Create 5); `status`: HTTP."""
        super().__init__(message, retry_after=retry_after)
        self.refused = refused
        self.status = status


class CredentialsError(CloudError):
    """No usable credential for this object, so no call was made."""

    reason = Reason.CREDENTIALS_MISSING
    handling = Handling.WAITING_ON_USER


class TooManyCredentials(CredentialsError):
    """So many different credentials are in use already that this one is not used."""

    reason = Reason.TOO_MANY_CREDENTIALS


class CloudUnavailable(CloudError):
    """Network fault, time-out, 5xx, or an answer that is not the API's."""


class RateLimited(CloudError):
    """429."""

    reason = Reason.RATE_LIMITED


class CloudConflict(CloudError):
    """409: never a refusal, since what it conflicts with may be our own earlier request."""


class EndpointNotFound(CloudError):
    """404 in the API's own error form."""

    reason = Reason.ENDPOINT_LOST


class Unauthorized(CloudError):
    """401: the token is missing, wrong or revoked."""

    reason = Reason.UNAUTHORIZED
    handling = Handling.WAITING_ON_USER


class Forbidden(CloudError):
    """403: the token may not do this in this project."""

    reason = Reason.FORBIDDEN
    handling = Handling.WAITING_ON_USER


class QuotaExceeded(CloudError):
    """The cloud understood and has no room, whatever status code says so."""

    reason = Reason.QUOTA_EXCEEDED
    handling = Handling.WAITING_ON_CLOUD


class InvalidSpec(CloudError):
    """The cloud refuses the request as it stands; only a change of the spec helps."""

    reason = Reason.REFUSED_BY_CLOUD
    handling = Handling.TERMINAL


class InvalidId(InvalidSpec):
    """What the spec or the status names can be no endpoint's id, so no call was made."""

    reason = Reason.INVALID_SPEC


class OperatorDefect(CloudError):
    """The operator itself failed, at a call or at its answer: a fault of ours, told as such and tried again."""

    reason = Reason.OPERATOR_DEFECT


class KubeError(OperatorError):
    """A call to the Kubernetes API failed."""


class KubeConflict(KubeError):
    """The object changed since it was read: read again, decide again."""


class KubeNotStored(KubeError):
    """A write was accepted, and its answer does not show it."""


class KubeNotFound(KubeError):
    """The object does not exist (any more), or a new one took its name."""


class KubeRefused(KubeError):
    """400, 413, 422: the API server will not take what was sent, now or later."""


class LeaseLost(OperatorError):
    """This process does not lead, so it may not act."""


class LeaseHeld(OperatorError):
    """Another process renews the Lease, and this one was told to lead without asking."""

"""What became of the calls of one process for one object: what was answered, what failed, and what did not last.

Part of `Memory`. A record is changed only by what has happened; nothing is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokenfactory_operator.domain.errors import Handling, OperatorError
from tokenfactory_operator.domain.timing import NEVER


@dataclass(slots=True)
class Failure:
    """The last call for this object that failed, until one succeeds."""

    error: OperatorError
    generation: int
    not_before: float
    """Earliest next try."""
    requested_at: str
    """The request annotation when it failed: a new value is a person's word to try again."""
    action: str
    at: float

    def __post_init__(self) -> None:
        """Keep what was said, and not the frames on the way, which hold the whole answer."""
        self.error = self.error.remembered()


@dataclass(slots=True)
class Calls:
    """What became of the calls for this object that change the cloud."""

    mutated: float = NEVER
    """End of the last mutation's answer for this object."""
    unanswered: float = NEVER
    """End of the last PATCH or DELETE for this object without a clear answer: it may take effect yet."""
    failure: Failure | None = None
    failures: int = 0
    """Calls in a row that failed, for the backoff."""

    def answered(self, at: float) -> None:
        """A mutation was answered 2xx, or with the 404 of a DELETE."""
        self.mutated = at

    def ended_unclear(self, at: float) -> None:
        """A PATCH or DELETE ended without a clear answer: no LIST from before says what the cloud has now."""
        self.unanswered = self.mutated = at

    def failed(self, failure: Failure) -> None:
        """Another call has failed."""
        self.failure, self.failures = failure, self.failures + 1

    def succeeded(self) -> None:
        """What had failed is over."""
        self.failure, self.failures = None, 0

    def credential_changed(self) -> None:
        """What failed was the other credential's, unless only a person can mend it."""
        if self.failure is not None and self.failure.error.handling is not Handling.TERMINAL:
            self.succeeded()


@dataclass(frozen=True, slots=True)
class Correction:
    """PATCHes of one field that the cloud accepted and that did not last."""

    tries: int = 0
    last: float = NEVER
    observed: object = None
    """What the cloud had before the last one."""
    generation: int = 0

"""One intention to create an endpoint: what is known of it, and what may happen to it next.

An attempt has a fresh random id, which is the `try` of the mark that its endpoint carries. It is written to the status
before its POST is sent, so that a crash leaves a trace::

                                ┌───────────────── SENT (again) ─────────────────┐
                                ▼                                                │
    opened here ─▶ OPEN ─SENT─▶ IN_DOUBT ─── REFUSED ────────────────────▶ REFUSED ◀─ found in a status
                                ▲  │  │
       found in a status ───────┘  │  ├───── CREATED, SEEN ──────────────▶ SUCCEEDED ◀─ found in a status
                       UNANSWERED ─┘  └───── ABSENT ─────────────────────▶ RULED_OUT

An attempt in doubt is the only one that may still make an endpoint: it is resolved before anything else is created, and
before a deletion ends. Where each sentence comes from: docs/protocol.md, Create.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tokenfactory_operator.api.v1alpha1 import CreateAttempt


class State(enum.Enum):
    """What is known of an attempt."""

    OPEN = "open"
    """Opened by this process, and nothing was sent: it needs no resolving."""
    IN_DOUBT = "in doubt"
    """It was sent, or may have been; nothing proves what became of it."""
    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    """The cloud's answer, or its absence before anything was sent, proves that it made nothing."""
    RULED_OUT = "ruled out"
    """It had no answer, and nothing of it showed up for the settle time."""


class Event(enum.Enum):
    """What can happen to an attempt."""

    SENT = "its POST is being sent"
    UNANSWERED = "the POST ended without a clear answer"
    REFUSED = "the POST was refused for sure"
    CREATED = "the POST was answered with an endpoint"
    SEEN = "an endpoint with its `try` is listed"
    ABSENT = "no endpoint with its `try` was listed for the settle time"


TRANSITIONS: Final[Mapping[tuple[State, Event], State]] = {
    (State.OPEN, Event.SENT): State.IN_DOUBT,
    (State.REFUSED, Event.SENT): State.IN_DOUBT,
    (State.IN_DOUBT, Event.UNANSWERED): State.IN_DOUBT,
    (State.IN_DOUBT, Event.REFUSED): State.REFUSED,
    (State.IN_DOUBT, Event.CREATED): State.SUCCEEDED,
    (State.IN_DOUBT, Event.SEEN): State.SUCCEEDED,
    (State.IN_DOUBT, Event.ABSENT): State.RULED_OUT,
}
"""Every other pair is an error of this program."""


class IllegalTransition(Exception):
    """An event that cannot happen to an attempt in this state."""


PENDING: Final = "Pending"
"""`status.createAttempt.state` of an attempt whose POST may have been sent, or will be."""
CREATED: Final = "Created"
REFUSED: Final = "Refused"
"""Of one that made nothing, and for which no POST follows."""
FOUND: Final[Mapping[str, State]] = {
    PENDING: State.IN_DOUBT,
    CREATED: State.SUCCEEDED,
    REFUSED: State.REFUSED,
}
"""What another process knew of an attempt, by what it wrote; a word that is not known counts as `Created`."""


@dataclass(frozen=True)
class Attempt:
    """An attempt of this process, or one that the status tells of."""

    id: str
    """Its `try`; empty for a finalizer that nothing explains."""
    state: State = State.OPEN
    after_unknown: int = 0
    """How many attempts in a row before this one had no clear answer."""
    doubt_ended: float = -math.inf
    """As `ended`, of the last of those."""
    scope: str = ""
    """Where it was opened."""
    ended: float = -math.inf
    """Stamp from which on it cannot be on its way any more: only LISTs begun later say something about it."""
    endpoint_id: str = ""
    """The endpoint that it made; not empty if, and only if, it succeeded here."""
    written: bool = False
    """The status is known to name `endpoint_id`."""

    @property
    def streak(self) -> int:
        """Attempts in a row without a clear answer, if this one has none either."""
        return self.after_unknown + 1

    def after(self, event: Event, *, ended: float | None = None, endpoint_id: str = "") -> Attempt:
        """The attempt after `event`; raises `IllegalTransition`."""
        state = TRANSITIONS.get((self.state, event))
        if state is None:
            raise IllegalTransition(f"Attempt {self.id} is {self.state.value}: {event.value}")
        return replace(self, state=state, ended=self.ended if ended is None else ended, endpoint_id=endpoint_id)


def found(written: CreateAttempt, *, has_endpoint: bool, ended: float) -> Attempt:
    """The attempt that a status tells of; `has_endpoint`: an endpoint of the object is recorded.

    One that says `Created` beside no endpoint is in doubt: somebody has removed the id.
    """
    state = FOUND.get(written.state, State.SUCCEEDED)
    if state is State.SUCCEEDED and not has_endpoint:
        state = State.IN_DOUBT
    # A number below zero can only come from somebody else: it would shorten the settle time.
    return Attempt(written.id, state, after_unknown=max(0, written.after_unknown or 0), doubt_ended=ended, ended=ended)


def is_pending(status: Mapping[str, Any] | None) -> bool:
    """Whether a stored status, as JSON, tells of an attempt whose outcome is open."""
    return ((status or {}).get("createAttempt") or {}).get("state") == PENDING

"""What one process knows of one object beyond status and inventory; lost with the process, by design.

Small records, each with a subject. They are changed only by their own methods, and each of these is named after what
has happened. Times are stamps of one strictly growing clock, in seconds; `NEVER` where it has not happened.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from tokenfactory_operator.domain.attempt import Attempt, Event, IllegalTransition, State
from tokenfactory_operator.domain.call_memory import Calls, Correction
from tokenfactory_operator.domain.endpoint_memory import EndpointMemories
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.timing import NEVER


@dataclass(slots=True)
class Attempts:
    """The create attempts of this process, and when it first saw one of another process."""

    latest: Attempt | None = None
    """The last one that this process opened."""
    unsent: frozenset[str] = frozenset()
    """Ids of those that this process opened and never sent."""
    pending_seen: float = NEVER
    """First sight of a pending attempt, or of an unexplained finalizer, that this process did not open."""
    made: dict[str, str] = field(default_factory=dict)
    """Id of an attempt → the endpoint in its POST's answer, or that was seen with its `try`; of every attempt."""

    @property
    def endpoint_id(self) -> str:
        """The endpoint that the latest one has made; empty if none."""
        return self.latest.endpoint_id if self.latest is not None else ""

    def finalizer_seen(self, at: float) -> None:
        """The object carries our finalizer; the first sight counts."""
        if self.pending_seen == NEVER:
            self.pending_seen = at

    def opening(self, attempt_id: str) -> None:
        """An attempt is about to be written down, by a write that may fail after it took effect."""
        if self.latest is not None and self.latest.state is State.OPEN:
            self.unsent |= {self.latest.id}
        self.unsent |= {attempt_id}

    def opened(self, attempt: Attempt) -> None:
        """It is written down, and stands in the place of the one before."""
        self.unsent -= {attempt.id}
        self.latest = attempt

    def happened(self, event: Event, *, ended: float | None = None, endpoint_id: str = "") -> Attempt:
        """To the latest one; answers it as it is then, and raises `IllegalTransition`."""
        if self.latest is None:
            raise IllegalTransition(f"There is no attempt: {event.value}")
        self.latest = self.latest.after(event, ended=ended, endpoint_id=endpoint_id)
        if endpoint_id:
            self.made[self.latest.id] = endpoint_id
        return self.latest

    def recorded(self, endpoint_id: str | None) -> None:
        """The status names this endpoint."""
        if self.latest is not None and self.endpoint_id and self.endpoint_id == endpoint_id and not self.latest.written:
            self.latest = replace(self.latest, written=True)


@dataclass(slots=True)
class Hold:
    """How this process holds the object by our finalizer."""

    clean: bool = False
    """This process wrote the finalizer and has sent the cloud nothing for it."""
    first: bool = False
    """This process put the finalizer on, so no earlier one has called the cloud for the object."""
    let_go: bool = False
    """A decision has let the object go: what is left of it is left on purpose."""

    def putting(self, *, clean: bool) -> None:
        """The finalizer is about to be written; `clean`: nothing is known of any attempt."""
        self.clean = clean

    def put(self) -> None:
        """The finalizer is written."""
        self.first = True

    def sent(self) -> None:
        """A POST is being sent."""
        self.clean = False

    def letting_go(self) -> None:
        """The finalizer is about to be taken away, by a write whose answer may be lost."""
        self.let_go = True

    def kept(self) -> None:
        """That write was refused."""
        self.let_go = False


@dataclass(slots=True)
class Request:
    """The annotation by which a person asks for a new look."""

    value: str = ""
    seen: float = NEVER
    """First sight of this value."""

    def news(self, value: str, at: float) -> bool:
        """Take the annotation's value in; answers whether it is a new one."""
        if value == self.value:
            return False
        self.value, self.seen = value, at
        return True


@dataclass(slots=True)
class Recreation:
    """How often an endpoint of this object was lost and created again."""

    count: int = 0
    last: float = NEVER

    def recreated(self, at: float, *, forgotten: bool) -> None:
        """An endpoint was created in place of a lost one; `forgotten`: the last time was long ago."""
        self.count, self.last = 1 if forgotten else self.count + 1, at


@dataclass(slots=True)
class Memory:
    """All of it, for the object of this uid."""

    uid: str
    attempts: Attempts = field(default_factory=Attempts)
    hold: Hold = field(default_factory=Hold)
    calls: Calls = field(default_factory=Calls)
    endpoints: EndpointMemories = field(default_factory=EndpointMemories)
    request: Request = field(default_factory=Request)
    confirmed_doubts: frozenset[Reason] = frozenset()
    """The reported doubts (untrusted inventory, other scope, unknown outcomes) that a person has answered with the
    request annotation."""
    confirmed_endpoints: frozenset[str] = frozenset()
    """Endpoints that the status has asked about by their ids, and of which a person has said that they are gone, or not
    this object's."""
    corrections: dict[str, Correction] = field(default_factory=dict)
    """Field → its corrections."""
    recreation: Recreation = field(default_factory=Recreation)
    claimed: str = ""
    """Endpoint whose adoption this process has begun itself: it knows of every call for that, if it is the first."""
    without_credential: float = NEVER
    """Since when there is no usable credential for the object; `NEVER` while there is one."""

    def requested(self, doubt: Reason | None, named: Collection[str] = ()) -> None:
        """A person asks for a new look; `doubt`: what the status asks a person, about the endpoints `named` if any."""
        self.corrections.clear()  # another try of each
        if doubt is not None:
            self.doubt_confirmed(doubt, named)

    def doubt_confirmed(self, doubt: Reason, named: Collection[str] = ()) -> None:
        """A person has answered the doubt that the status reports: about these endpoints, or about its own LIST."""
        if named:
            self.confirmed_endpoints |= frozenset(named)
        else:
            self.confirmed_doubts |= {doubt}

    def doubt_over(self) -> None:
        """What a person has confirmed does not hold for the next doubt."""
        self.confirmed_doubts, self.confirmed_endpoints = frozenset(), frozenset()

    def post_begun(self) -> None:
        """A POST is being sent: what a person has allowed is this one."""
        self.attempts.happened(Event.SENT)
        self.hold.sent()
        self.doubt_over()

    def correction_accepted(self, name: str, correction: Correction) -> None:
        """The cloud has accepted a PATCH of this field."""
        self.corrections[name] = correction

    def adopting(self, endpoint_id: str) -> None:
        """The adoption of this endpoint is written down."""
        self.claimed = endpoint_id

    def credential_seen(self, at: float, *, usable: bool) -> None:
        """Whether there is a credential for the object now."""
        if usable:
            self.without_credential = NEVER
        elif self.without_credential == NEVER:
            self.without_credential = at

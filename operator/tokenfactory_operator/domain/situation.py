"""Everything a decision may depend on, gathered before it is made.

Three parts: the object (`Resource`), what the inventory proves about it (`Evidence`), and what this very process did
and saw (`Memory`). Times are stamps of one strictly growing clock, in seconds; they order requests and answers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tokenfactory_operator.domain.attempt import Attempt
from tokenfactory_operator.domain.catalog import UNREAD, Catalog
from tokenfactory_operator.domain.desired import INFERENCE_HOSTS, owner_mark
from tokenfactory_operator.domain.errors import OperatorError, remembered
from tokenfactory_operator.domain.identity import RESTORED, Identity, OwnerMark
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.resource import Resource
from tokenfactory_operator.domain.timing import Timing

NEVER: Final = float("-inf")


@dataclass(frozen=True)
class Sighting:
    """An endpoint that is taken to exist, and how recent that knowledge is."""

    endpoint: ObservedEndpoint
    taught: float
    """End of the last mutation's 2xx answer or GET about it; `NEVER` if only listed."""
    listed: float
    """Start of the last LIST that showed it as it stands here; `NEVER` if none has."""


@dataclass(frozen=True)
class Absence:
    """What the complete LISTs say about something that is not in them (exactly-once.md, Evidence)."""

    evidence: float
    """Last positive evidence of it: end of a 2xx answer, or a sighting; `NEVER` if there was none."""
    lists: Sequence[float]
    """Starts of the complete LISTs, in order."""

    def since(self, after: float) -> float | None:
        """Start of the first complete LIST that proves absence after `after`, if there is one."""
        first = bisect_right(self.lists, max(after, self.evidence))
        return self.lists[first] if first < len(self.lists) else None

    def proven(self, *, after: float, settle: float) -> bool:
        """Two complete LISTs or more, begun after `after` and the last evidence, at least `settle` seconds apart."""
        first = self.since(after)
        return first is not None and self.lists[-1] > first and self.lists[-1] - first >= settle


@dataclass(frozen=True)
class Outage:
    """The cloud has not been seen for so long that it must be said."""

    reason: Reason
    message: str
    blind: bool
    """Nothing good for so long that `Ready` is no longer known."""


@dataclass(frozen=True)
class Evidence:
    """What the inventory of one credential knows about one object."""

    scope: str
    known: bool
    """A first LIST was seen whose pages all came: before it nothing is mutated."""
    outage: Outage | None
    untrusted: str
    """Why this inventory proves no absence; empty when it does."""
    last_list: float
    """Start of the last complete LIST; `NEVER` if none."""
    last_view: float
    """Start of the last LIST whose pages all came, though an item may have been unreadable; `NEVER` if none."""
    own: tuple[Sighting, ...]
    """Endpoints that carry the object's identity."""
    recorded: Sighting | None
    """The endpoint that the status names."""
    predecessors: tuple[Sighting, ...]
    """Endpoints marked or released by an object of the same cluster, namespace and name, but another uid."""
    identity_absence: Absence
    attempt_absence: Absence
    """About the latest attempt's own `try`."""
    recorded_absence: Absence
    namesakes: tuple[Sighting, ...] = ()
    """Endpoints of objects of the same namespace and name in other clusters."""
    named: Sighting | None = None
    """The endpoint that `spec.endpointId` names."""
    elsewhere: frozenset[str] = frozenset()
    """Endpoints with the object's identity that only another credential's LIST shows."""
    claimed_by: str = ""
    """The other object that has, or is adopting, the endpoint that this one wants; empty if none."""
    same_project: bool = False
    """The scope that the status names was shown to be of the same project as this inventory's."""
    hidden: frozenset[str] = frozenset()
    """Endpoints that answer by id though the complete LISTs do not show them."""
    witnessed: bool = True
    """The last complete LIST shows another endpoint that was known before the recorded one went missing."""
    cut_at: int = 0
    """How many endpoints the last complete LIST shows, where it may be cut off there; 0 where that is not likely."""
    newest_shown: float = NEVER
    """End of the latest POST of this process with this credential whose endpoint a LIST has shown."""
    overdue: frozenset[str] = frozenset()
    """Endpoints from a 2xx to a POST that the LISTs have not shown for the settle time."""


@dataclass
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
        """Keep what was said, and not how: a traceback holds each frame on the way, and with them the whole answer."""
        self.error = remembered(self.error)


@dataclass
class Correction:
    """PATCHes of one field that the cloud accepted and that did not last."""

    tries: int
    last: float
    observed: object
    generation: int


@dataclass
class Memory:
    """What one process knows of one object beyond status and inventory; lost with the process, by design."""

    uid: str
    finalizer_clean: bool = False
    """This process wrote the finalizer and has sent the cloud nothing for it."""
    first: bool = False
    """This process put the finalizer on, so no earlier one has called the cloud for the object."""
    attempt: Attempt | None = None
    pending_seen: float = NEVER
    """First sight of a pending attempt, or of an unexplained finalizer, that this process did not open."""
    unsent: set[str] = field(default_factory=set)
    """Attempts that this process opened and never sent."""
    without_credential: float = NEVER
    """Since when there is no usable credential for the object; `NEVER` while there is one."""
    requested: float = NEVER
    """First sight of the present value of the request annotation."""
    requested_at: str = ""
    word: Reason | None = None
    """The reported doubt (untrusted inventory, other scope, unknown outcomes) that a person has answered with the
    request annotation."""
    mutated: float = NEVER
    """End of the last mutation's answer for this object."""
    claimed: str = ""
    """Endpoint whose adoption this process has begun itself: it knows of every call for that, if it is the first."""
    marked: set[str] = field(default_factory=set)
    """Endpoints on which this process has seen the object's mark, though they may carry none any more."""
    unanswered: float = NEVER
    """End of the last PATCH or DELETE for this object without a clear answer: it may take effect yet."""
    deletes: dict[str, float] = field(default_factory=dict)
    """Endpoint id → end of the last DELETE that answered 2xx or 404."""
    known_since: dict[str, float] = field(default_factory=dict)
    """Endpoint id → since when it is known to exist, for those that were seen as this object's."""
    gone: dict[str, float] = field(default_factory=dict)
    """Endpoint id → when GET did not answer 200 and PATCH then answered 404."""
    probed: dict[str, float] = field(default_factory=dict)
    """Endpoint id → when GET by id was last tried because LIST does not show it."""
    let_go: bool = False
    """A decision has let the object go: what is left of it is left on purpose."""
    looked: set[str] = field(default_factory=set)
    """Endpoints of which a GET by id has told all that it can, with this credential."""
    last_seen: dict[str, ObservedEndpoint] = field(default_factory=dict)
    """Endpoint id → as it was last seen, for the probe of a vanished one."""
    corrections: dict[str, Correction] = field(default_factory=dict)
    failure: Failure | None = None
    released: dict[str, float] = field(default_factory=dict)
    """Endpoint id → end of the call that turned its mark into a released one, or that found it gone."""
    failures: int = 0
    """Calls in a row that failed, for the backoff."""
    recreations: int = 0
    recreated: float = NEVER


@dataclass(frozen=True)
class Policy:
    """What the operator's settings allow this object."""

    may_adopt: bool = False
    """Its namespace may adopt endpoints with the operator's own credential."""
    hold_namesakes: bool = False
    """Nothing is created beside an endpoint of the same namespace and name in another cluster."""
    adopt_recreated: bool = False
    """An endpoint of an earlier object of the same name is taken over without being asked for."""
    inference_hosts: Mapping[str, str] = field(default_factory=lambda: INFERENCE_HOSTS)
    """Region → host of its inference API."""


@dataclass(frozen=True)
class Situation:
    """The input of `plan.decide`."""

    resource: Resource
    identity: Identity
    evidence: Evidence
    memory: Memory
    timing: Timing
    now: float
    policy: Policy = Policy()
    catalog: Catalog = UNREAD
    """Of the object's credential."""

    @property
    def recorded_id(self) -> str:
        """The endpoint that is this object's as far as is written down, by status or by this process; may be empty."""
        made = self.memory.attempt.endpoint_id if self.memory.attempt is not None else ""
        return self.resource.status.endpoint_id or made

    @property
    def remembered_mark(self) -> OwnerMark:
        """The mark that the recorded endpoint should carry, where its own cannot be seen."""
        return owner_mark(self.resource, self.identity, self.resource.origin or RESTORED)

"""Everything a decision may depend on, gathered before it is made.

Three parts: the object (`Resource`), what the inventory proves about it (`Evidence`), and what this very process did
and saw (`Memory`). Times are stamps of one strictly growing clock, in seconds; they order requests and answers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tokenfactory_operator.domain.catalog import UNREAD, Catalog
from tokenfactory_operator.domain.desired import INFERENCE_HOSTS, owner_mark
from tokenfactory_operator.domain.identity import ADOPTED, RESTORED, Identity, OwnerMark
from tokenfactory_operator.domain.memory import Memory
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.resource import Resource
from tokenfactory_operator.domain.timing import NEVER, Timing


@dataclass(frozen=True)
class Sighting:
    """An endpoint that is taken to exist, and how recent that knowledge is."""

    endpoint: ObservedEndpoint
    answered: float
    """End of the last mutation's 2xx answer or GET about it; `NEVER` if only listed."""
    listed: float
    """Start of the last LIST that showed it as it stands here; `NEVER` if none has."""

    @property
    def id(self) -> str:
        """The endpoint's."""
        return self.endpoint.id

    @property
    def last_shown(self) -> float:
        """By an answer or a LIST, whichever is the newer."""
        return max(self.listed, self.answered)


@dataclass(frozen=True)
class Absence:
    """What the complete LISTs say about something that is not in them (docs/protocol.md, Evidence)."""

    evidence: float
    """Last positive evidence of it: end of a 2xx answer, or a sighting; `NEVER` if there was none."""
    lists: Sequence[float]
    """Starts of the complete LISTs, in order."""
    disproved: float = NEVER
    """By when the LISTs left out what exists, with nothing to explain that; `NEVER` if they never did."""

    @property
    def since(self) -> float:
        """From when on it counts that something does not show."""
        return max(self.evidence, self.disproved)

    def proven(self, *, after: float, settle: float) -> bool:
        """Two complete LISTs or more, begun after `after` and `since`, at least `settle` seconds apart."""
        first = bisect_right(self.lists, max(after, self.since))
        return first < len(self.lists) - 1 and self.lists[-1] - self.lists[first] >= settle


@dataclass(frozen=True)
class Outage:
    """The cloud has not been seen for so long that it must be said."""

    reason: Reason
    message: str
    blind: bool
    """Nothing good for so long that `Ready` is no longer known."""


@dataclass(frozen=True)
class CloudView:
    """What the LISTs of one credential show, and whether they may be believed."""

    outage: Outage | None
    untrusted: str
    """Why this inventory proves no absence; empty when it does."""
    last_list: float
    """Start of the last complete LIST; `NEVER` if none."""
    last_view: float
    """Start of the last LIST whose pages all came, though an item may have been unreadable; `NEVER` if none: before it
    nothing is mutated."""
    first_view: float = NEVER
    """Start of the first such one."""
    hidden: frozenset[str] = frozenset()
    """Endpoints that answer by id though the complete LISTs do not show them."""
    overdue: frozenset[str] = frozenset()
    """Endpoints from a 2xx to a POST that the LISTs have not shown for the settle time."""
    cut_off: str = ""
    """Why the last complete LIST may be cut off, for people; empty where that is not likely."""
    newest_shown: float = NEVER
    """End of the latest POST of this process with this credential whose endpoint a LIST has shown."""


@dataclass(frozen=True)
class RecordedEvidence:
    """What is known of the endpoint that the status names; nothing if it names none."""

    seen: Sighting | None
    absence: Absence
    witnessed: bool = True
    """The last complete LIST shows another endpoint that was known before the recorded one went missing."""


@dataclass(frozen=True)
class Evidence:
    """What the inventory of one credential knows about one object."""

    scope: str
    view: CloudView
    recorded: RecordedEvidence
    own: tuple[Sighting, ...]
    """Endpoints that carry the object's identity."""
    predecessors: tuple[Sighting, ...]
    """Endpoints marked or released by an object of the same cluster, namespace and name, but another uid."""
    identity_absence: Absence
    attempt_absence: Absence
    """About the latest attempt's own `try`."""
    accepted: Mapping[str, float] = field(default_factory=dict)
    """Endpoint id → end of the first DELETE that answered 2xx while the LISTs did not show it, and none has since."""
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
class Known:
    """The part of a decision's input that no LIST tells."""

    resource: Resource
    identity: Identity
    memory: Memory
    timing: Timing
    now: float

    @property
    def recorded_id(self) -> str:
        """The endpoint that is this object's as far as is written down, by status or by this process; may be empty."""
        return self.resource.status.endpoint_id or self.memory.attempts.endpoint_id

    @property
    def remembered_mark(self) -> OwnerMark:
        """The mark that the recorded endpoint should carry, where its own cannot be seen."""
        unknown = ADOPTED if self.resource.taking_over else RESTORED
        return owner_mark(self.resource, self.identity, self.resource.origin or unknown)


@dataclass(frozen=True)
class DecisionInput(Known):
    """The input of `plan.decide`."""

    evidence: Evidence
    policy: Policy = Policy()
    catalog: Catalog = UNREAD
    """Of the object's credential."""

"""What a decision can ask for. The executor in `reconcile` carries each out; a decision has exactly one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from tokenfactory_operator.domain.drift import Difference, patch_of
from tokenfactory_operator.domain.observed import EndpointPatch
from tokenfactory_operator.domain.reasons import KStatus, Reason


@dataclass(frozen=True)
class Nothing:
    """The world is as it should be, or the time has not come."""


@dataclass(frozen=True)
class AddFinalizer:
    """Hold the object: put our finalizer (back) into its metadata."""


@dataclass(frozen=True)
class RemoveFinalizer:
    """Let the object go."""

    event: Reason | str = ""
    """Name of the event that tells people, where there is something to tell."""
    message: str = ""


@dataclass(frozen=True)
class Create:
    """Open an attempt (or go on with one that was surely refused) and POST."""

    resume: bool = False
    """Send again under the attempt that this process has open, after a refusal that passes (429)."""
    after_unknown: int = 0
    """How many attempts in a row before this one ended unknown."""


@dataclass(frozen=True)
class Update:
    """PATCH what differs."""

    endpoint_id: str
    differences: tuple[Difference, ...]
    drift: bool
    """The spec is as it was when it was last applied: somebody changed the cloud."""
    adopts: bool = False
    """The owner mark is put on an endpoint that was not made here."""

    @property
    def patch(self) -> EndpointPatch:
        """What is sent."""
        return patch_of(self.differences)


@dataclass(frozen=True)
class DeleteEndpoints:
    """DELETE each of these; the answers prove acceptance only."""

    endpoint_ids: tuple[str, ...]


@dataclass(frozen=True)
class DeleteDuplicate:
    """DELETE the duplicate that a late effect made."""

    endpoint_id: str
    kept_id: str


@dataclass(frozen=True)
class Release:
    """Turn the owner mark into a released one; the endpoint stays."""

    endpoint_id: str
    patch: EndpointPatch


@dataclass(frozen=True)
class ProbeGone:
    """GET by id, and only then a PATCH of the unchanged description: does the endpoint exist after all?"""

    endpoint_id: str
    description: str
    look_only: bool = False
    """GET only: the inventory is not trusted, so the endpoint is observed by id."""


@dataclass(frozen=True)
class ReadCatalog:
    """Ask the cloud what can be deployed."""


@dataclass(frozen=True)
class Rescope:
    """The recorded endpoint is seen with another credential: write the new scope before anything else."""

    scope: str


Change = Update | DeleteEndpoints | DeleteDuplicate | Release | ProbeGone
"""Of an endpoint that there is, or a look at one."""
Call = Create | Change | ReadCatalog
"""It calls the cloud: it takes its turn at the credential first."""
Action = Rescope | Nothing | AddFinalizer | RemoveFinalizer | Call


def mutates(action: Action) -> bool:
    """Whether it changes the cloud, or may."""
    looks = isinstance(action, ProbeGone) and action.look_only
    return isinstance(action, Create | Change) and not looks


@dataclass(frozen=True)
class Verdict:
    """What `Synced` says. What that means for the other conditions is said by the kind, which is one of those below."""

    reason: Reason
    message: str
    conflicts: tuple[str, ...] = ()
    """Endpoints that stand in the way; they are left alone."""
    given_up: tuple[Difference, ...] = ()
    """Differences that are not corrected any more."""
    asks: bool | None = None
    """Whether a person is asked to act, where that is not as the table of reasons says."""

    synced: ClassVar[bool | None] = False
    """None: unknown, as while an attempt is under way."""
    judged: ClassVar[bool] = True
    """The present generation was held against the cloud; otherwise the conditions keep describing an older one."""

    @property
    def stalled(self) -> bool:
        """A person must act before anything goes on, as far as is known."""
        return self.reason.kstatus is KStatus.FAILED if self.asks is None else self.asks


class Applied(Verdict):
    """The cloud has what the spec says."""

    synced = True


class UnderWay(Verdict):
    """Something is being done, and its outcome is awaited."""

    synced = None


class Hindered(Verdict):
    """Something is in the way."""


class Unjudged(Verdict):
    """Nothing can be held against the cloud now."""

    judged = False


SYNCED = Applied(Reason.RECONCILE_SUCCESS, "The cloud has what the spec says.")


@dataclass(frozen=True)
class Decision:
    """One action, what to say, and when to look again."""

    action: Action = field(default_factory=Nothing)
    verdict: Verdict | None = None
    """None: nothing is said (yet), the status stays as it is. It has one beside an action too, where that may be held
    back or comes late."""
    after_list: bool = False
    """Look again after the next LIST of the cloud."""
    after: float | None = None
    """Look again in this many seconds."""
    record: str | None = None
    """Id of the endpoint that the status is to name. None: the one that it names, else the one that is kept."""
    in_order: bool = False
    """Nothing stands between spec and cloud: `Ready` may follow from what the endpoint shows."""
    adopts: str = ""
    """Id of the endpoint whose adoption begins here: claimed for this object from now on."""
    hurry: bool = False
    """The next LIST should come at once."""
    check: str = ""
    """Name of the check that decided: "why did it do X?" starts here. Empty until the chain has filled it in."""

    def by(self, check: str) -> Decision:
        """The same, decided by `check`, unless it names another one already."""
        return self if self.check else replace(self, check=check)

"""What a decision is made from: the object, what the inventory proves, what this process remembers, and the settings.

Two steps. `note` takes in what this pass sees: it changes memory and inventory, and answers nothing. `gather` then only
reads, so that a decision may be made as often as one likes. Neither calls anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tokenfactory_operator.decision import attempts, claims
from tokenfactory_operator.domain.attempt import Event, State
from tokenfactory_operator.domain.catalog import Catalog
from tokenfactory_operator.domain.decision_input import DecisionInput, Policy, recorded_id
from tokenfactory_operator.domain.identity import Identity
from tokenfactory_operator.domain.memory import Memory
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.resource import Resource
from tokenfactory_operator.domain.timing import NEVER, Timing
from tokenfactory_operator.report import status
from tokenfactory_operator.state.evidence import evidence_for
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.state.projects import Projects


@dataclass(frozen=True)
class Sources:
    """Where a decision about one object has its input from."""

    resource: Resource
    memory: Memory
    inventory: Inventory
    """Of the object's credential."""
    projects: Projects
    identity: Identity

    @property
    def recorded(self) -> str:
        """The endpoint that is written down as the object's; may be empty."""
        return recorded_id(self.resource, self.memory)

    @property
    def other_scope(self) -> str:
        """The scope that the status names, where the credential has another; else empty."""
        written, present = self.resource.status.scope or "", self.inventory.scope
        return written if present and written != present else ""


def note(sources: Sources, now: float) -> None:
    """Take in what is seen of the object at `now`, a fresh stamp, before anything is decided."""
    _note_object(sources.resource, sources.memory, now)
    sources.memory.credential_seen(now, usable=bool(sources.inventory.scope))
    _note_attempt(sources)
    _note_endpoints(sources)
    if sources.other_scope:
        sources.projects.compare(sources.other_scope, sources.inventory)


def _note_object(resource: Resource, memory: Memory, now: float) -> None:
    if resource.has_finalizer:
        memory.attempts.finalizer_seen(now)
    doubt = status.doubt_reported(resource.status) if resource.request_pending else None
    named = resource.status.conflicting_endpoints or ()
    memory.requested(resource.requested_at, now, pending=resource.request_pending, doubt=doubt, named=named)
    memory.attempts.recorded(resource.status.endpoint_id)


def _note_attempt(sources: Sources) -> None:
    """The inventory may show what an attempt in doubt has made."""
    attempts = sources.memory.attempts
    if attempts.latest is None or attempts.latest.state is not State.IN_DOUBT:
        return
    made = sources.inventory.made_by(sources.identity, attempts.latest.id)
    if made is not None:
        attempts.happened(Event.SEEN, endpoint_id=made)


def _note_endpoints(sources: Sources) -> None:
    resource, memory, inventory, recorded = sources.resource, sources.memory, sources.inventory, sources.recorded
    if recorded and resource.status.scope in (None, inventory.scope):
        inventory.expect(recorded)
    seen = inventory.last_seen(recorded, resource.namespace)
    if seen is not None:
        memory.endpoints.recorded_seen(seen)  # in whatever scope: a probe must send what it was last
    marked = inventory.marked(resource.uid)
    for endpoint_id in marked | {recorded}:
        record = inventory.record(endpoint_id)
        since, shown = (record.first_seen, record.shows(sources.identity)) if record is not None else (NEVER, False)
        memory.endpoints.seen(endpoint_id, since, marked=endpoint_id in marked, shown=shown)


def gather(  # each of these is a part of the input
    sources: Sources,
    now: float,
    *,
    timing: Timing,
    policy: Policy,
    catalog: Catalog,
    claimed_by: Callable[[str], str],
) -> DecisionInput:
    """The input of the decision at `now`; `claimed_by`: who else has, or is adopting, an endpoint, empty if nobody."""
    latest = attempts.latest_attempt(sources.resource, sources.memory, timing)
    attempt = latest.id if latest is not None else ""
    found = evidence_for(sources.inventory, sources.resource, recorded=sources.recorded, attempt=attempt)
    if sources.other_scope:
        found = replace(found, same_project=sources.projects.same(sources.other_scope, sources.inventory.scope))
    s = DecisionInput(sources.resource, sources.identity, found, sources.memory, timing, now, policy, catalog)
    holder = claimed_by(claims.adoption_target(s))
    return replace(s, evidence=replace(found, claimed_by=holder)) if holder else s


def confirm(s: DecisionInput, inventory: Inventory) -> None:
    """The absence of the recorded endpoint that a person has confirmed speaks against no LIST from the next look on."""
    confirmed = Reason.INVENTORY_UNTRUSTED in s.memory.confirmed_doubts
    if confirmed and s.recorded_id and s.evidence.view.untrusted:
        inventory.confirm(s.recorded_id)

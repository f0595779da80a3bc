"""What a decision is made from: the object, what the inventory proves, what this process remembers, and the settings.

Two steps. `note` takes in what this pass sees: it changes memory and inventory, and answers nothing. `gather` then only
reads, so that a decision may be made as often as one likes. Neither calls anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tokenfactory_operator.decision import attempts, claims
from tokenfactory_operator.domain.attempt import Event, State
from tokenfactory_operator.domain.catalog import Catalog
from tokenfactory_operator.domain.decision_input import DecisionInput, Known, Policy
from tokenfactory_operator.domain.memory import Memory
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.resource import Resource
from tokenfactory_operator.domain.timing import NEVER
from tokenfactory_operator.report import status
from tokenfactory_operator.state.evidence import evidence_for
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.state.projects import Projects


def other_scope(resource: Resource, inventory: Inventory) -> str:
    """The scope that the status names, where the credential has another; else empty."""
    written, present = resource.status.scope or "", inventory.scope
    return written if present and written != present else ""


def note(known: Known, inventory: Inventory, projects: Projects) -> None:
    """Take in what is seen of the object, with its credential's inventory, before anything is decided."""
    _note_object(known.resource, known.memory, known.now)
    known.memory.credential_seen(known.now, usable=bool(inventory.scope))
    _note_attempt(known, inventory)
    _note_endpoints(known, inventory)
    other = other_scope(known.resource, inventory)
    if other:
        projects.compare(other, inventory)


def _note_object(resource: Resource, memory: Memory, now: float) -> None:
    if resource.has_finalizer:
        memory.attempts.finalizer_seen(now)
    if resource.named_id:
        memory.endpoints.name_seen(resource.named_id, now)
    if memory.request.news(resource.requested_at, now) and resource.request_pending:
        memory.requested(status.doubt_reported(resource.status), resource.status.conflicting_endpoints or ())
    memory.attempts.recorded(resource.status.endpoint_id)


def _note_attempt(known: Known, inventory: Inventory) -> None:
    """The inventory may show what an attempt in doubt has made."""
    attempts = known.memory.attempts
    if attempts.latest is None or attempts.latest.state is not State.IN_DOUBT:
        return
    made = inventory.made_by(known.identity, attempts.latest.id)
    if made is not None:
        attempts.happened(Event.SEEN, endpoint_id=made)


def _note_endpoints(known: Known, inventory: Inventory) -> None:
    resource, memory, recorded = known.resource, known.memory, known.recorded_id
    if recorded and resource.status.scope in (None, inventory.scope):
        inventory.expect(recorded)
    seen = inventory.last_seen(recorded, resource.namespace)
    if seen is not None:
        memory.endpoints.recorded_seen(seen)  # in whatever scope: a probe must send what it was last
    marked = inventory.marked(resource.uid)
    for endpoint_id in marked | {recorded}:
        record = inventory.record(endpoint_id)
        since, shown = (record.first_seen, record.shows(known.identity)) if record is not None else (NEVER, False)
        memory.endpoints.seen(endpoint_id, since, marked=endpoint_id in marked, shown=shown)
        if record is not None and record.endpoint is not None:
            memory.endpoints.mark_seen(endpoint_id, record.endpoint.sole_attempt_of(known.identity))


def gather(
    known: Known,
    inventory: Inventory,
    projects: Projects,
    *,
    policy: Policy,
    catalog: Catalog,
    claimed_by: Callable[[str], str],
) -> DecisionInput:
    """The input of the decision; `claimed_by`: who else has, or is adopting, an endpoint, empty if nobody."""
    latest = attempts.latest_attempt(known)
    attempt = latest.id if latest is not None else ""
    evidence = evidence_for(inventory, known.resource, recorded=known.recorded_id, attempt=attempt)
    other = other_scope(known.resource, inventory)
    if other:
        evidence = replace(evidence, same_project=projects.same(other, inventory.scope))
    s = DecisionInput(**vars(known), evidence=evidence, policy=policy, catalog=catalog)
    holder = claimed_by(claims.adoption_target(s))
    return replace(s, evidence=replace(evidence, claimed_by=holder)) if holder else s


def confirm(s: DecisionInput, inventory: Inventory) -> None:
    """An absence that a person has confirmed speaks against no LIST from the next look on."""
    confirmed = Reason.INVENTORY_UNTRUSTED in s.memory.confirmed_doubts
    if confirmed and s.recorded_id and s.evidence.view.untrusted:
        inventory.confirm(s.recorded_id)
    for endpoint_id in s.memory.confirmed_endpoints & s.evidence.accepted.keys():
        inventory.confirm(endpoint_id)
        inventory.lost_sight(endpoint_id)  # one question about it is enough, though it may answer by id

"""Checks for an object that takes over an endpoint it did not make: `spec.endpointId`, or a predecessor's by setting.

Where each sentence comes from: exactly-once.md, Adopt. Nothing is sent from here: once nothing speaks against it, the
endpoint counts as the object's own, its id is written down first, and the mark follows as the first drift.
"""

from __future__ import annotations

from tokenfactory_operator.domain import facts
from tokenfactory_operator.domain.actions import Asking, Decision, UnderWay
from tokenfactory_operator.domain.drift import immutable_mismatches
from tokenfactory_operator.domain.errors import visible
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.situation import Sighting, Situation


def adoption(s: Situation) -> Decision | None:
    """What stands against an adoption, or its first step; None where nothing is (still) to be adopted."""
    endpoint_id = facts.adoption_target(s)
    if not endpoint_id or _adopted_already(s, endpoint_id) or facts.missed(s) == endpoint_id:
        return None
    others = [seen.endpoint.id for seen in s.evidence.own]
    if others:
        text = f"This object has endpoint {', '.join(others)}, so it cannot adopt {endpoint_id}: use another object."
        return _refused(Reason.OWNERSHIP_CONFLICT, text)
    seen = _target(s, endpoint_id)
    if seen is None:
        if facts.recorded_id(s) == endpoint_id:
            return None
        text = (
            f"No endpoint {endpoint_id} is listed with this object's credential. Check spec.endpointId, and whether"
            " the credential is of the endpoint's project."
        )
        return _refused(Reason.ENDPOINT_NOT_FOUND, text)
    return _forbidden(s, seen) or _mismatch(s, seen) or _conflict(s, seen) or _begin(s, endpoint_id)


def _target(s: Situation, endpoint_id: str) -> Sighting | None:
    suspects = (s.evidence.named, s.evidence.recorded, *s.evidence.predecessors)
    return next((seen for seen in suspects if seen is not None and seen.endpoint.id == endpoint_id), None)


def _begin(s: Situation, endpoint_id: str) -> Decision | None:
    """The id is written down before anything is sent; from then on the endpoint counts as this object's."""
    if facts.recorded_id(s) == endpoint_id:
        return None
    verdict = UnderWay(Reason.UPDATING, f"Adopting endpoint {endpoint_id}.")
    claim = "" if facts.observing(s) else endpoint_id  # who only looks on takes nothing from anybody
    return Decision("adoption", verdict=verdict, record=endpoint_id, adopts=claim, after=0.0)


def _adopted_already(s: Situation, endpoint_id: str) -> bool:
    return any(seen.endpoint.id == endpoint_id for seen in s.evidence.own)


def _forbidden(s: Situation, seen: Sighting) -> Decision | None:
    if s.policy.may_adopt or facts.is_predecessor(s, seen) or was_ours(s, seen):
        return None
    if _said_ours(s, seen):
        return _refused(Reason.OWNERSHIP_CONFLICT, unproven_text(s, seen))
    text = (
        f"Endpoint {seen.endpoint.id} may not be adopted from the namespace {s.resource.namespace}: the operator's own "
        "credential adopts only for those in TOKENFACTORY_ADOPTION_NAMESPACES."
    )
    return _refused(Reason.FORBIDDEN, text)


def _said_ours(s: Situation, seen: Sighting) -> bool:
    return bool(s.resource.origin) and facts.recorded_id(s) == seen.endpoint.id


def was_ours(s: Situation, seen: Sighting) -> bool:
    """It carried our mark once, as the status tells: that somebody wiped it takes no leave to put it back."""
    known = bool(seen.endpoint.marks) or s.policy.may_adopt or facts.known_as_ours(s, seen.endpoint.id)
    return known and _said_ours(s, seen)


def _conflict(s: Situation, seen: Sighting) -> Decision | None:
    if facts.observing(s):
        return None
    if s.evidence.claimed_by:
        text = f"Endpoint {seen.endpoint.id} is claimed by {s.evidence.claimed_by}. One endpoint has one object."
        return _refused(Reason.OWNERSHIP_CONFLICT, text)
    if seen.endpoint.foreign_to(s.identity) and not facts.is_predecessor(s, seen):
        owners = ", ".join(visible(mark.owner(s.identity.cluster_id)) for mark in seen.endpoint.marks)
        text = f"Endpoint {seen.endpoint.id} belongs to another owner: {owners}. Release it there first."
        return _refused(Reason.OWNERSHIP_CONFLICT, text)
    return None


def _mismatch(s: Situation, seen: Sighting) -> Decision | None:
    mismatches = immutable_mismatches(s.resource.spec, seen.endpoint) if s.resource.spec else ()
    if not mismatches:
        return None
    text = f"{'; '.join(mismatches)}. These cannot be changed: describe the endpoint as it is, then adopt it."
    return _refused(Reason.INVALID_SPEC, text)


def _refused(reason: Reason, text: str) -> Decision:
    return Decision("adoption", verdict=Asking(reason, text), after_list=True)


def unproven_text(s: Situation, seen: Sighting) -> str:
    """What to do about an endpoint that only the status calls this object's."""
    return (
        f"Endpoint {seen.endpoint.id}, which the status names, carries no owner mark, so it may be anybody's. If it is "
        f"this object's, put {facts.remembered_mark(s)} at the end of its description in the cloud's console."
    )

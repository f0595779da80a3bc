"""What speaks against an adoption: of the endpoint in `spec.endpointId`, or of a predecessor's by setting.

Where each sentence comes from: docs/protocol.md, Adopt. Only `ownership` asks. Nothing is sent for the begin of an
adoption: where nothing speaks against it, the id is written down, and the mark follows as the first drift.
"""

from __future__ import annotations

from tokenfactory_operator.decision import claims
from tokenfactory_operator.decision.actions import Asking
from tokenfactory_operator.domain.decision_input import DecisionInput
from tokenfactory_operator.domain.desired import owner_mark
from tokenfactory_operator.domain.drift import immutable_mismatches
from tokenfactory_operator.domain.errors import visible
from tokenfactory_operator.domain.identity import ADOPTED
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.reasons import Reason


def obstacle(s: DecisionInput, target: str, *, unlisted: bool) -> Asking | None:
    """What stands against adopting `target`; None too where nothing is (still) to be adopted.

    `unlisted`: the recorded endpoint is not in the list, and not proven gone.
    """
    others = [seen.endpoint.id for seen in s.evidence.own]
    if not target or target in others or (unlisted and s.recorded_id == target):
        return None
    if others:
        text = f"This object has endpoint {', '.join(others)}, so it cannot adopt {target}: use another object."
        return Asking(Reason.OWNERSHIP_CONFLICT, text)
    suspects = (s.evidence.named, s.evidence.recorded.seen, *s.evidence.predecessors)
    found = next((seen.endpoint for seen in suspects if seen is not None and seen.endpoint.id == target), None)
    if found is not None:
        earlier = claims.of_predecessor(s, found)
        allowed = s.policy.may_adopt or earlier or claims.had_mark(s, found)
        forbidden = None if allowed else _forbidden(s, found)
        return forbidden or _mismatch(s, found) or _conflict(s, found, of_predecessor=earlier)
    text = (
        f"No endpoint {target} is listed with this object's credential. Check spec.endpointId, and whether"
        " the credential is of the endpoint's project."
    )
    return Asking(Reason.ENDPOINT_NOT_FOUND, text) if s.recorded_id != target else None


def _forbidden(s: DecisionInput, endpoint: ObservedEndpoint) -> Asking:
    if s.resource.origin and s.recorded_id == endpoint.id:
        return Asking(Reason.OWNERSHIP_CONFLICT, unproven_text(s, endpoint.id))
    text = (
        f"Endpoint {endpoint.id} may not be adopted from the namespace {s.resource.namespace}: the operator's own "
        "credential adopts only for those in TOKENFACTORY_ADOPTION_NAMESPACES."
    )
    if s.recorded_id == endpoint.id:  # its adoption had begun: the mark may have been there, and be removed again
        mark = owner_mark(s.resource, s.identity, ADOPTED)
        text += f" Or put {mark} at the end of its description in the cloud's console."
    return Asking(Reason.FORBIDDEN, text)


def _conflict(s: DecisionInput, endpoint: ObservedEndpoint, *, of_predecessor: bool) -> Asking | None:
    if s.resource.observes:
        return None
    if s.evidence.claimed_by:
        text = f"Endpoint {endpoint.id} is claimed by {s.evidence.claimed_by}. One endpoint has one object."
        return Asking(Reason.OWNERSHIP_CONFLICT, text)
    if endpoint.foreign_to(s.identity) and not of_predecessor:
        owners = ", ".join(visible(mark.owner(s.identity.cluster_id)) for mark in endpoint.marks)
        text = f"Endpoint {endpoint.id} belongs to another owner: {owners}. Release it there first."
        return Asking(Reason.OWNERSHIP_CONFLICT, text)
    return None


def _mismatch(s: DecisionInput, endpoint: ObservedEndpoint) -> Asking | None:
    mismatches = immutable_mismatches(s.resource.spec, endpoint) if s.resource.spec else ()
    if not mismatches:
        return None
    text = f"{'; '.join(mismatches)}. These cannot be changed: describe the endpoint as it is, then adopt it."
    return Asking(Reason.INVALID_SPEC, text)


def unproven_text(s: DecisionInput, endpoint_id: str) -> str:
    """What to do about an endpoint that only the status calls this object's."""
    return (
        f"Endpoint {endpoint_id}, which the status names, carries no owner mark, so it may be anybody's. If it is "
        f"this object's, put {s.remembered_mark} at the end of its description in the cloud's console."
    )

"""What marks, status and spec claim about whose an endpoint is, and what speaks against adopting it.

Only `ownership` judges by it. Nothing is sent for the begin of an adoption: where nothing speaks against it, the id is
written down, and the mark follows as the first drift (docs/protocol.md, Adopt).

A mark is believed, a status alone is not (ADR 31): whoever may write a status could name a stranger's endpoint.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from tokenfactory_operator.decision import proof
from tokenfactory_operator.decision.actions import Hindered
from tokenfactory_operator.domain.decision_input import DecisionInput, Sighting
from tokenfactory_operator.domain.desired import owner_mark
from tokenfactory_operator.domain.drift import immutable_mismatches
from tokenfactory_operator.domain.errors import visible
from tokenfactory_operator.domain.identity import ADOPTED, subject
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.timing import NEVER


def adoption_target(s: DecisionInput) -> str:
    """Id of the endpoint that this object is to take over: named in the spec, or a predecessor's by setting; or empty.

    What the object's own attempt may have made comes before a predecessor's.
    """
    if s.resource.named_id:
        return s.resource.named_id
    if not s.policy.adopt_recreated or s.evidence.own or not (s.recorded_id or proof.nothing_made(s)):
        return ""
    found = [seen.endpoint for seen in s.evidence.predecessors if s.recorded_id in ("", seen.id)]
    return found[0].id if len(found) == 1 and of_predecessor(s, found[0]) else ""


def of_predecessor(s: DecisionInput, endpoint: ObservedEndpoint) -> bool:
    """Whether every mark on it is of an earlier object of the same cluster, namespace and name, held or released."""
    released = endpoint.released
    held = [(mark.identity.cluster_id, mark.subject) for mark in endpoint.marks]
    places = {*held, *([(released.cluster_id, released.subject)] if released else [])}
    return places == {(s.identity.cluster_id, subject(s.resource.namespace, s.resource.name))}


def had_mark(s: DecisionInput, endpoint: ObservedEndpoint) -> bool:
    """Whether it carries the object's mark, or did before: to put a wiped mark back needs no permission to adopt."""
    believed = bool(endpoint.marks) or s.policy.may_adopt or proof.known_as_ours(s)
    wiped = believed and bool(s.resource.origin) and s.recorded_id == endpoint.id
    return wiped or endpoint.carries(s.identity)


def unproven(s: DecisionInput, target: str) -> bool:
    """Whether nothing but the status says that the recorded endpoint is this object's.

    It carries no mark, this process neither made it nor ever saw the object's mark on it, and it may not be adopted.
    What is still to be adopted, as no origin says otherwise, is not judged by its mark yet.
    """
    recorded = s.evidence.recorded.seen
    if recorded is None or recorded.endpoint.marks or (recorded.id == target and not s.resource.origin):
        return False
    free = s.policy.may_adopt or s.resource.observes or of_predecessor(s, recorded.endpoint)
    return not (free or proof.known_as_ours(s))


def still_of_predecessor(s: DecisionInput) -> bool:
    """Whether the recorded endpoint still carries an earlier object's mark, and was never seen as this object's.

    A LIST that leaves it out changes nothing about that: what was seen last counts.
    """
    recorded = s.evidence.recorded.seen
    seen = recorded.endpoint if recorded is not None else s.memory.endpoints[s.recorded_id].last_seen
    if seen is None or seen.carries(s.identity) or s.resource.origin or proof.known_as_ours(s):
        return False
    return of_predecessor(s, seen)


def unlisted(s: DecisionInput) -> bool:
    """Whether a LIST leaves the recorded endpoint out, and nothing proves yet that it is gone."""
    return proof.unseen(s) and not (proof.absent(s) and proof.trusted(s))


def likeliest(s: DecisionInput, unmarked: Sighting | None, copied: Collection[str]) -> Sighting | None:
    """Of the endpoints that are seen the one that is kept (C25), and none of the `copied` (C43).

    The recorded one without a mark (`unmarked`) comes first: were another taken in its place, nothing would lead back.
    """
    return min(
        (seen for seen in (*s.evidence.own, unmarked) if seen is not None and seen.id not in copied),
        key=lambda seen: (
            seen.id != s.resource.named_id,
            seen is not unmarked,
            s.memory.endpoints[seen.id].deleted > NEVER,
            not seen.endpoint.serves,
            seen.endpoint.created_at or "",
            seen.id != s.recorded_id,
            seen.id,
        ),
        default=None,
    )


def taken_over(s: DecisionInput, seen: Sighting | None) -> bool:
    """Whether the mark of the endpoint shows that it was not made for this object, whatever the status says."""
    if seen is None:
        return False
    adopted = seen.endpoint.attempt_of(s.identity) == ADOPTED
    return adopted or (not seen.endpoint.carries(s.identity) and of_predecessor(s, seen.endpoint))


def copies(s: DecisionInput, unmarked: Sighting | None) -> tuple[str, ...]:
    """Ids of endpoints that carry the same `try` of this object: made outside, by copying a description."""
    tries = {seen.id: seen.endpoint.attempt_of(s.identity) for seen in s.evidence.own}
    if unmarked is not None:
        tries[unmarked.id] = s.resource.origin
    made = Counter(tries.values())
    return tuple(sorted(item for item, attempt in tries.items() if made[attempt] > 1))


def imitations(s: DecisionInput) -> tuple[str, ...]:
    """Ids of endpoints whose `try` is surely that of another one, which may be listed, missing or long gone (C43)."""
    known = originals(s)
    return tuple(seen.id for seen in s.evidence.own if seen.id not in known and _imitates(s, seen.endpoint))


def out_of_sight(s: DecisionInput) -> dict[str, str]:
    """Endpoint id → attempt, for what was last seen as this object's, and what nothing shows now or says to be gone.

    The recorded one is not among them, nor is a copy: its attempt has made another one.
    """
    known, made = s.memory.endpoints.attempts(), s.memory.attempts.made
    others = {s.recorded_id, *(seen.id for seen in s.evidence.own)}
    others |= s.memory.endpoints.deleted().keys() | s.memory.endpoints.gone()
    count = Counter([*known.values(), *({s.resource.origin} - {known.get(s.recorded_id)})])
    return {
        item: attempt
        for item, attempt in known.items()
        if item not in others and count[attempt] == 1 and made.get(attempt, item) == item
    }


def originals(s: DecisionInput) -> frozenset[str]:
    """Ids of endpoints that are no copies, whatever somebody has written into the status: this process made them."""
    return frozenset((s.recorded_id, *s.memory.attempts.made.values()))


def _imitates(s: DecisionInput, seen: ObservedEndpoint) -> bool:
    """Until what an attempt made is shown, the id in its answer may be another thing's, or be spelled otherwise."""
    attempt, status = seen.attempt_of(s.identity) or "", s.resource.status
    made_another = s.memory.endpoints[s.memory.attempts.made.get(attempt, "")].shown
    pairs = ((status.routing_key, seen.routing_key), (status.created_at, seen.created_at))
    differs = any(written is not None and found is not None and written != found for written, found in pairs)
    return made_another or (attempt == s.resource.origin and differs)


def obstacle(s: DecisionInput, target: str) -> Hindered | None:
    """What stands against adopting `target`; None too where nothing is (still) to be adopted."""
    others = [seen.id for seen in s.evidence.own]
    if not target or target in others:
        return None
    if others:
        text = (
            f"This object has endpoint {', '.join(others)}, so it cannot adopt {target}. Delete this object, which "
            "deletes its endpoint unless deletionPolicy is Retain. Then adopt with a new one."
        )
        return Hindered(Reason.OWNERSHIP_CONFLICT, text)
    candidates = (s.evidence.named, *s.evidence.predecessors)
    found = next((seen.endpoint for seen in candidates if seen is not None and seen.id == target), None)
    if found is not None:
        mismatch = unchangeable(s, found, "describe the endpoint as it is, then adopt it")
        return _forbidden(s, found) or mismatch or _conflict(s, found)
    if s.recorded_id == target:
        return None
    text = (
        f"No endpoint {target} is listed with this object's credential. Check spec.endpointId, and whether"
        " the credential is of the endpoint's project."
    )
    return Hindered(Reason.ENDPOINT_NOT_FOUND, text)


def _forbidden(s: DecisionInput, endpoint: ObservedEndpoint) -> Hindered | None:
    if s.policy.may_adopt or of_predecessor(s, endpoint) or had_mark(s, endpoint):
        return None
    if s.resource.origin and s.recorded_id == endpoint.id:
        return Hindered(Reason.OWNERSHIP_CONFLICT, unproven_text(s))
    text = (
        f"Endpoint {endpoint.id} may not be adopted from the namespace {s.resource.namespace}: the operator's own "
        "credential adopts only for those in TOKENFACTORY_ADOPTION_NAMESPACES (chart: settings.adoptionNamespaces)."
    )
    if s.recorded_id == endpoint.id:  # its adoption had begun: the mark may have been there, and be removed again
        mark = owner_mark(s.resource, s.identity, ADOPTED)
        text += f" Or put {mark} at the end of its description in the cloud's console."
    return Hindered(Reason.FORBIDDEN, text)


def _conflict(s: DecisionInput, endpoint: ObservedEndpoint) -> Hindered | None:
    if s.resource.observes:
        return None
    if s.evidence.claimed_by:
        text = f"Endpoint {endpoint.id} is claimed by {s.evidence.claimed_by}. One endpoint has one object."
        return Hindered(Reason.OWNERSHIP_CONFLICT, text)
    if not endpoint.foreign_to(s.identity) or of_predecessor(s, endpoint):
        return None
    advice = same_uid_text(s, endpoint) or "Release it there first."
    text = f"Endpoint {endpoint.id} belongs to another owner: {other_owners(s, endpoint)}. {advice}"
    return Hindered(Reason.OWNERSHIP_CONFLICT, text)


def same_uid_text(s: DecisionInput, endpoint: ObservedEndpoint) -> str:
    """What to do where a mark names this object's uid and another cluster id."""
    mark = endpoint.mark_of_another_id(s.identity)
    if mark is None:
        return ""
    return (
        f"The mark has this object's uid. If this cluster had the id {visible(mark.identity.cluster_id)} before, "
        "give it that id again: TOKENFACTORY_CLUSTER_ID (chart: clusterId). If it is a copy of that cluster, the "
        "endpoint is the other one's."
    )


def of_another_id(s: DecisionInput) -> tuple[ObservedEndpoint, ...]:
    """Those of the same namespace and name in other clusters whose mark has this object's uid."""
    return tuple(seen.endpoint for seen in s.evidence.namesakes if seen.endpoint.mark_of_another_id(s.identity))


def other_owners(s: DecisionInput, endpoint: ObservedEndpoint) -> str:
    """Whose marks it carries beside this object's, for people."""
    others = (mark for mark in endpoint.marks if mark.identity != s.identity)
    return ", ".join(visible(mark.owner(s.identity.cluster_id)) for mark in others)


def unchangeable(s: DecisionInput, endpoint: ObservedEndpoint, advice: str) -> Hindered | None:
    """Where the spec wants what the API cannot change, and what a person can do."""
    mismatches = immutable_mismatches(s.resource.spec, endpoint) if s.resource.spec else ()
    text = f"{'; '.join(mismatches)}. These cannot be changed: {advice}."
    return Hindered(Reason.INVALID_SPEC, text) if mismatches else None


def unproven_text(s: DecisionInput) -> str:
    """What to do about a recorded endpoint that only the status calls this object's."""
    return (
        f"Endpoint {s.recorded_id}, which the status names, carries no owner mark, so it may be anybody's. If it is "
        f"this object's, put {s.remembered_mark} at the end of its description in the cloud's console."
    )

"""What follows from a situation before any check decides: names for the questions that the checks ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tokenfactory_operator.api.v1alpha1 import ManagementPolicy
from tokenfactory_operator.domain.attempt import PENDING, Attempt, State, found
from tokenfactory_operator.domain.desired import owner_mark
from tokenfactory_operator.domain.identity import ADOPTED, OwnerMark, released_mark, subject
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.reasons import ConditionType, Reason
from tokenfactory_operator.domain.situation import NEVER, Sighting, Situation
from tokenfactory_operator.domain.timing import SETTLE_MOST

RESTORED: Final = "restored"
"""In place of the attempt, in the mark of an endpoint of which it is not known."""
DELETE_AGAIN: Final = 60.0
"""Seconds after which a DELETE that was answered, but whose endpoint is still listed, is sent again."""
SERVING_READINESS: Final[Mapping[str, Reason]] = {
    "ready": Reason.READY,
    "partially_ready": Reason.PARTIALLY_READY,
}
"""Readiness that takes traffic; the vendor: readiness decides whether to send it."""


def judged(s: Situation) -> bool:
    """The present generation was held against the cloud before; `status` may speak of one that never was."""
    status = s.resource.status
    ready = next((item for item in status.conditions if item.type == ConditionType.READY), None)
    of_ready = ready.observed_generation if ready is not None else status.observed_generation
    return status.observed_generation == of_ready == s.resource.generation


def recorded_id(s: Situation) -> str:
    """The endpoint that is this object's as far as is written down, by status or by this process; empty if none."""
    if s.resource.status.endpoint_id:
        return s.resource.status.endpoint_id
    return s.memory.attempt.endpoint_id if s.memory.attempt is not None else ""


def latest_attempt(s: Situation) -> Attempt | None:
    """This process's attempt while it is in doubt, else one that only the status tells of, else this process's."""
    here = s.memory.attempt
    return here if here is not None and here.state is State.IN_DOUBT else _inherited(s) or here


def _inherited(s: Situation) -> Attempt | None:
    """An attempt that another process (or an earlier life of this one) left behind."""
    written, here = s.resource.status.create_attempt, s.memory.attempt
    if written is None:
        unexplained = s.resource.has_finalizer and not recorded_id(s) and not s.memory.finalizer_clean
        return Attempt("", State.IN_DOUBT, ended=_counted_from(s)) if unexplained and here is None else None
    if written.id in s.memory.unsent or (here is not None and written.id == here.id):
        return None
    return found(written, has_endpoint=bool(recorded_id(s)), ended=_counted_from(s))


def _counted_from(s: Situation) -> float:
    # Another process may still be sending: its deadlines have to pass before a LIST says anything (Create 6).
    return s.memory.pending_seen + s.timing.send_deadline + s.timing.request_timeout


def unresolved(s: Situation) -> Attempt | None:
    """The attempt in doubt, which stands in the way of everything else, unless an endpoint with its `try` is known."""
    attempt = latest_attempt(s)
    if attempt is None or attempt.state is not State.IN_DOUBT:
        return None
    explained = any(attempt.id in ("", seen.endpoint.attempt_of(s.identity)) for seen in s.evidence.own)
    return None if explained else attempt


def resumable(s: Situation) -> bool:
    """This process has an attempt open that was surely refused, and means to send it again."""
    attempt, written = s.memory.attempt, s.resource.status.create_attempt
    return (
        attempt is not None
        and attempt.state is State.REFUSED
        and written is not None
        and written.id == attempt.id
        and written.state == PENDING
        and s.resource.status.scope == s.evidence.scope  # in another scope the attempt has to be opened anew
    )


def unknown_before(s: Situation) -> int:
    """Number of consecutive create attempts with unknown outcome before this one, which surely made nothing."""
    attempt = latest_attempt(s)
    return attempt.after_unknown if attempt is not None and attempt.state in (State.OPEN, State.REFUSED) else 0


def attempt_absent(s: Situation, attempt: Attempt, *, settle: float) -> bool:
    """Nothing of this attempt (and, with nothing else of ours listed, of this object) came to be."""
    proven = s.evidence.attempt_absence.proven(after=attempt.ended, settle=settle)
    if s.evidence.own:
        return proven
    return proven and s.evidence.identity_absence.proven(after=attempt.ended, settle=settle)


def next_attempt_settle(s: Situation, attempt: Attempt) -> float:
    """For how long nothing of an unknown attempt may be seen before the next one, in seconds.

    It doubles with each unknown attempt in a row, so that a LIST that lags for an hour costs a few endpoints at most,
    unless the LIST has shown what was created after this attempt: then it shows what is new.
    """
    doublings = 0 if _shows_what_is_new(s, attempt) else min(attempt.streak - 1, 10)
    return s.timing.create_settle * min(2.0**doublings, SETTLE_MOST)


def may_be_cut_off(s: Situation, attempt: Attempt) -> bool:
    """The LIST may leave out what the attempt has made: it is as long as it ever was, and shows nothing newer."""
    return bool(s.evidence.cut_at) and not _shows_what_is_new(s, attempt)


def _shows_what_is_new(s: Situation, attempt: Attempt) -> bool:
    """The LIST has shown an endpoint that was created after the attempt."""
    return s.evidence.newest_shown > attempt.ended


def lost_settle(s: Situation) -> float:
    """For how long the recorded endpoint may not be listed before that says something, in seconds.

    Longer without another endpoint of the project in the LIST: it may be that of a cloud that is not well, or of
    another project that the credential has come to mean.
    """
    return s.timing.create_settle if s.evidence.witnessed else s.timing.lost_settle


def gone(s: Situation, endpoint_id: str) -> bool:
    """Whether the recorded endpoint was proven gone, and no answer has shown it since."""
    return s.memory.gone.get(endpoint_id, NEVER) > s.evidence.recorded_absence.evidence


def serving(seen: ObservedEndpoint) -> Reason:
    """Whether an endpoint takes traffic, as the reason of the condition."""
    if seen.readiness is None:
        # Older answers have ready_replicas only (vendor's page on the lifecycle).
        return Reason.READY if (seen.ready_replicas or 0) > 0 else Reason.NOT_SERVING
    return SERVING_READINESS.get(seen.readiness.lower(), Reason.NOT_SERVING)


def serves(seen: Sighting) -> bool:
    """Whether the endpoint takes traffic."""
    return serving(seen.endpoint) is not Reason.NOT_SERVING


def _unmarked(s: Situation) -> Sighting | None:
    """The recorded endpoint, where it carries no mark any more, or may be taken for this object's without one."""
    recorded = s.evidence.recorded
    bare = recorded is not None and not recorded.endpoint.marks
    return recorded if bare and unproven(s) is None else None


def unproven(s: Situation) -> Sighting | None:
    """The recorded endpoint, where nothing but the status says that it is this object's.

    It carries no mark, this process neither made it nor ever saw our mark on it, and it could not be adopted either.
    Whoever may write a status could name a stranger's.
    """
    recorded = s.evidence.recorded
    if recorded is None or recorded.endpoint.marks or recorded.endpoint.id == adoption_target(s):
        return None
    free = s.policy.may_adopt or observing(s) or is_predecessor(s, recorded)
    return None if free or known_as_ours(s, recorded.endpoint.id) else recorded


def known_as_ours(s: Situation, endpoint_id: str) -> bool:
    """Whether this process made the endpoint, or has seen our mark on it."""
    attempt = s.memory.attempt
    return endpoint_id in s.memory.marked or (attempt is not None and attempt.endpoint_id == endpoint_id)


def being_adopted(s: Situation) -> Sighting | None:
    """The recorded endpoint, where it is written down as being taken over and does not carry our mark yet."""
    recorded = s.evidence.recorded
    adopting = recorded is not None and recorded.endpoint.id == adoption_target(s)
    return recorded if adopting and recorded is not None and not recorded.endpoint.carries(s.identity) else None


def may_still_change(s: Situation) -> bool:
    """Whether a call that was sent for this object may take effect yet: no LIST so far shows for sure that it has."""
    return s.evidence.last_list <= max(s.memory.unanswered, called_elsewhere(s)) + s.timing.create_settle


def called_elsewhere(s: Situation) -> float:
    """By when another process has sent its last call for the recorded endpoint; `NEVER` if only this one had it."""
    attempt = s.memory.attempt
    # Another process cannot have known what this one made; what this one took over, it may have taken over before.
    mine = {"", s.memory.claimed if s.memory.first else "", attempt.endpoint_id if attempt is not None else ""}
    return NEVER if recorded_id(s) in mine else _counted_from(s)


def missed(s: Situation) -> str:
    """The recorded endpoint, where a LIST leaves it out and nothing proves yet that it is gone; empty otherwise."""
    endpoint_id = recorded_id(s)
    done = endpoint_id in {*s.memory.deletes, *s.memory.released}
    if s.evidence.recorded is not None or done or gone(s, endpoint_id):
        return ""
    absent = s.evidence.recorded_absence.proven(after=NEVER, settle=lost_settle(s))
    return "" if absent and trusted(s) else endpoint_id


def own_endpoint(s: Situation) -> Sighting | None:
    """The endpoint that is this object's, if one is seen: by its mark, or by id while it carries no mark at all.

    None while the recorded one is only missed: another with our mark may be its twin, and must not take its place.
    """
    return None if missed(s) else _likeliest(s)


def _likeliest(s: Situation) -> Sighting | None:
    """The first of those that are seen: the one that the spec names, else the one that serves, else the older.

    The status only decides between equals: it may name the successor of one that was gone for a while. Not so where
    what it names carries no mark: were another taken in its place, nothing would lead back to it.
    """
    named = s.resource.named_id
    unmarked = _unmarked(s) or being_adopted(s)
    ranked = sorted(
        (*s.evidence.own, *([unmarked] if unmarked is not None else [])),
        key=lambda seen: (
            seen.endpoint.id != named,
            seen is not unmarked,
            seen.endpoint.id in s.memory.deletes,
            not serves(seen),
            seen.endpoint.created_at or "",
            seen.endpoint.id != recorded_id(s),
            seen.endpoint.id,
        ),
    )
    return ranked[0] if ranked else None


def adoption_target(s: Situation) -> str:
    """The endpoint that this object is to take over: named in the spec, or by setting a predecessor's; or empty."""
    if s.resource.named_id:
        return s.resource.named_id
    if not s.policy.adopt_recreated or s.evidence.own:
        return ""
    recorded = recorded_id(s)
    if not recorded and not _without_an_attempt(s):
        return ""  # what its own attempt has made comes first
    found = [seen for seen in s.evidence.predecessors if recorded in ("", seen.endpoint.id)]
    return found[0].endpoint.id if len(found) == 1 and is_predecessor(s, found[0]) else ""


def _without_an_attempt(s: Situation) -> bool:
    """Nothing that this object may have made can still show up."""
    attempt = unresolved(s)
    return attempt is None or (trusted(s) and attempt_absent(s, attempt, settle=s.timing.create_settle))


def still_a_predecessors(s: Situation) -> bool:
    """Whether the recorded endpoint carries an earlier object's mark yet, and nothing says that it ever was this one's.

    A LIST that leaves it out changes nothing about that: what was seen last counts.
    """
    recorded = recorded_id(s)
    seen = s.evidence.recorded.endpoint if s.evidence.recorded is not None else s.memory.last_seen.get(recorded)
    was_ours = known_as_ours(s, recorded) or bool(s.resource.origin)
    return seen is not None and not was_ours and not seen.carries(s.identity) and _of_an_earlier_object(s, seen)


def is_predecessor(s: Situation, seen: Sighting) -> bool:
    """Whether every mark on it is of an earlier object of the same cluster, namespace and name, held or released."""
    return _of_an_earlier_object(s, seen.endpoint)


def _of_an_earlier_object(s: Situation, endpoint: ObservedEndpoint) -> bool:
    place = subject(s.resource.namespace, s.resource.name)
    released = released_mark(endpoint.description)
    same = [mark.identity.cluster_id == s.identity.cluster_id and mark.subject == place for mark in endpoint.marks]
    if released is not None:
        same.append(released.cluster_id == s.identity.cluster_id and released.subject == place)
    return bool(same) and all(same)


def copies(s: Situation) -> tuple[str, ...]:
    """Ids of endpoints that carry the same `try` of this object: made outside, by copying a description."""
    tries: dict[str, list[str]] = {}
    for seen in s.evidence.own:
        tries.setdefault(seen.endpoint.attempt_of(s.identity) or "", []).append(seen.endpoint.id)
    unmarked = _unmarked(s)
    if unmarked is not None and s.resource.origin in tries:
        tries[s.resource.origin].append(unmarked.endpoint.id)
    return tuple(sorted(endpoint_id for ids in tries.values() if len(ids) > 1 for endpoint_id in ids))


def imitations(s: Situation) -> tuple[str, ...]:
    """Ids of endpoints with the `try` of the recorded one that are surely not it, whether that one is listed or not.

    An attempt makes one endpoint. The status remembers its routing key and age, which no copied description brings.
    """
    status, origin = s.resource.status, s.resource.origin
    others = [seen.endpoint for seen in s.evidence.own if seen.endpoint.id != status.endpoint_id]
    return tuple(
        other.id
        for other in others
        if origin
        and other.attempt_of(s.identity) == origin
        and (_differ(status.routing_key, other.routing_key) or _differ(status.created_at, other.created_at))
    )


def _differ(written: str | None, seen: str | None) -> bool:
    return written is not None and seen is not None and written != seen


def foreign(s: Situation) -> Sighting | None:
    """The object's endpoint, where it carries a mark that is not ours, alone or beside ours."""
    suspects = (s.evidence.recorded, own_endpoint(s))
    return next((seen for seen in suspects if seen is not None and seen.endpoint.foreign_to(s.identity)), None)


def adopted(s: Situation, seen: Sighting) -> bool:
    """Whether the endpoint was taken over rather than made."""
    return seen.endpoint.attempt_of(s.identity) == ADOPTED


def taken_over(s: Situation) -> bool:
    """Whether the cloud itself shows that the endpoint was not made for this object, whatever the status says."""
    seen = _likeliest(s)
    return seen is not None and (
        adopted(s, seen) or (not seen.endpoint.carries(s.identity) and is_predecessor(s, seen))
    )


def delete_due(s: Situation, endpoint_id: str, seen: Sighting | None) -> bool:
    """Whether a DELETE has to be sent: none was answered yet, or the endpoint is still listed long after the answer."""
    answered = s.memory.deletes.get(endpoint_id)
    return answered is None or (seen is not None and seen.listed > answered + DELETE_AGAIN)


def hidden(s: Situation, endpoint_id: str) -> bool:
    """Whether the endpoint is known to exist by its id only: the LISTs do not show it."""
    return endpoint_id in s.evidence.hidden


def observing(s: Situation) -> bool:
    """Whether the object never changes the cloud."""
    return s.resource.management_policy is ManagementPolicy.OBSERVE


def confirmed(s: Situation) -> bool:
    """A person has answered a reported doubt about endpoints with the request annotation."""
    return s.memory.word not in (None, Reason.CREDENTIALS_MISMATCH)


def project_confirmed(s: Situation) -> bool:
    """A person has answered the reported doubt that the credential is of another project: it is the same one.

    An answer to any other doubt, given before the credential was changed perhaps, says nothing about that.
    """
    return s.memory.word is Reason.CREDENTIALS_MISMATCH


def trusted(s: Situation) -> bool:
    """Whether absence from the inventory may be believed: nothing speaks against it, or a person has said so."""
    return not s.evidence.untrusted or confirmed(s)


def seen_since_mutation(s: Situation, seen: Sighting) -> bool:
    """A LIST begun after the last mutation of this object shows the endpoint."""
    return seen.listed > max(s.memory.mutated, seen.taught) and seen.listed > NEVER


def remembered_mark(s: Situation) -> OwnerMark:
    """The mark that the recorded endpoint should carry, where its own cannot be seen."""
    return owner_mark(s.resource, s.identity, s.resource.origin or RESTORED)

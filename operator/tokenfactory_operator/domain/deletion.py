"""Checks for an object that is being deleted: nothing left behind, and its absence observed.

Where each sentence comes from: docs/protocol.md, Delete.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tokenfactory_operator.api.v1alpha1 import DeletionPolicy
from tokenfactory_operator.domain import adoption, attempts, proof
from tokenfactory_operator.domain.actions import (
    Asking,
    Decision,
    DeleteEndpoints,
    DeleteTwin,
    Hindered,
    Nothing,
    ProbeGone,
    Release,
    RemoveFinalizer,
    UnderWay,
    Verdict,
)
from tokenfactory_operator.domain.attempt import REFUSED, State
from tokenfactory_operator.domain.creation import (
    CONFIRM,
    cut_off,
    failed,
    probe_of,
    shown_elsewhere,
    unclear,
    untrusted,
)
from tokenfactory_operator.domain.identity import (
    ReleasedMark,
    described,
    released_mark,
    subject,
    text_without_marks,
)
from tokenfactory_operator.domain.observed import EndpointPatch
from tokenfactory_operator.domain.ownership import Judged
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.roles import Deed, Role
from tokenfactory_operator.domain.situation import Sighting
from tokenfactory_operator.domain.timing import NEVER

FORCE: Final = 'set the annotation tokenfactory.nebius.com/force-release to "true"'
UNCLEAR: Final = "A create call ended without a clear answer: an endpoint that is not known may be billed."


def unheld(s: Judged) -> Decision | None:
    """Our finalizer is not on it (any more): nothing of ours holds the object."""
    return None if s.resource.has_finalizer else Decision("unheld")


def force_released(s: Judged) -> Decision | None:
    """A person takes over: say what may still be billed, and let go."""
    if not s.resource.force_release:
        return None
    ids = sorted({*(seen.endpoint.id for seen in s.evidence.own), s.recorded_id} - {""})
    text = f"Released by force; {', '.join(ids) if ids else 'an endpoint that is not known'} may still be billed."
    return Decision("force_released", RemoveFinalizer("ForceReleased", text), _deleting("Released by force."))


def never_created(s: Judged) -> Decision | None:
    """Nothing was ever sent, or the last attempt was refused for sure: nothing can be there."""
    if s.evidence.own or s.recorded_id or s.memory.endpoints.known_since():
        return None
    attempt, written = s.memory.attempts.latest, s.resource.status.create_attempt
    nothing_sent = s.memory.hold.clean and (attempt is None or attempt.state is State.OPEN)
    refused_here = attempt is not None and attempt.state is State.REFUSED
    refused_before = written is not None and written.state == REFUSED
    if not (nothing_sent or refused_here or refused_before) or attempts.unresolved(s) is not None:
        return None
    return Decision("never_created", RemoveFinalizer(), _deleting("Nothing was created."))


def observed_only(s: Judged) -> Decision | None:
    """Under Observe the endpoint was never ours to delete: let go without a call, whether the cloud is seen or not."""
    if not s.resource.observes:
        return None
    settled = (
        s.memory.calls.unanswered + s.timing.create_settle
    )  # of a PATCH from before; no LIST has to show what became
    if s.now <= settled:
        text = _until_settled(s, s.timing.create_settle)
        return Decision("observed_only", verdict=_deleting(text), record=_record(s), after=settled - s.now)
    unclear = not s.recorded_id and (s.evidence.own or attempts.unresolved(s) is not None)
    text = UNCLEAR if unclear else _released_text(s.recorded_id, gone=False)
    return Decision("observed_only", RemoveFinalizer("ReleasedEndpoint", text), _deleting("Released."))


def unproven(s: Judged) -> Decision | None:
    """Nothing but the status says that the endpoint is this object's: neither deleted nor left without a word."""
    bare = s.own.of(Role.UNPROVEN)
    if bare is None or _retained(s):
        return None
    text = f"{adoption.unproven_text(s, bare.endpoint.id)} If not, or to leave it, release the object: {FORCE}."
    return Decision("unproven", verdict=Hindered(Reason.OWNERSHIP_CONFLICT, text), record=_record(s), after_list=True)


def unresolved_attempt(s: Judged) -> Decision | None:
    """An attempt may still make an endpoint: delete what is seen, and wait until nothing can come any more."""
    attempt = attempts.unresolved(s)
    if attempt is None:
        return None
    pending = _undeleted(s)
    if pending:
        return _delete(s, "unresolved_attempt", pending)
    unshown = _unshown(s, "unresolved_attempt")
    if unshown is not None:
        return unshown
    to_delete = s.own.deleted(Deed.DELETE) - _accepted(s).keys()
    waits = not _retained(s) and any(seen.endpoint.id in to_delete for seen in s.evidence.own)
    if attempts.attempt_absent(s, attempt, settle=s.timing.delete_settle) and not waits:
        cut = None if proof.confirmed(s) else cut_off(s, attempt, "unresolved_attempt")
        doubt = shown_elsewhere(s, "unresolved_attempt") or cut
        return doubt if proof.trusted(s) else untrusted(s, "unresolved_attempt")
    text = (
        f"{unclear(s)} The object is kept until it is sure that the cloud made no endpoint: for at least "
        f"{s.timing.delete_settle:.0f} s. This time starts again when the operator restarts."
    )
    return Decision(
        "unresolved_attempt",
        verdict=_heard(s, text, Reason.CREATE_OUTCOME_UNKNOWN),
        record=_record(s),
        after_list=True,
    )


def release(s: Judged) -> Decision | None:
    """`Retain`: the endpoint stays, its mark says that it was let go on purpose."""
    if not _retained(s):
        return None
    seen = s.own.kept
    doubled = (_doubled(s, seen) if seen is not None else None) or _doubled_before(s)
    if doubled is not None:
        return doubled
    if seen is not None and _releasable(s, seen):
        mark = ReleasedMark(s.identity.cluster_id, subject(s.resource.namespace, s.resource.name))
        description = described(text_without_marks(seen.endpoint.description), mark)
        action = Release(seen.endpoint.id, EndpointPatch(description=description))
        waiting = failed(s, Release.__name__)
        return waiting or Decision("release", action, _deleting("Releasing the endpoint."), record=seen.endpoint.id)
    waiting = _unseen(s, "release") or _unsettled(s, "release")
    endpoint_id = s.recorded_id
    gone = _absent(s) or s.memory.endpoints[endpoint_id].gone > NEVER
    text = _released_text(endpoint_id, gone=gone)
    if s.memory.endpoints[endpoint_id].deleted > NEVER:
        text = f"Endpoint {endpoint_id} was being deleted when deletionPolicy was changed to Retain: it may be gone."
    elif s.memory.endpoints[endpoint_id].released > NEVER and s.evidence.recorded.seen is None and not gone:
        text = f"Endpoint {endpoint_id} was released, and is not in the cloud's list: it may be gone."
    return waiting or Decision("release", RemoveFinalizer("ReleasedEndpoint", text), _deleting("Released."))


def _absent(s: Judged) -> bool:
    return proof.absent(s)


def _unseen(s: Judged, check: str) -> Decision | None:
    """What is to be left in the cloud is not in the list, and nothing proves yet that it is gone."""
    endpoint_id = s.recorded_id
    if not endpoint_id or s.evidence.recorded.seen is not None or s.memory.endpoints[endpoint_id].released > NEVER:
        return None
    if not _absent(s):
        text = f"Endpoint {endpoint_id} is to be released, but is not in the cloud's list. Checking whether it is gone."
        return Decision(check, verdict=_heard(s, text), record=endpoint_id, after_list=True)
    return None if proof.trusted(s) else untrusted(s, check, record=endpoint_id)


def _doubled(s: Judged, kept: Sighting) -> Decision | None:
    """A late twin is not let go with the endpoint that is kept: nobody would delete it any more (Create 7)."""
    doubles = s.own.retained(Deed.DELETE) - _accepted(s).keys()
    others = [seen for seen in s.evidence.own if seen.endpoint.id in doubles]
    if not others:
        return None
    due = next((seen for seen in others if proof.delete_due(s, seen.endpoint.id, seen)), None)
    action = DeleteTwin(due.endpoint.id, kept.endpoint.id) if due else Nothing()
    text = f"Deleting the duplicate {', '.join(seen.endpoint.id for seen in others)}."
    verdict = _deleting(text) if due else _heard(s, text)
    waiting = failed(s, DeleteTwin.__name__) if due else None
    return waiting or Decision("release", action, verdict, record=kept.endpoint.id, after_list=True)


def _doubled_before(s: Judged) -> Decision | None:
    """A twin that was seen is not in the list now, which may be of before its creation."""
    unshown = _unshown(s, "release")
    if unshown is not None:
        return unshown
    spared = {s.recorded_id, *s.own.retained(Deed.RELEASE, Deed.LEAVE)}
    others = {item: since for item, since in s.memory.endpoints.known_since().items() if item not in spared}
    answered = max((s.memory.endpoints[item].deleted for item in others), default=NEVER)
    since = max(others.values(), default=NEVER)
    if s.evidence.view.last_list > max(answered, since + s.timing.create_settle):
        return untrusted(s, "release", record=_record(s)) if others and not proof.trusted(s) else None
    text = f"Waiting for proof that the duplicate {', '.join(sorted(others))} is gone."
    return Decision("release", verdict=_heard(s, text), record=_record(s), after_list=True)


def _retained(s: Judged) -> bool:
    said = s.resource.said("deletionPolicy")
    # Left out, the status decides; it may be wiped, or tell of the adoption only after its PATCH.
    return s.resource.deletion_policy is DeletionPolicy.RETAIN or (not said and s.own.taken_over)


def _releasable(s: Judged, seen: Sighting) -> bool:
    """Neither released before, perhaps by an earlier process, nor somebody else's too."""
    done = s.memory.endpoints[seen.endpoint.id].released
    before = (done > NEVER and seen.listed <= done) or released_mark(seen.endpoint.description) is not None
    return not before and seen.endpoint.id in s.own.retained(Deed.RELEASE)


def _released_text(endpoint_id: str, *, gone: bool) -> str:
    if not endpoint_id:
        return "Nothing was there."
    became = "is no longer in the cloud" if gone else "stays in the cloud and is billed there"
    return f"Endpoint {endpoint_id} {became}."


def delete(s: Judged) -> Decision | None:
    """DELETE what is ours until each call has answered."""
    pending = _undeleted(s)
    return _delete(s, "delete", pending) if pending else None


def _delete(s: Judged, check: str, ids: tuple[str, ...]) -> Decision:
    recorded = s.recorded_id
    if recorded in ids and _unjudged(s):
        ids = tuple(endpoint_id for endpoint_id in ids if endpoint_id != recorded)
        if not ids:
            text = f"Endpoint {recorded} is to be deleted, but is not in the cloud's list. Looking for it by id."
            look = probe_of(s, recorded, look_only=True)
            return _failed(s, ProbeGone.__name__) or Decision(check, look, _deleting(text), record=recorded)
    waiting = _failed(s, DeleteEndpoints.__name__)
    action = DeleteEndpoints(ids)
    verdict = _deleting(f"Deleting endpoint {', '.join(ids)}.")
    return waiting or Decision(check, action, verdict, record=s.recorded_id or None, after_list=True)


def _unjudged(s: Judged) -> bool:
    """Only an earlier process has seen the recorded endpoint: whose it is, and that the LISTs hide it, is forgotten."""
    if s.evidence.recorded.seen is not None or s.evidence.recorded.absence.evidence > NEVER:
        return False
    return not s.memory.endpoints[s.recorded_id].looked


def _failed(s: Judged, action: str) -> Decision | None:
    """As for a living object, but that what is seen does not take the place of a recorded id: that is to go too."""
    waiting = failed(s, action)
    return replace(waiting, record=_record(s)) if waiting else None


def absence_observed(s: Judged) -> Decision | None:
    """A complete LIST begun after the last answer shows nothing of ours: only now the object may go."""
    unshown = _unshown(s, "absence_observed")
    if unshown is not None:
        return unshown
    left = s.own.deleted(Deed.LEAVE)
    answered = max(s.memory.endpoints.deleted().values(), default=NEVER)
    listed = s.evidence.view.last_list <= answered or s.own.seen.keys() - left - _accepted(s).keys()
    if listed or s.evidence.view.last_list <= _listed_from(s):
        text = "The cloud has answered the deletion. Waiting until its list no longer shows the endpoint."
        verdict = _heard(s, text if listed else _too_new(s))
        return Decision("absence_observed", verdict=verdict, record=_record(s), after_list=True)
    if not proof.trusted(s):
        return untrusted(s, "absence_observed")
    if left:
        return _leave(s, left)
    gone = ", ".join(sorted(s.memory.endpoints.deleted())) or s.recorded_id
    text = f"Endpoint {gone} is no longer in the cloud." if gone else "No endpoint is in the cloud."
    return Decision("absence_observed", RemoveFinalizer("DeletedEndpoint", text), _deleting(text))


def _leave(s: Judged, left: frozenset[str]) -> Decision:
    """What is not clearly this object's stays, once nothing can make it so any more."""
    mine = s.recorded_id in left
    waiting = (_unsettled(s, "absence_observed") or _unseen(s, "absence_observed")) if mine else None
    text = f"Endpoint {', '.join(sorted(left))} is not clearly this object's, so it was left in the cloud."
    if left == {s.recorded_id} and s.evidence.recorded.seen is None and _absent(s):
        text = f"Endpoint {s.recorded_id} was not clearly this object's, and is no longer in the cloud."
    action = RemoveFinalizer(Reason.OWNERSHIP_CONFLICT, text)
    return waiting or Decision("absence_observed", action, _deleting("Released."))


def _unsettled(s: Judged, check: str) -> Decision | None:
    """What is to be left in the cloud may still be changed by a call of ours, perhaps when it has its next owner."""
    if not proof.may_still_change(s):
        return None
    elsewhere = proof.called_elsewhere(s) > s.memory.calls.unanswered
    deadlines = s.timing.send_deadline + s.timing.request_timeout if elsewhere else 0.0
    text = _until_settled(s, deadlines + s.timing.create_settle)
    return Decision(check, verdict=_heard(s, text), record=s.recorded_id or None, after_list=True)


def _until_settled(s: Judged, seconds: float) -> str:
    return (
        f"A call for {s.recorded_id or 'the endpoint'} may still take effect: it ended without an answer, or an "
        f"earlier process may have sent it. Waiting about {seconds:.0f} s until it can have no effect any more."
    )


def _listed_from(s: Judged) -> float:
    """From when on a LIST says that what was deleted is gone: before, it may lag behind the creation instead.

    One that has shown the endpoint changes nothing about that: the next one may be an older view again. What an
    earlier process made was there when this one saw the object first.
    """
    attempt, left = s.memory.attempts.latest, s.own.deleted(Deed.LEAVE)
    made = attempt.ended if attempt is not None and attempt.state is State.SUCCEEDED else NEVER
    before = (s.memory.attempts.pending_seen, made) if s.memory.endpoints.deleted() else ()
    known = (since for item, since in s.memory.endpoints.known_since().items() if item not in left)
    return max((*before, *known), default=NEVER) + s.timing.create_settle


def _too_new(s: Judged) -> str:
    return (
        "The cloud's list does not show an endpoint of this object that was seen before. Waiting for a newer list "
        f"before the endpoint counts as deleted: one requested {s.timing.create_settle:.0f} s after the endpoint was "
        "first seen, or after the operator started."
    )


def _unshown(s: Judged, check: str) -> Decision | None:
    """A DELETE was accepted of what the LISTs did not show: that they do not show it says nothing.

    A further DELETE tells: 404 says that it is gone. Some clouds might accept each one for ever, so the pauses grow,
    and in the end a person is asked (ADR 42).
    """
    first = {item: since for item, since in _accepted(s).items() if not _answered_by_a_person(s, since)}
    if not first:
        return None
    due = tuple(sorted(item for item, since in first.items() if s.now >= _next_delete(s, item, since)))
    names, settle = f"endpoint {', '.join(sorted(first))}, which its list does not show", s.timing.delete_settle
    verdict = _heard(s, f"The cloud has accepted the deletion of {names}. It is deleted again until it answers 404.")
    if s.now >= min(first.values()) + settle:
        text = f"For {settle:.0f} s the cloud has accepted each deletion of {names}. Look at the console"
        verdict = Asking(Reason.INVENTORY_UNTRUSTED, f"{text}; if it is gone, {CONFIRM}.")
    waiting = _failed(s, DeleteEndpoints.__name__) if due else None
    action = DeleteEndpoints(due) if due else Nothing()
    return waiting or Decision(check, action, verdict, record=_record(s), after_list=True)


def _accepted(s: Judged) -> Mapping[str, float]:
    """What was to be deleted, and still is, and what no LIST has shown since before the first DELETE was accepted."""
    if _retained(s):
        spared = {s.recorded_id, *s.own.retained(Deed.RELEASE, Deed.LEAVE)}
    else:
        spared = {*s.own.deleted(Deed.LEAVE, Deed.ASK)}
    return {
        item: since
        for item, since in s.evidence.accepted.items()
        if item in s.memory.endpoints.deleted().keys() - spared
    }


def _answered_by_a_person(s: Judged, first: float) -> bool:
    """The question was there before the answer."""
    return proof.confirmed(s) and s.memory.request.seen >= first + s.timing.delete_settle


def _next_delete(s: Judged, endpoint_id: str, first: float) -> float:
    """Each pause is as long as all that went before it."""
    last = s.memory.endpoints[endpoint_id].deleted
    return last + min(max(s.timing.poll_interval, last - first), s.timing.delete_settle)


def _record(s: Judged) -> str | None:
    """What was seen is written down, so that its attempt stays resolved when it is gone, over a restart too."""
    seen = s.own.kept
    found = seen.endpoint.id if seen is not None and seen.endpoint.id not in s.own.deleted(Deed.LEAVE) else ""
    return s.recorded_id or found or None


def _undeleted(s: Judged) -> tuple[str, ...]:
    """Ids that still need a DELETE answered: ours in the list, and the recorded one, listed or not."""
    if _retained(s):
        return ()
    seen = s.own.seen
    due = (item for item in s.own.deleted(Deed.DELETE) if proof.delete_due(s, item, seen.get(item)))
    return tuple(sorted(due, key=lambda item: (item not in seen, item)))  # what is seen first: the rest may not exist


def _heard(s: Judged, text: str, reason: Reason = Reason.DELETING) -> Verdict:
    """What is waited for, or why no LIST comes that could end it."""
    outage = s.evidence.view.outage
    if outage is not None:
        return Hindered(outage.reason, outage.message)
    return _deleting(text) if reason is Reason.DELETING else Hindered(reason, text)


def _deleting(text: str) -> Verdict:
    return UnderWay(Reason.DELETING, text)

"""The reasons for which an object that is being deleted is kept: nothing left behind, and its absence observed.

Each is a function with one answer: what is done about the reason, or what is waited for; `None` where it does not hold.
`finalizer` has their order, and says when none is left. Where each sentence comes from: docs/protocol.md, Delete.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from tokenfactory_operator.api.v1alpha1 import FORCE_RELEASE
from tokenfactory_operator.decision import attempts, proof
from tokenfactory_operator.decision.actions import (
    Decision,
    DeleteEndpoints,
    Hindered,
    Release,
    UnderWay,
    Verdict,
)
from tokenfactory_operator.decision.claims import unproven_text
from tokenfactory_operator.decision.conflicts import delete_next
from tokenfactory_operator.decision.failures import tried
from tokenfactory_operator.decision.ownership import Deed, Judged, Role
from tokenfactory_operator.decision.questions import (
    CONFIRM,
    list_untrusted,
    not_ruled_out,
    probe_of,
    unclear,
)
from tokenfactory_operator.domain.identity import ReleasedMark, described, subject, text_without_marks
from tokenfactory_operator.domain.observed import EndpointPatch
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.timing import NEVER

FORCE: Final = f'set the annotation {FORCE_RELEASE} to "true"'


def staying(s: Judged) -> frozenset[str]:
    """Ids of the endpoints that are not deleted with the object."""
    spared = s.own.to(Deed.RELEASE, Deed.LEAVE, Deed.ASK)
    return spared | {s.recorded_id} if s.own.retained else spared


def call_sent(s: Judged) -> Decision | None:
    """A PATCH of this or an earlier process may still take effect. No LIST shows that: only time counts."""
    settled = _last_call(s) + s.timing.create_settle
    if s.now > settled:
        return None
    return Decision(verdict=UnderWay(Reason.DELETING, _until_settled(s)), after=settled - s.now)


def unproven(s: Judged) -> Decision | None:
    """Nothing but the status says that the endpoint is this object's: neither deleted nor left without a word (I20)."""
    if Role.UNPROVEN not in s.own.roles.values() or (s.own.retained and s.own.kept is None):
        return None
    text = f"{unproven_text(s)} If not, or to leave it, release the object: {FORCE}."
    return Decision(verdict=Hindered(Reason.OWNERSHIP_CONFLICT, text), after_list=True)


def undeleted(s: Judged) -> Decision | None:
    """An endpoint of this object is there, or may be: DELETE it until each call has answered."""
    ids = _due(s, s.own.to(Deed.DELETE))
    if s.recorded_id in ids and _unjudged(s):
        ids = tuple(endpoint_id for endpoint_id in ids if endpoint_id != s.recorded_id)
        if not ids:
            text = f"Endpoint {s.recorded_id} is to be deleted, but is not in the cloud's list. Looking for it by id."
            look = probe_of(s, look_only=True)
            return tried(s, Decision(look, UnderWay(Reason.DELETING, text)))
    return tried(s, Decision(DeleteEndpoints(ids), after_list=True)) if ids else None


def unshown(s: Judged) -> Decision | None:
    """What was made for this object beside the endpoint that stays, and no LIST shows now: DELETE it by its id."""
    ids = _due(s, s.own.to(Deed.DELETE) - s.own.seen.keys() - staying(s))
    return tried(s, Decision(DeleteEndpoints(ids), after_list=True)) if ids else None


def _due(s: Judged, ids: Collection[str]) -> tuple[str, ...]:
    """Those of them for which a DELETE is due; what is seen comes first, since the rest may not exist."""
    seen = s.own.seen
    due = (item for item in ids if proof.call_due(s.memory.endpoints[item].deleted, seen.get(item)))
    return tuple(sorted(due, key=lambda item: (item not in seen, item)))


def _unjudged(s: Judged) -> bool:
    """Only an earlier process has seen the recorded endpoint: whose it is, and that the LISTs hide it, is forgotten."""
    if s.evidence.recorded.seen is not None or s.evidence.recorded.absence.evidence > NEVER:
        return False
    return not s.memory.endpoints[s.recorded_id].looked


def unresolved_attempt(s: Judged) -> Decision | None:
    """An attempt may still make an endpoint: wait until nothing can come any more."""
    attempt = attempts.in_doubt(s)
    if attempt is None:
        return None
    if not attempts.attempt_absent(s, attempt, settle=s.timing.delete_settle):
        text = (
            f"{unclear(s)} The object is kept until it is sure that the cloud made no endpoint: for at least "
            f"{s.timing.delete_settle:.0f} s. This time starts again when the operator restarts."
        )
        verdict = _waiting(s, Hindered(Reason.CREATE_OUTCOME_UNKNOWN, text))
        return Decision(verdict=verdict, after_list=True)
    return not_ruled_out(s, attempt)


def duplicate(s: Judged) -> Decision | None:
    """A duplicate is not let go with the endpoint that is kept: nobody would delete it any more (Create 7)."""
    kept, doubles = s.own.kept, s.own.to(Deed.DELETE) - _accepted(s).keys()
    others = [seen for seen in s.evidence.own if seen.id in doubles]
    if kept is None or not others:
        return None
    text = f"Deleting the duplicate {', '.join(seen.id for seen in others)}."
    return delete_next(s, kept, others, _waiting(s, UnderWay(Reason.DELETING, text)))


def due_again(s: Judged) -> Decision | None:
    """A DELETE was accepted of what the LISTs did not show: the next one waits for nothing else (ADR 42, ADR 50)."""
    due = tuple(sorted(item for item, since in _unanswered(s).items() if s.now >= _next_delete(s, item, since)))
    return tried(s, Decision(DeleteEndpoints(due), after_list=True)) if due else None


def accepted(s: Judged) -> Decision | None:
    """That the LISTs do not show it says nothing. Some clouds might accept each DELETE for ever: a person is asked."""
    first = _unanswered(s)
    if not first:
        return None
    names, settle = f"endpoint {', '.join(sorted(first))}, which its list does not show", s.timing.delete_settle
    if s.now >= min(first.values()) + settle:
        text = f"For {settle:.0f} s the cloud has accepted each deletion of {names}. Look at the console"
        text += f"; if it is gone, {CONFIRM}."
        verdict = Hindered(Reason.INVENTORY_UNTRUSTED, text, conflicts=tuple(sorted(first)), asks=True)
        return Decision(verdict=verdict, after_list=True)
    return _deleting(s, f"The cloud has accepted the deletion of {names}. It is deleted again until it answers 404.")


def _unanswered(s: Judged) -> Mapping[str, float]:
    """Those of `_accepted` that no person has called gone."""
    return {item: since for item, since in _accepted(s).items() if item not in s.memory.confirmed_endpoints}


def _accepted(s: Judged) -> Mapping[str, float]:
    """What was to be deleted, and still is, and what no LIST has shown since before the first DELETE was accepted."""
    reported = s.memory.endpoints.deleted().keys() - staying(s)
    return {item: since for item, since in s.evidence.accepted.items() if item in reported}


def _next_delete(s: Judged, endpoint_id: str, first: float) -> float:
    """Each pause is as long as all that went before it."""
    last = s.memory.endpoints[endpoint_id].deleted
    return last + min(max(s.timing.poll_interval, last - first), s.timing.delete_settle)


def duplicate_before(s: Judged) -> Decision | None:
    """A duplicate that was seen is not in the list now, which may be of before its creation."""
    known = s.memory.endpoints.known_since()
    others = {item: known[item] for item in known.keys() - staying(s)}
    answered = max((s.memory.endpoints[item].deleted for item in others), default=NEVER)
    since = max(others.values(), default=NEVER)
    if s.evidence.view.last_list > max(answered, since + s.timing.create_settle):
        return list_untrusted(s) if others else None
    what = f"proof that the duplicate {', '.join(sorted(others))} is gone" if others else "a complete list of the cloud"
    return _deleting(s, f"Waiting for {what}.")


def unreleased(s: Judged) -> Decision | None:
    """The endpoint stays, and nothing has shown yet that its mark says that it was let go on purpose."""
    seen = s.own.kept
    if seen is None or seen.id not in s.own.to(Deed.RELEASE):
        return None
    done, unmarked = s.memory.endpoints[seen.id].released, not seen.endpoint.carries(s.identity)
    if unmarked and seen.last_shown > done and (done > NEVER or seen.endpoint.released is not None):
        return None  # perhaps by an earlier process
    if not proof.call_due(done, seen):
        text = "The cloud has answered the release. Waiting until its list no longer shows the owner mark."
        return _deleting(s, f"{text} If that lasts, remove the mark in the console, or release the object: {FORCE}.")
    mark = ReleasedMark(s.identity.cluster_id, subject(s.resource.namespace, s.resource.name))
    description = described(text_without_marks(seen.endpoint.description), mark)
    action = Release(seen.id, EndpointPatch(description=description))
    verdict = UnderWay(Reason.DELETING, "Releasing the endpoint.")
    return tried(s, Decision(action, verdict, record=seen.id))


def still_listed(s: Judged) -> Decision | None:
    """No complete LIST that was begun after the last answer shows yet that nothing of this object is there."""
    answered = max(s.memory.endpoints.deleted().values(), default=NEVER)
    listed = s.own.seen.keys() - staying(s) - _accepted(s).keys()
    if listed or s.evidence.view.last_list <= answered:
        text = "The cloud has answered the deletion. Waiting until its list no longer shows the endpoint."
        return _deleting(s, text + _lasting(s, listed))
    if s.evidence.view.last_list > _listed_from(s):
        return None
    text = (
        "The cloud's list does not show an endpoint of this object that was seen before. Waiting for a newer list "
        f"before the endpoint counts as deleted: one requested {s.timing.create_settle:.0f} s after the endpoint was "
        "first seen, or after the operator started."
    )
    return _deleting(s, text)


def _lasting(s: Judged, listed: Collection[str]) -> str:
    """What a person may do about a cloud that answers each DELETE, and goes on to list the endpoint."""
    first = max((s.memory.endpoints[item].deleted_first for item in listed), default=NEVER)
    settle = s.timing.delete_settle
    if not NEVER < first <= s.now - settle:
        return ""
    names = ", ".join(sorted(listed))
    return (
        f" For {settle:.0f} s it has listed {names} all the same. Look at the console. If the endpoint is gone there, "
        f"or is to be left, release the object: {FORCE}."
    )


def _listed_from(s: Judged) -> float:
    """From when on a LIST says that what was deleted is gone: before, it may lag behind the creation instead.

    One that has shown the endpoint changes nothing about that: the next one may be an older view again. What an
    earlier process made, this one may never have seen. It was there when this one saw the object first.
    """
    before = (s.memory.attempts.pending_seen,) if s.memory.endpoints.deleted() else ()
    known = (since for item, since in s.memory.endpoints.known_since().items() if item not in staying(s))
    return max((*before, *known), default=NEVER) + s.timing.create_settle


def unlisted(s: Judged) -> Decision | None:
    """What is to be left in the cloud is not in the list, and nothing proves yet that it is gone."""
    endpoint_id = s.recorded_id
    done = not endpoint_id or s.evidence.recorded.seen is not None or s.memory.endpoints[endpoint_id].released > NEVER
    if done or s.recorded_id not in staying(s):
        return None
    text = f"Endpoint {endpoint_id} is to be released, but is not in the cloud's list. Checking whether it is gone."
    if not proof.absent(s):
        return _deleting(s, text)
    known = s.memory.endpoints[endpoint_id]
    looked = known.looked and known.probed > s.evidence.recorded.absence.since
    if not (looked or proof.gone(s)):
        return tried(s, Decision(probe_of(s, look_only=True), UnderWay(Reason.DELETING, text)))
    return list_untrusted(s)


def unsettled(s: Judged) -> Decision | None:
    """What is to be left in the cloud may still be changed by a call of ours, perhaps when it has its next owner."""
    if s.recorded_id not in staying(s) or s.evidence.view.last_list > _last_call(s) + s.timing.create_settle:
        return None
    return _deleting(s, _until_settled(s))


def _last_call(s: Judged) -> float:
    """By when the last call for the recorded endpoint was sent that may take effect yet; `NEVER` if there is none."""
    return max(s.memory.calls.unanswered, proof.called_elsewhere(s))


def _until_settled(s: Judged) -> str:
    elsewhere = proof.called_elsewhere(s) > s.memory.calls.unanswered
    deadlines = s.timing.send_deadline + s.timing.request_timeout if elsewhere else 0.0
    seconds = deadlines + s.timing.create_settle
    return (
        f"A call for {s.recorded_id or 'the endpoint'} may still take effect: it ended without an answer, or an "
        f"earlier process may have sent it. Waiting about {seconds:.0f} s until it can have no effect any more."
    )


def _deleting(s: Judged, text: str) -> Decision:
    return Decision(verdict=_waiting(s, UnderWay(Reason.DELETING, text)), after_list=True)


def _waiting(s: Judged, verdict: Verdict) -> Verdict:
    """What is waited for, or why no LIST comes that could end it."""
    outage = s.evidence.view.outage
    return verdict if outage is None else Hindered(outage.reason, outage.message)

"""Checks for an object that has no endpoint, or does not know whether it has: unknown attempts, loss, creating.

Where each sentence comes from: docs/protocol.md, Create and Lost.
"""

from __future__ import annotations

from typing import Final

from tokenfactory_operator.decision import attempts, offered, proof
from tokenfactory_operator.decision.actions import (
    Applied,
    Asking,
    Create,
    Decision,
    Hindered,
    ProbeGone,
    UnderWay,
    Verdict,
    Waiting,
)
from tokenfactory_operator.decision.ownership import Judged
from tokenfactory_operator.domain.attempt import REFUSED, Attempt
from tokenfactory_operator.domain.call_memory import Failure
from tokenfactory_operator.domain.decision_input import DecisionInput
from tokenfactory_operator.domain.desired import description_for
from tokenfactory_operator.domain.errors import Handling, visible
from tokenfactory_operator.domain.identity import described
from tokenfactory_operator.domain.reasons import ConditionType, Reason

RECREATE_PAUSE_MAX: Final = 6.0
"""To how many times the settle time of a lost endpoint the pause between two recreations grows."""
CONFIRM: Final = "confirm it with the annotation tokenfactory.nebius.com/reconcile-requested-at"


def unclear(s: DecisionInput) -> str:
    """Why nobody knows whether there is an endpoint, as a sentence."""
    if s.memory.attempts.latest is None and s.resource.status.create_attempt is None:
        return (
            "The object carries the operator's finalizer and its status records no create call: it was applied from a "
            "copy, restored, or its status was removed."
        )
    return "A create call ended without a clear answer."


def undecided(s: Judged) -> Decision | None:
    """An attempt ended unknown: wait until its endpoint is seen, or is absent for the settle time."""
    attempt = attempts.unresolved(s)
    if attempt is None:
        return None
    seen = s.own.kept
    record = seen.endpoint.id if seen else None
    allowed = s.memory.confirmed_doubt is Reason.CREATE_OUTCOME_UNKNOWN
    # Where an endpoint of the object is seen, nothing is created, and a late duplicate is deleted as soon as it shows.
    patient = not allowed and seen is None and not s.recorded_id
    settle = attempts.next_attempt_settle(s, attempt) if patient else s.timing.create_settle
    if not attempts.attempt_absent(s, attempt, settle=settle):
        text = f"{unclear(s)} Waiting to see whether the cloud made an endpoint."
        if settle > s.timing.create_settle:
            text += f" It was call {attempt.streak} in a row without an answer, so this takes up to {settle:.0f} s."
        earlier = tuple(item.endpoint.id for item in s.evidence.predecessors)
        if earlier:  # named, so that nobody is told of it as an orphan meanwhile
            text += f" Endpoint {', '.join(earlier)}, made for an earlier object of this name, is judged after that."
        verdict = Hindered(Reason.CREATE_OUTCOME_UNKNOWN, text, conflicts=earlier)
        return Decision(verdict=verdict, record=record, after_list=True)
    if seen is not None or s.recorded_id:
        return None  # `lost` judges a recorded endpoint that is not seen
    if not proof.trusted(s):
        return untrusted(s)
    doubt = None if allowed else cut_off(s, attempt)
    return doubt or _create(s, Create(after_unknown=attempt.streak))


def cut_off(s: Judged, attempt: Attempt) -> Decision | None:
    """The LIST may be cut off before what an unknown attempt has made: only a person can tell."""
    if not attempts.may_be_cut_off(s, attempt):
        return None
    text = (
        f"{unclear(s)} The cloud's list shows {s.evidence.view.cut_at} endpoints and has never shown more, so it may "
        f"be cut off there. Look for endpoints of this object in the console; if there are none, {CONFIRM}."
    )
    return Decision(verdict=Asking(Reason.CREATE_OUTCOME_UNKNOWN, text), after_list=True)


def lost(s: Judged) -> Decision | None:
    """The recorded endpoint is not in the list: prove that it is gone before anything follows from it."""
    endpoint_id = s.recorded_id
    present = s.own.kept is not None or s.evidence.recorded.seen is not None
    if not endpoint_id or (present and endpoint_id not in s.evidence.view.hidden):
        return None
    others = ", ".join(seen.endpoint.id for seen in s.evidence.own)
    untouched = f" Until then {others}, with this object's mark too, is left alone." if others else ""
    text = f"Endpoint {endpoint_id} is not in the cloud's list. Checking whether it is gone.{untouched}"
    confirming = UnderWay(Reason.ENDPOINT_LOST, text)
    if not proof.trusted(s):
        due = s.memory.endpoints[endpoint_id].probed + s.timing.poll_interval
        if s.now >= due:
            # One that no LIST has ever shown may be why: if it is gone, which only the whole probe can tell, its
            # absence says nothing against the LIST.
            probe = probe_of(s, endpoint_id, look_only=endpoint_id not in s.evidence.view.overdue)
            return Decision(probe, untrusted(s, also=untouched).verdict, after_list=True)
        return untrusted(s, also=untouched)
    if not proof.absent(s):
        return Decision(verdict=confirming, after_list=True)
    if not proof.gone(s, endpoint_id):
        waiting = failed(s, ProbeGone.__name__)
        return waiting or Decision(probe_of(s, endpoint_id), confirming, after_list=True)
    return _recreate(s, endpoint_id)


def probe_of(s: DecisionInput, endpoint_id: str, *, look_only: bool = False) -> ProbeGone:
    """The look by id at an endpoint that the LISTs do not show; without `look_only` it ends in a PATCH."""
    mark = s.remembered_mark
    last = s.memory.endpoints[endpoint_id].last_seen
    if last is not None and last.description:
        description = last.description
    elif last is not None and s.resource.spec is not None:
        description = description_for(s.resource.spec, last, mark)
    else:
        description = described((s.resource.spec.description if s.resource.spec else None) or "", mark)
    return ProbeGone(endpoint_id, description, look_only=look_only)


def _recreate(s: Judged, endpoint_id: str) -> Decision:
    text = f"Endpoint {endpoint_id} is gone from the cloud. This operator did not delete it."
    verdict: Verdict
    if not s.resource.created_by_us:
        verdict = Asking(Reason.ENDPOINT_LOST, f"{text} It was adopted, so it is not recreated.")
        return Decision(verdict=verdict, after_list=True)
    if s.resource.spec is not None and s.resource.spec.enabled is False:
        verdict = Asking(Reason.ENDPOINT_LOST, f"{text} Nothing is created while stopped.")
        return Decision(verdict=verdict)
    # The exponent is bounded too: a float overflows at 1024.
    before = s.memory.recreation
    factor = min(RECREATE_PAUSE_MAX, 2.0 ** (min(before.count, 10) - 1)) if before.count else 0.0
    wait = before.last + s.timing.lost_settle * factor - s.now
    if wait > 0:
        verdict = Hindered(Reason.ENDPOINT_LOST, f"{text} It is created again after a pause.")
        return Decision(verdict=verdict, after=wait)
    return _create(s, Create())


def refused_for_good(s: DecisionInput) -> Verdict | None:
    """What the status says the cloud refused at this generation: it stays so over a restart (design: Errors)."""
    if s.memory.calls.failure is not None or s.resource.request_pending:
        return None
    status = s.resource.status
    stalled = next((item for item in status.conditions if item.type == ConditionType.STALLED), None)
    if status.observed_generation != s.resource.generation or stalled is None or stalled.status != "True":
        return None
    return Hindered(Reason.REFUSED_BY_CLOUD, stalled.message) if stalled.reason == Reason.REFUSED_BY_CLOUD else None


def remembered(s: Judged) -> Decision | None:
    """A create that was refused for good is not tried again until the spec or the request annotation changes."""
    attempt, verdict = s.resource.status.create_attempt, refused_for_good(s)
    if verdict is None or attempt is None or attempt.state != REFUSED:
        return None
    return Decision(verdict=verdict)


def disabled(s: Judged) -> Decision | None:
    """Nothing is created while `enabled: false`: what the spec asks for is nothing running, and nothing runs."""
    if s.resource.spec is None or s.resource.spec.enabled is not False:
        return None
    text = "No endpoint exists, and none is created while spec.enabled is false."
    return Decision(verdict=Applied(Reason.RECONCILE_SUCCESS, text), in_order=True, check="disabled")


def predecessor(s: Judged) -> Decision | None:
    """An earlier object of this name left an endpoint: never doubled silently, nor billed silently while disabled."""
    if not s.evidence.predecessors:
        return None
    ids = tuple(seen.endpoint.id for seen in s.evidence.predecessors)
    text = (
        f"Endpoint {', '.join(ids)} was made for an earlier object of this name. Put its id into spec.endpointId to "
        "adopt it, or delete it in the cloud's console."
    )
    return Decision(
        verdict=Hindered(Reason.OWNERSHIP_CONFLICT, text, conflicts=ids), after_list=True, check="predecessor"
    )


def namesake(s: Judged) -> Decision | None:
    """Another cluster's object of this name has an endpoint: where the setting says so, a person decides (ADR 30)."""
    if not s.policy.hold_namesakes or not beside(s):
        return None
    text = (
        f"{beside(s)} If this cluster replaces that one, give it that one's id as TOKENFACTORY_CLUSTER_ID. Then the "
        "endpoint can be adopted. If both are in use, set TOKENFACTORY_NAMESAKES to Create."
    )
    ids = tuple(seen.endpoint.id for seen in s.evidence.namesakes)
    return Decision(verdict=Hindered(Reason.OWNERSHIP_CONFLICT, text, conflicts=ids), after_list=True, check="namesake")


def beside(s: DecisionInput) -> str:
    """The endpoints of the same namespace and name in other clusters, as a sentence; empty if there are none.

    Empty too for an object that has had an endpoint of its own: making that anew doubles nothing.
    """
    if s.recorded_id or not s.evidence.namesakes:
        return ""
    named = (
        f"{seen.endpoint.id} of the cluster {visible(mark.identity.cluster_id)}"
        for seen in s.evidence.namesakes
        for mark in seen.endpoint.marks[:1]
    )
    place = f"{s.resource.namespace}/{s.resource.name}"
    return f"The cloud lists endpoint {', '.join(named)}, made for {place} there."


def create(s: Judged) -> Decision | None:
    """No endpoint, no doubt: create one."""
    before = attempts.unknown_before(s)
    if before and not proof.trusted(s):
        return untrusted(s)
    return _create(s, Create(resume=attempts.resumable(s), after_unknown=before))


def _create(s: Judged, action: Create) -> Decision:
    # These stand before `create` in the chain; after a loss or an unknown attempt they hold just as well.
    waiting = failed(s, Create.__name__) or shown_elsewhere(s) or predecessor(s) or namesake(s) or disabled(s)
    if waiting is None and s.resource.observes:
        text = "spec.managementPolicy is Observe: nothing is created. Name an endpoint in spec.endpointId."
        return Decision(verdict=Hindered(Reason.OBSERVING, text))
    waiting = waiting or offered.for_creation(s)
    verdict = UnderWay(Reason.CREATING, "Creating the endpoint.")
    return waiting or Decision(action, verdict, after_list=True)


def failed(s: Judged, action: str) -> Decision | None:
    """A call failed: what to say, and when to try again. A new generation or request is tried at once."""
    failure = s.memory.calls.failure
    if failure is None or failure.action != action or stale(s, failure):
        return None
    terminal = failure.error.handling is Handling.TERMINAL and not s.resource.terminating
    # A LIST that went well since then shows that the token has been put right.
    mended = failure.error.reason is Reason.UNAUTHORIZED and s.evidence.view.last_view > failure.at
    if not terminal and (s.now >= failure.not_before or mended):
        return None
    kind = Waiting if failure.error.handling is Handling.TERMINAL and not terminal else Hindered
    verdict = kind(failure.error.reason, failure.error.message)
    return Decision(
        verdict=verdict,
        after=None if terminal else max(0.0, failure.not_before - s.now),
        after_list=failure.error.reason is Reason.UNAUTHORIZED,
        check="failed",
    )


def still_failing(s: DecisionInput) -> Verdict | None:
    """What the last create failed with, while it is only tried again: the status says so until an answer is better."""
    failure = s.memory.calls.failure
    if failure is None or failure.action != Create.__name__ or stale(s, failure) or not failure.error.retryable:
        return None
    return Hindered(failure.error.reason, failure.error.message)


def stale(s: DecisionInput, failure: Failure) -> bool:
    """Whether a person has changed what failed since it did."""
    return failure.generation != s.resource.generation or failure.requested_at != s.resource.requested_at


def shown_elsewhere(s: Judged) -> Decision | None:
    """Another credential's LIST shows an endpoint of this object: that exists, whatever this one's leaves out."""
    known = s.memory.endpoints  # its LIST may be the older one
    ids = s.evidence.elsewhere - known.gone() - known.deleted().keys()
    if not ids or proof.confirmed(s):
        return None
    text = (
        f"Another credential's list shows endpoint {', '.join(sorted(ids))}, made for this object, and this one's does "
        f"not. Look at the console; if it is another object's or gone, {CONFIRM}."
    )
    return Decision(verdict=Asking(Reason.INVENTORY_UNTRUSTED, text), after_list=True)


def untrusted(s: DecisionInput, *, also: str = "") -> Decision:
    """Nothing follows from what is not listed: say why, and what a person can do."""
    text = f"{s.evidence.view.untrusted} Look at the console; if what is missing there is really gone, {CONFIRM}.{also}"
    return Decision(verdict=Asking(Reason.INVENTORY_UNTRUSTED, text), after_list=True)

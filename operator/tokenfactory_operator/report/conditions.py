"""Why this condition? What an endpoint shows, and what a decision says, as Kubernetes conditions.

`SHOWN` is the one table of status and readiness; `conditions` composes the rest from the decision's verdict.
Messages are stable: no counters and no times, so an unchanged state writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tokenfactory_operator.api.v1alpha1 import Condition, Spec
from tokenfactory_operator.decision.actions import Decision, Verdict
from tokenfactory_operator.decision.ownership import Judged
from tokenfactory_operator.domain.observed import ObservedEndpoint, spelled
from tokenfactory_operator.domain.reasons import ConditionType, KStatus, Reason
from tokenfactory_operator.report.telling import reported_in_full, reported_once

SHOWN: Final[Mapping[tuple[str | None, str | None], Reason]] = {
    # (deployment.status, deployment.readiness) of an enabled endpoint that does not serve all it reserves;
    # None stands for any value, missing and unknown ones included. The most exact row wins.
    ("starting", None): Reason.STARTING,
    ("updating", None): Reason.UPDATING,
    ("running", "partially_ready"): Reason.PARTIALLY_READY,
    ("running", None): Reason.NOT_READY,
    ("stopping", None): Reason.STOPPING,
    ("stopped", None): Reason.NOT_READY,
    ("deleting", None): Reason.STOPPING,
    ("terminating", None): Reason.STOPPING,
    ("error", None): Reason.DEPLOYMENT_ERROR,
    (None, "partially_ready"): Reason.PARTIALLY_READY,
    (None, None): Reason.NOT_READY,
}

MESSAGES: Final[Mapping[Reason, str]] = {
    Reason.AVAILABLE: "The endpoint serves with at least its reserved replicas.",
    Reason.STOPPED: "The endpoint is stopped, as spec.enabled says; it is not billed.",
    Reason.CREATING: "The endpoint was created; waiting until the cloud lists it.",
    Reason.STARTING: "The cloud is starting the endpoint, or waits for free GPUs.",
    Reason.UPDATING: "The cloud is updating the endpoint.",
    Reason.PARTIALLY_READY: "Fewer replicas are ready than are reserved.",
    Reason.NOT_READY: "The endpoint does not serve.",
    Reason.STOPPING: "The cloud is stopping the endpoint.",
    Reason.DEPLOYMENT_ERROR: "The cloud reports a deployment error. If it lasts over 3 hours, contact its support.",
}

UNDER_WAY: Final = frozenset(
    {Reason.CREATING, Reason.STARTING, Reason.UPDATING, Reason.PARTIALLY_READY, Reason.STOPPING, Reason.DELETING}
)
NO_WORK: Final = frozenset({Reason.RECONCILE_PAUSED})


@dataclass(frozen=True)
class Shown:
    """What one endpoint shows, held against what the spec reserves."""

    ready: bool
    reason: Reason
    message: str
    serving: Reason


def _enough(spec: Spec, seen: ObservedEndpoint, serving: Reason) -> bool:
    if seen.ready_replicas is None:
        return serving is Reason.READY
    return seen.ready_replicas >= spec.scaling.min_replicas


def _row(status: str | None, readiness: str | None) -> Reason:
    known, of = spelled(status) or None, spelled(readiness) or None
    for row in ((known, of), (known, None), (None, of)):
        if row in SHOWN:
            return SHOWN[row]
    return SHOWN[None, None]


def shown(spec: Spec, seen: ObservedEndpoint) -> Shown:
    """The row of the table for this endpoint."""
    serving = seen.serving
    status = spelled(seen.status)
    if spec.enabled is False:
        stopped = status == "stopped" or (not status and seen.enabled is False and not seen.ready_replicas)
        reason = Reason.STOPPED if stopped else Reason.STOPPING
        return Shown(stopped, reason, MESSAGES[reason], serving)
    if seen.enabled is False:
        text = "The endpoint was stopped in the cloud's console; set spec.enabled to true to start it."
        return Shown(ready=False, reason=Reason.STOPPED_IN_CONSOLE, message=text, serving=serving)
    if serving is not Reason.NOT_SERVING and _enough(spec, seen, serving) and not seen.leaving:
        text = MESSAGES[Reason.AVAILABLE]
        if status == "error":
            text += " The cloud reports a deployment issue that needs attention."
        return Shown(ready=True, reason=Reason.AVAILABLE, message=text, serving=serving)
    reason = _row(seen.status, seen.readiness)
    return Shown(ready=False, reason=reason, message=MESSAGES[reason], serving=serving)


@dataclass(frozen=True)
class _Draft:
    type: ConditionType
    status: str
    reason: Reason
    message: str


def conditions(s: Judged, decision: Decision, verdict: Verdict, *, now: str) -> tuple[Condition, ...]:
    """All conditions after a decision; `now` (RFC 3339) becomes the transition time of those that change status."""
    previous = {condition.type: condition for condition in reported_in_full(s.resource.status.conditions)}
    generation, judged = observed_generation(s, verdict), previous.get(ConditionType.READY)
    # What `Ready` describes stays the generation that was last held against the cloud.
    of_ready = generation if verdict.judged or judged is None else judged.observed_generation
    made = {
        draft.type: _condition(
            draft, previous.get(draft.type), of_ready if draft.type is ConditionType.READY else generation, now
        )
        for draft in _drafts(s, decision, verdict)
    }
    made |= {
        kind: previous[kind] for kind in _kept(s, verdict) if kind in previous and previous[kind].status != "Unknown"
    }
    return reported_once(tuple(made[kind] for kind in ConditionType if kind in made))


def _kept(s: Judged, verdict: Verdict) -> tuple[ConditionType, ...]:
    """Those that go on saying what they said, since nothing is judged now."""
    if verdict.judged or _blind(s):
        return ()
    another = observed_generation(s, verdict) != s.resource.status.observed_generation
    return (ConditionType.SERVING,) if another else (ConditionType.READY, ConditionType.SERVING)


def observed_generation(s: Judged, verdict: Verdict) -> int | None:
    """The generation that the status speaks of.

    One that cannot be judged for want of a credential counts too: without it, nobody who waits would look at `Stalled`.
    """
    return s.resource.generation if verdict.judged or verdict.stalled else s.resource.status.observed_generation


def _condition(draft: _Draft, before: Condition | None, generation: int | None, now: str) -> Condition:
    since = before.last_transition_time if before is not None and before.status == draft.status else None
    return Condition(
        type=draft.type,
        status=draft.status,
        reason=draft.reason,
        message=draft.message,
        last_transition_time=since or now,
        observed_generation=generation,
    )


def _blind(s: Judged) -> bool:
    return s.evidence.view.outage is not None and s.evidence.view.outage.blind


def _drafts(s: Judged, decision: Decision, verdict: Verdict) -> Sequence[_Draft]:
    seen = s.own.kept
    what = shown(s.resource.spec, seen.endpoint) if seen is not None and s.resource.spec is not None else None
    ready = _ready(s, decision, verdict, what)
    serving = what.serving if what is not None else Reason.NOT_SERVING
    serves = "False" if serving is Reason.NOT_SERVING else "True"
    text = "The endpoint takes traffic." if serves == "True" else "The endpoint takes no traffic."
    traffic = _Draft(ConditionType.SERVING, serves, serving, text)
    # What was unknown is so for the present reason, and not for one that a process told that is gone.
    before = s.resource.status.condition(ConditionType.SERVING)
    if _blind(s) or (before is not None and not verdict.judged):
        traffic = _Draft(ConditionType.SERVING, "Unknown", verdict.reason, verdict.message)
    synced = {True: "True", False: "False", None: "Unknown"}[verdict.synced]
    drafts = [ready, _Draft(ConditionType.SYNCED, synced, verdict.reason, verdict.message), traffic]
    blocked = verdict.synced is True and ready.reason.kstatus is KStatus.FAILED
    if verdict.stalled or blocked:
        why = ready if blocked else drafts[1]
        drafts.append(_Draft(ConditionType.STALLED, "True", why.reason, why.message))
    elif verdict.reason not in NO_WORK and (verdict.synced is not True or ready.reason in UNDER_WAY):
        drafts.append(_Draft(ConditionType.RECONCILING, "True", ready.reason, ready.message))
    return drafts


def _ready(s: Judged, decision: Decision, verdict: Verdict, what: Shown | None) -> _Draft:
    if not verdict.judged:
        return _Draft(ConditionType.READY, "Unknown", verdict.reason, verdict.message)
    if decision.in_order and what is not None:
        return _Draft(ConditionType.READY, "True" if what.ready else "False", what.reason, what.message)
    if decision.in_order:
        return _Draft(ConditionType.READY, "True", Reason.STOPPED, verdict.message)
    if verdict.synced is True and what is not None:
        reason = _unconfirmed(s, what)
        return _Draft(ConditionType.READY, "False", reason, MESSAGES[reason])
    doubtful = verdict.reason is Reason.ENDPOINT_LOST and verdict.synced is None
    return _Draft(ConditionType.READY, "Unknown" if doubtful else "False", verdict.reason, verdict.message)


def _unconfirmed(s: Judged, what: Shown) -> Reason:
    """What a call's answer shows is not yet what a LIST shows: never Ready, but the state may be told."""
    if not what.ready and what.reason in MESSAGES:
        return what.reason
    seen = s.own.kept
    return Reason.CREATING if seen is not None and not seen.listed > float("-inf") else Reason.UPDATING

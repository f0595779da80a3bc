"""Why this condition? What an endpoint shows, and what a decision says, as Kubernetes conditions.

`shown` reads status and readiness; `conditions` composes the rest from the decision's verdict.
Messages are stable: no counters and no times, so an unchanged state writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tokenfactory_operator.api.v1alpha1 import Condition, Spec
from tokenfactory_operator.decision import proof
from tokenfactory_operator.decision.actions import Decision, Verdict
from tokenfactory_operator.decision.ownership import Judged
from tokenfactory_operator.domain.observed import ObservedEndpoint, spelled
from tokenfactory_operator.domain.reasons import Actor, ConditionType, KStatus, Reason
from tokenfactory_operator.domain.timing import NEVER
from tokenfactory_operator.report.telling import reported_in_full, reported_once

SHOWN: Final[Mapping[str, Reason]] = {
    "starting": Reason.STARTING,
    "updating": Reason.UPDATING,
    "stopping": Reason.STOPPING,
    "stopped": Reason.NOT_READY,
    "deleting": Reason.STOPPING,
    "terminating": Reason.STOPPING,
    "error": Reason.DEPLOYMENT_ERROR,
}
"""By `deployment.status`: an enabled endpoint that does not serve all it reserves. Of others the readiness tells."""

MESSAGES: Final[Mapping[Reason, str]] = {
    Reason.AVAILABLE: "The endpoint serves with at least its reserved replicas.",
    Reason.STOPPED: "The endpoint is stopped, as spec.enabled says; it is not billed.",
    Reason.CREATING: "The endpoint was created; waiting until the cloud lists it.",
    Reason.STARTING: "The cloud is starting the endpoint, or waits for free GPUs.",
    Reason.UPDATING: "The cloud is updating the endpoint.",
    Reason.PARTIALLY_READY: "Fewer replicas are ready than are reserved.",
    Reason.NOT_READY: "The endpoint does not serve.",
    Reason.STOPPING: "The cloud is stopping the endpoint.",
    Reason.STOPPED_IN_CONSOLE: "The endpoint was stopped in the cloud's console; set spec.enabled to true to start it.",
    Reason.DEPLOYMENT_ERROR: "The cloud reports a deployment error. If it lasts over 3 hours, contact its support.",
}

UNDER_WAY: Final = frozenset(
    {Reason.CREATING, Reason.STARTING, Reason.UPDATING, Reason.PARTIALLY_READY, Reason.STOPPING}
)

_Draft = tuple[str, Reason, str]
"""Status, reason and message of a condition."""


def shown(spec: Spec, seen: ObservedEndpoint) -> Reason:
    """What the endpoint shows, held against what the spec reserves."""
    status = spelled(seen.status)
    if spec.enabled is False:
        stopped = status == "stopped" or (not status and seen.enabled is False and not seen.ready_replicas)
        return Reason.STOPPED if stopped else Reason.STOPPING
    if seen.enabled is False:
        return Reason.STOPPED_IN_CONSOLE
    all_ready = seen.serving is Reason.READY  # as far as an answer without numbers tells
    enough = all_ready if seen.ready_replicas is None else seen.ready_replicas >= spec.scaling.min_replicas
    partly = seen.serving is Reason.PARTIALLY_READY
    other = SHOWN.get(status, Reason.PARTIALLY_READY if partly else Reason.NOT_READY)
    return Reason.AVAILABLE if seen.serves and enough else other


def conditions(s: Judged, decision: Decision, verdict: Verdict, *, now: str) -> tuple[Condition, ...]:
    """All conditions after a decision; `now` (RFC 3339) becomes the transition time of those that change status."""
    previous = reported_in_full(s.resource.status.conditions)
    generation, judged = observed_generation(s, verdict), previous.get(ConditionType.READY)
    # What `Ready` describes stays the generation that was last held against the cloud.
    of_ready = generation if verdict.judged or judged is None else judged.observed_generation
    made = {}
    for kind, (status, reason, message) in _drafts(s, decision, verdict).items():
        before = previous.get(kind)
        since = before.last_transition_time if before is not None and before.status == status else None
        made[kind] = Condition(
            type=kind,
            status=status,
            reason=reason,
            message=message,
            last_transition_time=since or now,
            observed_generation=of_ready if kind is ConditionType.READY else generation,
        )
    if not verdict.judged and not _blind(s):  # these go on saying what they said
        another = generation != s.resource.status.observed_generation
        kept = (ConditionType.SERVING,) if another else (ConditionType.READY, ConditionType.SERVING)
        made |= {kind: previous[kind] for kind in kept if kind in previous and previous[kind].status != "Unknown"}
    return reported_once(tuple(made[kind] for kind in ConditionType if kind in made))


def observed_generation(s: Judged, verdict: Verdict) -> int | None:
    """The generation that the status speaks of.

    One that cannot be judged for want of a credential counts too: without it, nobody who waits would look at `Stalled`.
    """
    return s.resource.generation if verdict.judged or verdict.stalled else s.resource.status.observed_generation


def _blind(s: Judged) -> bool:
    return s.evidence.view.outage is not None and s.evidence.view.outage.blind


def _out_of_sight(s: Judged, verdict: Verdict) -> bool:
    """Whether the endpoint is in a project that the present credential does not show: there it may serve."""
    return verdict.reason is Reason.CREDENTIALS_MISMATCH and bool(s.recorded_id) and s.own.kept is None


def _drafts(s: Judged, decision: Decision, verdict: Verdict) -> Mapping[ConditionType, _Draft]:
    seen = s.own.kept.endpoint if s.own.kept is not None else None
    ready = _ready(s, decision, verdict)
    serving = seen.serving if seen is not None else Reason.NOT_SERVING
    traffic = ("True", serving, "The endpoint takes traffic.")
    if serving is Reason.NOT_SERVING:
        traffic = ("False", serving, "The endpoint takes no traffic.")
    # What was unknown is so for the present reason, and not for one that a process told that is gone.
    before = s.resource.status.condition(ConditionType.SERVING)
    unclear = seen is None and (proof.unseen(s) or s.evidence.recorded.seen is not None)  # or perhaps not this object's
    if _blind(s) or _out_of_sight(s, verdict) or unclear or (before is not None and not verdict.judged):
        traffic = ("Unknown", verdict.reason, verdict.message)
    synced = ({True: "True", False: "False", None: "Unknown"}[verdict.synced], verdict.reason, verdict.message)
    drafts = {ConditionType.READY: ready, ConditionType.SYNCED: synced, ConditionType.SERVING: traffic}
    _, reason, message = ready
    if verdict.synced is True and reason.kstatus is KStatus.FAILED:
        drafts[ConditionType.STALLED] = ("True", reason, message)
    elif verdict.stalled:
        drafts[ConditionType.STALLED] = ("True", verdict.reason, verdict.message)
    elif verdict.reason is not Reason.RECONCILE_PAUSED and (verdict.synced is not True or reason in UNDER_WAY):
        drafts[ConditionType.RECONCILING] = ("True", reason, message)
    return drafts


def _ready(s: Judged, decision: Decision, verdict: Verdict) -> _Draft:
    seen, spec = s.own.kept, s.resource.spec
    what = shown(spec, seen.endpoint) if seen is not None and spec is not None else None
    if not verdict.judged:
        return "Unknown", verdict.reason, verdict.message
    if decision.in_order and seen is not None and what is not None:
        issue = what is Reason.AVAILABLE and spelled(seen.endpoint.status) == "error"
        message = MESSAGES[what] + (" The cloud reports a deployment issue that needs attention." if issue else "")
        return "True" if what.acts is Actor.NOBODY else "False", what, message
    if decision.in_order:
        return "True", Reason.STOPPED, verdict.message
    if verdict.synced is True and seen is not None and what is not None:
        # What a call's answer shows is not yet what a LIST shows: never Ready, but the state may be told.
        unconfirmed = Reason.UPDATING if seen.listed > NEVER else Reason.CREATING
        reason = what if what.acts is Actor.CLOUD else unconfirmed
        return "False", reason, MESSAGES[reason]
    doubtful = verdict.reason is Reason.ENDPOINT_LOST and verdict.synced is None
    return "Unknown" if doubtful or _out_of_sight(s, verdict) else "False", verdict.reason, verdict.message

"""The status after a decision, and the smallest merge patch that brings the stored one to it.

What is not known keeps what is written: the id of an endpoint is forgotten only when a new attempt is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tokenfactory_operator.api.v1alpha1 import ConnectionStatus, CreateAttempt, EndpointOrigin, Gpus, Status
from tokenfactory_operator.decision import attempts, ownership, proof
from tokenfactory_operator.decision.actions import Create, Decision, UnderWay, Verdict
from tokenfactory_operator.decision.failures import still_failing
from tokenfactory_operator.decision.ownership import Judged
from tokenfactory_operator.domain.attempt import CREATED, PENDING, REFUSED, Event, State
from tokenfactory_operator.domain.decision_input import DecisionInput
from tokenfactory_operator.domain.desired import inference_url
from tokenfactory_operator.domain.errors import Handling, bounded, visible
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.reasons import DOUBTS, ConditionType, Reason
from tokenfactory_operator.domain.timing import NEVER
from tokenfactory_operator.report.conditions import conditions, observed_generation
from tokenfactory_operator.report.telling import foremost

SELECTOR: Final = "tokenfactory.nebius.com/no-pods"
"""An autoscaler refuses a target whose scale has no selector; this one matches no pod, since there is none."""
LIVE: Final = ("state", "readiness", "replicas", "ready_replicas", "replica_summary", "gpus")
"""What an endpoint does at the moment."""
BEGINNING: Final = 160
"""Characters of a message that `kubectl get -o wide` shows: two sentences, such as what is wrong and what is right."""


def camel_case(word: str | None) -> str | None:
    """`partially_ready` → `PartiallyReady`; a value that is not known is kept as recognisably."""
    return "".join(part[:1].upper() + part[1:] for part in word.split("_")) if word else None


def after(s: DecisionInput, decision: Decision, verdict: Verdict, *, now: str) -> Status:
    """The status that tells what was decided; `now` is RFC 3339."""
    s = ownership.judged(s)
    written = s.resource.status
    seen = s.own.kept
    record = _named(s, decision)
    origin = _origin(s, record)
    # A request that was there before the doubt was told is no answer to it, whichever process reads it next.
    seen_since = verdict.judged and s.evidence.view.last_view > s.memory.request.seen
    handled = seen_since or _first_reported(written, verdict)
    reported = conditions(s, decision, verdict, now=now)
    most = foremost(reported)
    changes: dict[str, Any] = {
        "observed_generation": observed_generation(s, verdict),
        "uid": s.resource.uid,
        "selector": SELECTOR,
        "create_attempt": _attempt(s, decision, origin),
        "endpoint_origin": origin,
        "conditions": reported,
        "summary": bounded(most.message, BEGINNING) if most is not None else None,
        "last_handled_reconcile_at": (s.resource.requested_at or None)
        if handled
        else written.last_handled_reconcile_at,
    }
    if verdict.judged:
        changes |= {
            "conflicting_endpoints": verdict.conflicts or None,
            "not_accepted": tuple(item.reported for item in verdict.given_up) or None,
        }
    # What a POST of this process has made is written whatever the spec says by now (docs/protocol.md, Create 5).
    if record:
        changes |= {"endpoint_id": record, "scope": written.scope or s.evidence.scope or None}
    known = s.memory.endpoints[record]
    if seen is not None and seen.id == record:
        changes |= _observed(seen.endpoint, s.policy.inference_hosts)
    elif record not in s.own.seen and (max(known.deleted, known.gone) > NEVER or proof.observed_absent(s)):
        changes |= dict.fromkeys(LIVE)  # what was seen of it last is no longer so
    return written.model_copy(update=changes)


def doubt_reported(written: Status) -> Reason | None:
    """The doubt that a person is asked about now; one that is only waited for asks nobody."""
    stalled = written.condition(ConditionType.STALLED)
    return Reason(stalled.reason) if stalled is not None and stalled.reason in DOUBTS else None


def _first_reported(written: Status, verdict: Verdict) -> bool:
    asked = doubt_reported(written), written.conflicting_endpoints or ()
    return verdict.stalled and verdict.reason in DOUBTS and asked != (verdict.reason, verdict.conflicts)


def opening(s: DecisionInput, decision: Decision, *, attempt: CreateAttempt, now: str) -> Status:
    """The status that opens an attempt: written before anything is sent (docs/protocol.md, Create 3)."""
    verdict = still_failing(s) or UnderWay(Reason.CREATING, "Creating the endpoint.")
    status = after(s, decision, verdict, now=now)
    cleared = dict.fromkeys(("endpoint_id", "endpoint_origin", "routing_key", "created_at", *LIVE))
    return status.model_copy(update={**cleared, "create_attempt": attempt, "scope": s.evidence.scope})


def rescoped(s: DecisionInput, scope: str) -> Status:
    """The written status with another scope, and nothing else said."""
    return s.resource.status.model_copy(update={"scope": scope, "uid": s.resource.uid})


def smallest(written: Status, wanted: Status) -> Status:
    """What the protocol needs of a status that the API server refuses: ids, scope, attempt, and short conditions."""
    reported = ("observed_generation", "last_handled_reconcile_at")
    needed = (*reported, "uid", "scope", "endpoint_id", "endpoint_origin", "create_attempt")
    short = [item.model_copy(update={"message": visible(bounded(item.message or ""))}) for item in wanted.conditions]
    changes = {name: getattr(wanted, name) for name in needed}
    return Status().model_copy(update={**changes, "selector": written.selector or SELECTOR, "conditions": tuple(short)})


def shows(stored: Status, wanted: Status) -> bool:
    """Whether what was stored names the endpoint and where it lives, answers what was asked, and has the conditions.

    An older CRD may drop other fields.
    """
    said, meant = ({(item.type, item.status, item.reason) for item in each.conditions} for each in (stored, wanted))
    names = ("endpoint_id", "scope", "observed_generation", "last_handled_reconcile_at")
    return meant <= said and all(getattr(stored, name) == getattr(wanted, name) for name in names)


def _named(s: Judged, decision: Decision) -> str:
    """The endpoint that the status is to name, also where the verdict is about something else; empty if none."""
    seen = s.own.kept
    ours = seen is not None and seen.endpoint.carries(s.identity) and not seen.endpoint.foreign_to(s.identity)
    found = seen.id if seen is not None and ours and seen.id not in s.own.copies else ""
    return decision.record or s.recorded_id or found


def _origin(s: Judged, named: str) -> EndpointOrigin | None:
    """What made the named endpoint: its mark says it, else this process knows it, else the status has said it."""
    kept, here = s.own.kept, s.memory.attempts.latest
    last = kept.endpoint if kept is not None and kept.id == named else s.memory.endpoints[named].last_seen
    carried = last.attempt_of(s.identity) if last is not None else None
    made = here.id if here is not None and here.endpoint_id == named else ""
    written = s.resource.origin if s.resource.status.endpoint_id == named else ""
    attempt = carried or made or written
    return EndpointOrigin(endpoint_id=named, attempt=attempt) if named and attempt else None


def _attempt(s: Judged, decision: Decision, origin: EndpointOrigin | None) -> CreateAttempt | None:
    """The attempt that is open or was refused; else, for the version before this one, what made the endpoint."""
    written, attempt = s.resource.status.create_attempt, attempts.unresolved(s)
    if attempt is not None:
        settle = s.timing.delete_settle if s.resource.terminating else s.timing.create_settle
        if s.own.kept is None or not proof.ruled_out(s, attempt, settle=settle):
            return written
        attempt = attempt.after(Event.ABSENT)
    if origin is not None:
        # That version takes an id without an attempt for one being taken over, and would retain it when it is deleted.
        since = written.since if written is not None and written.id == origin.attempt else None
        return CreateAttempt(id=origin.attempt, state=CREATED, since=since)
    here = attempt or s.memory.attempts.latest
    if written is None or here is None or written.id != here.id or written.state != PENDING:
        return written
    if here.state is State.SUCCEEDED:
        return None  # it has made another endpoint than the one that is named: a duplicate
    failure = s.memory.calls.failure
    retried = failure is not None and failure.error.handling is Handling.TRANSIENT
    over = here.state is State.RULED_OUT or not (retried or isinstance(decision.action, Create))
    return written.model_copy(update={"state": REFUSED}) if over and here.state is not State.IN_DOUBT else written


def _observed(seen: ObservedEndpoint, hosts: Mapping[str, str]) -> dict[str, Any]:
    per_replica = seen.gpu_count
    gpus = None
    if per_replica is not None:
        ready, low, high = (
            per_replica * count if count is not None else None
            for count in (seen.ready_replicas, seen.min_replicas, seen.max_replicas)
        )
        gpus = Gpus(ready=ready, min=low, max=high)
    return {
        "routing_key": seen.routing_key,
        "inference_url": inference_url(seen.region, hosts) if seen.region else None,
        "created_at": seen.created_at,
        "state": camel_case(seen.status),
        "readiness": camel_case(seen.readiness),
        "replicas": seen.min_replicas,
        "ready_replicas": seen.ready_replicas,
        "replica_summary": _replica_summary(seen),
        "gpus": gpus,
    }


def _replica_summary(seen: ObservedEndpoint) -> str | None:
    """What no printer column can join. It repeats fields of this status only, so it costs no write of its own."""
    if seen.min_replicas is None or seen.max_replicas is None:
        return None
    ready = "?" if seen.ready_replicas is None else str(seen.ready_replicas)
    return f"{ready}/{seen.min_replicas}-{seen.max_replicas}"


KNOWN: Final = frozenset(
    field.alias or name
    for model in (Status, ConnectionStatus, CreateAttempt, EndpointOrigin, Gpus)
    for name, field in model.model_fields.items()
)
"""The fields that this version may remove: another one belongs to a newer version, which a rollback must not rob."""


def merge_patch(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 7386: what turns `stored` into `wanted`; empty when they are the same. Lists are replaced whole.

    Fields that this version does not know stay, unless they speak of another object (`uid`) or attempt (`id`).
    """
    same = all(stored.get(name) == wanted.get(name) for name in ("uid", "id"))
    patch: dict[str, Any] = {key: None for key in stored if key not in wanted and (key in KNOWN or not same)}
    for key, value in wanted.items():
        before = stored.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            inner = merge_patch(before, value)
            if inner:
                patch[key] = inner
        elif value != before:
            patch[key] = value
    return patch

"""Why did it do X? The ordered checks of one pass over one object, and the first that answers.

Pure and synchronous: the same situation gives the same decision. Two chains, since a terminating object is never
created, updated or recreated. Each check is a function `Situation -> Decision | None` with the reason in its docstring;
`Decision.check` carries its name into the logs.

::

    terminating:  unheld → force_released → never_created → observed_only → unheard → other_scope
                  → unproven → unresolved_attempt → release → delete → absence_observed
    living:       stripped → unreadable → unheard → other_scope → asked_to_look
                  → copied → adoption → foreign_owner → undecided → twin → lost → immutable → drifted → in_order
                  → remembered → predecessor → disabled → create

Around both: a paused object, and one under Observe, mutate nothing; an id not yet written down is written first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tokenfactory_operator.domain import attempts, conflicts, creation, deletion, proof, upkeep
from tokenfactory_operator.domain.actions import (
    AddFinalizer,
    Create,
    Decision,
    DeleteEndpoints,
    DeleteTwin,
    Hindered,
    Nothing,
    ProbeGone,
    ReadCatalog,
    Release,
    RemoveFinalizer,
    Rescope,
    Unjudged,
    UnjudgedYet,
    Update,
)
from tokenfactory_operator.domain.attempt import PENDING
from tokenfactory_operator.domain.ownership import Judged, judged
from tokenfactory_operator.domain.reasons import ConditionType, Reason
from tokenfactory_operator.domain.situation import Situation
from tokenfactory_operator.domain.timing import NEVER

Check = Callable[[Judged], Decision | None]

MUTATIONS: Final = (Create, Update, DeleteEndpoints, DeleteTwin, Release)
"""Actions that change the cloud."""
NO_CREDENTIAL: Final = frozenset({Reason.CREDENTIALS_MISSING, Reason.TOO_MANY_CREDENTIALS})
"""Nothing is called for an object that is told one of these."""
CALLS: Final = (*MUTATIONS, ProbeGone, ReadCatalog)
"""Actions that call the cloud: each takes its turn at the credential first."""


def unreadable(s: Judged) -> Decision | None:
    """The stored spec does not fit this operator's models; the API server's schema normally prevents that."""
    if s.resource.spec is not None:
        return None
    return Decision("unreadable", verdict=Hindered(Reason.INVALID_SPEC, s.resource.problem))


def stripped(s: Judged) -> Decision | None:
    """Somebody removed our finalizer from an object that has, or may have, an endpoint: put it back first."""
    written = s.resource.status.create_attempt
    has_something = bool(s.recorded_id) or (written is not None and written.state == PENDING)
    if s.resource.has_finalizer or not (has_something or s.evidence.own):
        return None
    return Decision("stripped", AddFinalizer())


def unheard(s: Judged) -> Decision | None:
    """The cloud has not been seen yet, or not for long: decide nothing, and say so when it lasts."""
    outage = s.evidence.view.outage
    early = _early(s)
    kind = UnjudgedYet if early > 0 else Unjudged
    verdict = kind(outage.reason, outage.message) if outage else None
    unseen = outage is not None or s.now - s.evidence.view.last_view > s.timing.stale_after
    if not s.evidence.view.known or (unseen and not s.resource.terminating):
        record = s.recorded_id or None
        return Decision("unheard", verdict=verdict, record=record, after_list=True, after=early if early > 0 else None)
    return None


def _early(s: Judged) -> float:
    """Seconds until a person is asked for a credential: a Secret applied together with its object may come after it."""
    told = any(
        item.type == ConditionType.STALLED and item.reason in NO_CREDENTIAL for item in s.resource.status.conditions
    )
    return 0.0 if told else s.memory.without_credential + s.timing.poll_interval - s.now


def other_scope(s: Judged) -> Decision | None:
    """The status was written in another project: absence here proves nothing about the endpoint there."""
    written = s.resource.status.scope
    at_stake = bool(s.recorded_id) or attempts.unresolved(s) is not None
    if not written or written == s.evidence.scope or not at_stake:
        return None
    recorded = s.evidence.recorded.seen
    listed = recorded is not None and recorded.listed > NEVER  # what a GET answers rebinds nothing
    if listed or s.evidence.same_project or proof.project_confirmed(s):
        return Decision("other_scope", Rescope(s.evidence.scope), record=s.recorded_id or None)
    what = f"Endpoint {s.recorded_id} was made" if s.recorded_id else "A create call was sent"
    text = (
        f"{what} in scope {written}, but the present credential belongs to {s.evidence.scope}. Nothing shows that "
        f"both are one project. If they are, {creation.CONFIRM}; if not, restore the credential."
    )
    return Decision(
        "other_scope",
        verdict=Hindered(Reason.CREDENTIALS_MISMATCH, text),
        record=s.recorded_id or None,
        after_list=True,
    )


def asked_to_look(s: Judged) -> Decision | None:
    """The request annotation has a new value: judge by a LIST that is begun after it was seen."""
    if not s.resource.request_pending or s.evidence.view.last_view > s.memory.request.seen:
        return None
    return Decision("asked_to_look", record=s.recorded_id or None, after_list=True, hurry=True)


TERMINATING: Final[tuple[Check, ...]] = (
    deletion.unheld,
    deletion.force_released,
    deletion.never_created,
    deletion.observed_only,
    unheard,
    other_scope,
    deletion.unproven,
    deletion.unresolved_attempt,
    deletion.release,
    deletion.delete,
    deletion.absence_observed,
)
LIVING: Final[tuple[Check, ...]] = (
    stripped,
    unreadable,
    unheard,
    other_scope,
    asked_to_look,
    conflicts.copied,
    conflicts.adoption,
    conflicts.foreign_owner,
    creation.undecided,
    conflicts.twin,
    creation.lost,
    upkeep.immutable,
    upkeep.drifted,
    upkeep.in_order,
    creation.remembered,
    creation.predecessor,
    creation.disabled,
    creation.create,
)


def decide(s: Situation) -> Decision:
    """The first check that answers, held back where a person or the policy says so."""
    s = judged(s)
    chain = TERMINATING if s.resource.terminating else LIVING
    for check in chain:
        decision = check(s)
        if decision is not None:
            return _record_first(s, _held_back(s, decision))
    raise AssertionError("the last check of each chain always answers")  # pragma: no cover


def _held_back(s: Judged, decision: Decision) -> Decision:
    """Paused and Observe: what would change the cloud is not done, and that is said."""
    touches = isinstance(decision.action, MUTATIONS) or (
        isinstance(decision.action, ProbeGone) and not decision.action.look_only
    )
    by_force = decision.check == "force_released"
    if s.resource.paused and not by_force:
        held = touches or isinstance(decision.action, RemoveFinalizer)
        if not held and (decision.verdict is None or not decision.verdict.judged):
            return decision  # nothing was judged, so a pause has nothing to add
        text = "Paused by the annotation tokenfactory.nebius.com/paused: the cloud is not changed."
        verdict = Hindered(Reason.RECONCILE_PAUSED, text)
        return replace(decision, action=Nothing() if held else decision.action, verdict=verdict)
    if s.resource.observes and isinstance(decision.action, ProbeGone) and touches:
        return replace(decision, action=Nothing())  # that it is not listed is true, whoever may look further
    if s.resource.observes and touches:
        differences = "; ".join(map(str, decision.action.differences)) if isinstance(decision.action, Update) else ""
        text = f"Observed only; nothing is changed. {differences}".strip()
        return replace(decision, action=Nothing(), verdict=Hindered(Reason.OBSERVING, text))
    return decision


def _record_first(s: Judged, decision: Decision) -> Decision:
    """An endpoint's id is written down before anything is sent for it."""
    unwritten = decision.record is not None and decision.record != s.resource.status.endpoint_id
    if not unwritten or not isinstance(decision.action, Update | Release | DeleteTwin):
        return decision
    return replace(decision, action=Nothing(), after=0.0, in_order=False)

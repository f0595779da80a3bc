"""Why did it do X? The ordered checks of one pass over one object, and the first that answers.

Pure and synchronous: the same input gives the same decision. Each check is a function `Judged -> Decision | None`
with the reason in its docstring; its name goes into the logs. `LIVING` has their order. An object that is being deleted
is never created, updated or recreated: `finalizer` has its checks.

Around both: a paused object, and one under Observe, mutate nothing; an id not yet written down is written first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tokenfactory_operator.decision import conflicts, creation, finalizer, gates, questions, upkeep
from tokenfactory_operator.decision.actions import (
    AddFinalizer,
    Decision,
    DeleteDuplicate,
    Hindered,
    Nothing,
    ProbeGone,
    Release,
    RemoveFinalizer,
    Update,
    mutates,
)
from tokenfactory_operator.decision.ownership import Judged, judged
from tokenfactory_operator.domain.attempt import PENDING
from tokenfactory_operator.domain.decision_input import DecisionInput
from tokenfactory_operator.domain.reasons import Reason

Check = Callable[[Judged], Decision | None]


def unreadable(s: Judged) -> Decision | None:
    """The stored spec does not fit this operator's models; the API server's schema normally prevents that."""
    if s.resource.spec is not None:
        return None
    return Decision(verdict=Hindered(Reason.INVALID_SPEC, s.resource.problem))


def finalizer_missing(s: Judged) -> Decision | None:
    """Somebody removed our finalizer from an object that has, or may have, an endpoint: put it back first."""
    written = s.resource.status.create_attempt
    has_something = bool(s.recorded_id) or (written is not None and written.state == PENDING)
    if s.resource.has_finalizer or not (has_something or s.evidence.own):
        return None
    return Decision(AddFinalizer())


LIVING: Final[tuple[Check, ...]] = (
    finalizer_missing,
    unreadable,
    gates.cloud_not_observed,
    gates.other_scope,
    gates.asked_to_look,
    questions.hidden,
    conflicts.copied,
    conflicts.adoption,
    conflicts.foreign_owner,
    creation.undecided,
    conflicts.duplicate,
    creation.lost,
    upkeep.immutable,
    upkeep.drifted,
    upkeep.not_shown,
    creation.doubtful,
    upkeep.in_order,
    creation.remembered,
    creation.perhaps_there,
    creation.predecessor,
    creation.disabled,
    creation.create,
)


def decide(s: DecisionInput) -> Decision:
    """The first check that answers, held back where a person or the policy says so."""
    s = judged(s)
    if s.resource.terminating:
        return _record_first(s, finalizer.told(s, _held_back(s, finalizer.decide(s))))
    for check in LIVING:
        decision = check(s)
        if decision is not None:
            return _record_first(s, _held_back(s, decision.by(check.__name__)))
    raise AssertionError("the last check always answers")  # pragma: no cover


def _held_back(s: Judged, decision: Decision) -> Decision:
    """Paused and Observe: what would change the cloud is not done, and that is said."""
    touches = mutates(decision.action)
    by_force = s.resource.terminating and s.resource.force_release
    if s.resource.paused and not by_force:
        held = touches or isinstance(decision.action, RemoveFinalizer)
        if not held and (decision.verdict is None or not decision.verdict.judged):
            return decision  # nothing was judged, so a pause has nothing to add
        text = "Paused by the annotation tokenfactory.nebius.com/paused: the cloud is not changed."
        if s.resource.terminating:
            text += " The object is kept until the annotation is removed."
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
    if not unwritten or not isinstance(decision.action, Update | Release | DeleteDuplicate):
        return decision
    return replace(decision, action=Nothing(), after=0.0, in_order=False)

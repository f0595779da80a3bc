"""What is asked where nothing is proven: the cloud about one endpoint by its id, or a person about the rest.

A person answers with an annotation (docs/protocol.md, Evidence). `proof` says whether it has been answered.
"""

from __future__ import annotations

from typing import Final

from tokenfactory_operator.decision import attempts, proof
from tokenfactory_operator.decision.actions import Create, Decision, Hindered, ProbeGone
from tokenfactory_operator.decision.ownership import Judged
from tokenfactory_operator.domain.attempt import Attempt
from tokenfactory_operator.domain.decision_input import DecisionInput
from tokenfactory_operator.domain.desired import description_for
from tokenfactory_operator.domain.identity import described
from tokenfactory_operator.domain.reasons import Reason

CONFIRM: Final = "confirm it with the annotation tokenfactory.nebius.com/reconcile-requested-at"


def hidden(s: DecisionInput) -> Decision | None:
    """The LISTs hide the recorded endpoint: only a look by id shows what it is now, whatever is reported meanwhile."""
    if s.recorded_id not in s.evidence.view.hidden or not look_due(s):
        return None
    return Decision(probe_of(s, look_only=True))


def look_due(s: DecisionInput) -> bool:
    """Whether it is time for a look at the recorded endpoint, or for the next one."""
    return s.now >= s.memory.endpoints[s.recorded_id].probed + s.timing.poll_interval


def probe_of(s: DecisionInput, *, look_only: bool = False) -> ProbeGone:
    """The look by id at the recorded endpoint, which the LISTs do not show; without `look_only` it ends in a PATCH."""
    mark = s.remembered_mark
    last = s.memory.endpoints[s.recorded_id].last_seen
    if last is not None and last.description:
        description = last.description
    elif last is not None and s.resource.spec is not None:
        description = description_for(s.resource.spec, last, mark)
    else:
        description = described((s.resource.spec.description if s.resource.spec else None) or "", mark)
    return ProbeGone(s.recorded_id, description, look_only=look_only)


def unclear(s: DecisionInput) -> str:
    """Why nobody knows whether there is an endpoint, as a sentence."""
    if s.memory.attempts.latest is None and s.resource.status.create_attempt is None:
        return (
            "The object carries the operator's finalizer and its status records no create call: an operator ended "
            "before it wrote one, or the object was applied from a copy or restored, or its status was removed."
        )
    failure = s.memory.calls.failure
    said = f" ({failure.error.message})" if failure and failure.action == Create.__name__ else ""
    return f"A create call ended without a clear answer{said}."


def cut_off(s: DecisionInput, attempt: Attempt) -> Decision | None:
    """The LIST may be cut off before what an unknown attempt has made: it says so, or is as long as it ever was."""
    if not proof.may_be_cut_off(s, attempt):
        return None
    known = ", ".join(seen.id for seen in s.evidence.own)
    beside = f" beside {known}" if known else ""
    text = (
        f"{unclear(s)} The cloud's list {s.evidence.view.cut_off}, so it may be cut off. Look for endpoints of this "
        f"object in the console; if there are none{beside}, {CONFIRM}."
    )
    return Decision(verdict=Hindered(Reason.CREATE_OUTCOME_UNKNOWN, text, asks=True), after_list=True)


def shown_elsewhere(s: DecisionInput) -> Decision | None:
    """Another credential's LIST shows an endpoint of this object: that exists, whatever this one's leaves out."""
    ids = proof.shown_elsewhere(s)
    if not ids:
        return None
    text = (
        f"Another credential's list shows endpoint {', '.join(sorted(ids))}, made for this object, and this one's does "
        f"not. Look at the console; if it is another object's or gone, {CONFIRM}."
    )
    verdict = Hindered(Reason.INVENTORY_UNTRUSTED, text, conflicts=tuple(sorted(ids)), asks=True)
    return Decision(verdict=verdict, after_list=True)


def not_ruled_out(s: DecisionInput, attempt: Attempt) -> Decision | None:
    """No LIST shows what an unknown attempt may have made, and these LISTs prove nothing (`proof.ruled_out`)."""
    return list_untrusted(s) or shown_elsewhere(s) or cut_off(s, attempt)


def over(s: Judged) -> bool:
    """What a person has confirmed about endpoints is over, though the object may stand still for another reason."""
    about_endpoints = {Reason.INVENTORY_UNTRUSTED, Reason.CREATE_OUTCOME_UNKNOWN} & s.memory.confirmed_doubts
    answered = bool(about_endpoints or s.memory.confirmed_endpoints)
    settled = not s.evidence.view.untrusted and attempts.unresolved(s) is None
    return answered and settled and s.own.kept is not None


def list_untrusted(s: DecisionInput, *, also: str = "") -> Decision | None:
    """What the LISTs do not show may be there: say why, and what a person can do."""
    if proof.trusted(s):
        return None
    text = f"{s.evidence.view.untrusted} Look at the console; if what is missing there is really gone, {CONFIRM}.{also}"
    return Decision(verdict=Hindered(Reason.INVENTORY_UNTRUSTED, text, asks=True), after_list=True)

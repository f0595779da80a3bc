"""What a person is asked where nothing is proven: the question, and what its answer ends.

An annotation answers each (docs/protocol.md, Evidence). `proof` says whether it has been answered.
"""

from __future__ import annotations

from typing import Final

from tokenfactory_operator.decision import attempts
from tokenfactory_operator.decision.actions import Asking, Decision
from tokenfactory_operator.decision.ownership import Judged
from tokenfactory_operator.domain.attempt import Attempt
from tokenfactory_operator.domain.decision_input import DecisionInput
from tokenfactory_operator.domain.reasons import Reason

CONFIRM: Final = "confirm it with the annotation tokenfactory.nebius.com/reconcile-requested-at"


def unclear(s: DecisionInput) -> str:
    """Why nobody knows whether there is an endpoint, as a sentence."""
    if s.memory.attempts.latest is None and s.resource.status.create_attempt is None:
        return (
            "The object carries the operator's finalizer and its status records no create call: it was applied from a "
            "copy, restored, or its status was removed."
        )
    return "A create call ended without a clear answer."


def cut_off(s: Judged, attempt: Attempt) -> Decision | None:
    """The LIST may be cut off before what an unknown attempt has made: only a person can tell."""
    if not attempts.may_be_cut_off(s, attempt):
        return None
    text = (
        f"{unclear(s)} The cloud's list shows {s.evidence.view.cut_at} endpoints and has never shown more, so it may "
        f"be cut off there. Look for endpoints of this object in the console; if there are none, {CONFIRM}."
    )
    return Decision(verdict=Asking(Reason.CREATE_OUTCOME_UNKNOWN, text), after_list=True)


def shown_elsewhere(s: Judged) -> Decision | None:
    """Another credential's LIST shows an endpoint of this object: that exists, whatever this one's leaves out."""
    known = s.memory.endpoints  # its LIST may be the older one
    ids = s.evidence.elsewhere - known.gone() - known.deleted().keys() - s.memory.confirmed_elsewhere
    if not ids:
        return None
    text = (
        f"Another credential's list shows endpoint {', '.join(sorted(ids))}, made for this object, and this one's does "
        f"not. Look at the console; if it is another object's or gone, {CONFIRM}."
    )
    verdict = Asking(Reason.INVENTORY_UNTRUSTED, text, conflicts=tuple(sorted(ids)))
    return Decision(verdict=verdict, after_list=True)


def untrusted(s: DecisionInput, *, also: str = "") -> Decision:
    """Nothing follows from what is not listed: say why, and what a person can do."""
    text = f"{s.evidence.view.untrusted} Look at the console; if what is missing there is really gone, {CONFIRM}.{also}"
    return Decision(verdict=Asking(Reason.INVENTORY_UNTRUSTED, text), after_list=True)

"""Checks that come before any other: is the cloud in view, and is it the right project?"""

from __future__ import annotations

from typing import Final

from tokenfactory_operator.decision import attempts
from tokenfactory_operator.decision.actions import Decision, Hindered, Rescope, Unjudged
from tokenfactory_operator.decision.questions import CONFIRM
from tokenfactory_operator.domain.decision_input import DecisionInput
from tokenfactory_operator.domain.reasons import ConditionType, Reason
from tokenfactory_operator.domain.timing import NEVER

NO_CREDENTIAL: Final = frozenset({Reason.CREDENTIALS_MISSING, Reason.TOO_MANY_CREDENTIALS})
"""Nothing is called for an object that is told one of these."""


def cloud_not_observed(s: DecisionInput) -> Decision | None:
    """The cloud has not been seen yet, or not for long: decide nothing, and say so when it lasts."""
    outage = s.evidence.view.outage
    unseen = outage is not None or s.now - s.evidence.view.last_view > s.timing.stale_after
    if s.evidence.view.last_view == NEVER or (unseen and not s.resource.terminating):
        stalled = s.resource.status.condition(ConditionType.STALLED)
        # A person is asked for a credential later: a Secret applied together with its object may come after it.
        wait = s.memory.without_credential + s.timing.poll_interval - s.now
        early = wait > 0 and (stalled is None or stalled.reason not in NO_CREDENTIAL)
        verdict = Unjudged(outage.reason, outage.message, asks=False if early else None) if outage else None
        return Decision(verdict=verdict, after_list=True, after=wait if early else None)
    return None


def other_scope(s: DecisionInput) -> Decision | None:
    """The status was written in another project: absence here proves nothing about the endpoint there."""
    written = s.resource.status.scope
    # For a deletion a call counts for longer than for the next one (D12).
    open_attempt = attempts.in_doubt(s) if s.resource.terminating else attempts.unresolved(s)
    at_stake = bool(s.recorded_id) or open_attempt is not None
    if not written or written == s.evidence.scope or not at_stake:
        return None
    recorded = s.evidence.recorded.seen
    listed = recorded is not None and recorded.listed > NEVER  # what a GET answers rebinds nothing
    confirmed = Reason.CREDENTIALS_MISMATCH in s.memory.confirmed_doubts
    if listed or s.evidence.same_project or confirmed:
        return Decision(Rescope(s.evidence.scope))
    what = f"Endpoint {s.recorded_id} was made" if s.recorded_id else "A create call was sent"
    text = (
        f"{what} in scope {written}, but the present credential belongs to {s.evidence.scope}. Nothing shows that "
        f"both are one project. If they are, {CONFIRM}; if not, restore the credential."
    )
    return Decision(verdict=Hindered(Reason.CREDENTIALS_MISMATCH, text), after_list=True)


def asked_to_look(s: DecisionInput) -> Decision | None:
    """The request annotation has a new value: judge by a LIST that is begun after it was seen."""
    if not s.resource.request_pending or s.evidence.view.last_view > s.memory.request.seen:
        return None
    return Decision(after_list=True, hurry=True)

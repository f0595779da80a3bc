"""A call that failed: what is said of it, and when it is tried again; what the cloud refused for good is not.

The retries of each kind of error: docs/architecture.md, Errors.
"""

from __future__ import annotations

from tokenfactory_operator.decision.actions import Create, Decision, Hindered, Verdict
from tokenfactory_operator.decision.ownership import Judged
from tokenfactory_operator.domain.call_memory import Failure
from tokenfactory_operator.domain.decision_input import DecisionInput
from tokenfactory_operator.domain.errors import Handling
from tokenfactory_operator.domain.reasons import ConditionType, Reason


def failed(s: Judged, action: str) -> Decision | None:
    """A call failed: what to say, and when to try again. A new generation or request is tried at once."""
    failure = _last(s, action)
    if failure is None:
        return None
    terminal = failure.error.handling is Handling.TERMINAL and not s.resource.terminating
    # A LIST that went well since then shows that the token has been put right.
    mended = failure.error.reason is Reason.UNAUTHORIZED and s.evidence.view.last_view > failure.at
    if not terminal and (s.now >= failure.not_before or mended):
        return None
    insists = failure.error.handling is Handling.TERMINAL and not terminal  # it is tried again, and nobody is asked
    return Decision(
        verdict=Hindered(failure.error.reason, failure.error.message, asks=False if insists else None),
        after=None if terminal else max(0.0, failure.not_before - s.now),
        after_list=failure.error.reason is Reason.UNAUTHORIZED,
        check="failed",
    )


def tried(s: Judged, decision: Decision) -> Decision:
    """The decision, unless the same call has failed and its next try has not come."""
    return failed(s, type(decision.action).__name__) or decision


def refused_for_good(s: DecisionInput) -> Verdict | None:
    """What the status says the cloud refused at this generation: it stays so over a restart (design: Errors)."""
    stalled = s.resource.status.condition(ConditionType.STALLED)
    if stalled is None or stalled.status != "True" or not still_said(s):
        return None
    return Hindered(Reason.REFUSED_BY_CLOUD, stalled.message) if stalled.reason == Reason.REFUSED_BY_CLOUD else None


def still_said(s: DecisionInput) -> bool:
    """Whether the status speaks of this generation, no call has failed here since, and nobody asks for another try."""
    anew = s.resource.request_pending or s.memory.calls.failure is not None
    return not anew and s.resource.status.observed_generation == s.resource.generation


def still_failing(s: DecisionInput) -> Verdict | None:
    """What the last create failed with, while it is only tried again: the status says so until an answer is better."""
    failure = _last(s, Create.__name__)
    if failure is None or not failure.error.retryable:
        return None
    return Hindered(failure.error.reason, failure.error.message)


def _last(s: DecisionInput, action: str) -> Failure | None:
    """The last call that failed, if it is this one, and no person has changed what failed since."""
    failure, asked = s.memory.calls.failure, (action, s.resource.generation, s.resource.requested_at)
    same = failure is not None and (failure.action, failure.generation, failure.requested_at) == asked
    return failure if same else None

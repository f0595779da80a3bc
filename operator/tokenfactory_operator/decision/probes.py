"""Looks by id at an endpoint that the LISTs do not show (docs/protocol.md, Evidence and Lost)."""

from __future__ import annotations

from tokenfactory_operator.decision.actions import Decision, ProbeGone
from tokenfactory_operator.domain.decision_input import DecisionInput
from tokenfactory_operator.domain.desired import description_for
from tokenfactory_operator.domain.identity import described


def hidden(s: DecisionInput) -> Decision | None:
    """The LISTs hide the recorded endpoint: only a look by id shows what it is now, whatever is reported meanwhile."""
    if s.recorded_id not in s.evidence.view.hidden or not look_due(s, s.recorded_id):
        return None
    return Decision(probe_of(s, s.recorded_id, look_only=True))


def look_due(s: DecisionInput, endpoint_id: str) -> bool:
    """Whether it is time for a look, or for the next one."""
    return s.now >= s.memory.endpoints[endpoint_id].probed + s.timing.poll_interval


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

"""What the LISTs and the answers prove, and what a person has confirmed in place of a proof."""

from __future__ import annotations

from typing import Final

from tokenfactory_operator.decision.attempts import attempt_absent, counted_from, unresolved
from tokenfactory_operator.domain.decision_input import DecisionInput, Sighting
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.timing import NEVER

CALL_AGAIN: Final = 60.0
"""Seconds after which a DELETE or release that was answered, and that the LISTs do not show yet, is sent again."""


def trusted(s: DecisionInput) -> bool:
    """Whether absence from the inventory may be believed: nothing speaks against it, or a person has said so."""
    return not s.evidence.view.untrusted or Reason.INVENTORY_UNTRUSTED in s.memory.confirmed_doubts


def absent(s: DecisionInput) -> bool:
    """Whether the LISTs prove that the recorded endpoint is not there, as long as they are trusted.

    That takes longer without another endpoint of the project in the LIST: it may be that of a cloud that is not well,
    or of another project that the credential has come to mean.
    """
    settle = s.timing.create_settle if s.evidence.recorded.witnessed else s.timing.lost_settle
    return s.evidence.recorded.absence.proven(after=NEVER, settle=settle)


def gone(s: DecisionInput) -> bool:
    """Whether the recorded endpoint was proven gone, and no answer has shown since that it is there, or may be."""
    return s.memory.endpoints[s.recorded_id].gone > s.evidence.recorded.absence.since


def unseen(s: DecisionInput) -> bool:
    """Whether nothing shows the recorded endpoint, and nothing says that it is gone or was to leave the object."""
    if not s.recorded_id or s.evidence.recorded.seen is not None or gone(s):
        return False
    return max(s.memory.endpoints[s.recorded_id].deleted, s.memory.endpoints[s.recorded_id].released) == NEVER


def known_as_ours(s: DecisionInput) -> bool:
    """Whether this process made the recorded endpoint, or has seen the object's mark on it."""
    return s.memory.endpoints[s.recorded_id].marked or s.memory.attempts.endpoint_id == s.recorded_id


def may_be_going(s: DecisionInput, endpoint_id: str) -> bool:
    """Whether an earlier process may have deleted it: this one knows object and endpoint for a short time only."""
    known, settle = s.memory.endpoints[endpoint_id].known_since, s.timing.create_settle
    inherited = not s.memory.hold.first and known <= s.memory.attempts.pending_seen + settle
    return inherited and s.evidence.view.last_list <= known + settle


def nothing_made(s: DecisionInput) -> bool:
    """Whether nothing that this object may have made can still show up."""
    attempt = unresolved(s)
    return attempt is None or (trusted(s) and attempt_absent(s, attempt, settle=s.timing.create_settle))


def called_elsewhere(s: DecisionInput) -> float:
    """By when another process has sent its last call for the recorded endpoint; `NEVER` if only this one had it."""
    # Another process cannot have known what this one made; what this one took over, it may have taken over before.
    mine = {"", s.memory.claimed if s.memory.hold.first else "", s.memory.attempts.endpoint_id}
    return NEVER if s.recorded_id in mine else counted_from(s)


def call_due(answered: float, seen: Sighting | None) -> bool:
    """Whether a DELETE or release was never answered, or the LISTs do not show it long after its answer."""
    return answered == NEVER or (seen is not None and seen.listed > answered + CALL_AGAIN)

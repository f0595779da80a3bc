"""What the LISTs and the answers prove, and what a person has confirmed in place of a proof."""

from __future__ import annotations

from typing import Final

from tokenfactory_operator.decision.attempts import (
    attempt_absent,
    counted_from,
    newer_is_shown,
    next_attempt_settle,
    unresolved,
)
from tokenfactory_operator.domain.attempt import Attempt
from tokenfactory_operator.domain.decision_input import DecisionInput, Sighting
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.timing import NEVER

CALL_AGAIN: Final = 60.0
"""Seconds after which a DELETE or release that was answered, and that the LISTs do not show yet, is sent again."""


def trusted(s: DecisionInput) -> bool:
    """Whether absence from the inventory may be believed: nothing speaks against it, or a person has said so.

    That does not hold any more where the recorded endpoint of a living object has answered by id since.
    """
    seen = s.evidence.recorded.seen if s.recorded_id in s.evidence.view.hidden else None
    if seen is not None and seen.answered > s.memory.request.seen and not s.resource.terminating:
        return False
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


def observed_absent(s: DecisionInput) -> bool:
    """Whether the object only observes, so that no call asks for its endpoint, and trusted LISTs do not show that."""
    return s.resource.observes and bool(s.recorded_id) and absent(s) and trusted(s)


def unseen(s: DecisionInput) -> bool:
    """Whether nothing shows the recorded endpoint, and nothing says that it is gone or was to leave the object."""
    if not s.recorded_id or s.evidence.recorded.seen is not None or gone(s) or observed_absent(s):
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


def shown_elsewhere(s: DecisionInput) -> frozenset[str]:
    """Endpoints of this object that only another credential's LIST shows, which may be the older one."""
    known = s.memory.endpoints
    return s.evidence.elsewhere - known.gone() - known.deleted().keys() - s.memory.confirmed_endpoints


def may_be_cut_off(s: DecisionInput, attempt: Attempt) -> bool:
    """Whether the LIST may end before what an attempt has made.

    It does not if it shows what is newer, and a person can say that it does not.
    """
    confirmed = Reason.CREATE_OUTCOME_UNKNOWN in s.memory.confirmed_doubts
    return bool(s.evidence.view.cut_off) and not confirmed and not newer_is_shown(s, attempt)


def settle_time(s: DecisionInput, attempt: Attempt) -> float:
    """For how many seconds nothing of an attempt may be seen before another endpoint takes its place."""
    confirmed = Reason.CREATE_OUTCOME_UNKNOWN in s.memory.confirmed_doubts
    return s.timing.create_settle if confirmed else next_attempt_settle(s, attempt)


def ruled_out(s: DecisionInput, attempt: Attempt, *, settle: float) -> bool:
    """Whether an attempt has made nothing: it is absent, and nothing speaks against the LISTs that say so."""
    absent = trusted(s) and attempt_absent(s, attempt, settle=settle)
    return absent and not shown_elsewhere(s) and not may_be_cut_off(s, attempt)


def nothing_made(s: DecisionInput) -> bool:
    """Whether nothing that this object may have made can still show up."""
    attempt = unresolved(s)
    return attempt is None or ruled_out(s, attempt, settle=settle_time(s, attempt))


def called_elsewhere(s: DecisionInput) -> float:
    """By when another process has sent its last call for the recorded endpoint; `NEVER` if only this one had it."""
    # Another process cannot have known what this one made; what this one took over, it may have taken over before.
    mine = {"", s.memory.claimed if s.memory.hold.first else "", s.memory.attempts.endpoint_id}
    only_observed = s.resource.observes and not s.resource.origin
    return NEVER if only_observed or s.recorded_id in mine else counted_from(s)


def call_due(answered: float, seen: Sighting | None) -> bool:
    """Whether a DELETE or release was never answered, or the LISTs do not show it long after its answer."""
    return answered == NEVER or (seen is not None and seen.listed > answered + CALL_AGAIN)

"""What the LISTs and the answers prove, and what a person has confirmed in place of a proof."""

from __future__ import annotations

from typing import Final

from tokenfactory_operator.decision.attempts import attempt_absent, counted_from, unresolved
from tokenfactory_operator.domain.decision_input import DecisionInput, Sighting
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.timing import NEVER

CALL_AGAIN: Final = 60.0
"""Seconds after which a DELETE or release that was answered, and that the LISTs do not show yet, is sent again."""


def confirmed(s: DecisionInput) -> bool:
    """A person has answered with the request annotation that what is missing from the LIST is gone."""
    return Reason.INVENTORY_UNTRUSTED in s.memory.confirmed_doubts


def calls_confirmed(s: DecisionInput) -> bool:
    """The same: that the create calls without an answer have made nothing."""
    return Reason.CREATE_OUTCOME_UNKNOWN in s.memory.confirmed_doubts


def project_confirmed(s: DecisionInput) -> bool:
    """A person has answered the reported doubt that the credential is of another project: it is the same one.

    An answer to any other doubt, given before the credential was changed perhaps, says nothing about that.
    """
    return Reason.CREDENTIALS_MISMATCH in s.memory.confirmed_doubts


def trusted(s: DecisionInput) -> bool:
    """Whether absence from the inventory may be believed: nothing speaks against it, or a person has said so."""
    return not s.evidence.view.untrusted or confirmed(s)


def absent(s: DecisionInput) -> bool:
    """Whether the LISTs prove that the recorded endpoint is not there, as long as they are trusted.

    That takes longer without another endpoint of the project in the LIST: it may be that of a cloud that is not well,
    or of another project that the credential has come to mean.
    """
    settle = s.timing.create_settle if s.evidence.recorded.witnessed else s.timing.lost_settle
    return s.evidence.recorded.absence.proven(after=NEVER, settle=settle)


def gone(s: DecisionInput, endpoint_id: str) -> bool:
    """Whether the recorded endpoint was proven gone, and no answer has shown since that it is there, or may be."""
    return s.memory.endpoints[endpoint_id].gone > s.evidence.recorded.absence.since


def known_as_ours(s: DecisionInput, endpoint_id: str) -> bool:
    """Whether this process made the endpoint, or has seen the object's mark on it."""
    attempt = s.memory.attempts.latest
    return s.memory.endpoints[endpoint_id].marked or (attempt is not None and attempt.endpoint_id == endpoint_id)


def may_be_going(s: DecisionInput, endpoint_id: str) -> bool:
    """Whether an earlier process may have deleted it: this one knows object and endpoint for a short time only."""
    known, settle = s.memory.endpoints[endpoint_id].known_since, s.timing.create_settle
    inherited = not s.memory.hold.first and known <= s.memory.attempts.pending_seen + settle
    return inherited and s.evidence.view.last_list <= known + settle


def nothing_made(s: DecisionInput) -> bool:
    """Whether nothing that this object may have made can still show up."""
    attempt = unresolved(s)
    return attempt is None or (trusted(s) and attempt_absent(s, attempt, settle=s.timing.create_settle))


def may_still_change(s: DecisionInput) -> bool:
    """Whether a call that was sent for this object may take effect yet: no LIST so far shows for sure that it has."""
    return s.evidence.view.last_list <= max(s.memory.calls.unanswered, called_elsewhere(s)) + s.timing.create_settle


def called_elsewhere(s: DecisionInput) -> float:
    """By when another process has sent its last call for the recorded endpoint; `NEVER` if only this one had it."""
    attempt = s.memory.attempts.latest
    # Another process cannot have known what this one made; what this one took over, it may have taken over before.
    mine = {"", s.memory.claimed if s.memory.hold.first else "", attempt.endpoint_id if attempt is not None else ""}
    return NEVER if s.recorded_id in mine else counted_from(s.memory, s.timing)


def delete_due(s: DecisionInput, endpoint_id: str, seen: Sighting | None) -> bool:
    """Whether a DELETE has to be sent: none was answered yet, or the endpoint is still listed long after the answer."""
    return due_again(s.memory.endpoints[endpoint_id].deleted, seen)


def due_again(answered: float, seen: Sighting | None) -> bool:
    """Whether a call was never answered, or is not seen to have taken effect long after that."""
    return answered == NEVER or (seen is not None and seen.listed > answered + CALL_AGAIN)

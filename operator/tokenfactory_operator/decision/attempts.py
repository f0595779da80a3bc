"""What is known of the object's latest create attempt, and what the LISTs say about it.

Where each sentence comes from: docs/protocol.md, Create 2 and 6.
"""

from __future__ import annotations

from tokenfactory_operator.domain.attempt import PENDING, Attempt, State, found
from tokenfactory_operator.domain.decision_input import DecisionInput, Known
from tokenfactory_operator.domain.timing import NEVER, SETTLE_MOST


def latest_attempt(s: Known) -> Attempt | None:
    """This process's attempt while it is in doubt, else one that only the status tells of, else this process's."""
    here, written, ended = s.memory.attempts.latest, s.resource.status.create_attempt, counted_from(s)
    if here is not None and here.state is State.IN_DOUBT:
        return here
    if written is None:
        unexplained = s.resource.has_finalizer and not s.recorded_id and not s.memory.hold.clean
        return Attempt("", State.IN_DOUBT, ended=ended) if unexplained and here is None else here
    if written.id in s.memory.attempts.unsent or (here is not None and written.id == here.id):
        return here
    return found(written, has_endpoint=bool(s.recorded_id), ended=ended)


def counted_from(s: Known) -> float:
    """Stamp from which on no other process can still be sending for the object: by its deadlines (Create 6)."""
    return s.memory.attempts.pending_seen + s.timing.send_deadline + s.timing.request_timeout


def unresolved(s: DecisionInput) -> Attempt | None:
    """The attempt in doubt, which stands in the way of everything else, unless an endpoint with its `try` is known."""
    attempt = latest_attempt(s)
    if attempt is None or attempt.state is not State.IN_DOUBT:
        return None
    explained = any(not attempt.id or seen.endpoint.shows(s.identity, attempt.id) for seen in s.evidence.own)
    return None if explained else attempt


def resumable(s: DecisionInput) -> bool:
    """This process has an attempt open that was surely refused, and means to send it again."""
    attempt, written = latest_attempt(s), s.resource.status.create_attempt
    if attempt is None or attempt.state is not State.REFUSED or written is None or written.state != PENDING:
        return False
    # In another scope the attempt has to be opened anew.
    return written.id == attempt.id and s.resource.status.scope == s.evidence.scope


def unknown_before(s: DecisionInput) -> tuple[int, float]:
    """How many attempts in a row ended unknown before the latest one, which surely made nothing.

    And the stamp from which on no attempt so far without a clear answer can be on its way any more.
    """
    attempt = latest_attempt(s)
    if attempt is None:
        return 0, NEVER
    made_nothing = attempt.state in (State.OPEN, State.REFUSED)
    return (attempt.after_unknown, attempt.doubt_ended) if made_nothing else (0, attempt.ended)


def in_doubt(s: DecisionInput) -> Attempt | None:
    """The attempt of which something may still show: the latest one, or the last unknown one before it."""
    attempt, (count, ended) = unresolved(s), unknown_before(s)
    if attempt is None and count and not s.evidence.own:
        return Attempt("", State.IN_DOUBT, ended=ended)
    return attempt


def attempt_absent(s: DecisionInput, attempt: Attempt, *, settle: float) -> bool:
    """Nothing of this attempt (and, with nothing else of ours listed, of this object) came to be."""
    proven = s.evidence.attempt_absence.proven(after=attempt.ended, settle=settle)
    return proven and (bool(s.evidence.own) or s.evidence.identity_absence.proven(after=attempt.ended, settle=settle))


def next_attempt_settle(s: DecisionInput, attempt: Attempt) -> float:
    """For how many seconds nothing of an unknown attempt may be seen before the next one (C24, C36).

    It doubles, so that a LIST that lags for an hour costs a few endpoints at most.
    """
    doublings = 0 if newer_is_shown(s, attempt) else min(attempt.after_unknown, 10)
    return s.timing.create_settle * min(2.0**doublings, SETTLE_MOST)


def newer_is_shown(s: DecisionInput, attempt: Attempt) -> bool:
    """The LIST has shown an endpoint that was created after the attempt."""
    return s.evidence.view.newest_shown > attempt.ended

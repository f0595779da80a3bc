"""What is known of the object's latest create attempt, and what the LISTs say about it.

Where each sentence comes from: docs/protocol.md, Create 2 and 6.
"""

from __future__ import annotations

from tokenfactory_operator.domain.attempt import PENDING, Attempt, State, found
from tokenfactory_operator.domain.decision_input import DecisionInput
from tokenfactory_operator.domain.timing import SETTLE_MOST


def latest_attempt(s: DecisionInput) -> Attempt | None:
    """This process's attempt while it is in doubt, else one that only the status tells of, else this process's."""
    here = s.memory.attempts.latest
    return here if here is not None and here.state is State.IN_DOUBT else _inherited(s) or here


def _inherited(s: DecisionInput) -> Attempt | None:
    """An attempt that another process (or an earlier life of this one) left behind."""
    written, here = s.resource.status.create_attempt, s.memory.attempts.latest
    if written is None:
        unexplained = s.resource.has_finalizer and not s.recorded_id and not s.memory.hold.clean
        return Attempt("", State.IN_DOUBT, ended=counted_from(s)) if unexplained and here is None else None
    if written.id in s.memory.attempts.unsent or (here is not None and written.id == here.id):
        return None
    return found(written, has_endpoint=bool(s.recorded_id), ended=counted_from(s))


def counted_from(s: DecisionInput) -> float:
    """Stamp from which on no other process can still be sending for the object."""
    # Another process may still be sending: its deadlines have to pass before a LIST says anything (Create 6).
    return s.memory.attempts.pending_seen + s.timing.send_deadline + s.timing.request_timeout


def unresolved(s: DecisionInput) -> Attempt | None:
    """The attempt in doubt, which stands in the way of everything else, unless an endpoint with its `try` is known."""
    attempt = latest_attempt(s)
    if attempt is None or attempt.state is not State.IN_DOUBT:
        return None
    explained = any(attempt.id in ("", seen.endpoint.attempt_of(s.identity)) for seen in s.evidence.own)
    return None if explained else attempt


def resumable(s: DecisionInput) -> bool:
    """This process has an attempt open that was surely refused, and means to send it again."""
    attempt, written = s.memory.attempts.latest, s.resource.status.create_attempt
    return (
        attempt is not None
        and attempt.state is State.REFUSED
        and written is not None
        and written.id == attempt.id
        and written.state == PENDING
        and s.resource.status.scope == s.evidence.scope  # in another scope the attempt has to be opened anew
    )


def unknown_before(s: DecisionInput) -> int:
    """Number of consecutive create attempts with unknown outcome before this one, which surely made nothing."""
    attempt = latest_attempt(s)
    return attempt.after_unknown if attempt is not None and attempt.state in (State.OPEN, State.REFUSED) else 0


def attempt_absent(s: DecisionInput, attempt: Attempt, *, settle: float) -> bool:
    """Nothing of this attempt (and, with nothing else of ours listed, of this object) came to be."""
    proven = s.evidence.attempt_absence.proven(after=attempt.ended, settle=settle)
    if s.evidence.own:
        return proven
    return proven and s.evidence.identity_absence.proven(after=attempt.ended, settle=settle)


def next_attempt_settle(s: DecisionInput, attempt: Attempt) -> float:
    """For how long nothing of an unknown attempt may be seen before the next one, in seconds.

    It doubles with each unknown attempt in a row, so that a LIST that lags for an hour costs a few endpoints at most,
    unless the LIST has shown what was created after this attempt: then it shows what is new.
    """
    doublings = 0 if newer_is_shown(s, attempt) else min(attempt.streak - 1, 10)
    return s.timing.create_settle * min(2.0**doublings, SETTLE_MOST)


def newer_is_shown(s: DecisionInput, attempt: Attempt) -> bool:
    """The LIST has shown an endpoint that was created after the attempt."""
    return s.evidence.view.newest_shown > attempt.ended

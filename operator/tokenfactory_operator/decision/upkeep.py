"""Checks for an object whose endpoint is there: does it have what the spec says?"""

from __future__ import annotations

from typing import Final

from tokenfactory_operator.decision import offered
from tokenfactory_operator.decision.actions import SYNCED, Decision, Hindered, UnderWay, Update, Verdict
from tokenfactory_operator.decision.claims import unchangeable
from tokenfactory_operator.decision.failures import failed, refused_for_good, still_said
from tokenfactory_operator.decision.ownership import Judged
from tokenfactory_operator.domain.call_memory import Correction
from tokenfactory_operator.domain.decision_input import DecisionInput, Sighting
from tokenfactory_operator.domain.desired import owner_mark
from tokenfactory_operator.domain.drift import Difference, drift, immutable_untold, untold
from tokenfactory_operator.domain.errors import bounded
from tokenfactory_operator.domain.identity import ADOPTED, RESTORED, OwnerMark
from tokenfactory_operator.domain.reasons import ConditionType, Reason

MAX_CORRECTIONS: Final = 3
"""Accepted PATCHes of one field that may come undone before a person has to look."""
IDLE: Final = (Reason.RECONCILE_PAUSED, Reason.OBSERVING)
"""Reasons under which a spec is judged and not applied."""
NONE: Final = Correction()
CORRECTION_MEMORY: Final = 600.0
"""Seconds after which a correction that lasted is forgotten."""


def immutable(s: Judged) -> Decision | None:
    """The API cannot change these: only another spec, or another endpoint, helps."""
    seen = s.own.kept
    verdict = unchangeable(s, seen.endpoint, "correct the spec, or create another object") if seen else None
    return Decision(verdict=verdict, record=seen.id, after_list=True) if seen and verdict else None


def drifted(s: Judged) -> Decision | None:
    """Send what differs; stop where an accepted PATCH does not last."""
    seen, spec = s.own.kept, s.resource.spec
    found = drift(spec, seen.endpoint, None if s.resource.observes else _mark(s, seen)) if seen and spec else None
    if seen is None or not found:
        return None
    given_up = _given_up(s, seen, found)
    if given_up is not None:
        return Decision(verdict=given_up, record=seen.id)
    waiting = failed(s, Update.__name__)
    if waiting is not None:
        return waiting
    known = [corrected(s, item) for item in found]
    wait = max(each.last + _pause(s, each) - s.now for each in known)
    unseen = s.memory.calls.mutated > seen.listed and any(each.tries for each in known)
    if wait > 0 or unseen:
        verdict = UnderWay(Reason.UPDATING, "The cloud has accepted a change and does not show it yet.")
        return Decision(verdict=verdict, record=seen.id, after=wait if wait > 0 else None, after_list=True)
    return offered.for_change(s, found, seen.id) or _update(s, seen, found, corrects=_applied(s))


def _given_up(s: Judged, seen: Sighting, found: tuple[Difference, ...]) -> Verdict | None:
    """Three accepted PATCHes did not last, or a PATCH was refused for good, before a restart perhaps."""
    known = s.resource.status.not_accepted or () if still_said(s) else ()
    stuck = tuple(item for item in found if item.reported in known or _undone(s, seen, item))
    if not stuck:
        return refused_for_good(s)
    named = "; ".join(map(str, stuck))
    text = f"Accepted {MAX_CORRECTIONS} times without effect: {named}. Change the spec, or find what changes the cloud."
    return Hindered(Reason.NOT_ACCEPTED, bounded(text), given_up=stuck)


def _undone(s: Judged, seen: Sighting, item: Difference) -> bool:
    """Whether the last correction was given its time too, and a LIST begun after it shows the difference again."""
    record = corrected(s, item)
    over = s.now >= record.last + _pause(s, record) and seen.listed > s.memory.calls.mutated
    return over and record.tries >= MAX_CORRECTIONS


def _update(s: Judged, seen: Sighting, found: tuple[Difference, ...], *, corrects: bool) -> Decision:
    action = Update(seen.id, found, drift=corrects and not s.own.adopts, adopts=s.own.adopts)
    verdict = UnderWay(Reason.UPDATING, f"Updating {', '.join(action.patch.fields)}.")
    return Decision(action, verdict, record=seen.id, after_list=True)


def _applied(s: Judged) -> bool:
    """Whether the spec as it is now was applied before: one that was edited while nothing was changed was not."""
    status = s.resource.status
    ready, synced = status.condition(ConditionType.READY), status.condition(ConditionType.SYNCED)
    # A status may speak of a generation that was never held against the cloud; `Ready` never does.
    judged = ready.observed_generation if ready is not None else status.observed_generation
    idle = synced is not None and synced.reason in IDLE
    return status.observed_generation == judged == s.resource.generation and not idle


def not_shown(s: Judged) -> Decision | None:
    """The list does not tell all that the spec says: it is sent once for each generation, and never taken for done."""
    seen, spec = s.own.kept, s.resource.spec
    found = untold(spec, seen.endpoint) if seen and spec else ()
    # Of what this object has created, the create call says these.
    fixed = immutable_untold(spec, seen.endpoint) if seen and spec and not s.resource.created_by_us else ()
    if seen is None or not (found or fixed):
        return None
    generation = s.resource.generation
    # What a description holds beside the text, such as another owner's mark, must not be written over unseen.
    unsent = [
        item
        for item in found
        if item.field != "description" and s.memory.corrections.get(item.field, NONE).generation != generation
    ]
    if unsent:
        sent = _update(s, seen, tuple(unsent), corrects=False)
        return failed(s, Update.__name__) or offered.for_change(s, found, seen.id) or sent
    named = ", ".join((*fixed, *(item.field for item in found)))
    text = f"The cloud's list does not tell this of the endpoint: {named}. So it is not known whether the spec is met."
    return Decision(verdict=UnderWay(Reason.UPDATING, text), record=seen.id, after_list=True)


def in_order(s: Judged) -> Decision | None:
    """The endpoint has what the spec says; what it shows decides the rest."""
    seen = s.own.kept
    if seen is None:
        return None
    if s.now - seen.last_shown > s.timing.stale_after:  # newer lists have an item that may be it
        text = f"The cloud's list does not show endpoint {seen.id} in a form that can be read. Its state is not known."
        return Decision(verdict=UnderWay(Reason.UPDATING, text), record=seen.id, after_list=True)
    # Until then a call without an answer may take effect, and a LIST may be of before its effect.
    settled = s.memory.calls.unanswered + s.timing.create_settle
    confirmed = seen.listed > max(s.memory.calls.mutated, seen.answered, settled)
    return Decision(verdict=SYNCED, record=seen.id, in_order=confirmed, after_list=not confirmed)


def _mark(s: Judged, seen: Sighting) -> OwnerMark:
    """The mark as it should be: with the `try` that the endpoint carries, else the one that the status remembers."""
    carried = next((mark for mark in seen.endpoint.marks if mark.identity == s.identity), None)
    if carried is not None:
        return carried
    if seen.id == s.own.target and s.resource.origin in {"", RESTORED}:
        return owner_mark(s.resource, s.identity, ADOPTED)
    return s.remembered_mark


def corrected(s: DecisionInput, item: Difference) -> Correction:
    """The record of earlier corrections, as far as it is about this spec and what the cloud has.

    Another value that shows soon after a correction is what the cloud has made of it.
    """
    record = s.memory.corrections.get(item.field, NONE)
    soon = _pause(s, record) + s.timing.poll_interval
    lasting = CORRECTION_MEMORY * record.tries if record.observed == item.observed else soon
    return record if record.generation == s.resource.generation and s.now - record.last < lasting else NONE


def _pause(s: DecisionInput, record: Correction) -> float:
    """For how long what the cloud shows says nothing about a correction that it has accepted."""
    return s.timing.correction_pause * 2.0 ** (record.tries - 1)

"""Checks for an object whose endpoint is there: does it have what the spec says?"""

from __future__ import annotations

from typing import Final

from tokenfactory_operator.api.v1alpha1 import NotAccepted
from tokenfactory_operator.decision import offered, proof
from tokenfactory_operator.decision.actions import SYNCED, Decision, Hindered, UnderWay, Update, Verdict
from tokenfactory_operator.decision.failures import failed, refused_for_good
from tokenfactory_operator.decision.ownership import Judged
from tokenfactory_operator.domain.call_memory import Correction
from tokenfactory_operator.domain.decision_input import Sighting
from tokenfactory_operator.domain.desired import owner_mark
from tokenfactory_operator.domain.drift import Difference, drift, immutable_mismatches
from tokenfactory_operator.domain.errors import bounded
from tokenfactory_operator.domain.identity import ADOPTED, OwnerMark
from tokenfactory_operator.domain.reasons import ConditionType, Reason

MAX_CORRECTIONS: Final = 3
"""Accepted PATCHes of one field that may come undone before a person has to look."""
IDLE: Final = (Reason.RECONCILE_PAUSED, Reason.OBSERVING)
"""Reasons under which a spec is judged and not applied."""
CORRECTION_MEMORY: Final = 600.0
"""Seconds after which a correction that lasted is forgotten."""


def immutable(s: Judged) -> Decision | None:
    """The API cannot change these: only another spec, or another endpoint, helps."""
    seen, spec = s.own.kept, s.resource.spec
    mismatches = immutable_mismatches(spec, seen.endpoint) if seen and spec else ()
    if seen is None or not mismatches:
        return None
    text = f"{'; '.join(mismatches)}. These cannot be changed: correct the spec, or create another object."
    return Decision(verdict=Hindered(Reason.INVALID_SPEC, text), record=seen.endpoint.id, after_list=True)


def drifted(s: Judged) -> Decision | None:
    """Send what differs; stop where an accepted PATCH does not last."""
    seen, spec = s.own.kept, s.resource.spec
    found = drift(spec, seen.endpoint, None if s.resource.observes else _mark(s, seen)) if seen and spec else None
    if seen is None or not found:
        return None
    given_up = _given_up(s, found)
    if given_up is not None:
        return Decision(verdict=given_up, record=seen.endpoint.id)
    waiting = failed(s, Update.__name__)
    if waiting is not None:
        return waiting
    wait = max((_pause(s, item) for item in found), default=0.0)
    unseen = s.memory.calls.mutated > seen.listed and any(_correction(s, item, tries=1) for item in found)
    if wait > 0 or unseen:
        verdict = UnderWay(Reason.UPDATING, "The cloud has accepted a change and does not show it yet.")
        return Decision(verdict=verdict, record=seen.endpoint.id, after=wait if wait > 0 else None, after_list=True)
    return offered.for_change(s, found, seen.endpoint.id) or _update(s, seen, found)


def _given_up(s: Judged, found: tuple[Difference, ...]) -> Verdict | None:
    """Three accepted PATCHes did not last, or a PATCH was refused for good, before a restart perhaps."""
    before = _given_up_before(s)
    stuck = tuple(item for item in found if item.reported in before or _correction(s, item, tries=MAX_CORRECTIONS))
    if not stuck:
        return refused_for_good(s)
    named = "; ".join(map(str, stuck))
    text = f"Accepted {MAX_CORRECTIONS} times without effect: {named}. Change the spec, or find what changes the cloud."
    return Hindered(Reason.NOT_ACCEPTED, bounded(text), given_up=stuck)


def _given_up_before(s: Judged) -> tuple[NotAccepted, ...]:
    """What the status says of this generation, until a person asks for another try."""
    status = s.resource.status
    asked = s.resource.request_pending or s.memory.calls.failure is not None
    return () if asked or status.observed_generation != s.resource.generation else status.not_accepted or ()


def _update(s: Judged, seen: Sighting, found: tuple[Difference, ...]) -> Decision:
    adopts = s.own.adopts
    action = Update(seen.endpoint.id, found, drift=not adopts and _applied(s), adopts=adopts)
    verdict = UnderWay(Reason.UPDATING, f"Updating {', '.join(action.patch.fields)}.")
    return Decision(action, verdict, record=seen.endpoint.id, after_list=True)


def _applied(s: Judged) -> bool:
    """Whether the spec as it is now was applied before: one that was edited while nothing was changed was not."""
    before = next((item.reason for item in s.resource.status.conditions if item.type == ConditionType.SYNCED), "")
    return _judged_before(s) and before not in IDLE


def _judged_before(s: Judged) -> bool:
    """The present generation was held against the cloud before; `status` may speak of one that never was."""
    status = s.resource.status
    ready = next((item for item in status.conditions if item.type == ConditionType.READY), None)
    of_ready = ready.observed_generation if ready is not None else status.observed_generation
    return status.observed_generation == of_ready == s.resource.generation


def in_order(s: Judged) -> Decision | None:
    """The endpoint has what the spec says; what it shows decides the rest."""
    seen = s.own.kept
    if seen is None:
        return None
    confirmed = proof.seen_since_mutation(s, seen)
    return Decision(verdict=SYNCED, record=seen.endpoint.id, in_order=confirmed, after_list=not confirmed)


def _mark(s: Judged, seen: Sighting) -> OwnerMark:
    """The mark as it should be: with the `try` that the endpoint carries, else the one that the status remembers."""
    carried = next((mark for mark in seen.endpoint.marks if mark.identity == s.identity), None)
    if carried is not None:
        return carried
    if seen.endpoint.id == s.own.target:
        return owner_mark(s.resource, s.identity, ADOPTED)
    return s.remembered_mark


def _known(s: Judged, item: Difference) -> Correction | None:
    """The record of earlier corrections, if it is about this spec and this value of the cloud's."""
    record = s.memory.corrections.get(item.field)
    if record is None or record.generation != s.resource.generation or record.observed != item.observed:
        return None
    return record if s.now - record.last < CORRECTION_MEMORY * record.tries else None


def _correction(s: Judged, item: Difference, *, tries: int) -> bool:
    record = _known(s, item)
    return record is not None and record.tries >= tries


def _pause(s: Judged, item: Difference) -> float:
    record = _known(s, item)
    if record is None:
        return 0.0
    return max(0.0, record.last + s.timing.correction_pause * float(2 ** (record.tries - 1)) - s.now)

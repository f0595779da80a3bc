"""Checks for an object whose endpoint is there: twins, conflicts, drift."""

from __future__ import annotations

from typing import Final

from tokenfactory_operator.api.v1alpha1 import NotAccepted
from tokenfactory_operator.domain import facts, offered, ownership
from tokenfactory_operator.domain.actions import (
    SYNCED,
    Decision,
    DeleteTwin,
    Hindered,
    Nothing,
    UnderWay,
    Update,
    Verdict,
)
from tokenfactory_operator.domain.adoption import unproven_text, was_ours
from tokenfactory_operator.domain.creation import failed, refused_for_good
from tokenfactory_operator.domain.desired import owner_mark
from tokenfactory_operator.domain.drift import Difference, Drift, drift, immutable_mismatches
from tokenfactory_operator.domain.errors import bounded, visible
from tokenfactory_operator.domain.identity import ADOPTED, OwnerMark
from tokenfactory_operator.domain.reasons import ConditionType, Reason
from tokenfactory_operator.domain.roles import Deed
from tokenfactory_operator.domain.situation import Correction, Sighting, Situation

MAX_CORRECTIONS: Final = 3
"""Accepted PATCHes of one field that may come undone before a person has to look."""
IDLE: Final = (Reason.RECONCILE_PAUSED, Reason.OBSERVING)
"""Reasons under which a spec is judged and not applied."""
CORRECTION_MEMORY: Final = 600.0
"""Seconds after which a correction that lasted is forgotten."""


def copied(s: Situation) -> Decision | None:
    """The same attempt twice was not made by us: nothing is deleted, a person decides."""
    ids, imitations = facts.copies(s), facts.imitations(s)
    if not (ids or imitations):
        return None
    recorded = facts.recorded_id(s)
    what = (
        f"Endpoints {', '.join(ids)} carry the same owner mark"
        if ids
        else f"Endpoint {', '.join(imitations)} carries the owner mark of endpoint {recorded}, but is another"
    )
    text = f"{what}. Delete the copy, or its mark, in the cloud's console."
    verdict = Hindered(Reason.OWNERSHIP_CONFLICT, text, conflicts=ids or imitations)
    return Decision("copied", verdict=verdict, record=_kept_id(s), after_list=True)


def foreign_owner(s: Situation) -> Decision | None:
    """An endpoint that carries another owner's mark, or never ours, is not touched, whatever our status says."""
    bare = facts.unproven(s)
    if bare is not None:
        verdict = Hindered(Reason.OWNERSHIP_CONFLICT, unproven_text(s, bare))
        return Decision("foreign_owner", verdict=verdict, record=_kept_id(s), after_list=True)
    seen = facts.foreign(s)
    if seen is None:
        return None
    if seen.endpoint.id == facts.adoption_target(s) and not seen.endpoint.carries(s.identity):
        return None  # it is being adopted, which has judged its marks before
    others = (mark for mark in seen.endpoint.marks if mark.identity != s.identity)
    owners = ", ".join(visible(mark.owner(s.identity.cluster_id)) for mark in others)
    text = f"Endpoint {seen.endpoint.id} is marked as another owner's: {owners}. Remove the wrong mark in the console."
    return Decision(
        "foreign_owner",
        verdict=Hindered(Reason.OWNERSHIP_CONFLICT, text, conflicts=(seen.endpoint.id,)),
        record=_kept_id(s),
        after_list=True,
    )


def twin(s: Situation) -> Decision | None:
    """A late effect made a second endpoint: keep one, delete the other (exactly-once.md, Create 7)."""
    kept = facts.own_endpoint(s)
    others = [seen for seen in s.evidence.own if kept is not None and seen.endpoint.id != kept.endpoint.id]
    if kept is None or not others:
        return None
    if not facts.serves(kept) and any(facts.serves(seen) for seen in others):
        return None  # nothing that serves is deleted while the other does not: first that one is put in order
    text = f"Endpoint {kept.endpoint.id} is kept; {', '.join(seen.endpoint.id for seen in others)} is a duplicate"
    verdict: Verdict
    if any(seen.endpoint.id in ownership.when_living(s, Deed.ASK) for seen in others):
        text = f"{text} that was not created here. Decide in the console."
        ids = tuple(seen.endpoint.id for seen in others)
        verdict = Hindered(Reason.OWNERSHIP_CONFLICT, text, conflicts=ids)
        return Decision("twin", verdict=verdict, record=kept.endpoint.id, after_list=True)
    verdict = UnderWay(Reason.UPDATING, f"{text} and is being deleted.")
    due = next((seen for seen in others if facts.delete_due(s, seen.endpoint.id, seen)), None)
    waiting = failed(s, DeleteTwin.__name__) if due else None
    action = DeleteTwin(due.endpoint.id, kept.endpoint.id) if due else Nothing()
    return waiting or Decision("twin", action, verdict, record=kept.endpoint.id, after_list=True)


def immutable(s: Situation) -> Decision | None:
    """The API cannot change these: only another spec, or another endpoint, helps."""
    seen, spec = facts.own_endpoint(s), s.resource.spec
    mismatches = immutable_mismatches(spec, seen.endpoint) if seen and spec else ()
    if seen is None or not mismatches:
        return None
    text = f"{'; '.join(mismatches)}. These cannot be changed: correct the spec, or create another object."
    return Decision("immutable", verdict=Hindered(Reason.INVALID_SPEC, text), record=seen.endpoint.id, after_list=True)


def drifted(s: Situation) -> Decision | None:
    """Send what differs; stop where an accepted PATCH does not last."""
    seen, spec = facts.own_endpoint(s), s.resource.spec
    found = drift(spec, seen.endpoint, None if facts.observing(s) else _mark(s, seen)) if seen and spec else None
    if seen is None or not found:
        return None
    given_up = _given_up(s, found)
    if given_up is not None:
        return Decision("drifted", verdict=given_up, record=seen.endpoint.id)
    waiting = failed(s, Update.__name__)
    if waiting is not None:
        return waiting
    wait = max((_pause(s, item) for item in found.differences), default=0.0)
    unseen = s.memory.mutated > seen.listed and any(_correction(s, item, tries=1) for item in found.differences)
    if wait > 0 or unseen:
        verdict = UnderWay(Reason.UPDATING, "The cloud has accepted a change and does not show it yet.")
        return Decision(
            "drifted", verdict=verdict, record=seen.endpoint.id, after=wait if wait > 0 else None, after_list=True
        )
    return offered.for_change(s, found.patch, seen.endpoint.id) or _update(s, seen, found)


def _given_up(s: Situation, found: Drift) -> Verdict | None:
    """Three accepted PATCHes did not last, or a PATCH was refused for good, before a restart perhaps."""
    before = _given_up_before(s)
    stuck = tuple(
        item for item in found.differences if item.told in before or _correction(s, item, tries=MAX_CORRECTIONS)
    )
    if not stuck:
        return refused_for_good(s)
    named = "; ".join(map(str, stuck))
    text = f"Accepted {MAX_CORRECTIONS} times without effect: {named}. Change the spec, or find what changes the cloud."
    return Hindered(Reason.NOT_ACCEPTED, bounded(text), given_up=stuck)


def _given_up_before(s: Situation) -> tuple[NotAccepted, ...]:
    """What the status says of this generation, until a person asks for another try."""
    status = s.resource.status
    asked = s.resource.request_pending or s.memory.failure is not None
    return () if asked or status.observed_generation != s.resource.generation else status.not_accepted or ()


def _update(s: Situation, seen: Sighting, found: Drift) -> Decision:
    marked = seen.endpoint.carries(s.identity) or was_ours(s, seen)
    adopts = seen.endpoint.id == facts.adoption_target(s) and not marked
    action = Update(
        seen.endpoint.id,
        found.patch,
        drift=not adopts and _applied(s),
        differences=found.differences,
        adopts=adopts,
    )
    verdict = UnderWay(Reason.UPDATING, f"Updating {', '.join(found.patch.fields)}.")
    return Decision("drifted", action, verdict, record=seen.endpoint.id, after_list=True)


def _applied(s: Situation) -> bool:
    """Whether the spec as it is now was applied before: one that was edited while nothing was changed was not."""
    before = next((item.reason for item in s.resource.status.conditions if item.type == ConditionType.SYNCED), "")
    return facts.judged(s) and before not in IDLE


def in_order(s: Situation) -> Decision | None:
    """The endpoint has what the spec says; what it shows decides the rest."""
    seen = facts.own_endpoint(s)
    if seen is None:
        return None
    confirmed = facts.seen_since_mutation(s, seen)
    return Decision("in_order", verdict=SYNCED, record=seen.endpoint.id, in_order=confirmed, after_list=not confirmed)


def _kept_id(s: Situation) -> str | None:
    """In conflict the status goes on naming what it names: were it to name a copy, nothing would lead back."""
    kept = facts.own_endpoint(s)
    return facts.recorded_id(s) or (kept.endpoint.id if kept else None)


def _mark(s: Situation, seen: Sighting) -> OwnerMark:
    """The mark as it should be: with the `try` that the endpoint carries, else the one that the status remembers."""
    carried = next((mark for mark in seen.endpoint.marks if mark.identity == s.identity), None)
    if carried is not None:
        return carried
    if seen.endpoint.id == facts.adoption_target(s):
        return owner_mark(s.resource, s.identity, ADOPTED)
    return facts.remembered_mark(s)


def _known(s: Situation, item: Difference) -> Correction | None:
    """The record of earlier corrections, if it is about this spec and this value of the cloud's."""
    record = s.memory.corrections.get(item.field)
    if record is None or record.generation != s.resource.generation or record.observed != item.observed:
        return None
    return record if s.now - record.last < CORRECTION_MEMORY * record.tries else None


def _correction(s: Situation, item: Difference, *, tries: int) -> bool:
    record = _known(s, item)
    return record is not None and record.tries >= tries


def _pause(s: Situation, item: Difference) -> float:
    record = _known(s, item)
    if record is None:
        return 0.0
    return max(0.0, record.last + s.timing.correction_pause * float(2 ** (record.tries - 1)) - s.now)

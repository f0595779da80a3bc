"""Checks of a living object on whose its endpoints are: copies, adoption, other owners' marks, duplicates."""

from __future__ import annotations

from dataclasses import replace

from tokenfactory_operator.decision import proof
from tokenfactory_operator.decision.actions import Decision, DeleteDuplicate, Hindered, Nothing, UnderWay, Verdict
from tokenfactory_operator.decision.claims import other_owners, same_uid_text, unproven_text
from tokenfactory_operator.decision.failures import tried
from tokenfactory_operator.decision.ownership import Deed, Judged, Role
from tokenfactory_operator.domain.decision_input import Sighting
from tokenfactory_operator.domain.reasons import Reason


def copied(s: Judged) -> Decision | None:
    """The same attempt twice was not made by us: nothing is deleted, a person decides."""
    ids, imitations = s.own.copies, s.own.imitations
    if not (ids or imitations):
        return None
    what = (
        f"Endpoints {', '.join(ids)} carry the same owner mark"
        if ids
        else f"The owner mark of endpoint {', '.join(imitations)} is a copy of another endpoint's"
    )
    return _conflict(s, f"{what}. Delete the copy, or its mark, in the cloud's console.", ids or imitations)


def adoption(s: Judged) -> Decision | None:
    """What stands against an adoption, or its first step: the id is written down before anything is sent."""
    if s.own.obstacle is not None:
        unlisted = s.own.obstacle.reason is Reason.ENDPOINT_NOT_FOUND and not s.memory.attempts.endpoint_id
        if unlisted and s.evidence.view.last_view <= s.memory.endpoints[s.own.target].named:
            return Decision(after_list=True, hurry=True)  # it may have been made since that LIST
        return Decision(verdict=s.own.obstacle, after_list=True)
    if s.own.target in ("", s.recorded_id) or s.own.target in s.own.seen:
        return None
    verdict = UnderWay(Reason.UPDATING, f"Adopting endpoint {s.own.target}.")
    claim = "" if s.resource.observes else s.own.target  # who only looks on takes nothing from anybody
    return Decision(verdict=verdict, record=s.own.target, adopts=claim, after=0.0)


def foreign_owner(s: Judged) -> Decision | None:
    """An endpoint that carries another owner's mark, or never ours, is not touched, whatever our status says."""
    if Role.UNPROVEN in s.own.roles.values():
        return _conflict(s, unproven_text(s))
    suspects = [seen.endpoint for seen in (s.evidence.recorded.seen, s.own.kept) if seen is not None]
    found = next((endpoint for endpoint in suspects if endpoint.foreign_to(s.identity)), None)
    if found is None or (found.id == s.own.target and not found.carries(s.identity)):
        return None  # what is being adopted, `adoption` has judged before
    advice = "Remove the wrong mark in the console."
    if not found.carries(s.identity):
        advice = same_uid_text(s, found) or (
            f"If it is theirs, this object's status is wrong: delete the object and apply it again. If not: {advice}"
        )
    owners = other_owners(s, found)
    return _conflict(s, f"Endpoint {found.id} is marked as another owner's: {owners}. {advice}", (found.id,))


def _conflict(s: Judged, text: str, ids: tuple[str, ...] = ()) -> Decision:
    """In conflict the status goes on naming what it names: were it to name a copy, nothing would lead back."""
    record = s.recorded_id or (s.own.kept.id if s.own.kept else None)
    verdict = Hindered(Reason.OWNERSHIP_CONFLICT, text, conflicts=ids)
    return Decision(verdict=verdict, record=record, after_list=True)


def duplicate(s: Judged) -> Decision | None:
    """A late effect made a second endpoint: keep one, delete the other (docs/protocol.md, Create 7)."""
    kept = s.own.kept
    others = [seen for seen in s.evidence.own if kept is not None and seen.id != kept.id]
    if kept is None or not others:
        return None
    if not kept.endpoint.serves and any(seen.endpoint.serves for seen in others):
        return None  # nothing that serves is deleted while the other does not: first that one is put in order
    ids = tuple(seen.id for seen in others)
    text = f"Endpoint {kept.id} is kept; {', '.join(ids)} is a duplicate"
    if s.own.to(Deed.ASK).intersection(ids):
        text = f"{text} that was not created here. Decide in the console."
        hindered = Hindered(Reason.OWNERSHIP_CONFLICT, text, conflicts=ids)
        return Decision(verdict=hindered, record=kept.id, after_list=True)
    return delete_next(s, kept, others, UnderWay(Reason.UPDATING, f"{text} and is being deleted."))


def delete_next(s: Judged, kept: Sighting, others: list[Sighting], verdict: Verdict) -> Decision:
    """DELETE the first of the duplicates for which that is due; what may be deleted already replaces nothing (C25)."""
    if any(seen.id == s.recorded_id for seen in others) and proof.may_be_going(s, kept.id):
        text = f"Waiting to see whether {kept.id}, which comes before {s.recorded_id}, is being deleted."
        return Decision(verdict=replace(verdict, message=text), after_list=True)
    due = next((seen for seen in others if proof.call_due(s.memory.endpoints[seen.id].deleted, seen)), None)
    action = DeleteDuplicate(due.id, kept.id) if due else Nothing()
    return tried(s, Decision(action, verdict, record=kept.id, after_list=True))

"""Checks for an object that has no endpoint, or does not know whether it has: unknown attempts, loss, creating.

Where each sentence comes from: docs/protocol.md, Create and Lost.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tokenfactory_operator.decision import attempts, offered, proof
from tokenfactory_operator.decision.actions import Applied, Create, Decision, Hindered, UnderWay
from tokenfactory_operator.decision.claims import same_uid_text
from tokenfactory_operator.decision.failures import failed, refused_for_good, tried
from tokenfactory_operator.decision.ownership import Judged
from tokenfactory_operator.decision.questions import (
    list_untrusted,
    look_due,
    not_ruled_out,
    probe_of,
    shown_elsewhere,
    unclear,
)
from tokenfactory_operator.domain.attempt import REFUSED
from tokenfactory_operator.domain.decision_input import DecisionInput
from tokenfactory_operator.domain.errors import visible
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.timing import NEVER

RECREATE_PAUSE_MAX: Final = 6.0
"""To how many times the settle time of a lost endpoint the pause between two recreations grows."""


def undecided(s: Judged) -> Decision | None:
    """An attempt ended unknown: wait until its endpoint is seen, or is absent for the settle time."""
    attempt = attempts.unresolved(s)
    if attempt is None:
        return None
    seen = s.own.kept
    # Where an endpoint of the object is seen, nothing is created, and a late duplicate is deleted as soon as it shows.
    creates = seen is None and not s.recorded_id
    settle = proof.settle_time(s, attempt) if creates else s.timing.create_settle
    if not attempts.attempt_absent(s, attempt, settle=settle):
        text = f"{unclear(s)} Waiting to see whether the cloud made an endpoint."
        if settle > s.timing.create_settle:
            text += f" It was call {attempt.streak} in a row without an answer, so this takes up to {settle:.0f} s."
        earlier = tuple(item.id for item in s.evidence.predecessors)
        if earlier:  # named, so that nobody is told of it as an orphan meanwhile
            text += f" Endpoint {', '.join(earlier)}, made for an earlier object of this name, is judged after that."
        verdict = Hindered(Reason.CREATE_OUTCOME_UNKNOWN, text, conflicts=earlier)
        return Decision(verdict=verdict, record=seen.id if seen else None, after_list=True)
    if not creates:
        return None  # `lost` judges a recorded endpoint that is not seen, and `doubtful` one that is
    return not_ruled_out(s, attempt) or _create(s, Create(after_unknown=attempt.streak))


def doubtful(s: Judged) -> Decision | None:
    """The endpoint is in order, and nothing shows that an unknown attempt has made no other one beside it."""
    attempt, written = attempts.unresolved(s), s.resource.status.create_attempt
    if attempt is None or s.own.kept is None or written is None or written.id != attempt.id:
        return None  # it was ruled out before
    doubt = not_ruled_out(s, attempt)
    return replace(doubt, record=s.own.kept.id) if doubt is not None else None


def lost(s: Judged) -> Decision | None:
    """The recorded endpoint is not in the list: prove that it is gone before anything follows from it."""
    endpoint_id = s.recorded_id
    present = s.own.kept is not None or s.evidence.recorded.seen is not None
    if not endpoint_id or (present and endpoint_id not in s.evidence.view.hidden):
        return None
    others = ", ".join(seen.id for seen in s.evidence.own if seen.id != endpoint_id)
    untouched = f" Until then {others}, with this object's mark too, is left alone." if others else ""
    text = f"Endpoint {endpoint_id} is not in the cloud's list. Checking whether it is gone.{untouched}"
    confirming = UnderWay(Reason.ENDPOINT_LOST, text)
    doubt = list_untrusted(s, also=untouched)
    if doubt is not None:
        # One that no LIST has ever shown may be why: if it is gone, which only the whole probe can tell, its absence
        # says nothing against the LIST.
        probe = probe_of(s, look_only=endpoint_id not in s.evidence.view.overdue)
        return replace(doubt, action=probe) if look_due(s) else doubt
    if not proof.absent(s):
        return Decision(verdict=confirming, after_list=True)
    if proof.observed_absent(s) and not proof.gone(s):
        text = f"Endpoint {endpoint_id} is not in the cloud's list any more. It is only observed: no call asks for it."
        return Decision(verdict=UnderWay(Reason.ENDPOINT_LOST, text), after_list=True)
    if not proof.gone(s):
        return tried(s, Decision(probe_of(s), confirming, after_list=True))
    return _recreate(s)


def _recreate(s: Judged) -> Decision:
    text = f"Endpoint {s.recorded_id} is gone from the cloud. This operator did not delete it."
    if s.resource.named_id == s.recorded_id or not s.resource.created_by_us:
        why = "spec.endpointId names it" if s.resource.created_by_us else "It was adopted"
        text += f" {why}, so it is not recreated. For a new one delete the object and apply it without spec.endpointId."
        return Decision(verdict=Hindered(Reason.ENDPOINT_LOST, text, asks=True), after_list=True)
    if disabled(s) is not None:
        text += " Nothing is created while stopped."
        return Decision(verdict=Hindered(Reason.ENDPOINT_LOST, text, asks=True))
    # The exponent is bounded too: a float overflows at 1024.
    before = s.memory.recreation
    factor = min(RECREATE_PAUSE_MAX, 2.0 ** (min(before.count, 10) - 1)) if before.count else 0.0
    wait = before.last + s.timing.lost_settle * factor - s.now
    if wait > 0:
        return Decision(
            verdict=Hindered(Reason.ENDPOINT_LOST, f"{text} It is created again after a pause."), after=wait
        )
    attempt = attempts.unresolved(s)  # of which nothing was seen for the settle time, or `undecided` would wait
    doubt = not_ruled_out(s, attempt) if attempt is not None else None
    return doubt or _create(s, Create(after_unknown=attempt.streak if attempt is not None else 0))


def remembered(s: Judged) -> Decision | None:
    """A create that was refused for good is not tried again until the spec or the request annotation changes."""
    attempt, verdict = s.resource.status.create_attempt, refused_for_good(s)
    if verdict is None or attempt is None or attempt.state != REFUSED:
        return None
    return Decision(verdict=verdict)


def perhaps_there(s: Judged) -> Decision | None:
    """Something may be this object's endpoint, though no list shows it as that: nobody is told that there is none."""
    of_another_id = namesake(s) if s.own.of_another_id else None
    return unread(s) or shown_elsewhere(s) or of_another_id


def disabled(s: Judged) -> Decision | None:
    """Nothing is created while `enabled: false`: what the spec asks for is nothing running, and nothing runs."""
    if s.resource.spec is None or s.resource.spec.enabled is not False:
        return None
    text = "No endpoint exists, and none is created while spec.enabled is false."
    return Decision(verdict=Applied(Reason.RECONCILE_SUCCESS, text), in_order=True, check="disabled")


def predecessor(s: Judged) -> Decision | None:
    """An earlier object of this name left an endpoint: never doubled silently, nor billed silently while disabled."""
    if not s.evidence.predecessors:
        return None
    ids = tuple(seen.id for seen in s.evidence.predecessors)
    text = (
        f"Endpoint {', '.join(ids)} was made for an earlier object of this name. Put its id into spec.endpointId to "
        "adopt it, or delete it in the cloud's console."
    )
    verdict = Hindered(Reason.OWNERSHIP_CONFLICT, text, conflicts=ids)
    return Decision(verdict=verdict, after_list=True, check="predecessor")


def namesake(s: Judged) -> Decision | None:
    """Another cluster's object of this name has an endpoint: a person decides, where the setting says so (ADR 30).

    Where the mark has this object's uid too, its own create call has made the endpoint, or that of a copy of it.
    """
    there = beside(s)
    same = next((same_uid_text(s, endpoint) for endpoint in s.own.of_another_id), "")
    if not there or not (same or s.policy.hold_namesakes):
        return None
    advice = same or (
        "If this cluster replaces that one, give it that one's id as TOKENFACTORY_CLUSTER_ID. Then the endpoint can be "
        "adopted. If both are in use, set TOKENFACTORY_NAMESAKES to Create."
    )
    text = f"{there} {advice}"
    ids = tuple(seen.id for seen in s.evidence.namesakes)
    return Decision(verdict=Hindered(Reason.OWNERSHIP_CONFLICT, text, conflicts=ids), after_list=True, check="namesake")


def beside(s: DecisionInput) -> str:
    """The endpoints of the same namespace and name in other clusters, as a sentence; empty if there are none.

    Empty too for an object that has had an endpoint of its own: making that anew doubles nothing.
    """
    if s.recorded_id or not s.evidence.namesakes:
        return ""
    named = (
        f"{seen.id} of the cluster {visible(mark.identity.cluster_id)}"
        for seen in s.evidence.namesakes
        for mark in seen.endpoint.marks[:1]
    )
    place = f"{s.resource.namespace}/{s.resource.name}"
    return f"The cloud lists endpoint {', '.join(named)}, made for {place} there."


def unread(s: DecisionInput) -> Decision | None:
    """An item of the list that cannot be read may be this object's endpoint, of which nothing else tells (C47)."""
    settle, view, marked = s.timing.create_settle, s.evidence.view, s.evidence.identity_absence
    if marked.evidence > NEVER and not marked.proven(after=NEVER, settle=settle):
        text = "The cloud's list has an item with this object's mark that cannot be read, or had one a moment ago."
        wait = None
    elif view.last_list == NEVER and (wait := view.first_view + settle - s.now) > 0:
        text = "The cloud's list has an item that cannot be read. It may be an endpoint of this object."
    else:
        return None
    text += " Nothing is created until a list can be read."
    return Decision(verdict=Hindered(Reason.INVENTORY_UNTRUSTED, text, asks=False), after_list=True, after=wait)


def create(s: Judged) -> Decision | None:
    """No endpoint, no doubt: create one."""
    before, _ = attempts.unknown_before(s)
    doubt = list_untrusted(s) if before else None
    return doubt or _create(s, Create(resume=attempts.resumable(s), after_unknown=before))


def _create(s: Judged, action: Create) -> Decision:
    # These stand before `create` in the chain; after a loss or an unknown attempt they hold just as well.
    waiting = failed(s, Create.__name__) or perhaps_there(s) or predecessor(s) or namesake(s) or disabled(s)
    if waiting is None and s.resource.observes:
        text = "spec.managementPolicy is Observe: nothing is created. Name an endpoint in spec.endpointId."
        return Decision(verdict=Hindered(Reason.OBSERVING, text))
    return waiting or offered.for_creation(s) or Decision(action, after_list=True)

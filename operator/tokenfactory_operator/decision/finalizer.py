"""When does the finalizer go? The ordered reasons to keep it, each with the ways of ending to which it applies.

The first reason that holds decides what is done, or waited for. Only where none is left does the object go, with an
Event that says what became of its endpoint.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

from tokenfactory_operator.api.v1alpha1 import FORCE_RELEASE
from tokenfactory_operator.decision import attempts, deletion, gates, proof, questions
from tokenfactory_operator.decision.actions import Decision, RemoveFinalizer
from tokenfactory_operator.decision.ownership import Judged
from tokenfactory_operator.domain.attempt import REFUSED, State
from tokenfactory_operator.domain.errors import bounded, visible
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.timing import NEVER

WORD_SHOWN: Final = 32
"""Characters of a value that is not understood."""


class Ending(enum.Enum):
    """How an object ends that is being deleted; the value is the name of the check in the log."""

    FORCED = "force_released"
    """A person takes over."""
    NOTHING_MADE = "never_created"
    """Nothing was ever sent, or the last attempt was refused for sure."""
    OBSERVED = "observed_only"
    """Under Observe the endpoint was never this object's to delete, whether the cloud is seen or not."""
    RETAINED = "release"
    """The endpoint stays."""
    DELETED = "delete"
    """The endpoint goes first."""


REASONS_TO_KEEP: Final[tuple[tuple[Callable[[Judged], Decision | None], Collection[Ending]], ...]] = (
    (deletion.call_sent, {Ending.OBSERVED}),
    (gates.cloud_not_observed, {Ending.RETAINED, Ending.DELETED}),
    (gates.other_scope, {Ending.RETAINED, Ending.DELETED}),
    (questions.hidden, {Ending.RETAINED, Ending.DELETED}),
    (deletion.unproven, {Ending.RETAINED, Ending.DELETED}),
    (deletion.undeleted, {Ending.DELETED}),
    (deletion.unshown, {Ending.RETAINED}),
    (deletion.due_again, {Ending.RETAINED, Ending.DELETED}),
    (deletion.unresolved_attempt, {Ending.RETAINED, Ending.DELETED}),
    (deletion.duplicate, {Ending.RETAINED}),
    (deletion.accepted, {Ending.RETAINED, Ending.DELETED}),
    (deletion.duplicate_before, {Ending.RETAINED}),
    (deletion.unreleased, {Ending.RETAINED}),
    (deletion.still_listed, {Ending.DELETED}),
    (questions.list_untrusted, {Ending.DELETED}),
    (deletion.unlisted, {Ending.RETAINED, Ending.DELETED}),
    (deletion.unsettled, {Ending.RETAINED, Ending.DELETED}),
)


def ending(s: Judged) -> Ending:
    """The first that fits."""
    if s.resource.force_release:
        return Ending.FORCED
    if _never_created(s):
        return Ending.NOTHING_MADE
    if s.resource.observes:
        return Ending.OBSERVED
    return Ending.RETAINED if s.own.retained else Ending.DELETED


def _never_created(s: Judged) -> bool:
    if s.evidence.own or s.recorded_id or s.memory.endpoints.known_since() or attempts.in_doubt(s) is not None:
        return False
    attempt, written = s.memory.attempts.latest, s.resource.status.create_attempt
    nothing_sent = s.memory.hold.clean and (attempt is None or attempt.state is State.OPEN)
    refused_here = attempt is not None and attempt.state is State.REFUSED
    return nothing_sent or refused_here or (written is not None and written.state == REFUSED)


def decide(s: Judged) -> Decision:
    """What the first reason asks for, or that the object goes."""
    how = ending(s)
    if not s.resource.has_finalizer:
        return Decision(check="unheld")  # nothing of ours holds the object (any more)
    for check, endings in REASONS_TO_KEEP:
        decision = check(s) if how in endings else None
        if decision is not None:
            return decision.by(check.__name__)
    return Decision(_last_words(s, how), check=how.value)


def told(s: Judged, decision: Decision) -> Decision:
    """The decision, and that a word in the annotation by which a person lets go does nothing."""
    value = s.resource.odd_force_release
    if not value or decision.verdict is None:
        return decision
    text = f"{decision.verdict.message} The annotation {FORCE_RELEASE} does nothing: it says "
    text += f"{visible(bounded(value, WORD_SHOWN))}, and not true."
    return replace(decision, verdict=replace(decision.verdict, message=text))


def _last_words(s: Judged, how: Ending) -> RemoveFinalizer:
    match how:
        case Ending.FORCED:
            return RemoveFinalizer("ForceReleased", f"Released by force; {_perhaps_billed(s)} may still be billed.")
        case Ending.NOTHING_MADE:
            return RemoveFinalizer()
        case Ending.OBSERVED:
            return RemoveFinalizer("ReleasedEndpoint", _observed(s))
        case Ending.RETAINED:
            return RemoveFinalizer("ReleasedEndpoint", _retained(s))
        case Ending.DELETED:
            return _deleted(s)


def _perhaps_billed(s: Judged) -> str:
    """What the object may leave in the cloud, as far as anything is known of it."""
    shown = {*s.own.roles, *(endpoint.id for endpoint in s.own.of_another_id)}
    known = sorted({*shown, *s.evidence.accepted, *s.evidence.elsewhere, s.recorded_id} - {""})
    if not known or attempts.in_doubt(s) is not None:
        known.append("an endpoint that is not known")
    return ", ".join(known)


def _observed(s: Judged) -> str:
    unclear = "A create call ended without a clear answer: an endpoint that is not known may be billed."
    open_call = attempts.in_doubt(s) is not None
    if not s.recorded_id and (s.evidence.own or open_call):
        return unclear
    left = _released(s, gone=False)
    if s.memory.endpoints[s.recorded_id].deleted > NEVER:
        left = (
            f"Endpoint {s.recorded_id} was being deleted when managementPolicy was changed to Observe: it may be gone."
        )
    return f"{left} {unclear}" if open_call else left


def _retained(s: Judged) -> str:
    known = s.memory.endpoints[s.recorded_id]
    gone = proof.absent(s) or known.gone > NEVER
    if known.deleted > NEVER:
        return f"Endpoint {s.recorded_id} was being deleted when deletionPolicy was changed to Retain: it may be gone."
    if known.released > NEVER and s.evidence.recorded.seen is None and not gone:
        return f"Endpoint {s.recorded_id} was released, and is not in the cloud's list: it may be gone."
    return _released(s, gone=gone)


def _released(s: Judged, *, gone: bool) -> str:
    ids = s.recorded_id or ", ".join(endpoint.id for endpoint in s.own.of_another_id)
    if not ids:
        return "Nothing was there."
    became = "is no longer in the cloud" if gone and s.recorded_id else "stays in the cloud and is billed there"
    return f"Endpoint {ids} {became}."


def _deleted(s: Judged) -> RemoveFinalizer:
    left = deletion.staying(s).union(endpoint.id for endpoint in s.own.of_another_id)
    if left:
        text = f"Endpoint {', '.join(sorted(left))} is not clearly this object's, so it was left in the cloud."
        if left == {s.recorded_id} and s.evidence.recorded.seen is None and proof.absent(s):
            text = f"Endpoint {s.recorded_id} was not clearly this object's, and is no longer in the cloud."
        return RemoveFinalizer(Reason.OWNERSHIP_CONFLICT, text)
    gone = ", ".join(sorted(s.memory.endpoints.deleted())) or s.recorded_id
    text = f"Endpoint {gone} is no longer in the cloud." if gone else "No endpoint is in the cloud."
    return RemoveFinalizer("DeletedEndpoint", text)

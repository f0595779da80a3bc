"""A LIST that does not show the recorded endpoint: what replaces it, and when (docs/protocol.md, Evidence and Lost)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from tokenfactory_operator.decision.actions import (
    Create,
    DeleteDuplicate,
    Nothing,
    ProbeGone,
    Release,
    RemoveFinalizer,
)
from tokenfactory_operator.decision.plan import decide
from tokenfactory_operator.domain.attempt import State
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.report import status
from unit.support.builders import OTHER_UID, an_endpoint, mark
from unit.support.outcome import Decided, decided
from unit.support.scene import Scene

Arrange = Callable[[Scene], Scene]

DUPLICATE: Final = an_endpoint("ep-2", description=mark("a2"))
ADOPTED_COPY: Final = an_endpoint("ep-2", description=mark("adopted"))
WAITING: Final = Decided("lost", reason=Reason.ENDPOINT_LOST, synced=None, after_list=True)
TAKEN: Final = Decided("in_order", reason=Reason.RECONCILE_SUCCESS, synced=True, record="ep-2", in_order=True)
NOW: Final = "2025-01-01T12:00:00Z"


NOT_LISTED = [
    pytest.param(lambda s: s.recorded().lists(DUPLICATE), WAITING, id="one-list"),
    pytest.param(
        lambda s: s.recorded().lists(an_endpoint(), DUPLICATE).lists(DUPLICATE), WAITING, id="seen-before-beside-it"
    ),
    pytest.param(lambda s: s.recorded().settles(DUPLICATE, seconds=50), WAITING, id="two-lists-too-close"),
    pytest.param(lambda s: s.recorded().settles(DUPLICATE), TAKEN, id="absence-proven"),
    pytest.param(lambda s: s.recorded().lists(DUPLICATE).gone(), TAKEN, id="proven-gone-by-id"),
    pytest.param(
        lambda s: s.recorded().lists(DUPLICATE).deleted("ep-1"),
        replace(TAKEN, in_order=False, after_list=True),
        id="deleted-here",
    ),
    pytest.param(
        lambda s: s.recorded().hides().settles(DUPLICATE),
        Decided(
            "lost",
            ProbeGone("ep-1", mark(), look_only=True),
            Reason.INVENTORY_UNTRUSTED,
            stalled=True,
            after_list=True,
        ),
        id="an-untrusted-list-proves-no-absence",
    ),
    pytest.param(
        lambda s: s.recorded().lists(DUPLICATE).lists(an_endpoint(), DUPLICATE),
        Decided(
            "duplicate", DeleteDuplicate("ep-2", "ep-1"), Reason.UPDATING, synced=None, record="ep-1", after_list=True
        ),
        id="seen-again-and-the-other-is-a-duplicate",
    ),
    pytest.param(
        lambda s: s.held().attempt_written("a9", endpointId="ep-1").wait(66).settles(DUPLICATE, seconds=50),
        Decided("undecided", reason=Reason.CREATE_OUTCOME_UNKNOWN, after_list=True),
        id="an-open-attempt-beside-it",
    ),
    pytest.param(
        lambda s: s.recorded().attempted(State.IN_DOUBT).settles(),
        replace(WAITING, action=ProbeGone("ep-1", mark())),
        id="an-absent-attempt-does-not-replace-the-probe",
    ),
    pytest.param(
        lambda s: (
            s.held()
            .spec(endpointId="ep-1")
            .may(adopt=True)
            .attempt_written("adopted", "Created", endpointId="ep-1")
            .lists(ADOPTED_COPY)
        ),
        WAITING,
        id="an-adopted-one-and-a-copy-of-it",
    ),
]


@pytest.mark.rule("C42")
@pytest.mark.parametrize(("arrange", "expected"), NOT_LISTED)
def test_another_endpoint_with_our_mark(arrange: Arrange, expected: Decided) -> None:
    """The recorded one stays recorded until it is proven gone; until then another may be a duplicate, and is left."""
    assert decided(arrange(Scene())) == expected


@pytest.mark.rule("C42")
def test_the_status_goes_on_naming_the_recorded_one() -> None:
    """Neither Ready nor Serving speaks of the other; the message says what is waited for, and what is left alone."""
    situation = Scene().recorded().lists(an_endpoint(), DUPLICATE).lists(DUPLICATE).situation()
    decision = decide(situation)
    assert decision.verdict is not None
    reported = status.after(situation, decision, decision.verdict, now=NOW)
    said = {item.type: (item.status, item.reason) for item in reported.conditions}
    assert reported.endpoint_id == "ep-1"
    assert said["Ready"] == ("Unknown", "EndpointLost")
    assert said["Serving"] == ("Unknown", "EndpointLost")
    assert "ep-1 is not in the cloud's list" in decision.verdict.message
    assert "ep-2" in decision.verdict.message


def test_the_recorded_one_is_no_other_one() -> None:
    """A look by id shows it, and the lists hide it: the message names no endpoint beside it."""
    decision = decide(Scene().recorded().settles().finds(an_endpoint()).situation())
    assert decision.verdict is not None
    assert decision.verdict.reason is Reason.INVENTORY_UNTRUSTED
    assert "is left alone" not in decision.verdict.message


@pytest.mark.rule("C42")
@pytest.mark.parametrize("looked", [False, True], ids=["looking-by-id", "looked"])
def test_a_list_that_is_not_trusted(*, looked: bool) -> None:
    """What carries the mark too is left alone until a person has answered, and the message names it."""
    scene = Scene().recorded().hides().settles(DUPLICATE)
    if looked:
        scene.memory.endpoints.probe_begun("ep-1", scene.clock.seconds)
    decision = decide(scene.situation())
    assert isinstance(decision.action, Nothing if looked else ProbeGone)
    assert decision.verdict is not None
    assert decision.verdict.reason is Reason.INVENTORY_UNTRUSTED
    assert "Until then ep-2" in decision.verdict.message


OTHERS: Final = tuple(an_endpoint(item, description=mark(uid=OTHER_UID, name=item)) for item in ("ep-8", "ep-9"))


def _maintained(scene: Scene) -> Scene:
    """LIST was empty for a while, and each id answered 404. Then a LIST that is not complete shows two of three."""
    scene = scene.recorded().lists(an_endpoint(), *OTHERS).settles().gone()
    return scene.lists(*OTHERS, complete=False)


@pytest.mark.rule("E38", "X40")
def test_lists_that_left_out_what_exists_prove_nothing() -> None:
    """Evidence: nor does the 404 of that time. Both have to be seen anew."""
    assert decided(_maintained(Scene())) == WAITING
    assert decided(_maintained(Scene()).settles(*OTHERS, seconds=50)) == WAITING
    assert decided(_maintained(Scene()).settles(*OTHERS)) == replace(WAITING, action=ProbeGone("ep-1", mark()))
    assert decided(_maintained(Scene()).settles(*OTHERS).gone()).action == Create()


@pytest.mark.rule("E38")
@pytest.mark.parametrize("how", ["a-person-confirmed-it", "it-answered-404", "it-was-deleted"])
def test_what_explains_that_others_were_left_out(how: str) -> None:
    """An older view shows what was deleted once more. What comes back after any other word shows that it was wrong."""
    scene = Scene().recorded().lists(an_endpoint(), *OTHERS).settles().gone()
    for item in ("ep-8", "ep-9"):
        match how:
            case "a-person-confirmed-it":
                scene.inventory.confirm(item)
            case "it-answered-404":
                scene.inventory.proven_gone(item)
            case _:
                scene.inventory.delete_answered(item)
    assert decided(scene.lists()).action == Create()
    scene.lists(*OTHERS, complete=False)
    assert (decided(scene) == WAITING) is (how != "it-was-deleted")


@pytest.mark.rule("E38")
def test_an_endpoint_that_is_listed_late_disproves_no_list() -> None:
    """A LIST may lag behind a creation, and says about all others what it says."""
    scene = Scene().held().attempted(State.IN_DOUBT).settles()
    late = OTHERS[0]
    scene.inventory.take_answer(late, created=True)
    assert decided(scene.wait(120).settles().lists(late)).action == Create(after_unknown=1)


TERMINATING = [
    pytest.param(lambda s: s.lists(DUPLICATE), Nothing, None, id="waits"),
    pytest.param(lambda s: s.settles(DUPLICATE), Nothing, "ep-2", id="the-other-is-written-down-first"),
    pytest.param(lambda s: s.settles(DUPLICATE).status(endpointId="ep-2"), Release, "ep-2", id="and-then-released"),
    pytest.param(lambda s: s.gone().settles(), RemoveFinalizer, None, id="nothing-is-left"),
]


@pytest.mark.parametrize(("arrange", "action", "record"), TERMINATING)
def test_let_go_while_a_list_misses_it(arrange: Arrange, action: type, record: str | None) -> None:
    """Retain keeps both, and lets the object go only when nothing of it can still turn up."""
    found = decided(arrange(Scene().spec(deletionPolicy="Retain").recorded()).terminating())
    assert (type(found.action), found.record) == (action, record)

"""When the finalizer goes: each reason to keep it, under each way in which an object ends; the whole table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.decision import plan
from tokenfactory_operator.decision.actions import DeleteEndpoints, RemoveFinalizer
from tokenfactory_operator.decision.finalizer import REASONS_TO_KEEP, Ending, ending
from tokenfactory_operator.decision.ownership import judged
from tokenfactory_operator.domain.attempt import State
from tokenfactory_operator.domain.observed import EndpointList, ObservedEndpoint
from unit.support.builders import FOREIGN, an_endpoint, mark, released
from unit.support.scene import Scene

Make = Callable[[], Scene]
OWN: Final = an_endpoint()
DUPLICATE: Final = an_endpoint("ep-2", description=mark("a2"))
FORCED, OBSERVED, RETAINED, DELETED = Ending.FORCED, Ending.OBSERVED, Ending.RETAINED, Ending.DELETED


def accepted() -> Scene:
    """Both are deleted; of the duplicate, which answers by id, no LIST has shown anything."""
    scene = Scene().recorded().lists(OWN)
    scene.inventory.found_by_id(DUPLICATE)
    scene.memory.endpoints.delete_answered("ep-2", scene.inventory.delete_answered("ep-2", there=True))
    return scene.deleted("ep-1").lists(OWN)


def seen_before() -> Scene:
    """A duplicate was listed, its DELETE is answered, and the list that does not show it may be older."""
    scene = Scene().recorded().lists(OWN, DUPLICATE).deleted("ep-2").lists(OWN)
    scene.memory.endpoints.seen("ep-2", scene.inventory.stamp())
    return scene


def unlisted() -> Scene:
    """The recorded endpoint carried another owner's mark when it was seen last, and one LIST leaves it out."""
    scene = Scene().recorded()
    scene.memory.endpoints.recorded_seen(an_endpoint(description=FOREIGN))
    return scene.lists(an_endpoint(description=FOREIGN)).lists()


def unsettled(*endpoints: ObservedEndpoint) -> Scene:
    """A call of this process has just ended without a clear answer."""
    scene = Scene().recorded().lists(*endpoints)
    scene.memory.calls.ended_unclear(scene.inventory.stamp())
    return scene


TABLE: Final[dict[str, tuple[Make, set[Ending]]]] = {
    "call_sent": (lambda: unsettled(an_endpoint(description=released())), {OBSERVED}),
    "cloud_not_observed": (lambda: Scene().recorded(), {RETAINED, DELETED}),
    "other_scope": (lambda: Scene().recorded(scope="project-2").lists(), {RETAINED, DELETED}),
    "hidden": (lambda: Scene().recorded().settles().finds(OWN).lists().wait(30), {RETAINED, DELETED}),
    "unproven": (
        lambda: Scene().recorded().lists(an_endpoint(description="by hand"), DUPLICATE),
        {RETAINED, DELETED},
    ),
    "undeleted": (lambda: Scene().recorded().lists(OWN), {DELETED}),
    "unshown": (lambda: Scene().recorded().noted(OWN, DUPLICATE).lists(OWN), {RETAINED}),
    "due_again": (lambda: accepted().wait(31), {RETAINED, DELETED}),
    "unresolved_attempt": (
        lambda: Scene().held().attempt_written().attempted(State.IN_DOUBT).lists(),
        {RETAINED, DELETED},
    ),
    "duplicate": (lambda: Scene().recorded().lists(OWN, DUPLICATE), {RETAINED}),
    "accepted": (accepted, {RETAINED, DELETED}),
    "duplicate_before": (seen_before, {RETAINED}),
    "unreleased": (lambda: Scene().recorded().lists(OWN), {RETAINED}),
    "still_listed": (lambda: Scene().recorded().lists(OWN).deleted("ep-1").lists(OWN), {DELETED}),
    "list_untrusted": (lambda: Scene().recorded().settles(OWN).deleted("ep-1").hides().lists(), {DELETED}),
    "unlisted": (unlisted, {RETAINED, DELETED}),
    "unsettled": (lambda: unsettled(an_endpoint(description=FOREIGN)), {RETAINED, DELETED}),
}
"""By reason: a scene in which it comes first, and the endings to which it applies, written down once more."""


def ended(scene: Scene, how: Ending) -> Scene:
    """The object is being deleted in this way."""
    if how is FORCED:
        scene = scene.annotated(api.FORCE_RELEASE)
    policy = "Retain" if how is RETAINED else "Delete"
    management = "Observe" if how is OBSERVED else "Manage"
    return scene.spec(deletionPolicy=policy, managementPolicy=management).terminating()


def test_every_reason_has_a_row_in_order() -> None:
    """None is untested, and the first that holds is the first of the table."""
    assert [(check.__name__, endings) for check, endings in REASONS_TO_KEEP] == [
        (name, endings) for name, (_, endings) in TABLE.items()
    ]


@pytest.mark.parametrize("how", [FORCED, OBSERVED, RETAINED, DELETED])
@pytest.mark.parametrize("name", TABLE)
def test_a_reason_keeps_the_object_where_it_applies(name: str, how: Ending) -> None:
    """Where it applies, it is the one that decides; elsewhere it is not asked."""
    make, endings = TABLE[name]
    situation = ended(make(), how).situation()
    assert ending(judged(situation)) is how
    decision = plan.decide(situation)
    assert (decision.check == name) is (how in endings)
    assert not (how in endings and isinstance(decision.action, RemoveFinalizer))


def test_no_duplicate_is_named_where_none_was_seen() -> None:
    """No list has been complete yet, since one of its items could not be read."""
    scene = ended(Scene().recorded(), RETAINED)
    scene.inventory.listed(scene.inventory.stamp(), EndpointList((OWN,), unreadable=True))
    verdict = plan.decide(scene.situation()).verdict
    assert verdict is not None
    assert verdict.message == "Waiting for a complete list of the cloud."


@pytest.mark.parametrize("name", TABLE)
def test_by_force_no_reason_counts(name: str) -> None:
    """A person takes over: the object goes at once."""
    decision = plan.decide(ended(TABLE[name][0](), FORCED).situation())
    assert isinstance(decision.action, RemoveFinalizer)
    assert decision.action.event == "ForceReleased"


@pytest.mark.parametrize(
    ("how", "make", "event"),
    [
        pytest.param(OBSERVED, lambda: Scene().recorded().lists(OWN), "ReleasedEndpoint", id="observed"),
        pytest.param(
            RETAINED,
            lambda: Scene().recorded().lists(an_endpoint(description=released())),
            "ReleasedEndpoint",
            id="retained",
        ),
        pytest.param(
            DELETED, lambda: Scene().recorded().lists(OWN).deleted("ep-1").settles(), "DeletedEndpoint", id="deleted"
        ),
        pytest.param(
            DELETED,
            lambda: Scene().recorded().lists(an_endpoint(description=FOREIGN)),
            "OwnershipConflict",
            id="left",
        ),
        pytest.param(
            Ending.NOTHING_MADE, lambda: Scene().held().attempt_written(state="Refused").lists(), "", id="nothing-made"
        ),
    ],
)
def test_what_the_event_says_when_no_reason_is_left(how: Ending, make: Make, event: str) -> None:
    """The object goes, and the Event says what became of its endpoint."""
    situation = ended(make(), how).situation()
    assert ending(judged(situation)) is how
    decision = plan.decide(situation)
    assert (decision.check, type(decision.action)) == (how.value, RemoveFinalizer)
    assert isinstance(decision.action, RemoveFinalizer)
    assert decision.action.event == event


def test_a_list_may_lag_behind_the_creation() -> None:
    """An endpoint that was first seen just before is not gone because one list does not show it."""
    scene = Scene().recorded().lists(OWN).deleted("ep-1").lists().terminating()
    assert plan.decide(scene.situation()).check == "still_listed"
    assert isinstance(plan.decide(scene.wait(61).lists().situation()).action, RemoveFinalizer)


def test_an_earlier_process_may_have_made_it_just_before() -> None:
    """No list has shown the endpoint to this process, and the first one may lag behind its creation."""
    scene = Scene().held().attempt_written("a1", "Created", endpointId="ep-1").lists().looked()
    scene = scene.deleted("ep-1").lists().terminating()
    assert plan.decide(scene.situation()).check == "still_listed"
    assert isinstance(plan.decide(scene.wait(61).lists().situation()).action, RemoveFinalizer)


@pytest.mark.parametrize("how", [RETAINED, DELETED])
def test_what_is_left_may_still_change_though_it_is_not_listed(how: Ending) -> None:
    """It is absent for long enough, and a call without an answer may still reach it."""
    scene = unlisted().settles().looked()
    scene.memory.calls.ended_unclear(scene.inventory.stamp())
    assert plan.decide(ended(scene, how).situation()).check == "unsettled"


def test_a_rotation_forgets_nothing_of_what_was_made_here() -> None:
    """This process made the endpoint just now; the inventory of another credential has never shown it."""
    scene = Scene().recorded().attempted(State.SUCCEEDED, endpoint_id="ep-1").lists().looked()
    scene = scene.deleted("ep-1").lists().terminating()
    assert plan.decide(scene.situation()).check == "still_listed"
    assert isinstance(plan.decide(scene.wait(61).lists().situation()).action, RemoveFinalizer)


def test_a_cloud_that_goes_on_to_list_what_was_deleted_is_named() -> None:
    """The DELETE is sent again and again; after the settle time the message says where to look, and the way out."""
    scene = ended(Scene().recorded().lists(OWN), DELETED)
    for minutes in range(12):
        verdict = plan.decide(scene.deleted("ep-1").wait(10).lists(OWN).situation()).verdict
        assert verdict is not None
        assert ("ep-1 all the same" in verdict.message) is (api.FORCE_RELEASE in verdict.message) is (minutes >= 10)
        assert not verdict.stalled
        assert plan.decide(scene.wait(50).lists(OWN).situation()).action == DeleteEndpoints(("ep-1",))


@pytest.mark.rule("D42")
@pytest.mark.parametrize("how", [RETAINED, DELETED])
@pytest.mark.parametrize("waited", [31, 700], ids=["waiting", "a-person-is-asked"])
def test_an_open_attempt_holds_back_no_further_delete(how: Ending, waited: int) -> None:
    """What was accepted is deleted again when that is due, whatever becomes of a create call without an answer."""
    scene = ended(accepted().attempted(State.IN_DOUBT, attempt_id="a9").lists(OWN), how)
    assert plan.decide(scene.situation()).check == "unresolved_attempt"
    scene.wait(waited).lists(*([OWN] if how is RETAINED else []))
    decision = plan.decide(scene.situation())
    assert (decision.check, decision.action) == ("due_again", DeleteEndpoints(("ep-2",)))
    scene.memory.endpoints.delete_answered("ep-2", scene.inventory.delete_answered("ep-2", there=True))
    decision = plan.decide(scene.situation())
    assert decision.check == "unresolved_attempt"
    assert decision.verdict is not None
    assert decision.verdict.stalled is (waited == 700)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param("True", "it says True, and not true", id="another spelling"),
        pytest.param("yes", "it says yes, and not true", id="another word"),
        pytest.param("\u202e" + "y" * 1000, f"it says \\u202e{'y' * 30}…, and not true", id="long and odd"),
        pytest.param("false", "", id="a clear no"),
        pytest.param(" ", "", id="blank"),
    ],
)
@pytest.mark.parametrize("name", TABLE)
def test_a_word_that_lets_go_of_nothing_is_told(name: str, value: str, told: str) -> None:
    """Whatever keeps the object: a person who believes to have released it reads that it is not so."""
    make, endings = TABLE[name]
    scene = ended(make(), min(endings, key=str)).annotated(api.FORCE_RELEASE, value)
    for situation in (scene.situation(), scene.annotated(api.PAUSED).situation()):
        decision = plan.decide(situation)
        assert decision.check == name
        said = decision.verdict.message if decision.verdict is not None else told
        assert ("does nothing" in said) is (bool(told) and decision.verdict is not None)
        assert told in said

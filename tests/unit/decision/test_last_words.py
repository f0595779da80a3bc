"""What is said when the finalizer goes: of each endpoint, what became of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.decision.actions import RemoveFinalizer
from tokenfactory_operator.decision.plan import decide
from tokenfactory_operator.domain.attempt import State
from unit.support.builders import OTHER_UID, an_endpoint, mark, released
from unit.support.scene import Scene

Arrange = Callable[[Scene], object]

OWN, LATE = an_endpoint(), an_endpoint("ep-2", description=mark("a2"))


def test_a_restored_object_under_another_uid_deletes_nothing_by_the_old_status() -> None:
    """Identity: a status with another uid leads to no endpoint."""
    scene = Scene().held().status(uid=OTHER_UID, endpointId="ep-9").terminating()
    scene.wait(66).settles(an_endpoint("ep-9", description=mark(uid=OTHER_UID)), seconds=600)
    assert decide(scene.situation()).action == RemoveFinalizer("DeletedEndpoint", "No endpoint is in the cloud.")


@pytest.mark.rule("D18")
def test_force_release_says_what_may_still_be_billed() -> None:
    """Delete 5: the event names every endpoint that is known."""
    scene = Scene().recorded().terminating().annotated(api.FORCE_RELEASE).lists(LATE)
    action = decide(scene.situation()).action
    assert isinstance(action, RemoveFinalizer)
    assert "ep-1, ep-2 may still be billed" in action.message


@pytest.mark.parametrize(
    ("arrange", "text"),
    [
        pytest.param(lambda s: s.lists(an_endpoint(description=released())), "stays in the cloud", id="there"),
        pytest.param(lambda s: s.settles(), "no longer in the cloud", id="absent"),
        pytest.param(lambda s: s.gone().lists(), "no longer in the cloud", id="proven-gone"),
    ],
)
def test_a_release_says_what_became_of_the_endpoint(arrange: Arrange, text: str) -> None:
    """Events say what has happened: an endpoint that is gone is not said to be billed."""
    scene = Scene().recorded().spec(deletionPolicy="Retain").terminating().lists(OWN)
    scene.memory.endpoints.release_answered("ep-1", scene.inventory.stamp())
    arrange(scene)
    action = decide(scene.situation()).action
    assert isinstance(action, RemoveFinalizer)
    assert text in action.message


def _words(scene: Scene) -> str:
    action = decide(scene.situation()).action
    assert isinstance(action, RemoveFinalizer)
    return action.message


@pytest.mark.rule("D18")
def test_force_release_says_that_a_call_may_have_made_another_one() -> None:
    """Delete 5: beside the endpoint that is known."""
    scene = Scene().recorded().terminating().annotated(api.FORCE_RELEASE).attempted(State.IN_DOUBT, attempt_id="a2")
    assert "ep-1, an endpoint that is not known may still be billed" in _words(scene)


@pytest.mark.rule("D18", "I19")
def test_force_release_names_the_endpoint_of_the_clusters_id_of_before() -> None:
    """Delete 5: it has the object's uid."""
    scene = Scene().held().terminating().annotated(api.FORCE_RELEASE)
    scene.lists(an_endpoint("ep-3", description=mark(cluster="before")))
    assert "ep-3" in _words(scene)


@pytest.mark.rule("D39")
def test_an_observer_whose_endpoint_was_being_deleted() -> None:
    """The policy was changed after the DELETE was accepted."""
    scene = Scene().recorded().spec(managementPolicy="Observe").terminating().lists(OWN).deleted("ep-1")
    assert "ep-1 was being deleted" in _words(scene)


@pytest.mark.rule("D33")
def test_an_observer_beside_whose_endpoint_a_call_may_have_made_another_one() -> None:
    """Nobody waits for it, so it is said."""
    scene = Scene().recorded().spec(managementPolicy="Observe").terminating()
    scene.attempted(State.IN_DOUBT, attempt_id="a2").lists(OWN)
    assert "ep-1 stays in the cloud" in _words(scene)
    assert "not known may be billed" in _words(scene)

"""What is said when the finalizer goes: of each endpoint, what became of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.decision.actions import RemoveFinalizer
from tokenfactory_operator.decision.plan import decide
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

"""What the same object has twice, or in two projects, while it is let go, throttled or looked up by id."""

from __future__ import annotations

import pytest

from tokenfactory_operator.decision.actions import Create, DeleteDuplicate, Nothing, RemoveFinalizer, Rescope
from tokenfactory_operator.domain.attempt import State
from tokenfactory_operator.domain.observed import ObservedEndpoint
from unit.support.builders import FOREIGN, an_endpoint, mark, released
from unit.support.outcome import decided
from unit.support.scene import Scene

LATE = an_endpoint("ep-2", description=mark("a2"))


def retained() -> Scene:
    return Scene().recorded().spec(deletionPolicy="Retain").terminating()


@pytest.mark.rule("D21")
@pytest.mark.parametrize("kept", [mark(), released()], ids=["before-the-release", "after-it"])
def test_a_late_duplicate_is_deleted_before_the_other_is_let_go(kept: str) -> None:
    """Create 7 and Delete 3: nobody would delete it any more, and only one was to stay."""
    scene = retained().lists(an_endpoint(description=kept), LATE)
    assert decided(scene).action == DeleteDuplicate("ep-2", "ep-1")
    assert decided(scene.deleted("ep-2")).action == Nothing()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(an_endpoint("ep-2"), id="a-copy"),
        pytest.param(an_endpoint("ep-2", description=mark("adopted")), id="adopted"),
        pytest.param(an_endpoint("ep-2", description=f"{mark('a2')} {FOREIGN}"), id="a-foreign-mark-too"),
    ],
)
def test_what_was_not_made_here_stays(other: ObservedEndpoint) -> None:
    """Create 7: such a one is never deleted, and does not hold the object."""
    scene = retained().lists(an_endpoint(description=released()), other)
    assert isinstance(decided(scene).action, RemoveFinalizer)


@pytest.mark.rule("E25")
def test_a_get_rebinds_no_scope() -> None:
    """Gone: a 200 by id never rebinds the scope; only a LIST that shows the endpoint does."""
    scene = Scene().recorded(scope="project-2").settles()
    scene.inventory.found_by_id(an_endpoint())
    assert decided(scene).check == "other_scope"
    assert decided(scene).action == Nothing()
    assert isinstance(decided(scene.lists(an_endpoint())).action, Rescope)


@pytest.mark.rule("I16")
def test_an_attempt_of_another_scope_is_not_sent_again() -> None:
    """Identity: the scope is written with the attempt, so a POST with another project's token needs a new one."""
    scene = Scene().held().attempt_written().attempted(State.REFUSED).lists()
    assert decided(scene).action == Create(resume=True)
    scene.body["status"]["scope"] = "project-2"
    assert decided(scene).action == Create(resume=False)

"""A second endpoint with our mark: who is told of it, and what becomes of it beside somebody else's mark."""

from __future__ import annotations

import pytest

from tokenfactory_operator.decision.actions import DeleteDuplicate, Nothing
from tokenfactory_operator.domain.observed import Changes, EndpointList
from tokenfactory_operator.domain.reasons import Reason
from unit.support.builders import FOREIGN, OTHER_UID, UID, an_endpoint, mark
from unit.support.outcome import decided
from unit.support.scene import Scene

OWN = an_endpoint()


def test_a_duplicate_that_carries_another_owners_mark_too() -> None:
    """Identity: what may be a stranger's is a conflict for a person, not a duplicate to delete."""
    shared = an_endpoint("ep-2", description=f"{mark('a2')} {FOREIGN}")
    answer = decided(Scene().recorded().lists(OWN, shared))
    assert (answer.action, answer.reason, answer.stalled) == (Nothing(), Reason.OWNERSHIP_CONFLICT, True)
    alone = an_endpoint("ep-2", description=mark("a2"))
    assert decided(Scene().recorded().lists(OWN, alone)).action == DeleteDuplicate("ep-2", "ep-1")


def test_a_list_tells_who_has_more_than_one() -> None:
    """Of those that it changes; one endpoint each is the rule."""
    scene = Scene().lists(OWN)
    duplicate, others = (
        an_endpoint("ep-2", description=mark("a2")),
        an_endpoint("ep-3", description=mark(uid=OTHER_UID)),
    )
    changes = scene.inventory.listed(scene.inventory.stamp(), EndpointList((OWN, duplicate, others)))
    assert changes == Changes(frozenset({"ep-2", "ep-3"}), frozenset({UID, OTHER_UID}), frozenset({UID}))


@pytest.mark.rule("C25", "L11")
@pytest.mark.parametrize("status", ["stopping", "Stopping", "stopped", "deleting", "TERMINATING"])
def test_what_is_being_stopped_does_not_come_before_what_serves(status: str) -> None:
    """It still takes traffic, and will not for long: of the two it is the duplicate, though it is the older one."""
    older = an_endpoint(status=status, readiness="partially_ready", created_at="2025-01-01T00:00:00Z")
    other = an_endpoint("ep-2", description=mark("a2"), created_at="2025-01-02T00:00:00Z")
    scene = Scene().recorded().lists(older, other)
    assert decided(scene).record == "ep-2"

"""A second endpoint with our mark: who is told of it, and what becomes of it beside somebody else's mark."""

from __future__ import annotations

import pytest

from tokenfactory_operator.decision.actions import DeleteDuplicate, DeleteEndpoints, Nothing
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


@pytest.mark.rule("C20")
@pytest.mark.parametrize("tries", [("a1", "a2"), ("a2", "a1")])
def test_an_open_attempt_is_seen_beside_another_mark_of_the_object(tries: tuple[str, str]) -> None:
    """Somebody has pasted a mark: whichever stands first, it was seen, so its absence would never be proven."""
    both = an_endpoint(description=" ".join(map(mark, tries)))
    scene = Scene().held().attempt_written("a2", endpointId="ep-1").settles(both)
    assert decided(scene).check != "undecided"
    assert decided(scene.terminating()).action == DeleteEndpoints(("ep-1",))


@pytest.mark.rule("C25", "L11")
@pytest.mark.parametrize("status", ["stopping", "Stopping", "stopped", "deleting", "TERMINATING"])
def test_what_is_being_stopped_does_not_come_before_what_serves(status: str) -> None:
    """It still takes traffic, and will not for long: of the two it is the duplicate, though it is the older one."""
    older = an_endpoint(status=status, readiness="partially_ready", created_at="2025-01-01T00:00:00Z")
    other = an_endpoint("ep-2", description=mark("a2"), created_at="2025-01-02T00:00:00Z")
    scene = Scene().recorded().lists(older, other)
    assert decided(scene).record == "ep-2"

"""One bad item of a LIST costs that item: what it may hide is taken to exist, and the others are worked on."""

from __future__ import annotations

import pytest

from tokenfactory_operator.domain.observed import EndpointList
from tokenfactory_operator.domain.resource import parse
from tokenfactory_operator.state.evidence import evidence_for
from unit.support.builders import OTHER_UID, an_endpoint, an_object, mark
from unit.support.scene import Scene


@pytest.mark.rule("E6")
def test_a_nameless_item_may_be_what_its_mark_names() -> None:
    """Such a LIST proves no absence of that object's endpoints, and keeps those that were known; it does of others."""
    scene = Scene()
    ours, other = an_endpoint("ep-1"), an_endpoint("ep-2", description=mark(uid=OTHER_UID))
    scene.inventory.listed(scene.inventory.stamp(), EndpointList((ours, other)))
    for _ in range(2):
        scene.wait(100.0)
        scene.inventory.listed(scene.inventory.stamp(), EndpointList((), nameless=(mark(), "a stranger's")))
    assert scene.inventory.endpoint("ep-1") is not None
    assert scene.inventory.endpoint("ep-2") is None
    seen = evidence_for(scene.inventory, parse(an_object()), recorded="ep-1", attempt="a1")
    for absence in (seen.identity_absence, seen.recorded.absence, seen.attempt_absence):
        assert not absence.proven(after=float("-inf"), settle=60.0)


@pytest.mark.rule("E6")
def test_an_unreadable_item_stops_no_view() -> None:
    """It may be anything, so nothing is absent; everything that is shown may be worked on."""
    scene = Scene()
    for _ in range(3):
        scene.wait(100.0)
        begun = scene.inventory.stamp()
        scene.inventory.listed(begun, EndpointList((an_endpoint("ep-2"),), unreadable=True))
    assert (scene.inventory.last_view, scene.inventory.listed_once) == (begun, True)
    seen = evidence_for(scene.inventory, parse(an_object()), recorded="ep-1", attempt="a1")
    assert seen.view.last_view == begun
    assert not seen.recorded.absence.proven(after=float("-inf"), settle=60.0)

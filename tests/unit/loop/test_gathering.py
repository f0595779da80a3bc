"""What a decision is made from: gathering it changes nothing, and noting is done before."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.attempt import State
from tokenfactory_operator.domain.decision_input import Known
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.loop.gathering import confirm, gather, note, other_scope
from unit.support.builders import IDENTITY, SCOPE, an_endpoint, mark
from unit.support.scene import Scene

Arrange = Callable[[Scene], Scene]
OWN = an_endpoint(description=mark("a1"))


def known(scene: Scene) -> Known:
    """Of the scene's object, as it is now."""
    return Known(scene.resource, IDENTITY, scene.memory, scene.timing, scene.inventory.stamp())


@pytest.mark.parametrize(
    "arrange",
    [
        pytest.param(lambda s: s, id="new"),
        pytest.param(lambda s: s.recorded().lists(OWN), id="in-order"),
        pytest.param(lambda s: s.recorded().settles(), id="lost"),
        pytest.param(lambda s: s.held().attempted(State.IN_DOUBT).lists(OWN), id="attempt-seen"),
        pytest.param(lambda s: s.recorded(scope="other").lists(OWN), id="other-scope"),
        pytest.param(lambda s: s.recorded().lists(OWN).annotated(api.RECONCILE_REQUESTED_AT, "now"), id="requested"),
        pytest.param(lambda s: s.recorded().terminating().lists(OWN).deleted("ep-1").lists(), id="being-deleted"),
        pytest.param(lambda s: s.recorded().hides().settles().word(), id="doubt-confirmed"),
    ],
)
def test_gathering_changes_nothing(arrange: Arrange) -> None:
    """The same input twice, and memory and inventory as they were: without the notes too."""
    scene = arrange(Scene())
    given = known(scene)
    before = pickle.dumps((scene.memory, scene.inventory, scene.projects))
    found = [
        gather(
            given,
            scene.inventory,
            scene.projects,
            policy=scene.policy,
            catalog=scene.catalog,
            claimed_by=lambda _: "",
        )
        for _ in range(2)
    ]
    assert found[0] == found[1]
    assert pickle.dumps((scene.memory, scene.inventory, scene.projects)) == before


def test_what_is_noted_once_stays() -> None:
    """A pass that sees the same again changes nothing of what the first one noted."""
    scene = Scene().recorded().lists(OWN)
    note(known(scene), scene.inventory, scene.projects)
    noted = pickle.dumps(scene.memory)
    note(known(scene), scene.inventory, scene.projects)
    assert pickle.dumps(scene.memory) == noted


def test_a_request_confirms_a_doubt_once() -> None:
    """The annotation answers the doubt that the status reports when its value is first seen."""
    scene = Scene().recorded().stalled_before(Reason.INVENTORY_UNTRUSTED)
    scene.body["metadata"]["annotations"] = {api.RECONCILE_REQUESTED_AT: "now"}
    first = scene.situation()
    confirmed = scene.memory.confirmed_doubts
    scene.memory.doubt_over()
    scene.situation()
    assert confirmed == {Reason.INVENTORY_UNTRUSTED}
    assert not scene.memory.confirmed_doubts
    assert scene.memory.request.seen == first.now


def test_an_attempt_in_doubt_is_over_when_its_endpoint_is_seen() -> None:
    """Create 6: the mark says which attempt has made it."""
    scene = Scene().held().attempted(State.IN_DOUBT).lists(OWN)
    note(known(scene), scene.inventory, scene.projects)
    latest = scene.memory.attempts.latest
    assert latest is not None
    assert (latest.state, latest.endpoint_id) == (State.SUCCEEDED, "ep-1")


def test_a_confirmed_absence_counts_from_the_next_look_on() -> None:
    """The decision that follows is still told of the doubt, and that it was confirmed."""
    scene = Scene().recorded().lists(OWN, an_endpoint("ep-2"), an_endpoint("ep-3")).wait(1).lists(an_endpoint("ep-3"))
    scene.inventory.expect("ep-2")
    first = scene.word().situation()
    confirm(first, scene.inventory)
    assert first.evidence.view.untrusted
    assert not scene.situation().evidence.view.untrusted


@pytest.mark.parametrize(
    ("written", "present", "other"), [(SCOPE, SCOPE, ""), ("old", SCOPE, "old"), ("old", "", ""), (None, SCOPE, "")]
)
def test_another_scope_is_one_that_is_written_while_there_is_a_credential(
    written: str | None, present: str, other: str
) -> None:
    """Without a credential nothing can be said about its project."""
    scene = Scene().recorded(scope=written)
    scene.inventory.scope = present
    assert other_scope(scene.resource, scene.inventory) == other

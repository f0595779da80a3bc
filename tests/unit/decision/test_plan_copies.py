"""An owner mark that somebody copied: the copy is never taken for the object's own, nor for what is left of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tokenfactory_operator.decision.actions import DeleteDuplicate, DeleteEndpoints, Nothing, RemoveFinalizer
from tokenfactory_operator.decision.plan import decide
from tokenfactory_operator.domain.attempt import State
from tokenfactory_operator.domain.reasons import Reason
from unit.support.builders import an_endpoint, mark
from unit.support.outcome import decided
from unit.support.scene import Scene

Arrange = Callable[[Scene], Scene]

OWN: Final = an_endpoint()
COPY: Final = an_endpoint("ep-2", routing_key="dedicated/theirs")
CLONE: Final = an_endpoint("ep-2", created_at="2025-01-01T13:00:00Z")
REPORTED: Final = {"routingKey": "dedicated/llm-1", "createdAt": "2025-01-01T12:00:00Z"}


LIVING = [
    pytest.param(lambda s: s.recorded(**REPORTED).lists(OWN, COPY), "OwnershipConflict", id="beside-the-original"),
    pytest.param(lambda s: s.recorded(**REPORTED).lists(COPY), "OwnershipConflict", id="original-missing-once"),
    pytest.param(lambda s: s.recorded(**REPORTED).settles(COPY), "OwnershipConflict", id="original-absent"),
    pytest.param(lambda s: s.recorded(**REPORTED).settles(COPY).gone(), "OwnershipConflict", id="original-gone"),
    pytest.param(lambda s: s.recorded(**REPORTED).settles(CLONE), "OwnershipConflict", id="younger-than-the-original"),
    pytest.param(
        lambda s: s.recorded("ep-9", **REPORTED).settles(OWN), "ReconcileSuccess", id="only-the-id-is-nonsense"
    ),
    pytest.param(lambda s: s.recorded("ep-9").settles(OWN), "ReconcileSuccess", id="nothing-else-is-told"),
    pytest.param(
        lambda s: s.recorded("ep-9", **REPORTED).settles(an_endpoint(routing_key=None, created_at=None)),
        "ReconcileSuccess",
        id="the-answer-does-not-tell",
    ),
    pytest.param(
        lambda s: s.recorded("ep-9", **REPORTED).settles(an_endpoint("ep-2", description=mark("a2"), routing_key="x")),
        "ReconcileSuccess",
        id="another-try-is-no-copy",
    ),
]


@pytest.mark.rule("C43")
@pytest.mark.parametrize(("arrange", "reason"), LIVING)
def test_a_copy_is_a_conflict_whatever_became_of_the_original(arrange: Arrange, reason: str) -> None:
    """Create 7: an attempt makes one endpoint, so a second one with its try was made outside."""
    found = decide(arrange(Scene()).situation())
    assert found.verdict is not None
    assert found.verdict.reason == reason
    assert isinstance(found.action, Nothing)
    if reason == "OwnershipConflict":
        assert "ep-2" in found.verdict.message
        assert found.record == "ep-1"


TERMINATING = [
    pytest.param(lambda s: s.recorded(**REPORTED).lists(OWN, COPY), DeleteEndpoints(("ep-1",)), id="original-first"),
    pytest.param(
        lambda s: s.recorded(**REPORTED).lists(COPY).looked(),
        DeleteEndpoints(("ep-1",)),
        id="original-missing-after-a-restart",
    ),
    pytest.param(
        lambda s: s.recorded("ep-9", **REPORTED).lists(OWN), DeleteEndpoints(("ep-1",)), id="only-the-id-is-nonsense"
    ),
]


@pytest.mark.rule("C43")
@pytest.mark.parametrize(("arrange", "action"), TERMINATING)
def test_a_deletion_takes_the_original_only(arrange: Arrange, action: DeleteEndpoints) -> None:
    """Delete 4: the copy is left, also once the original is no longer beside it."""
    assert decided(arrange(Scene()).terminating()).action == action


def test_a_copy_does_not_hold_the_object() -> None:
    """Delete 4: the finalizer goes, and the event names what was left."""
    scene = Scene().recorded(**REPORTED).terminating().lists(OWN, COPY).deleted("ep-1").wait(61).lists(COPY)
    action = decide(scene.situation()).action
    assert isinstance(action, RemoveFinalizer)
    assert action.event == Reason.OWNERSHIP_CONFLICT
    assert "ep-2" in action.message


def _replaced(scene: Scene) -> Scene:
    """This process made ep-1, then its successor ep-3. What shows up now is a copy of the first one's mark, older."""
    scene = scene.attempted(State.SUCCEEDED, endpoint_id="ep-1").noted(OWN).settles().gone("ep-1")
    scene = scene.attempted(State.SUCCEEDED, attempt_id="a3", endpoint_id="ep-3").recorded("ep-3")
    return scene.settles(an_endpoint("ep-2"), an_endpoint("ep-3", description=mark("a3"), created_at="2025-01-02"))


def _not_serving(scene: Scene) -> Scene:
    """The copy serves, and the original does not."""
    return scene.recorded(**REPORTED).settles(
        an_endpoint(status="starting", readiness="not_ready", ready_replicas=0), COPY
    )


@pytest.mark.rule("C43", "X32")
@pytest.mark.parametrize(("arrange", "own"), [(_replaced, "ep-3"), (_not_serving, "ep-1")])
def test_a_copy_never_stands_in_the_place_of_the_original(arrange: Arrange, own: str) -> None:
    """Create 7: however old it is, and whether it serves: the object's own is kept, deleted or released."""
    found = decide(arrange(Scene()).situation())
    assert found.verdict is not None
    assert (found.verdict.reason, found.action, found.record) == ("OwnershipConflict", Nothing(), own)
    assert decided(arrange(Scene()).terminating()).action == DeleteEndpoints((own,))
    assert decided(arrange(Scene()).spec(deletionPolicy="Retain").terminating()).check == "unreleased"


@pytest.mark.rule("C33", "X18")
@pytest.mark.parametrize("state", ["Pending", "Refused"])
@pytest.mark.parametrize("marked", [True, False])
def test_what_the_latest_attempt_makes_beside_another_ones_endpoint_is_a_duplicate(state: str, *, marked: bool) -> None:
    """Create 7: the recorded endpoint is an earlier attempt's, so the latest attempt's is no copy of it."""
    scene = Scene().held().attempt_written("a2", state, endpointId="ep-1", **REPORTED).saw_mark()
    recorded = an_endpoint() if marked else an_endpoint(description="its mark was removed")
    late = an_endpoint("ep-2", description=mark("a2"), routing_key="dedicated/llm-2", created_at="2025-01-02")
    found = decide(scene.settles(recorded, late).situation())
    assert found.verdict is None or found.verdict.reason is not Reason.OWNERSHIP_CONFLICT
    assert found.action == DeleteDuplicate("ep-2", "ep-1")

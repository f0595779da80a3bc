"""A view of the cloud that is too old decides nothing, though no LIST has failed: of a suspended process, say."""

from __future__ import annotations

import pytest

from tokenfactory_operator.decision.actions import DeleteEndpoints
from tokenfactory_operator.domain.timing import Timing
from unit.support.builders import an_endpoint
from unit.support.outcome import decided
from unit.support.scene import Scene

LIMIT = Timing().stale_after


def test_how_old_a_view_may_be() -> None:
    """Three intervals, as until an outage is said, and the time that one LIST may take."""
    assert 3 * Timing().poll_interval + Timing().request_timeout == LIMIT


@pytest.mark.rule("R4")
@pytest.mark.parametrize(
    ("scene", "age", "check"),
    [
        pytest.param(Scene().recorded().lists(an_endpoint()), LIMIT - 2, "in_order", id="endpoint, recent"),
        pytest.param(Scene().recorded().lists(an_endpoint()), LIMIT + 1, "cloud_not_observed", id="endpoint, too old"),
        pytest.param(Scene().lists(), LIMIT - 2, "create", id="nothing there, recent"),
        pytest.param(Scene().lists(), LIMIT + 1, "cloud_not_observed", id="nothing there, too old"),
        pytest.param(
            Scene().recorded().lists(an_endpoint()).spec(displayName="new"),
            LIMIT + 1,
            "cloud_not_observed",
            id="edited meanwhile",
        ),
    ],
)
def test_an_old_view_decides_nothing(scene: Scene, age: float, check: str) -> None:
    """Neither `Ready` nor a create follows from it; the next LIST decides."""
    found = decided(scene.wait(age))
    assert found.check == check
    if check == "cloud_not_observed":
        assert (found.reason, found.after_list) == (None, True)


def test_a_deletion_goes_on() -> None:
    """What is being deleted is deleted by its id, whatever the LISTs show."""
    scene = Scene().recorded().lists(an_endpoint()).terminating().wait(LIMIT + 1)
    assert decided(scene).action == DeleteEndpoints(("ep-1",))

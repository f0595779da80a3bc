"""When a person's request counts as handled."""

from __future__ import annotations

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.decision.plan import decide
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.report import status
from unit.support.scene import Scene


def handled(scene: Scene) -> str | None:
    """What the status echoes after the plan's own decision."""
    situation = scene.situation()
    decision = decide(situation)
    assert decision.verdict is not None
    return status.after(situation, decision, decision.verdict, now="2025-01-01T12:00:00Z").last_handled_reconcile_at


def test_a_request_is_handled_by_a_list_that_was_begun_after_it() -> None:
    """What is said again, without a look, does not answer it: the next LIST does."""
    scene = Scene().recorded(scope="another").stalled_before(Reason.CREDENTIALS_MISMATCH)
    scene.lists().annotated(api.RECONCILE_REQUESTED_AT, "now")
    assert handled(scene) is None
    assert handled(scene.lists()) == "now"


@pytest.mark.rule("E29")
def test_a_request_cannot_answer_a_doubt_that_is_told_after_it() -> None:
    """X10: it is done with at once, so that no later process takes it for a person's word."""
    scene = Scene().recorded(scope="another").lists().annotated(api.RECONCILE_REQUESTED_AT, "now")
    assert handled(scene) == "now"

"""What becomes of a pending attempt in the status of an object that has an endpoint."""

from __future__ import annotations

import pytest

from tokenfactory_operator.domain import plan, status
from unit.support.builders import an_endpoint, mark
from unit.support.scene import Scene

NOW = "2025-01-01T12:00:00Z"


@pytest.mark.parametrize(
    ("description", "settled", "expected"),
    [
        pytest.param(None, 61.0, ("a1", "Refused"), id="unmarked, nothing came of the attempt"),
        pytest.param(None, 30.0, ("a1", "Pending"), id="unmarked, too early to say"),
        pytest.param(mark("a2"), 61.0, ("a2", "Created"), id="made by another attempt"),
        pytest.param(mark("a1"), 0.0, ("a1", "Created"), id="made by this one"),
    ],
)
def test_attempt_in_the_status(description: str | None, settled: float, expected: tuple[str, str]) -> None:
    """Whatever is Ready has no attempt open: proven to have made nothing, it is written so (after a restored etcd)."""
    scene = Scene().held().attempt_written("a1", endpointId="ep-1").spec(managementPolicy="Observe").wait(66)
    scene.settles(an_endpoint(description=description), seconds=settled)
    s = scene.situation()
    decision = plan.decide(s)
    assert decision.verdict is not None
    written = status.after(s, decision, decision.verdict, now=NOW)
    assert written.create_attempt is not None
    assert (written.create_attempt.id, written.create_attempt.state) == expected
    ready = {item.type: item.status for item in written.conditions}["Ready"]
    assert ready != "True" or expected[1] != "Pending"

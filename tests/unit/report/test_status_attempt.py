"""What becomes of a pending attempt in the status of an object that has an endpoint."""

from __future__ import annotations

import pytest

from tokenfactory_operator.decision import ownership, plan
from tokenfactory_operator.domain.attempt import State
from tokenfactory_operator.report import status
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


@pytest.mark.rule("C41", "X24")
@pytest.mark.parametrize("seen_before", [True, False])
def test_a_duplicates_attempt_is_not_told_beside_the_other_endpoint(*, seen_before: bool) -> None:
    """The latest attempt has made ep-2, while the status names ep-1: told beside it, ep-2 would pass for a copy."""
    scene = Scene().held().attempt_written("a2", endpointId="ep-1", routingKey="dedicated/one")
    scene.attempted(State.SUCCEEDED, attempt_id="a2", endpoint_id="ep-2")
    if seen_before:
        scene.memory.endpoints.recorded_seen(an_endpoint(description=mark("a1")))
    scene.lists(an_endpoint("ep-2", description=mark("a2"), routing_key="dedicated/two"))
    s = scene.situation()
    decision = plan.decide(s)
    assert decision.verdict is not None
    written = status.after(s, decision, decision.verdict, now=NOW)
    assert written.endpoint_id == "ep-1"
    reported = (written.create_attempt.id, written.create_attempt.state) if written.create_attempt else None
    assert reported == (("a1", "Created") if seen_before else None)
    scene.body["status"] |= written.to_dict() if seen_before else {"createAttempt": None}
    assert ownership.judge(scene.situation()).imitations == ()

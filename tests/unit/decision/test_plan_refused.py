"""What the status remembers of a refusal: the cloud's word holds over a restart, a check of our own judges anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tokenfactory_operator.decision.actions import Create, Update
from tokenfactory_operator.decision.plan import decide
from tokenfactory_operator.domain.errors import InvalidSpec
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.report import status
from unit.support.builders import an_endpoint
from unit.support.scene import Scene

Arrange = Callable[[Scene], Scene]
NOW: Final = "2025-01-01T12:00:00Z"


def to_update(s: Scene) -> Scene:
    return s.spec(displayName="chat").recorded()


def to_create(s: Scene) -> Scene:
    return s.held().attempt_written(state="Refused")


ROWS = [
    pytest.param(to_update, "spec.credentials: not supported by this version.", Update, id="unsupported-update"),
    pytest.param(to_update, "region: the endpoint has a, the spec says b.", Update, id="immutable-update"),
    pytest.param(to_create, "spec.credentials: not supported by this version.", Create, id="unsupported-create"),
    pytest.param(to_create, "Refused by the cloud: no", Create, id="whatever-the-message-says"),
]


@pytest.mark.parametrize(("arrange", "message", "action"), ROWS)
def test_a_check_of_our_own_holds_nothing_back_once_it_passes(arrange: Arrange, message: str, action: type) -> None:
    """After an upgrade, say: what an earlier version could not do is no refusal by the cloud."""
    scene = arrange(Scene()).stalled_before(Reason.INVALID_SPEC, message).lists(*endpoints(arrange))
    assert isinstance(decide(scene.situation()).action, action)


@pytest.mark.parametrize(
    ("arrange", "action"),
    [pytest.param(to_update, "Update", id="update"), pytest.param(to_create, "Create", id="create")],
)
def test_what_the_cloud_refused_is_told_so_that_it_is_remembered(arrange: Arrange, action: str) -> None:
    """The status that a failed call leaves is enough for the next process to send nothing, and to say the same."""
    first = arrange(Scene()).lists(*endpoints(arrange)).failed(action, InvalidSpec("no such flavor", refused=True))
    situation = first.situation()
    decision = decide(situation)
    assert decision.verdict is not None
    assert (decision.verdict.reason, decision.verdict.message) == (Reason.REFUSED_BY_CLOUD, "no such flavor")
    left = status.after(situation, decision, decision.verdict, now=NOW).to_dict()
    second = arrange(Scene())
    second.body["status"] = left
    again = decide(second.lists(*endpoints(arrange)).situation())
    assert not isinstance(again.action, Create | Update)
    assert again.verdict == decision.verdict


def endpoints(arrange: Arrange) -> tuple[ObservedEndpoint, ...]:
    return (an_endpoint(),) if arrange is to_update else ()

"""The cloud's console against the spec: what is put back, what is left, and when the operator stops trying."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.support.eventually import eventually
from cluster.support.world import World

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize(
    ("spec", "change", "expected"),
    [
        pytest.param(
            {}, {"scaling": {"max_replicas": 9}}, {"scaling": {"min_replicas": 1, "max_replicas": 4}}, id="scaling"
        ),
        pytest.param({}, {"gpu_count": 4}, {"gpu_type": "gpu-h100-sxm", "gpu_count": 1}, id="GPU count"),
        pytest.param({"displayName": "mine"}, {"name": "theirs"}, {"name": "mine"}, id="name"),
        pytest.param({"enabled": True}, {"enabled": False}, {"enabled": True}, id="stopped in the console"),
    ],
)
def test_put_back(
    shared: World, name: str, spec: dict[str, Any], change: dict[str, Any], expected: dict[str, Any]
) -> None:
    """A field that the spec sets is put back by one PATCH, which an Event and a counter tell."""
    counter = ("tokenfactory_notable_events_total", "corrected_drift")
    before = shared.operator.metrics().get(counter, 0)
    endpoint_id = shared.created(name, **spec).endpoint_id
    shared.cloud.console_patch(endpoint_id, **change)
    shared.until_event(name, "CorrectedDrift")
    shared.until_ready(name)
    shared.after_lists()
    assert [call["body"] for call in shared.calls(name, "PATCH")] == [expected]
    assert shared.operator.metrics()[counter] == before + 1
    assert shared.events(name, "UpdatedEndpoint") == []


def test_lost_mark_is_put_back(shared: World, name: str) -> None:
    """A description edited in the console gets its owner mark back, and keeps the text that the spec leaves out."""
    seen = shared.created(name)
    mark = shared.endpoint(name)["description"]
    shared.cloud.console_patch(seen.endpoint_id, description="a note of mine")
    eventually(lambda: shared.endpoints(name), what="the mark")
    shared.until_ready(name)
    shared.after_lists()
    assert [call["body"] for call in shared.calls(name, "PATCH")] == [{"description": f"a note of mine {mark}"}]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"name": "theirs"}, id="name"),
        pytest.param({"custom_weights_id": "model-artifact_9"}, id="weights"),
    ],
)
def test_left_out_fields_are_the_clouds(shared: World, name: str, change: dict[str, Any]) -> None:
    """A field that the spec leaves out may be changed in the console: nothing is sent, nothing is said."""
    seen = shared.created(name)
    shared.cloud.console_patch(seen.endpoint_id, **change)
    shared.after_lists()
    assert shared.calls(name, "PATCH") == []
    assert {field: shared.endpoint(name)[field] for field in change} == change
    assert shared.get(name).version == seen.version


def test_stopped_in_the_console(shared: World, name: str) -> None:
    """Where the spec leaves `enabled` out, an endpoint stopped in the console stays so and the object is not Ready."""
    seen = shared.created(name)
    shared.cloud.console_patch(seen.endpoint_id, enabled=False)
    stopped = shared.until_reported(name, "Ready", "StoppedInConsole", status="False")
    assert "stopped in the cloud's console" in stopped.said("Ready").message
    assert stopped.said("Serving").status == "False"
    assert shared.calls(name, "PATCH") == []


def test_a_field_that_never_sticks(shared: World, name: str) -> None:
    """After three accepted PATCHes that did not last the object stalls, naming both values; nothing more is sent."""
    seen = shared.created(name, displayName="mine")
    for tries in (1, 2, 3):
        shared.cloud.console_patch(seen.endpoint_id, name="theirs")
        shared.until_called(name, "PATCH", tries)
        eventually(lambda: shared.endpoint(name)["name"] == "mine")
    shared.cloud.console_patch(seen.endpoint_id, name="theirs")
    stalled = shared.until_reported(name, "Synced", "NotAccepted", status="False")
    assert stalled.said("Stalled").status == "True"
    assert "theirs" in stalled.said("Synced").message
    assert "mine" in stalled.said("Synced").message
    assert not stalled.ready
    shared.after_lists(5)
    assert len(shared.calls(name, "PATCH")) == 3
    shared.edit(name, displayName="ours")
    shared.until_ready(name)
    assert shared.calls(name, "PATCH")[3]["body"] == {"name": "ours"}


@pytest.mark.parametrize(
    ("state", "ready", "reason", "serving"),
    [
        pytest.param({"status": "error", "readiness": "not_ready"}, "False", "DeploymentError", "False", id="failed"),
        pytest.param({"status": "error", "readiness": "ready"}, "True", "Available", "True", id="error, but serves"),
        pytest.param({"status": "running", "readiness": "not_ready"}, "False", "NotReady", "False", id="outage"),
        pytest.param({"status": "updating", "readiness": "ready"}, "True", "Available", "True", id="rollout"),
        pytest.param({"status": "dreaming", "readiness": "sleepy"}, "False", "NotReady", "False", id="unknown words"),
    ],
)
def test_states_of_the_cloud(
    shared: World, name: str, state: dict[str, Any], ready: str, reason: str, serving: str
) -> None:
    """What the cloud shows becomes conditions, is kept word for word in the status, and provokes no call."""
    seen = shared.created(name)
    shared.cloud.set_state(seen.endpoint_id, **state)
    words = [state["status"].capitalize(), state["readiness"].title().replace("_", "")]
    shown = shared.until_shown(name, *words)
    assert (shown.said("Ready").status, shown.said("Ready").reason) == (ready, reason)
    assert shown.said("Serving").status == serving
    assert shown.said("Synced").status == "True"
    shared.cloud.clear_state(seen.endpoint_id)
    shared.until_ready(name)
    assert shared.calls(name, "PATCH") == []


@pytest.mark.rule("I2")
def test_endpoint_removed_in_the_console(shared: World, name: str) -> None:
    """A vanished endpoint is proven gone, said, and made anew exactly once under a new try."""
    before = shared.created(name)
    shared.cloud.console_delete(before.endpoint_id)
    after = shared.until_ready_with_another(name, before.endpoint_id)
    shared.until_event(name, "EndpointLost")
    shared.after_lists()
    assert len(shared.calls(name, "POST")) == 2
    assert shared.endpoint(name)["id"] == after.endpoint_id
    assert after.status["createAttempt"]["id"] != before.status["createAttempt"]["id"]
    probes = [call for call in shared.calls(name, "PATCH") if call["endpoint_id"] == before.endpoint_id]
    assert [(call["status"], list(call["body"])) for call in probes] == [(404, ["description"])]
    assert shared.calls(name, "DELETE") == []


def test_stopped_endpoint_removed_in_the_console(shared: World, name: str) -> None:
    """While the spec says stopped, a vanished endpoint is not made anew."""
    shared.created(name)
    shared.edit(name, enabled=False)
    shared.until_reported(name, "Ready", "Stopped", status="True")
    shared.cloud.console_delete(shared.get(name).endpoint_id)
    shared.until_event(name, "EndpointLost")
    shared.after_lists()
    assert shared.endpoints(name) == []
    assert len(shared.calls(name, "POST")) == 1

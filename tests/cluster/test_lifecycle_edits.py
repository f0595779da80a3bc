"""Edits: only what differs is sent, and what the cloud refuses is said without stopping what serves."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.support.world import World

pytestmark = pytest.mark.cluster

REFUSAL = "gpu_count is not available in this project; use one of: 1, 2"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"displayName": "renamed"}, {"name": "renamed"}, id="displayName"),
        pytest.param(
            {"scaling": {"maxReplicas": 7}}, {"scaling": {"min_replicas": 1, "max_replicas": 7}}, id="scaling is whole"
        ),
        pytest.param(
            {"gpu": {"count": 2}}, {"gpu_type": "gpu-h100-sxm", "gpu_count": 2}, id="GPU count takes the type along"
        ),
        pytest.param(
            {"gpu": {"type": "gpu-h200-sxm"}}, {"gpu_type": "gpu-h200-sxm", "gpu_count": 1}, id="GPU type likewise"
        ),
        pytest.param({"customWeightsId": "model-artifact_7"}, {"custom_weights_id": "model-artifact_7"}, id="weights"),
        pytest.param(
            {"displayName": "both", "scaling": {"maxReplicas": 3}},
            {"name": "both", "scaling": {"min_replicas": 1, "max_replicas": 3}},
            id="two fields in one",
        ),
    ],
)
def test_edit(shared: World, name: str, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    """An edit is one PATCH with the changed fields, after which the object is Ready at its new generation."""
    endpoint_id = shared.created(name).endpoint_id
    shared.edit(name, **fields)
    seen = shared.until_ready(name)
    assert (seen.generation, seen.observed_generation) == (2, 2)
    assert [call["body"] for call in shared.calls(name, "PATCH")] == [expected]
    shared.until_event(name, "UpdatedEndpoint")
    assert (shared.endpoint(name)["id"], len(shared.calls(name, "POST"))) == (endpoint_id, 1)
    assert shared.events(name, "CorrectedDrift") == []


def test_edited_description_keeps_the_mark(shared: World, name: str) -> None:
    """The user's text changes, the owner mark after it stays as it was."""
    shared.created(name, description="first")
    mark = shared.endpoint(name)["description"].removeprefix("first ")
    shared.edit(name, description="second")
    shared.until_ready(name)
    assert [call["body"] for call in shared.calls(name, "PATCH")] == [{"description": f"second {mark}"}]


def test_weights_are_cleared(shared: World, name: str) -> None:
    """An empty `customWeightsId` clears it in the vendor's way; afterwards nothing more is sent."""
    shared.created(name, customWeightsId="model-artifact_7")
    shared.edit(name, customWeightsId="")
    shared.until_ready(name)
    shared.after_lists()
    assert [call["body"] for call in shared.calls(name, "PATCH")] == [{"custom_weights_id": "UNSET"}]
    assert shared.endpoint(name)["custom_weights_id"] is None


def test_edit_while_creating(shared: World, name: str) -> None:
    """An edit during the POST is sent as a PATCH afterwards; there is one endpoint, and Ready speaks of the edit."""
    shared.faulty(name, "POST", effect="delay", seconds=1.0, when="after")
    shared.create(name)
    shared.until_called(name, "POST")
    shared.edit(name, scaling={"maxReplicas": 6})
    seen = shared.until_ready(name)
    assert seen.generation == 2
    assert [call["body"] for call in shared.calls(name, "PATCH")] == [
        {"scaling": {"min_replicas": 1, "max_replicas": 6}}
    ]
    assert len(shared.calls(name, "POST")) == 1
    assert shared.endpoint(name)["scaling"]["max_replicas"] == 6


def test_edit_while_starting(shared: World, name: str) -> None:
    """An endpoint that waits for GPUs is not Ready, takes an edit, and is Ready when the GPUs are there."""
    shared.cloud.set_capacity("eu-west1/gpu-h200-sxm", 0)
    shared.create(name, region="eu-west1", gpu={"type": "gpu-h200-sxm", "count": 1})
    waiting = shared.until_reported(name, "Ready", "Starting", status="False")
    assert waiting.said("Reconciling").status == "True"
    assert waiting.said("Stalled").status == ""
    shared.edit(name, displayName="renamed")
    shared.until_called(name, "PATCH")
    shared.after_lists()
    assert not shared.get(name).ready
    shared.cloud.set_capacity("eu-west1/gpu-h200-sxm", None)
    shared.until_ready(name)
    assert (len(shared.calls(name, "POST")), len(shared.calls(name, "PATCH"))) == (1, 1)


def test_refused_edit_of_a_serving_endpoint(shared: World, name: str) -> None:
    """A PATCH that the cloud refuses stalls the object with the cloud's words; it serves on; a good edit mends it."""
    shared.created(name)
    shared.faulty(name, "PATCH", effect="status", code=422, message=REFUSAL, count=1)
    shared.edit(name, gpu={"count": 8})
    seen = shared.until_reported(name, "Synced", "RefusedByCloud", status="False")
    assert (seen.said("Stalled").status, seen.said("Serving").status) == ("True", "True")
    assert not seen.ready
    assert REFUSAL in seen.said("Synced").message
    assert seen.observed_generation == 2
    shared.after_lists()
    assert len(shared.calls(name, "PATCH")) == 1
    shared.edit(name, gpu={"count": 2})
    assert shared.until_ready(name).said("Stalled").status == ""
    assert len(shared.calls(name, "PATCH")) == 2


def test_refused_create(shared: World, name: str) -> None:
    """A spec that the schema takes and the cloud refuses stalls without a retry, and recovers on the edit."""
    shared.faulty(name, "POST", effect="status", code=422, message=REFUSAL, count=1)
    shared.create(name)
    seen = shared.until_reported(name, "Synced", "RefusedByCloud", status="False")
    assert (seen.said("Stalled").status, seen.said("Ready").status) == ("True", "False")
    assert REFUSAL in seen.said("Synced").message
    assert seen.status["createAttempt"]["state"] == "Refused"
    shared.until_event(name, "RefusedByCloud")
    shared.after_lists()
    assert len(shared.calls(name, "POST")) == 1
    shared.edit(name, gpu={"count": 2})
    assert shared.until_ready(name).said("Stalled").status == ""
    assert len(shared.calls(name, "POST")) == 2
    assert len(shared.endpoints(name)) == 1


def test_refused_create_is_deleted_at_once(shared: World, name: str) -> None:
    """What was never created needs no DELETE and no waiting."""
    shared.faulty(name, "POST", effect="status", code=422, message=REFUSAL, count=1)
    shared.create(name)
    shared.until_reported(name, "Synced", "RefusedByCloud")
    since = shared.now()
    shared.delete(name)
    shared.until_gone(name)
    assert {call["operation"] for call in shared.cloud.calls(since=since)} <= {"list"}


@pytest.mark.rule("C38")
@pytest.mark.parametrize(
    ("wrong", "says", "right"),
    [
        pytest.param(
            {"model": "openai/gpt-oss-120"},
            'Did you mean "openai/gpt-oss-120b"?',
            {"model": "openai/gpt-oss-120b"},
            id="model",
        ),
        pytest.param({"flavor": "bass"}, 'Did you mean "base"?', {"flavor": "base"}, id="flavor"),
        pytest.param(
            {"gpu": {"type": "gpu-h100-sxm", "count": 3}}, "gpu.count 1, 2, 4, 8", {"gpu": {"count": 2}}, id="count"
        ),
        pytest.param({"region": "mars-1"}, "region eu-north1", {"region": "eu-north1"}, id="region"),
        pytest.param(
            {"scaling": {"minReplicas": 1, "maxReplicas": 65}},
            "up to 64",
            {"scaling": {"maxReplicas": 2}},
            id="replicas",
        ),
    ],
)
def test_what_the_catalog_does_not_offer(
    shared: World, name: str, wrong: dict[str, Any], says: str, right: dict[str, Any]
) -> None:
    """Nothing is sent, the choice is told on the object, and an edit puts it right, of immutable fields too."""
    shared.create(name, **wrong)
    seen = shared.until_stalled(name, "CatalogMismatch")
    assert says in seen.said("Stalled").message
    shared.until_event(name, "CatalogMismatch")
    assert shared.calls(name, "POST") == []
    shared.edit(name, **right)
    shared.until_ready(name)
    assert len(shared.calls(name, "POST")) == 1

"""From create to Ready and back to stopped: what users see, and what truly reached the cloud."""

from __future__ import annotations

import json

import pytest

from cluster.support import golden
from cluster.support.eventually import eventually
from cluster.support.operator_process import PATIENT
from cluster.support.world import World
from cluster.support.worlds import WorldMaker
from tokenfactory_operator.api import v1alpha1 as api

pytestmark = pytest.mark.cluster


@pytest.mark.rule("I3")
def test_create(shared: World, name: str) -> None:
    """A new object becomes Ready by exactly one POST, whose endpoint has the object's mark and the spec's values."""
    seen = shared.created(name)
    endpoint = shared.endpoint(name)
    (post,) = shared.calls(name, "POST")
    assert {kind: seen.said(kind).status for kind in ("Ready", "Synced", "Serving", "Reconciling", "Stalled")} == {
        "Ready": "True",
        "Synced": "True",
        "Serving": "True",
        "Reconciling": "",
        "Stalled": "",
    }
    assert (seen.endpoint_id, seen.status["uid"]) == (endpoint["id"], seen.uid)
    attempt = seen.status["createAttempt"]
    assert attempt["state"] == "Created"
    mark = f"{shared.namespace}/{name} uid={seen.uid} try={attempt['id']}]"
    assert endpoint["description"].startswith("[k8s ")
    assert endpoint["description"].endswith(mark)
    assert post["body"] == {
        "name": f"{shared.namespace}/{name}",
        "description": endpoint["description"],
        "model_name": "openai/gpt-oss-120b",
        "flavor_name": "base",
        "gpu_type": "gpu-h100-sxm",
        "gpu_count": 1,
        "region": "eu-north1",
        "scaling": {"min_replicas": 1, "max_replicas": 4},
    }
    assert seen.held
    shared.until_event(name, "CreatedEndpoint")
    assert seen.status["gpus"] == {"ready": 1, "min": 1, "max": 4}
    assert seen.status["inferenceURL"] == "https://api.tokenfactory.nebius.com/v1"
    assert seen.status["routingKey"] == endpoint["routing_key"]


def test_create_with_every_field(shared: World, name: str) -> None:
    """Optional fields go into the POST, so that nothing has to be patched afterwards."""
    shared.created(
        name,
        displayName="Chat model",
        description="for the chat team",
        routingKey=f"dedicated/{name}"[:128],
        customWeightsId="model-artifact_1",
        enabled=True,
    )
    (post,) = shared.calls(name, "POST")
    body = post["body"]
    assert body["name"] == "Chat model"
    assert body["description"].startswith("for the chat team [k8s ")
    assert body["routing_key"] == f"dedicated/{name}"
    assert body["custom_weights_id"] == "model-artifact_1"
    assert shared.calls(name, "PATCH") == []


def test_kubectl(shared: World, name: str) -> None:
    """`kubectl wait` returns when the object is Ready, and `kubectl get` shows endpoint and GPUs in columns."""
    shared.create(name)
    target = ("-n", shared.namespace)
    shared.cluster.kubectl("wait", "--for=condition=Ready", f"dep/{name}", *target, "--timeout=50s")
    assert shared.get(name).ready
    (shown,) = golden.rows(shared.cluster.kubectl("get", "dep", name, *target, "-o", "wide").stdout)
    del shown["AGE"]
    assert shown == {
        "NAME": name,
        "READY": "True",
        "REASON": "Available",
        "REPLICAS": "1/1-4",
        "MODEL": "openai/gpt-oss-120b",
        "REGION": "eu-north1",
        "PAUSED": "",
        "GPU": "gpu-h100-sxm",
        "COUNT": "1",
        "STATE": "Running",
        "ENDPOINTID": shared.endpoint(name)["id"],
        "MESSAGE": "The endpoint serves with at least its reserved replicas.",
    }


def test_metrics_and_probes(shared: World, name: str) -> None:
    """The operator's own numbers agree with the cloud's, and both probes pass."""
    before = shared.operator.metrics()["tokenfactory_cloud_mutations_total", "create"]
    shared.created(name)
    metrics = shared.operator.metrics()
    assert metrics["tokenfactory_cloud_mutations_total", "create"] == before + len(shared.calls(name, "POST"))
    eventually(lambda: shared.operator.metrics()["tokenfactory_objects", "True"] >= 1, what="an object that is Ready")
    assert shared.operator.probe("livez")
    assert shared.operator.probe("readyz")


def test_disabled_from_the_start(shared: World, name: str) -> None:
    """With `enabled: false` nothing is created and the object is Ready as Stopped; enabling it creates one endpoint."""
    shared.create(name, enabled=False)
    seen = shared.until_reported(name, "Ready", "Stopped", status="True")
    assert seen.ready
    shared.after_lists()
    assert shared.endpoints(name, alive_only=False) == []
    shared.edit(name, enabled=True)
    shared.until_reported(name, "Ready", "Available", status="True")
    assert len(shared.calls(name, "POST")) == 1
    assert shared.endpoint(name)["enabled"]


def test_stop_and_start(shared: World, name: str) -> None:
    """Disabling stops the same endpoint, which is Ready as Stopped and not Serving; enabling starts it again."""
    endpoint_id = shared.created(name).endpoint_id
    shared.edit(name, enabled=False)
    stopped = shared.until_reported(name, "Ready", "Stopped", status="True")
    assert stopped.said("Serving").status == "False"
    assert shared.endpoint(name)["deployment"]["status"] == "stopped"
    shared.edit(name, enabled=True)
    shared.until_ready(name)
    assert shared.get(name).said("Ready").reason == "Available"
    assert [call["body"] for call in shared.calls(name, "PATCH")] == [{"enabled": False}, {"enabled": True}]
    assert shared.endpoint(name)["id"] == endpoint_id


def test_requested_reconcile(new_world: WorldMaker, name: str) -> None:
    """A new value of the request annotation is echoed in the status, which costs one write and nothing in the cloud."""
    world = new_world(settings=PATIENT)
    world.created(name)
    writes, calls = len(world.writes(name)), world.now()
    world.annotate(name, api.RECONCILE_REQUESTED_AT, "now")
    world.until_echoed(name, "now")
    world.after_lists()
    assert world.writes(name)[writes:] == ["patch status 200"]
    assert {call["operation"] for call in world.cloud.calls(since=calls)} == {"list"}


def test_paused(shared: World, name: str) -> None:
    """While paused neither an edit nor a deletion reaches the cloud, which is said; afterwards both do."""
    shared.created(name)
    shared.annotate(name, api.PAUSED, "true")
    shared.until_reported(name, "Synced", "ReconcilePaused", status="False")
    shared.edit(name, displayName="renamed")
    shared.after_lists()
    assert shared.calls(name, "PATCH") == []
    shared.annotate(name, api.PAUSED, None)
    shared.until_ready(name)
    assert [call["body"] for call in shared.calls(name, "PATCH")] == [{"name": "renamed"}]
    shared.annotate(name, api.PAUSED, "true")
    shared.delete(name)
    shared.after_lists()
    assert shared.get(name).terminating
    assert shared.calls(name, "DELETE") == []
    shared.annotate(name, api.PAUSED, None)
    shared.until_gone(name)
    assert shared.endpoints(name) == []


def test_paused_from_the_start(shared: World, name: str) -> None:
    """A paused new object creates nothing until the annotation goes."""
    shared.create(name, metadata={"annotations": {api.PAUSED: "true"}})
    shared.until_reported(name, "Synced", "ReconcilePaused")
    shared.after_lists()
    assert shared.endpoints(name, alive_only=False) == []
    shared.annotate(name, api.PAUSED, None)
    shared.until_ready(name)
    assert len(shared.calls(name, "POST")) == 1


def test_no_secret_is_shown(new_world: WorldMaker) -> None:
    """The token stands in no status, Event or metric, also after the cloud has repeated it in an error."""
    world = new_world()
    token = world.operator.token
    world.cloud.fault({"method": "POST", "count": 1}, effect="status", code=422, message=f"bad Bearer {token}")
    world.create("subject")
    world.until_reported("subject", "Synced", "RefusedByCloud")
    world.until_event("subject", "RefusedByCloud")
    shown = [json.dumps(world.get("subject").body), json.dumps(world.kube.events(world.namespace))]
    assert all(token not in text for text in (*shown, str(world.operator.metrics())))
    assert "[redacted]" in world.get("subject").said("Synced").message

"""A HorizontalPodAutoscaler beside Flux: it owns the replicas, Git the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml

from cluster.support.chart import ROOT
from cluster.support.eventually import eventually
from cluster.support.operator_process import PATIENT
from cluster.support.world import World
from gitops.support.autoscaler import METRIC, Metric, running_autoscaler
from gitops.support.synced import Synced, endpoint

pytestmark = [pytest.mark.cluster, pytest.mark.verify]

SAMPLE: Final = ROOT / "deploy" / "autoscaling" / "hpa.yaml"
PER_REPLICA: Final = 10
MOST: Final = 3
SETTINGS: Final = PATIENT


@pytest.fixture
def metric(shared: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metric]:
    """The controller at work, with a metric that asks for one replica."""
    with running_autoscaler(shared.cluster, tmp_path_factory.mktemp("autoscaler")) as running:
        running.value = PER_REPLICA
        yield running


def autoscaler(name: str) -> str:
    """The sample for this object; down at once, rather than after five minutes."""
    body: dict[str, Any] = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    body["metadata"]["name"] = body["spec"]["scaleTargetRef"]["name"] = name
    body["spec"]["behavior"] = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    (external,) = (item["external"] for item in body["spec"]["metrics"])
    assert (external["metric"]["name"], external["target"]["averageValue"]) == (METRIC, str(PER_REPLICA))
    assert body["spec"]["maxReplicas"] == MOST
    return str(yaml.safe_dump(body))


def until_scaled(world: World, name: str, replicas: int) -> None:
    """The spec and the endpoint have so many at least, and the object is ready with them."""

    def check() -> bool:
        assert world.get(name).body["spec"]["scaling"] == {"minReplicas": replicas, "maxReplicas": MOST}
        return bool(world.endpoint(name)["scaling"]["min_replicas"] == replicas)

    eventually(check)
    world.until_ready(name)


def test_an_autoscaler_beside_flux(shared: World, synced: Synced, metric: Metric, name: str) -> None:
    """It scales up and down by the scale subresource, one PATCH each; an edit in Git keeps what it has set."""
    scaling = {"maxReplicas": MOST}
    synced.git.write({"endpoint.yaml": endpoint(name, scaling=scaling), "autoscaler.yaml": autoscaler(name)})
    synced.begin(shared.namespace)
    shared.until_ready(name)
    metric.value = MOST * PER_REPLICA
    until_scaled(shared, name, MOST)

    edited = endpoint(name, scaling=scaling, displayName="edited")
    synced.until_ready(synced.git.write({"endpoint.yaml": edited}))
    until_scaled(shared, name, MOST)
    assert shared.endpoint(name)["name"] == "edited"

    metric.value = PER_REPLICA
    until_scaled(shared, name, 1)
    bodies = [call["body"] for call in shared.calls(name, "PATCH")]
    assert [body["name"] for body in bodies if "name" in body] == ["edited"]
    assert [body["scaling"]["min_replicas"] for body in bodies if "scaling" in body] == [MOST, 1]
    assert len(shared.calls(name, "POST")) == 1

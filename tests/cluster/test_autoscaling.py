"""Kubernetes' own HPA controller, by an external metric: it scales up to the limit, and tells what is above."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml

from cluster.support.chart import ROOT
from cluster.support.eventually import eventually
from cluster.support.world import World
from gitops.support.autoscaler import Metric, running_autoscaler

pytestmark = [pytest.mark.cluster, pytest.mark.verify]

SAMPLE: Final = ROOT / "deploy" / "autoscaling" / "hpa.yaml"
PER_REPLICA: Final = 10
MOST: Final = 3


@pytest.fixture
def metric(shared: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metric]:
    """The controller at work, with a metric that asks for one replica."""
    with running_autoscaler(shared.cluster, tmp_path_factory.mktemp("autoscaler")) as running:
        running.value = PER_REPLICA
        yield running


def test_up_down_and_no_further(shared: World, name: str, metric: Metric) -> None:
    """One PATCH for each scale; what is above `maxReplicas` is refused, told by the HPA, and not sent."""
    body: dict[str, Any] = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    body["metadata"]["name"] = body["spec"]["scaleTargetRef"]["name"] = name
    body["spec"] |= {"maxReplicas": 9, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}
    shared.created(name, scaling={"maxReplicas": MOST})
    shared.cluster.kubectl("apply", "-n", shared.namespace, "-f", "-", input=yaml.safe_dump(body))

    def scaled(replicas: int) -> None:
        def check() -> bool:
            assert shared.get(name).body["spec"]["scaling"] == {"minReplicas": replicas, "maxReplicas": MOST}
            return bool(shared.endpoint(name)["scaling"]["min_replicas"] == replicas)

        eventually(check)

    def refused() -> bool:
        able = "jsonpath={.status.conditions[?(@.type=='AbleToScale')].reason}"
        reported = shared.cluster.kubectl("get", "hpa", name, "-n", shared.namespace, "-o", able).stdout
        return reported == "FailedUpdateScale"

    metric.value = MOST * PER_REPLICA
    scaled(MOST)
    metric.value = 9 * PER_REPLICA
    eventually(refused, what="the HPA says that it cannot scale")
    metric.value = PER_REPLICA
    scaled(1)
    sent = [call["body"]["scaling"]["min_replicas"] for call in shared.calls(name, "PATCH")]
    assert sent == [MOST, 1]

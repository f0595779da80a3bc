"""The chart's objects for the Prometheus Operator, against that operator's own CRDs on a real API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml

from cluster.support import modules
from cluster.support.chart import documents, rendered
from cluster.support.crd import until_established
from cluster.support.namespaces import a_namespace
from controlplane import Cluster, CommandError

pytestmark = pytest.mark.cluster

GROUP: Final = "monitoring.coreos.com"
KINDS: Final = ("servicemonitors", "prometheusrules")
NAMESPACE: Final = "monitored"
"""Of this file's own: another file of the same worker may have made the usual one."""
STRICT: Final = ("apply", "--server-side", "--validate=strict", "-n", NAMESPACE, "-f", "-")


@pytest.fixture(scope="module")
def monitored(bare_cluster: Cluster) -> Iterator[Cluster]:
    """The API server has both kinds; the Prometheus Operator does not run."""
    name = "github.com/prometheus-operator/prometheus-operator"
    for kind in KINDS:
        (file,) = modules.files(name, f"example/prometheus-operator-crd/{GROUP}_{kind}.yaml", of=modules.CRDS)
        bare_cluster.kubectl("apply", "--server-side", "-f", str(file))
    names = [f"{kind}.{GROUP}" for kind in KINDS]
    until_established(bare_cluster, *names)
    with a_namespace(bare_cluster, NAMESPACE):
        yield bare_cluster
        bare_cluster.kubectl("delete", "crd", *names, "--timeout=60s", timeout=90)


def monitoring(cluster: Cluster) -> list[dict[str, Any]]:
    """Both objects as the chart makes them, with all of their values."""
    values = [f"metrics.{kind}.{value}" for kind in ("serviceMonitor", "prometheusRule") for value in VALUES]
    return [
        item
        for item in documents(rendered(cluster, *values, namespace=NAMESPACE))
        if item["apiVersion"] == f"{GROUP}/v1"
    ]


VALUES: Final = ("enabled=true", "labels.release=prometheus")


def test_the_api_server_takes_both(monitored: Cluster) -> None:
    """No field is unknown or of the wrong form, and what is stored is what the chart says."""
    made = monitoring(monitored)
    assert {item["kind"] for item in made} == {"ServiceMonitor", "PrometheusRule"}
    monitored.kubectl(*STRICT, input=yaml.safe_dump_all(made))
    for item in made:
        name = f"{item['kind']}.{GROUP}/{item['metadata']['name']}"
        stored = json.loads(monitored.kubectl("get", name, "-n", NAMESPACE, "-o", "json").stdout)
        assert stored["spec"] == item["spec"]
        assert stored["metadata"]["labels"]["release"] == "prometheus"


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        pytest.param("ServiceMonitor", {"endpoints": [{"port": "metrics", "interval": "often"}]}, id="interval"),
        pytest.param("ServiceMonitor", {"endpoint": []}, id="unknown-field"),
        pytest.param("PrometheusRule", {"groups": [{"name": "a", "rules": [{"alert": "A"}]}]}, id="no-expression"),
    ],
)
def test_the_api_server_would_refuse_a_mistake(monitored: Cluster, kind: str, change: dict[str, Any]) -> None:
    """The CRDs are at work: they would have refused these."""
    (item,) = [item for item in monitoring(monitored) if item["kind"] == kind]
    wrong = {**item, "metadata": {"name": "wrong"}, "spec": {**item["spec"], **change}}
    with pytest.raises(CommandError):
        monitored.kubectl(*STRICT, input=yaml.safe_dump(wrong))

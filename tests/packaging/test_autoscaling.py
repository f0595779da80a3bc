"""The samples for KEDA and for the vendor's metrics, against the CRDs of KEDA and of the Prometheus Operator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from cluster.support import modules
from cluster.support.chart import ROOT
from cluster.support.crd import until_established
from cluster.support.namespaces import a_namespace
from controlplane import Cluster, CommandError
from tokenfactory_operator.api import v1alpha1 as api

pytestmark = pytest.mark.cluster

SAMPLES: Final = ROOT / "deploy" / "autoscaling"
NAMESPACE: Final = "autoscaled"
STRICT: Final = ("apply", "--server-side", "--validate=strict", "-n", NAMESPACE, "-f", "-")
CRDS: Final = {
    "scaledobjects.keda.sh": ("github.com/kedacore/keda/v2", "config/crd/bases/keda.sh_scaledobjects.yaml"),
    "scrapeconfigs.monitoring.coreos.com": (
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd/monitoring.coreos.com_scrapeconfigs.yaml",
    ),
}


@pytest.fixture(scope="module")
def kinds(bare_cluster: Cluster) -> Iterator[Cluster]:
    """The API server has both kinds; nobody acts on them."""
    for name, pattern in CRDS.values():
        (file,) = modules.files(name, pattern, of=modules.CRDS)
        bare_cluster.kubectl("apply", "--server-side", "-f", str(file))
    until_established(bare_cluster, *CRDS)
    with a_namespace(bare_cluster, NAMESPACE):
        yield bare_cluster
        bare_cluster.kubectl("delete", "crd", *CRDS, "--timeout=60s", timeout=90)


def sample(name: str) -> dict[str, Any]:
    """The one object of a file."""
    body: dict[str, Any] = yaml.safe_load(Path(SAMPLES / name).read_text(encoding="utf-8"))
    return body


@pytest.mark.parametrize("name", ["keda.yaml", "vendor-metrics.yaml"])
def test_the_api_server_takes_it(kinds: Cluster, name: str) -> None:
    """No field is unknown or of the wrong form, and what is stored is what the sample says."""
    body = sample(name)
    kinds.kubectl(*STRICT, input=yaml.safe_dump(body))
    stored = kinds.kubectl("get", body["kind"], body["metadata"]["name"], "-n", NAMESPACE, "-o", "json").stdout
    assert json.loads(stored)["spec"] == body["spec"]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        pytest.param("keda.yaml", {"maxReplicas": 3}, id="an-hpas-field"),
        pytest.param("keda.yaml", {"triggers": [{"type": "prometheus"}]}, id="no-metadata"),
        pytest.param("vendor-metrics.yaml", {"scrapeInterval": "often"}, id="interval"),
        pytest.param("vendor-metrics.yaml", {"path": "/"}, id="unknown-field"),
    ],
)
def test_the_api_server_would_refuse_a_mistake(kinds: Cluster, name: str, change: dict[str, Any]) -> None:
    """The CRDs are at work: they would have refused these."""
    body = sample(name)
    with pytest.raises(CommandError):
        kinds.kubectl(*STRICT, input=yaml.safe_dump({**body, "spec": {**body["spec"], **change}}))


def test_keda_is_pointed_at_the_sample_of_an_endpoint() -> None:
    """Kind, name and limit are those of the endpoint, which leaves its replicas to it."""
    spec = sample("keda.yaml")["spec"]
    endpoint = yaml.safe_load((ROOT / "deploy" / "samples" / "gpt-oss-20b.yaml").read_text(encoding="utf-8"))
    target = {"apiVersion": api.API_VERSION, "kind": api.KIND, "name": endpoint["metadata"]["name"]}
    assert spec["scaleTargetRef"] == target
    assert endpoint["spec"]["scaling"] == {"maxReplicas": spec["maxReplicaCount"]}
    assert spec["minReplicaCount"] >= 1

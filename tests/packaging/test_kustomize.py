"""deploy/ is the chart without Helm: each overlay builds, is valid, and has the objects that the chart would have."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from typing import Any, Final

import pytest
import yaml

from cluster.support.chart import CHART, GENERATED, ROOT, documents, write_schemas
from controlplane import Cluster

pytestmark = pytest.mark.cluster

DEPLOY: Final = ROOT / "deploy"
NAMESPACE: Final = "tokenfactory-system"
HELMS: Final = ("helm.sh/chart", "app.kubernetes.io/managed-by")
"""Labels that only Helm's objects have."""
OVERLAYS: Final = {
    "base": (),
    "overlays/own-crds": (),
    "overlays/single": ("replicas=1", "settings.leaderElection=false"),
    "overlays/namespaced": ("watchNamespaces={default}",),
}
"""Each with the chart's values that come to the same."""


def built(cluster: Cluster, folder: str) -> list[dict[str, Any]]:
    return documents(_kustomized(cluster, folder))


@cache
def _kustomized(cluster: Cluster, folder: str) -> str:
    return cluster.kubectl("kustomize", str(DEPLOY / folder)).stdout


def by_name(found: list[dict[str, Any]]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Without Helm's labels."""
    for item in found:
        for label in HELMS:
            item["metadata"].get("labels", {}).pop(label, None)
    return {(item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]): item for item in found}


@pytest.mark.parametrize("folder", OVERLAYS)
def test_in_step_with_the_chart(bare_cluster: Cluster, folder: str) -> None:
    """The objects are those of the chart, field by field; besides them there are the namespace and the CRD."""
    values = ("token.existingSecret=tokenfactory-token", "crds.install=false", *OVERLAYS[folder])
    release = ("tokenfactory-operator", str(CHART), "--namespace", NAMESPACE, "--no-hooks")
    text = bare_cluster.helm("template", *release, *(f"--set={value}" for value in values)).stdout
    ours = by_name(built(bare_cluster, folder))
    namespace = ours.pop(("Namespace", "", NAMESPACE))
    assert namespace["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    crds = [ours.pop(key) for key in list(ours) if key[0] == "CustomResourceDefinition"]
    assert len(crds) == (0 if folder.endswith("own-crds") else 1)
    for crd in crds:  # no GitOps tool may delete it
        assert crd["metadata"].pop("annotations") == {
            "kustomize.toolkit.fluxcd.io/prune": "disabled",
            "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
        }
        assert crd == yaml.safe_load(GENERATED.read_text(encoding="utf-8"))
    assert ours == by_name(documents(text))


@pytest.fixture(scope="module")
def schemas(with_crd: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_schemas(with_crd, tmp_path_factory.mktemp("schemas"))


@pytest.mark.parametrize("folder", [*OVERLAYS, "samples", "samples/app"])
def test_kubeconform(bare_cluster: Cluster, schemas: str, folder: str) -> None:
    """Strictly, with the API server's own schemas, that of our resource among them; it judges the CRD itself."""
    program = str(bare_cluster.bin / "kubeconform")
    options = ("-strict", "-summary", "-output=json", "-skip=CustomResourceDefinition", f"-schema-location={schemas}")
    text = "\n---\n".join(json.dumps(item) for item in built(bare_cluster, folder))
    done = subprocess.run([program, *options, "-"], input=text, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(done.stdout)["summary"]
    assert summary["valid"] == text.count("\n---\n") + 1 - summary["skipped"] > 0


def test_kubeconform_knows_our_resource(bare_cluster: Cluster, schemas: str) -> None:
    """A field that is misspelled in a sample is found."""
    (first, *_) = built(bare_cluster, "samples")
    first["spec"]["modell"] = first["spec"]["model"]
    command = [str(bare_cluster.bin / "kubeconform"), "-strict", f"-schema-location={schemas}", "-"]
    done = subprocess.run(command, input=json.dumps(first), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "modell" in done.stdout


def test_apply(with_crd: Cluster) -> None:
    """The API server takes the base as `kubectl apply -k` sends it."""
    base = ("apply", "--server-side", "--force-conflicts", "-k", str(DEPLOY / "base"))
    assert "deployment.apps/tokenfactory-operator serverside-applied" in with_crd.kubectl(*base).stdout
    without_crd = str(DEPLOY / "overlays" / "own-crds")  # the module removes the CRD
    with_crd.kubectl("delete", "--timeout=60s", "-k", without_crd, timeout=90)

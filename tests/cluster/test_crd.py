"""The resource as people meet it: installing it, kubectl's explain, get, apply and scale, and its status."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from cluster.support import crd
from cluster.support.crd import JsonObject, namespace, one_namespace
from cluster.support.kube import KubeApi
from controlplane import Cluster
from unit.api.invalid_specs import valid_spec

__all__ = ["namespace", "one_namespace"]  # fixtures: pytest finds them here

pytestmark = pytest.mark.cluster

COLUMNS = ["NAME", "READY", "REASON", "REPLICAS", "MODEL", "REGION", "PAUSED", "AGE"]
WIDE_COLUMNS = [*COLUMNS, "GPU", "COUNT", "STATE", "ENDPOINTID", "MESSAGE"]
UNKNOWN_FIELDS = valid_spec(novelty=1, gpu={"type": "gpu-h100-sxm", "count": 1, "topology": "ring"})
SAMPLE_FILES = sorted(path for path in crd.SAMPLES.glob("*.yaml") if path.name != "kustomization.yaml")


@pytest.fixture(scope="module", autouse=True)
def _installed(cluster: Cluster) -> None:
    crd.install(cluster)


def ready_condition(status: str = "True", reason: str = "Available") -> JsonObject:
    """A condition as the operator writes it."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": "m",
        "lastTransitionTime": now,
        "observedGeneration": 1,
    }


def cells(table: str) -> list[list[str]]:
    """The words of each line of a kubectl table."""
    return [line.split() for line in table.splitlines()]


def test_the_api_server_takes_the_crd_without_a_warning(cluster: Cluster) -> None:
    """Nothing in the CRD is deprecated, ambiguous or without effect."""
    result = cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(crd.CRD_FILE))
    assert result.stderr == ""


def test_the_crd_is_established_and_structural(cluster: Cluster) -> None:
    """It is served, its names are free, and pruning, defaults and CEL are in force."""
    body = crd.stored(cluster.kubectl("get", "crd", crd.CRD_NAME, "-o", "json"))
    conditions = {condition["type"]: condition["status"] for condition in body["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert body["status"]["storedVersions"] == ["v1alpha1"]


def test_there_are_samples() -> None:
    """The table of samples below is not empty, and `kubectl apply -k` takes all of them."""
    listed = yaml.safe_load((crd.SAMPLES / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    assert sorted(listed) == [path.name for path in SAMPLE_FILES]
    assert len(SAMPLE_FILES) >= 3


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in SAMPLE_FILES])
def test_samples_are_accepted(cluster: Cluster, namespace: str, path: Path) -> None:
    """What we show is valid under strict validation, without a warning."""
    result = cluster.kubectl("apply", "-n", namespace, "--validate=strict", "-f", str(path))
    assert (result.stderr, result.stdout.count(" created")) == ("", 1)


def test_all_samples_are_applied_at_once(cluster: Cluster, namespace: str) -> None:
    """The kustomization applies into any namespace."""
    cluster.kubectl("apply", "-n", namespace, "-k", str(crd.SAMPLES))
    names = cluster.kubectl("get", "dep", "-n", namespace, "-o", "name").stdout.split()
    assert len(names) == len(SAMPLE_FILES)


@pytest.mark.parametrize(
    ("field", "says"),
    [
        pytest.param("dedicatedendpoint", "one object, one endpoint", id="resource"),
        pytest.param("dep.spec.gpu.count", "GPUs per replica", id="spec"),
        pytest.param("dep.spec.credentials.secretRef.name", "Name of a Secret in the same namespace", id="nested"),
        pytest.param("dep.status.conditions.reason", "in one CamelCase word", id="status"),
    ],
)
def test_explain_shows_descriptions(cluster: Cluster, field: str, says: str) -> None:
    """`kubectl explain` tells what a field means."""
    assert says in " ".join(cluster.kubectl("explain", field).stdout.split())


@pytest.mark.parametrize(
    "resource",
    [
        pytest.param("dep", id="short name"),
        pytest.param("dedicatedendpoint", id="singular"),
        pytest.param("dedicatedendpoints.v1alpha1.tokenfactory.nebius.com", id="full name"),
        pytest.param("tokenfactory", id="category"),
    ],
)
def test_names_of_the_resource(cluster: Cluster, kube: KubeApi, namespace: str, resource: str) -> None:
    """The object is found by each name that people use."""
    crd.create(kube, namespace)
    found = cluster.kubectl("get", resource, "-n", namespace, "-o", "name").stdout.split()
    assert found == [f"dedicatedendpoint.tokenfactory.nebius.com/{crd.NAME}"]


@pytest.mark.parametrize(
    ("options", "header", "values"),
    [
        pytest.param([], COLUMNS, ["True", "Available", "2/1-4", "openai/gpt-oss-120b", "eu-north1"], id="normal"),
        pytest.param(["-o", "wide"], WIDE_COLUMNS, ["gpu-h100-sxm", "1", "Running", "ep-1", "m"], id="wide"),
    ],
)
def test_columns(
    cluster: Cluster, kube: KubeApi, namespace: str, options: list[str], header: list[str], values: list[str]
) -> None:
    """`kubectl get` shows what is asked for most, and GPUs, ids and messages when wide."""
    crd.create(kube, namespace)
    status = {"endpointId": "ep-1", "state": "Running", "replicaSummary": "2/1-4", "summary": "m"}
    crd.write_status(kube, namespace, {**status, "conditions": [ready_condition()]})
    shown_header, row = cells(cluster.kubectl("get", "dep", "-n", namespace, *options).stdout)
    assert shown_header == header
    assert row[0] == crd.NAME
    assert " ".join(values) in " ".join(row)


def test_unknown_fields_are_refused_when_strict(cluster: Cluster, namespace: str) -> None:
    """A misspelt field is an error that names it, at every level."""
    manifest = crd.manifest(UNKNOWN_FIELDS)
    result = cluster.kubectl("apply", "-n", namespace, "--validate=strict", "-f", "-", input=manifest, check=False)
    assert result.returncode != 0
    assert 'unknown field "spec.novelty"' in result.stderr
    assert 'unknown field "spec.gpu.topology"' in result.stderr


def test_unknown_fields_are_pruned_otherwise(cluster: Cluster, kube: KubeApi, namespace: str) -> None:
    """What this version does not know is not stored."""
    cluster.kubectl("create", "-n", namespace, "--validate=ignore", "-f", "-", input=crd.manifest(UNKNOWN_FIELDS))
    spec = crd.get(kube, namespace)["spec"]
    assert "novelty" not in spec
    assert spec["gpu"] == {"type": "gpu-h100-sxm", "count": 1}


def test_defaults(kube: KubeApi, namespace: str) -> None:
    """Only what has one truthful default gets one; the rest stays the cloud's."""
    spec = valid_spec(scaling={"maxReplicas": 4}, credentials={"secretRef": {"name": "key"}})
    assert crd.create(kube, namespace, spec)["spec"] == {
        **spec,
        "scaling": {"minReplicas": 1, "maxReplicas": 4},
        "credentials": {"secretRef": {"name": "key", "key": "token"}},
        "managementPolicy": "Manage",
    }


def test_a_new_object_is_not_yet_observed(cluster: Cluster, namespace: str) -> None:
    """A fresh status says that no generation was judged, whatever the manifest claims, so that kstatus waits."""
    body = {**json.loads(crd.manifest()), "status": {"observedGeneration": 1, "endpointId": "ep-1"}}
    created = crd.stored(cluster.kubectl("create", "-n", namespace, "-f", "-", "-o", "json", input=json.dumps(body)))
    assert (created["metadata"]["generation"], created["status"]) == (1, {"observedGeneration": -1})


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({"state": "Hibernating", "readiness": "very ready, indeed"}, id="values of tomorrow"),
        pytest.param({"createdAt": "yesterday", "inferenceURL": "no url"}, id="texts of other forms"),
        pytest.param({"endpointId": "urn:x/1?", "routingKey": "k" * 5000, "scope": ""}, id="ids of other forms"),
        pytest.param({"readyReplicas": -1, "gpus": {"ready": 2**40, "max": 0}}, id="numbers out of range"),
        pytest.param({"conditions": [ready_condition("Maybe", "not CamelCase")]}, id="condition"),
    ],
)
def test_a_status_write_takes_what_the_cloud_says(kube: KubeApi, namespace: str, status: JsonObject) -> None:
    """No word of the vendor can keep the operator from reporting; the spec's generation does not move."""
    before = crd.create(kube, namespace)
    written = crd.write_status(kube, namespace, status)
    assert written["status"].items() >= status.items()
    assert written["metadata"]["generation"] == before["metadata"]["generation"]


def test_a_status_write_leaves_the_spec_alone(kube: KubeApi, namespace: str) -> None:
    """The status subresource changes status only, and the main resource spec only."""
    crd.create(kube, namespace)
    assert crd.patch(kube, namespace, {"spec": {"enabled": False}, "status": {"state": "Running"}}).accepted
    after = crd.get(kube, namespace)
    assert (after["spec"]["enabled"], after["status"]) == (False, {"observedGeneration": -1})


def test_conditions_are_merged_by_type(cluster: Cluster, kube: KubeApi, namespace: str) -> None:
    """The list is a map: one type twice is refused."""
    crd.create(kube, namespace)
    twice = json.dumps({"status": {"conditions": [ready_condition(), ready_condition("False")]}})
    target = ("patch", "dep", crd.NAME, "-n", namespace, "--subresource=status", "--type=merge")
    result = cluster.kubectl(*target, "-p", twice, check=False)
    assert result.returncode != 0
    assert "status.conditions[1]: Duplicate value" in result.stderr


def test_wait_sees_the_condition(cluster: Cluster, kube: KubeApi, namespace: str) -> None:
    """`kubectl wait` ends once Ready is True."""
    crd.create(kube, namespace)
    crd.write_status(kube, namespace, {"observedGeneration": 1, "conditions": [ready_condition()]})
    waited = cluster.kubectl("wait", "--for=condition=Ready", "dep", crd.NAME, "-n", namespace, "--timeout=30s")
    assert "condition met" in waited.stdout


def test_scale_changes_min_replicas(cluster: Cluster, kube: KubeApi, namespace: str) -> None:
    """`kubectl scale` sets the reserved replicas and nothing else."""
    before = crd.create(kube, namespace)
    cluster.kubectl("scale", "dep", crd.NAME, "-n", namespace, "--replicas=3")
    assert crd.get(kube, namespace)["spec"] == {**before["spec"], "scaling": {"minReplicas": 3, "maxReplicas": 4}}


@pytest.mark.parametrize(
    ("replicas", "says"),
    [
        pytest.param("0", "to run no replica, set spec.enabled to false", id="to none"),
        pytest.param("5", "must not be greater than maxReplicas", id="over maxReplicas"),
    ],
)
def test_scale_respects_the_limits(cluster: Cluster, kube: KubeApi, namespace: str, replicas: str, says: str) -> None:
    """An autoscaler that asks for too few or too many is told so."""
    crd.create(kube, namespace)
    result = cluster.kubectl("scale", "dep", crd.NAME, "-n", namespace, f"--replicas={replicas}", check=False)
    assert result.returncode != 0
    assert says in result.stderr


def test_the_scale_subresource_is_what_an_autoscaler_reads(cluster: Cluster, kube: KubeApi, namespace: str) -> None:
    """HPA and KEDA find wanted and accepted replicas and a selector."""
    crd.create(kube, namespace)
    crd.write_status(kube, namespace, {"replicas": 1, "selector": "tokenfactory.nebius.com/no-pods=true"})
    cluster.kubectl("scale", "dep", crd.NAME, "-n", namespace, "--replicas=2")
    path = f"/apis/tokenfactory.nebius.com/v1alpha1/namespaces/{namespace}/dedicatedendpoints/{crd.NAME}/scale"
    scale = crd.stored(cluster.kubectl("get", "--raw", path))
    assert scale["spec"] == {"replicas": 2}
    assert scale["status"] == {"replicas": 1, "selector": "tokenfactory.nebius.com/no-pods=true"}


@pytest.mark.parametrize("options", [pytest.param([], id="client"), pytest.param(["--server-side"], id="server")])
def test_git_may_leave_min_replicas_to_an_autoscaler(
    cluster: Cluster, kube: KubeApi, namespace: str, options: list[str]
) -> None:
    """A manifest without minReplicas, applied again, does not put back what was scaled."""
    manifest = crd.manifest(valid_spec(scaling={"maxReplicas": 4}))
    cluster.kubectl("apply", "-n", namespace, *options, "-f", "-", input=manifest)
    cluster.kubectl("scale", "dep", crd.NAME, "-n", namespace, "--replicas=3")
    cluster.kubectl("apply", "-n", namespace, *options, "-f", "-", input=manifest)
    assert crd.get(kube, namespace)["spec"]["scaling"] == {"minReplicas": 3, "maxReplicas": 4}

"""The optional admission policies, on a real API server: what they deny, what they allow, and what they leave alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from subprocess import CompletedProcess
from typing import Any, Final

import pytest

from cluster.support.chart import CHART
from cluster.support.crd import manifest
from cluster.support.eventually import eventually
from cluster.support.namespaces import have_namespace
from controlplane import Cluster
from tokenfactory_operator.kube.client import connect
from tokenfactory_operator.kube.login import Connection, load_connection
from tokenfactory_operator.kube.objects import KubeObjects
from tokenfactory_operator.ports import Key
from unit.api.invalid_specs import valid_spec

pytestmark = pytest.mark.cluster

NAMESPACE: Final = "admission"
ACCOUNT: Final = f"--as=system:serviceaccount:{NAMESPACE}:demo-tokenfactory-operator"
FINALIZER: Final = "tokenfactory.nebius.com/endpoint"
IN_USE: Final = {"metadata": {"finalizers": ["tokenfactory.nebius.com/in-use"]}}
LIMITS: Final = {"regions": ["eu-north1", "eu-west1"], "gpuTypes": ["gpu-h100-sxm"], "maxGpus": 4}


@pytest.fixture(scope="module")
def cluster(with_crd: Cluster) -> Iterator[Cluster]:
    """Both policies, at work; objects and a Secret from before them, which the limits would not allow any more."""
    have_namespace(with_crd, NAMESPACE)
    large = spec(count=8, replicas=8, least=7)
    for name, wanted in {
        "before": large,
        "stopped": large | {"enabled": False},
        "far": spec(region="us-central1"),
        "small": spec(),
    }.items():
        with_crd.kubectl("create", "-n", NAMESPACE, "-f", "-", input=manifest(wanted, name=name))
    for name in ("labelled", "plain"):
        with_crd.kubectl("create", "secret", "generic", name, "-n", NAMESPACE, "--from-literal=token=x")
    with_crd.kubectl("label", "secret", "labelled", "-n", NAMESPACE, "tokenfactory.nebius.com/credentials=true")
    given = ("deployment.create=false", "crds.install=false", "secretCredentials=true", "connectionConfigMaps=true")
    values = [f"--set={value}" for value in given]
    limits = ("--set-json", f"admission={json.dumps({'limits': LIMITS | {'enabled': True}, 'limitOperator': True})}")
    with_crd.helm("install", "demo", str(CHART), "--namespace", NAMESPACE, *values, *limits)
    cluster = with_crd
    eventually(lambda: "not allowed" in create(cluster, spec(region="mars")).stderr, what="the limits in force")
    eventually(lambda: "spec" in patch(cluster, "dep/small", {"spec": {"enabled": False}}).stderr, what="the other")
    yield cluster
    cluster.helm("uninstall", "demo", "--namespace", NAMESPACE)


def spec(
    *, region: str = "eu-north1", gpu: str = "gpu-h100-sxm", count: int = 1, replicas: int = 1, least: int = 1
) -> dict[str, Any]:
    scaling = {"minReplicas": least, "maxReplicas": replicas}
    return valid_spec(region=region, gpu={"type": gpu, "count": count}, scaling=scaling)


def create(cluster: Cluster, wanted: dict[str, Any]) -> CompletedProcess[str]:
    """As a person; nothing is stored."""
    arguments = ("create", "--dry-run=server", "-n", NAMESPACE, "-f", "-")
    return cluster.kubectl(*arguments, input=manifest(wanted), check=False)


def patch(cluster: Cluster, what: str, body: dict[str, Any], *, user: str = ACCOUNT) -> CompletedProcess[str]:
    """As the operator; nothing is stored."""
    change = ("patch", what, "-n", NAMESPACE, "--dry-run=server", "--type=merge", "-p", json.dumps(body))
    return cluster.kubectl(*change, *([user] if user else []), check=False)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        pytest.param(spec(), "", id="allowed"),
        pytest.param(spec(count=2, replicas=2), "", id="as many GPUs as allowed"),
        pytest.param(spec(region="us-central1"), "spec.region: us-central1 is not allowed", id="region"),
        pytest.param(spec(gpu="gpu-b200-sxm"), "spec.gpu.type: gpu-b200-sxm is not allowed", id="GPU type"),
        pytest.param(spec(count=1, replicas=5), "is 5; allowed: at most 4", id="replicas"),
        pytest.param(spec(count=2, replicas=3), "is 6; allowed: at most 4", id="the product"),
    ],
)
def test_limits(cluster: Cluster, wanted: dict[str, Any], said: str) -> None:
    """What people create is judged by the parameters; a refusal names the field and what is allowed."""
    done = create(cluster, wanted)
    assert said in done.stderr
    assert bool(done.returncode) is bool(said)


def test_limits_follow_the_parameters(cluster: Cluster) -> None:
    """The ConfigMap can be changed without the chart."""
    name = ("configmap", "demo-tokenfactory-operator-limits", "-n", NAMESPACE)
    change = ("--type=merge", "-p", '{"data": {"maxGpus": "5"}}')
    cluster.kubectl("patch", *name, *change)
    try:
        eventually(lambda: create(cluster, spec(replicas=5)).returncode == 0, what="the new limit")
    finally:
        cluster.kubectl("patch", *name, "--type=merge", "-p", '{"data": {"maxGpus": "4"}}')
        eventually(lambda: create(cluster, spec(replicas=5)).returncode == 1, what="the old limit")


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        pytest.param("before", {"displayName": "x"}, "", id="what costs nothing"),
        pytest.param("before", {"enabled": False}, "", id="stopped"),
        pytest.param("before", {"scaling": {"maxReplicas": 7}}, "", id="smaller, and still too large"),
        pytest.param("before", {"scaling": {"maxReplicas": 9}}, "is 72; allowed: at most 4", id="larger"),
        pytest.param("before", {"gpu": {"type": "gpu-b200-sxm"}}, "gpu-b200-sxm is not allowed", id="another GPU"),
        pytest.param("stopped", {"deletionPolicy": "Retain"}, "", id="of a stopped one"),
        pytest.param("stopped", {"enabled": True}, "is 64; allowed: at most 4", id="started"),
        pytest.param("stopped", {"enabled": None}, "is 64; allowed: at most 4", id="left to the cloud"),
        pytest.param("before", {"enabled": True}, "is 64; allowed: at most 4", id="started, if it was stopped"),
        pytest.param("far", {"enabled": False}, "", id="stopped in a region that is not allowed"),
    ],
)
def test_limits_and_what_was_there_before(cluster: Cluster, name: str, change: dict[str, Any], said: str) -> None:
    """An object beyond the limits can be changed and stopped; it may not grow, and not start again."""
    done = patch(cluster, f"dep/{name}", {"spec": change}, user="")
    assert said in done.stderr
    assert bool(done.returncode) is bool(said), done.stderr


def test_limits_and_metadata_of_what_was_there_before(cluster: Cluster) -> None:
    """Annotations and finalizers may change, or the object could not be deleted."""
    assert patch(cluster, "dep/before", {"metadata": {"annotations": {"a": "b"}}}, user="").returncode == 0
    assert patch(cluster, "dep/before", {"metadata": {"finalizers": [FINALIZER]}}).returncode == 0


def test_limits_hold_for_scale(cluster: Cluster) -> None:
    """`kubectl scale` writes a subresource, which is matched on its own; down it may always go."""
    scale = ("scale", "dep/before", "-n", NAMESPACE)
    assert "more than the 4 GPUs" in cluster.kubectl(*scale, "--replicas=8", check=False).stderr
    assert cluster.kubectl(*scale, "--replicas=6").returncode == 0
    assert "more than the 4 GPUs" in cluster.kubectl(*scale, "--replicas=7", check=False).stderr
    assert cluster.kubectl(*scale, "--replicas=2").returncode == 0


@pytest.mark.parametrize(
    ("what", "body", "said"),
    [
        pytest.param("dep/small", {"metadata": {"finalizers": [FINALIZER]}}, "", id="its finalizer"),
        pytest.param("dep/small", {"spec": {"enabled": False}}, "may not change a spec", id="the spec"),
        pytest.param("dep/small", {"metadata": {"labels": {"a": "b"}}}, "no labels", id="a label"),
        pytest.param("dep/small", {"metadata": {"annotations": {"a": "b"}}}, "annotations", id="an annotation"),
        pytest.param("dep/before", {"metadata": {"finalizers": ["a.example/b"]}}, "its own", id="another finalizer"),
        pytest.param("secret/labelled", IN_USE, "", id="a key"),
        pytest.param("secret/labelled", {"stringData": {"token": "y"}}, "data of a Secret", id="a key's data"),
        pytest.param(
            "secret/plain",
            IN_USE,
            "labelled Secret",
            id="a stranger",
        ),
    ],
)
def test_the_operators_own_account(cluster: Cluster, what: str, body: dict[str, Any], said: str) -> None:
    """RBAC lets it patch; the policy leaves finalizers of its own and the status."""
    done = patch(cluster, what, body)
    assert said in done.stderr
    assert bool(done.returncode) is bool(said), done.stderr


OURS: Final = {
    "apiVersion": "tokenfactory.nebius.com/v1alpha1",
    "kind": "DedicatedEndpoint",
    "name": "small",
    "uid": "1",
    "controller": True,
}


@pytest.mark.parametrize(
    ("owners", "said"),
    [
        pytest.param([OURS], "", id="an object's"),
        pytest.param([], "of DedicatedEndpoints only", id="nobody's"),
        pytest.param([{**OURS, "kind": "Deployment", "apiVersion": "apps/v1"}], "only", id="another kind's"),
        pytest.param([{**OURS, "controller": False}], "only", id="not its controller"),
    ],
)
def test_the_operators_config_maps(cluster: Cluster, owners: list[dict[str, Any]], said: str) -> None:
    """It makes those that one of its objects owns."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app", "ownerReferences": owners}}
    create_it = ("create", "--dry-run=server", "-n", NAMESPACE, "-f", "-", ACCOUNT)
    done = cluster.kubectl(*create_it, input=json.dumps(body), check=False)
    assert said in done.stderr
    assert bool(done.returncode) is bool(said), done.stderr


def test_the_operator_takes_over_no_config_map(cluster: Cluster) -> None:
    """Neither as it is nor by making itself its owner; one that is its own it may change."""
    # The garbage collector removes what an object owns that is not there.
    uid = cluster.kubectl("get", "dep", "small", "-n", NAMESPACE, "-o", "jsonpath={.metadata.uid}").stdout
    for name, owners in (("stranger", []), ("own", [{**OURS, "uid": uid}])):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "ownerReferences": owners}}
        cluster.kubectl("create", "-n", NAMESPACE, "-f", "-", input=json.dumps(body))
    change = {"data": {"OPENAI_MODEL": "x"}}
    assert patch(cluster, "cm/own", change).returncode == 0
    assert "DedicatedEndpoints only" in patch(cluster, "cm/stranger", change).stderr
    assert "its own" in patch(cluster, "cm/stranger", {"metadata": {"ownerReferences": [OURS]}}).stderr


async def test_the_operator_writes_its_status(cluster: Cluster) -> None:
    """No policy matches the subresource."""
    kubeconfig = cluster.token_kubeconfig(NAMESPACE, "demo-tokenfactory-operator")

    async def load() -> Connection:
        return await load_connection({"KUBECONFIG": str(kubeconfig)})

    async with await connect(load) as client:
        objects, key = KubeObjects(client), Key(NAMESPACE, "before")
        found = await objects.get(key)
        assert found is not None
        uid, version = found["metadata"]["uid"], found["metadata"]["resourceVersion"]
        reported = await objects.patch_status(key, {"state": "Running"}, uid=uid, resource_version=version)
        assert reported["status"]["state"] == "Running"


def test_other_accounts_are_not_limited(cluster: Cluster) -> None:
    """A person may label a Secret, and change what the operator may not."""
    assert patch(cluster, "secret/plain", {"metadata": {"labels": {"a": "b"}}}, user="").returncode == 0
    assert patch(cluster, "dep/small", {"spec": {"enabled": False}}, user="").returncode == 0

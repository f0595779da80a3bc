"""While it runs: an admission policy denies its writes, the CRD is deleted, etcd is restored."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster.support import crd
from cluster.support.chart import CHART, RIGHTS_ONLY
from cluster.support.eventually import DEADLINE, eventually
from cluster.support.kube import KubeApi
from cluster.support.rights import until_in_force
from cluster.support.strangers import sent
from cluster.support.world import World
from cluster.support.worlds import RELEASE, SYSTEM, Chart, WorldMaker, made
from controlplane import Cluster
from tokenfactory_operator.api import v1alpha1 as api

pytestmark = pytest.mark.cluster

DENIED = "no writes today, says the platform team"
REVOKED = "does not accept the operator's Kubernetes credentials"
CRD = f"{api.PLURAL}.{api.GROUP}"


@contextmanager
def denied(world: World, resource: str) -> Iterator[None]:
    """A ValidatingAdmissionPolicy that denies what the operator writes to `resource` in the world's namespace."""
    name = f"deny-{secrets.token_hex(4)}"
    rule = {"apiGroups": [api.GROUP], "apiVersions": ["*"], "operations": ["UPDATE"], "resources": [resource]}
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [
                {
                    "expression": f"request.namespace != '{world.namespace}' "
                    f"|| request.userInfo.username != '{world.account}'",
                    "message": DENIED,
                }
            ],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    world.cluster.kubectl("apply", "-f", "-", input=json.dumps(policy))
    world.cluster.kubectl("apply", "-f", "-", input=json.dumps(binding))
    try:
        yield
    finally:
        world.cluster.kubectl("delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", name)


def until_reported(world: World, *words: str) -> None:
    """`/readyz` fails with these words."""

    def check() -> bool:
        text = world.operator.served("/readyz")
        assert "readyz check failed" in text, text
        assert all(word in text for word in words), text
        return True

    eventually(check)


def test_an_admission_policy_denies_our_writes(new_world: WorldMaker) -> None:
    """The object and `/readyz` say what the policy says; the cloud gets each call once; it goes on by itself."""
    world = new_world()
    world.created("held")

    edits: list[str] = []

    def edited_and_reported() -> bool:
        """The policy is enforced a moment after it was accepted: one edit after the other, until one has met it."""
        edits.append(secrets.token_hex(4))
        world.edit("held", description=edits[-1])
        return bool(world.events("held", "CannotWriteToKubernetes"))

    def last_edit_sent() -> bool:
        """The Event is about an edit; that of a later one may still be under way to the cloud."""
        return edits[-1] in world.endpoint("held")["description"]

    with denied(world, f"{api.PLURAL}/status"):
        eventually(edited_and_reported)
        assert DENIED in world.until_event("held", "CannotWriteToKubernetes")["message"]
        until_reported(world, "[-]writes: ", DENIED)
        eventually(last_edit_sent, what="the last edit to reach the cloud")
        since = world.now()
        world.after_lists()
        assert sent(world, since=since) == []
    world.until_ready("held")
    eventually(lambda: "[+]writes ok" in world.operator.served("/readyz"), what="readiness")
    with denied(world, api.PLURAL):
        eventually(lambda: not _may_patch(world), what="the policy to be enforced")
        world.delete("held")
        until_reported(world, "[-]writes: ", DENIED)
        world.after_lists()
        assert world.get("held").held
    world.until_gone("held")
    assert world.endpoints("held") == []
    assert [len(world.calls("held", method)) for method in ("POST", "DELETE")] == [1, 1]


def _may_patch(world: World) -> bool:
    """Whether the account may change the object's metadata: a dry run as the operator."""
    patch = ("patch", api.PLURAL, "held", "-n", world.namespace, "--type=merge", "--dry-run=server")
    change = ("-p", json.dumps({"metadata": {"labels": {"tried": "yes"}}}), f"--as={world.account}")
    return world.cluster.kubectl(*patch, *change, check=False).returncode == 0


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[Cluster]:
    """A control plane that no other test uses."""
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def own_world(own_cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """A world there, of an operator that has the chart's rights."""
    crd.install(own_cluster)
    command = ("upgrade", "--install", RELEASE, str(CHART), "--namespace", SYSTEM, "--create-namespace")
    own_cluster.helm(*command, *RIGHTS_ONLY)
    account = f"system:serviceaccount:{SYSTEM}:{RELEASE}"
    until_in_force(own_cluster, RELEASE, SYSTEM, account)
    chart = Chart(own_cluster.token_kubeconfig(SYSTEM, RELEASE), account)
    options = {"label": request.node.name, "settings": {}, "start": True, "cloud": {}}
    with KubeApi(own_cluster) as kube, made(own_cluster, kube, chart, tmp_path, **options) as world:
        yield world


def test_etcd_is_restored_from_a_snapshot(own_world: World) -> None:
    """Resource versions go back: the process ends and says so, and its next life is Ready with the one endpoint."""
    own_world.created("held")
    cluster, data, saved = (
        own_world.cluster,
        own_world.cluster.directory / "etcd",
        own_world.cluster.directory / "saved",
    )
    cluster.stop_etcd(graceful=True)
    shutil.copytree(data, saved)
    cluster.start_etcd()
    for number in range(20):
        own_world.edit("held", displayName=f"later {number}")
    own_world.until_ready("held")
    cluster.stop_etcd()
    shutil.rmtree(data)
    shutil.copytree(saved, data)
    cluster.start_etcd()
    cluster.stop_apiserver()
    cluster.start_apiserver()
    assert own_world.operator.wait() == 2
    _one_sentence(own_world, "The API server's resource versions went back from ")
    own_world.operator.start()
    own_world.until_ready("held")
    assert len(own_world.calls("held", "POST")) == 1
    assert own_world.calls("held", "DELETE") == []


def test_the_account_is_deleted(own_world: World) -> None:
    """A token that was revoked makes `/readyz` fail with that sentence, which then ends the process."""
    own_world.created("held")
    own_world.cluster.kubectl("delete", "serviceaccount", RELEASE, "-n", SYSTEM)
    own_world.edit("held", displayName="renamed")
    until_reported(own_world, "[-]kubernetes: ", REVOKED)
    assert own_world.operator.wait() == 2
    _one_sentence(own_world, "GET /apis/", REVOKED)


def test_the_crd_is_deleted(own_world: World) -> None:
    """Its objects' endpoints go first; then the process ends with one sentence, without kopf's tracebacks."""
    own_world.created("held")
    cluster = own_world.cluster
    cluster.kubectl("delete", "crd", CRD, "--wait=false")
    try:
        assert own_world.operator.wait() == 2
    finally:
        cluster.kubectl("wait", "--for=delete", f"crd/{CRD}", f"--timeout={DEADLINE:.0f}s", timeout=DEADLINE + 10)
        crd.install(cluster)
        listing = ("get", api.PLURAL, "-n", own_world.namespace)
        eventually(lambda: cluster.kubectl(*listing, check=False).returncode == 0, what="the CRD to be served")
    assert own_world.endpoints("held") == []
    _one_sentence(own_world, f"This cluster has no {api.KIND}")


def _one_sentence(world: World, start: str, *words: str) -> None:
    text = world.operator.log_text()
    [sentence] = [line for line in text.splitlines() if line.startswith("tokenfactory-operator: ")]
    assert sentence.removeprefix("tokenfactory-operator: ").startswith(start), sentence
    assert all(word in sentence for word in words), sentence
    for word in ("Traceback", "AssertionError", "LoginError"):
        assert word not in text

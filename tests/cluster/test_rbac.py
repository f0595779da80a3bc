"""The chart's rights on the real API server: enough for what the operator does, and for nothing else."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from cluster.support import crd
from cluster.support.can_i import can_i, until_can
from cluster.support.chart import CHART, RIGHTS_ONLY
from cluster.support.kube import KubeApi
from controlplane import Cluster
from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.kube.client import connect
from tokenfactory_operator.kube.crd import check_crd
from tokenfactory_operator.kube.events import EventRecorder
from tokenfactory_operator.kube.login import Connection, load_connection
from tokenfactory_operator.kube.objects import KubeObjects
from tokenfactory_operator.ports import Key

pytestmark = pytest.mark.cluster

RELEASE = "rbac"
RBAC = "rbac.authorization.k8s.io"
EVERYWHERE = ("--all-namespaces",)


@dataclass(frozen=True)
class Release:
    """An installed chart: its own namespace, one that it manages, and one that it manages only if it manages all."""

    cluster: Cluster
    kube: KubeApi
    namespace: str
    managed: str
    stranger: str

    @property
    def account(self) -> str:
        """The operator's user name."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    @property
    def name(self) -> str:
        """Of the service account and the other namespaced objects."""
        return f"{RELEASE}-tokenfactory-operator"

    def allowed(self, user: str, *question: str) -> bool:
        """What the API server says to `kubectl auth can-i`."""
        return can_i(self.kube, user, *question)

    def until(self, user: str, *question: str, allowed: bool = True) -> None:
        """Wait for that answer."""
        until_can(self.kube, user, *question, allowed=allowed)


def installed(cluster: Cluster, kube: KubeApi, *values: str) -> Iterator[Release]:
    """Install the chart into new namespaces, remove it afterwards; the CRD is there already."""
    crd.install(cluster)
    mark = secrets.token_hex(4)
    release = Release(cluster, kube, *(f"rbac-{name}-{mark}" for name in ("own", "managed", "stranger")))
    for name in (release.namespace, release.managed, release.stranger):
        kube.create_namespace(name)
    settings = [*RIGHTS_ONLY, *(f"--set={value.format(managed=release.managed)}" for value in values)]
    cluster.helm("install", RELEASE, str(CHART), "--namespace", release.namespace, *settings)
    lease = ("get", f"leases.coordination.k8s.io/{release.name}", "--namespace", release.namespace)
    events = ("create", "events", "--namespace", release.namespace)
    objects = ("list", "dedicatedendpoints", "--namespace", release.managed)
    for question in (lease, events, objects):
        release.until(release.account, *question)
    yield release
    cluster.helm("uninstall", RELEASE, "--namespace", release.namespace)


@pytest.fixture(scope="module")
def whole(cluster: Cluster, kube: KubeApi) -> Iterator[Release]:
    """The chart as it is by default: all namespaces."""
    yield from installed(cluster, kube)


@pytest.fixture(scope="module")
def narrow(cluster: Cluster, kube: KubeApi) -> Iterator[Release]:
    """One namespace and a cluster id of its own, so without any cluster-wide right."""
    values = ("watchNamespaces={{{managed}}}", "clusterId=test", "rbac.surviveNamespaceDeletion=false")
    yield from installed(cluster, kube, *values)


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(("get", "dedicatedendpoints", *EVERYWHERE), id="get"),
        pytest.param(("list", "dedicatedendpoints", *EVERYWHERE), id="list"),
        pytest.param(("watch", "dedicatedendpoints", *EVERYWHERE), id="watch"),
        pytest.param(("patch", "dedicatedendpoints", *EVERYWHERE), id="finalizers, and spec with them"),
        pytest.param(("patch", "dedicatedendpoints", "--subresource=status", *EVERYWHERE), id="status"),
        pytest.param(("create", "events", *EVERYWHERE), id="create events"),
        pytest.param(("patch", "events", *EVERYWHERE), id="patch events"),
        pytest.param(("get", "namespaces/kube-system"), id="cluster id"),
        pytest.param(("get", "/apis"), id="discovery"),
        pytest.param(("get", "/openapi/v3"), id="OpenAPI"),
    ],
)
def test_operator_may(whole: Release, question: tuple[str, ...]) -> None:
    """What the adapter and kopf ask for is allowed in every namespace."""
    assert whole.allowed(whole.account, *question)


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(("create", "dedicatedendpoints"), id="create"),
        pytest.param(("update", "dedicatedendpoints"), id="update"),
        pytest.param(("delete", "dedicatedendpoints"), id="delete"),
        pytest.param(("deletecollection", "dedicatedendpoints"), id="delete all"),
        pytest.param(("update", "dedicatedendpoints", "--subresource=status"), id="replace status"),
        pytest.param(("patch", "dedicatedendpoints", "--subresource=scale"), id="scale"),
        pytest.param(("get", "secrets"), id="read secrets"),
        pytest.param(("list", "secrets"), id="list secrets"),
        pytest.param(("get", "configmaps"), id="config maps"),
        pytest.param(("get", "pods"), id="pods"),
        pytest.param(("list", "events"), id="read events"),
        pytest.param(("delete", "events"), id="delete events"),
        pytest.param(("create", "events.events.k8s.io"), id="events of the other group"),
        pytest.param(("list", "leases.coordination.k8s.io"), id="list leases"),
        pytest.param(("get", "leases.coordination.k8s.io/another"), id="another lease"),
        pytest.param(("patch", "leases.coordination.k8s.io/another"), id="patch another lease"),
        pytest.param(("update", "leases.coordination.k8s.io"), id="update leases"),
        pytest.param(("delete", "leases.coordination.k8s.io"), id="delete leases"),
        pytest.param(("get", "customresourcedefinitions.apiextensions.k8s.io"), id="CRDs"),
        pytest.param(("list", "namespaces"), id="list namespaces"),
        pytest.param(("get", "namespaces/default"), id="another namespace"),
        pytest.param(("patch", "namespaces/kube-system"), id="change kube-system"),
        pytest.param(("impersonate", "users"), id="impersonate"),
        pytest.param(("bind", "clusterroles.rbac.authorization.k8s.io"), id="escalate"),
        pytest.param(("*", "*"), id="everything"),
    ],
)
def test_operator_may_not(whole: Release, question: tuple[str, ...]) -> None:
    """Whatever it does not use is denied, in its own namespace too."""
    for namespace in (whole.namespace, whole.managed):
        assert not whole.allowed(whole.account, *question, "--namespace", namespace)


def test_lease(whole: Release, narrow: Release) -> None:
    """The account may make a lease in its own namespace, and read and renew the one of the release's name."""
    for release in (whole, narrow):
        for verb, name in (("create", ""), ("get", f"/{release.name}"), ("patch", f"/{release.name}")):
            question = (verb, f"leases.coordination.k8s.io{name}")
            assert release.allowed(release.account, *question, "--namespace", release.namespace)
            assert not release.allowed(release.account, *question, "--namespace", release.managed)


def test_narrow_operator_stays_in_its_namespaces(narrow: Release) -> None:
    """With `watchNamespaces` the same rights hold there and nowhere else; its own namespace takes events."""
    for verb in ("get", "list", "watch", "patch"):
        question = (verb, "dedicatedendpoints")
        assert narrow.allowed(narrow.account, *question, "--namespace", narrow.managed)
        for namespace in (narrow.stranger, narrow.namespace):
            assert not narrow.allowed(narrow.account, *question, "--namespace", namespace)
        assert not narrow.allowed(narrow.account, *question, *EVERYWHERE)
    assert narrow.allowed(narrow.account, "create", "events", "--namespace", narrow.namespace)
    assert not narrow.allowed(narrow.account, "create", "events", "--namespace", narrow.stranger)


def test_narrow_operator_outlives_its_roles(cluster: Cluster, kube: KubeApi) -> None:
    """It keeps the rights on endpoints, and on Secrets of some names, when the Role of a namespace is gone."""
    for release in installed(
        cluster, kube, "watchNamespaces={{{managed}}}", "clusterId=test", "secretCredentials=true"
    ):
        where, account = ("--namespace", release.managed), release.account
        release.until(account, "patch", "secrets", *where)
        cluster.kubectl("delete", f"rolebinding/{release.name}-{release.namespace}", *where)
        release.until(account, "patch", "secrets", *where, allowed=False)
        for question in (("get",), ("list",), ("watch",), ("patch",), ("patch", "--subresource=status")):
            release.until(account, question[0], "dedicatedendpoints", *question[1:], *where)
        for verb in ("get", "patch"):
            release.until(account, verb, "secrets/tokenfactory-key", *where)
            assert not release.allowed(account, verb, "secrets/another", *where)
        for verb in ("list", "watch", "delete"):
            assert not release.allowed(account, verb, "secrets/tokenfactory-key", *where)
        for verb, kind in (("patch", "secrets"), ("get", "secrets"), ("create", "events"), ("delete", api.PLURAL)):
            assert not release.allowed(account, verb, kind, *where)


@pytest.mark.rule("I1")
def test_cluster_id_by_hand_needs_no_namespace(narrow: Release) -> None:
    """With `clusterId` not even `kube-system` may be read."""
    assert not narrow.allowed(narrow.account, "get", "namespaces/kube-system")


@pytest.mark.rule(I15="edit: no status")
@pytest.mark.parametrize(
    ("role", "question", "expected"),
    [
        pytest.param("view", ("list", "dedicatedendpoints"), True, id="view lists"),
        pytest.param("view", ("get", "dedicatedendpoints", "--subresource=scale"), True, id="view sees the scale"),
        pytest.param("view", ("create", "dedicatedendpoints"), False, id="view creates nothing"),
        pytest.param("view", ("patch", "dedicatedendpoints", "--subresource=scale"), False, id="view does not scale"),
        pytest.param("edit", ("create", "dedicatedendpoints"), True, id="edit creates"),
        pytest.param("edit", ("delete", "dedicatedendpoints"), True, id="edit deletes"),
        pytest.param("edit", ("patch", "dedicatedendpoints", "--subresource=scale"), True, id="edit scales"),
        pytest.param("edit", ("patch", "dedicatedendpoints", "--subresource=status"), False, id="edit: no status"),
        pytest.param("edit", ("update", "dedicatedendpoints", "--subresource=status"), False, id="edit: no new status"),
    ],
)
def test_people(whole: Release, role: str, question: tuple[str, ...], *, expected: bool) -> None:
    """The roles for people allow everything but what only the operator may write."""
    name, user = f"{whole.name}-{whole.namespace}-{role}", f"{role}-{secrets.token_hex(4)}"
    where = ("--namespace", whole.managed)
    binding = {
        "metadata": {"name": user},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": user}],
    }
    whole.kube.ask("POST", f"/apis/{RBAC}/v1/namespaces/{whole.managed}/rolebindings", binding)
    whole.until(user, "list" if role == "view" else "create", "dedicatedendpoints", *where)
    assert whole.allowed(user, *question, *where) is expected


class SystemClock:
    """The time of the test's own process."""

    def monotonic(self) -> float:
        """The loop's clock."""
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        """Wall-clock time."""
        return datetime.now(UTC)


async def test_adapter_works_with_these_rights(whole: Release) -> None:
    """Every method of the adapter succeeds with the operator's own token."""
    crd.create(whole.kube, whole.managed)
    kubeconfig = whole.cluster.token_kubeconfig(whole.namespace, whole.name)

    async def load() -> Connection:
        return await load_connection({"KUBECONFIG": str(kubeconfig)})

    key = Key(whole.managed, crd.NAME)
    async with await connect(load) as client:
        objects = KubeObjects(client)
        await check_crd(client)
        assert await objects.cluster_id()
        listed, _ = await objects.list_all()
        assert crd.NAME in {item["metadata"]["name"] for item in listed}
        found = await objects.get(key)
        assert found is not None
        version, uid = found["metadata"]["resourceVersion"], found["metadata"]["uid"]
        held = await objects.set_finalizers(key, ("tokenfactory.nebius.com/endpoint",), resource_version=version)
        version = held["metadata"]["resourceVersion"]
        reported = await objects.patch_status(key, {"state": "Running"}, uid=uid, resource_version=version)
        recorder = EventRecorder(client, clock=SystemClock())
        recorder.start()
        for _ in range(2):
            recorder.event(reported, reason="Tried", message="m")
            await recorder.flushed()
        await recorder.stop()
        await objects.set_finalizers(key, (), resource_version=reported["metadata"]["resourceVersion"])
    counts = whole.cluster.kubectl("get", "events", "-n", whole.managed, "-o", "jsonpath={.items[*].count}").stdout
    assert counts == "2"

"""The Kubernetes adapter against the real API server: what it writes, and what its preconditions really guard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from cluster.support import crd
from cluster.support.kube import KubeApi
from controlplane import Cluster
from tokenfactory_operator.domain.errors import KubeConflict, KubeError, KubeNotFound
from tokenfactory_operator.kube.client import MERGE_PATCH, KubeClient, connect
from tokenfactory_operator.kube.crd import check_crd
from tokenfactory_operator.kube.errors import ApiServerError, may_pass
from tokenfactory_operator.kube.events import EventRecorder
from tokenfactory_operator.kube.login import Connection, load_connection
from tokenfactory_operator.kube.objects import KubeObjects
from tokenfactory_operator.ports import JsonObject, Key
from unit.api.invalid_specs import valid_spec

pytestmark = pytest.mark.cluster

FINALIZER = "tokenfactory.nebius.com/endpoint"
STRANGER = "00000000-0000-0000-0000-000000000000"


class SystemClock:
    """The time of the test's own process."""

    def monotonic(self) -> float:
        """The loop's clock."""
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        """Wall-clock time."""
        return datetime.now(UTC)


@pytest.fixture(scope="module", autouse=True)
def _installed(cluster: Cluster) -> None:
    crd.install(cluster)


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[KubeClient]:
    async def load() -> Connection:
        return await load_connection({"KUBECONFIG": str(cluster.kubeconfig)})

    async with await connect(load) as connected:
        yield connected


@pytest.fixture
def objects(client: KubeClient) -> KubeObjects:
    return KubeObjects(client)


def created(kube: KubeApi, namespace: str, *, name: str = crd.NAME, **metadata: object) -> JsonObject:
    """A new object, as stored."""
    return kube.create(namespace, name, valid_spec(), **metadata)


def version(document: JsonObject) -> str:
    text: str = document["metadata"]["resourceVersion"]
    return text


def uid(document: JsonObject) -> str:
    text: str = document["metadata"]["uid"]
    return text


async def present(objects: KubeObjects, key: Key) -> JsonObject:
    document = await objects.get(key)
    assert document is not None
    return document


async def test_get(kube: KubeApi, namespace: str, objects: KubeObjects) -> None:
    """An object is answered as it is; one that does not exist, or whose namespace does not, is `None`."""
    key = Key(namespace, crd.NAME)
    assert await objects.get(key) is None
    stored = created(kube, namespace)
    document = await present(objects, key)
    assert (uid(document), document["spec"]) == (uid(stored), stored["spec"])
    assert document["kind"] == "DedicatedEndpoint"
    assert await objects.get(Key("no-such-namespace", crd.NAME)) is None


def managed_fields(kube: KubeApi, key: Key) -> list[dict[str, Any]]:
    """Who owns what of the object, which the operator itself does not keep."""
    found = kube.get(key.namespace, key.name)
    assert found is not None
    fields: list[dict[str, Any]] = found["metadata"]["managedFields"]
    return fields


async def test_finalizers_are_written_whole(kube: KubeApi, namespace: str, objects: KubeObjects) -> None:
    """The list given is the list stored, in our name, and a stale version writes nothing."""
    key = Key(namespace, crd.NAME)
    first = created(kube, namespace)
    written = await objects.set_finalizers(key, ("example.com/other", FINALIZER), resource_version=version(first))
    assert written["metadata"]["finalizers"] == ["example.com/other", FINALIZER]
    assert "managedFields" not in written["metadata"]
    managers = {entry["manager"] for entry in managed_fields(kube, key) if "f:metadata" in entry["fieldsV1"]}
    assert "tokenfactory-operator" in managers
    with pytest.raises(KubeConflict):
        await objects.set_finalizers(key, (), resource_version=version(first))
    assert (await present(objects, key))["metadata"]["finalizers"] == ["example.com/other", FINALIZER]
    assert "finalizers" not in (await objects.set_finalizers(key, (), resource_version=version(written)))["metadata"]


async def test_finalizers_of_a_terminating_object(kube: KubeApi, namespace: str, objects: KubeObjects) -> None:
    """None can be added any more; removing the last one ends the object, and then it is not found."""
    key = Key(namespace, crd.NAME)
    created(kube, namespace, finalizers=[FINALIZER])
    kube.delete(namespace, crd.NAME)
    held = version(await present(objects, key))
    with pytest.raises(ApiServerError) as caught:
        await objects.set_finalizers(key, (FINALIZER, "example.com/late"), resource_version=held)
    assert caught.value.status == 422
    await objects.set_finalizers(key, (), resource_version=held)
    assert await objects.get(key) is None
    with pytest.raises(KubeNotFound):
        await objects.set_finalizers(key, (), resource_version=held)
    with pytest.raises(KubeNotFound):
        await objects.patch_status(key, {"state": "Running"}, uid=STRANGER, resource_version=held)


async def test_status_is_merged(kube: KubeApi, namespace: str, objects: KubeObjects) -> None:
    """Fields left out stay, `None` removes one, and neither spec nor metadata is touched."""
    key = Key(namespace, crd.NAME)
    stored = created(kube, namespace)
    first = await objects.patch_status(
        key, {"state": "Running", "endpointId": "ep-1"}, uid=uid(stored), resource_version=version(stored)
    )
    second = await objects.patch_status(
        key, {"state": None, "replicas": 1}, uid=uid(stored), resource_version=version(first)
    )
    assert second["status"] == {"observedGeneration": -1, "endpointId": "ep-1", "replicas": 1}
    assert second["spec"] == stored["spec"]
    assert second["metadata"]["generation"] == stored["metadata"]["generation"]
    owners = {(entry["manager"], entry.get("subresource")) for entry in managed_fields(kube, key)}
    assert ("tokenfactory-operator", "status") in owners


async def test_stale_status_is_a_conflict(kube: KubeApi, namespace: str, objects: KubeObjects) -> None:
    """Who decided on an older version writes nothing."""
    key = Key(namespace, crd.NAME)
    stored = created(kube, namespace)
    await objects.patch_status(key, {"state": "New"}, uid=uid(stored), resource_version=version(stored))
    with pytest.raises(KubeConflict):
        await objects.patch_status(key, {"state": "Old"}, uid=uid(stored), resource_version=version(stored))
    assert (await present(objects, key))["status"]["state"] == "New"


async def test_status_of_a_recreated_object_is_not_written(kube: KubeApi, namespace: str, objects: KubeObjects) -> None:
    """The version of the old object guards its successor, which has the same name and another uid."""
    key = Key(namespace, crd.NAME)
    old = created(kube, namespace)
    kube.delete(namespace, crd.NAME)
    new = created(kube, namespace)
    with pytest.raises(KubeConflict):
        await objects.patch_status(key, {"endpointId": "ep-1"}, uid=uid(old), resource_version=version(old))
    assert version(await present(objects, key)) == version(new)


async def test_uid_in_a_status_patch_is_no_precondition(
    kube: KubeApi, namespace: str, client: KubeClient, objects: KubeObjects
) -> None:
    """Kubernetes ignores it, which is why the adapter does not send it and compares the answer's uid instead."""
    key = Key(namespace, crd.NAME)
    stored = created(kube, namespace)
    path = f"/apis/tokenfactory.nebius.com/v1alpha1/namespaces/{namespace}/dedicatedendpoints/{crd.NAME}/status"
    body = {"metadata": {"uid": STRANGER, "resourceVersion": version(stored)}, "status": {"state": "Written"}}
    written = await client.request("PATCH", path, body=body, content_type=MERGE_PATCH)
    assert (uid(written), written["status"]["state"]) == (uid(stored), "Written")
    with pytest.raises(KubeNotFound):
        await objects.patch_status(key, {"replicas": 1}, uid=STRANGER, resource_version=version(written))


@pytest.mark.parametrize(
    ("resource_version", "patch"),
    [
        pytest.param("", {"state": "x"}, id="empty version"),
        pytest.param(None, {"replicas": "many"}, id="schema"),
    ],
)
async def test_refused_status(
    kube: KubeApi, namespace: str, objects: KubeObjects, resource_version: str | None, patch: JsonObject
) -> None:
    """A write without a version, or against the schema, is refused as a whole."""
    stored = created(kube, namespace)
    used = version(stored) if resource_version is None else resource_version
    with pytest.raises(ApiServerError) as caught:
        await objects.patch_status(Key(namespace, crd.NAME), patch, uid=uid(stored), resource_version=used)
    assert caught.value.status == 422


async def test_list(kube: KubeApi, namespace: str, objects: KubeObjects) -> None:
    """Namespaces and the label selector filter; the version is at least that of every object listed."""
    created(kube, namespace, name="a", labels={"team": "ml"})
    newest = created(kube, namespace, name="b")
    everything, listed_at = await objects.list_all()
    assert {"a", "b"} <= {item["metadata"]["name"] for item in everything if item["metadata"]["namespace"] == namespace}
    assert int(listed_at) >= int(version(newest))
    here, _ = await objects.list_all([namespace])
    assert [item["metadata"]["name"] for item in here] == ["a", "b"]
    assert {item["kind"] for item in here} == {"DedicatedEndpoint"}
    selected, _ = await objects.list_all([namespace, "default"], "team=ml")
    assert [item["metadata"]["name"] for item in selected] == ["a"]


@pytest.mark.rule("I1")
async def test_cluster_id_is_the_uid_of_kube_system(cluster: Cluster, objects: KubeObjects) -> None:
    """The first eight hex digits, the same at every start."""
    whole = cluster.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}").stdout
    assert await objects.cluster_id() == whole[:8]


async def test_crd_of_this_commit_is_served(client: KubeClient) -> None:
    """The API server publishes every field that the operator needs."""
    await check_crd(client)


async def test_service_account_of_a_pod(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """A client with the files that a pod finds is let in, and follows the token's rotation after a rejection."""
    cluster.kubectl("create", "serviceaccount", "app", "-n", namespace)
    token = tmp_path / "token"
    token.write_text("rejected", encoding="utf-8")
    (tmp_path / "ca.crt").write_bytes(cluster.ca_file.read_bytes())
    (tmp_path / "namespace").write_text(namespace, encoding="utf-8")
    address = urlsplit(cluster.server)
    environ = {"KUBERNETES_SERVICE_HOST": str(address.hostname), "KUBERNETES_SERVICE_PORT": str(address.port)}

    async def load() -> Connection:
        return await load_connection(environ, service_account=tmp_path)

    async with await connect(load) as client:
        assert client.namespace == namespace
        with pytest.raises(ApiServerError) as caught:
            await check_crd(client)
        assert caught.value.status == 401
        token.write_text(cluster.kubectl("create", "token", "app", "-n", namespace).stdout, encoding="utf-8")
        await check_crd(client)


async def test_certificate_is_verified(cluster: Cluster) -> None:
    """An API server whose CA is not the given one never gets the token, and is not waited for."""

    async def load() -> Connection:
        return Connection(server=cluster.server, token=SecretStr("secret"))

    async with await connect(load) as client:
        with pytest.raises(KubeError, match="certificate") as caught:
            await client.request("GET", "/version")
    assert not may_pass(caught.value)


async def test_events_in_kubectl_describe(cluster: Cluster, kube: KubeApi, namespace: str, client: KubeClient) -> None:
    """A repeated event is one line with its count, told by the operator."""
    subject = created(kube, namespace)
    recorder = EventRecorder(client, clock=SystemClock())
    recorder.start()
    for _ in range(2):
        recorder.event(subject, reason="CreatedExternalEndpoint", message="created ep-1")
        await recorder.flushed()
    recorder.event(subject, reason="CannotCreate", message="no capacity", warning=True)
    recorder.event(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "namespace": namespace}},
        reason="OrphanedEndpoint",
        message="ep-2 has no owner",
        warning=True,
    )
    await recorder.stop()
    described = cluster.kubectl("describe", "dep", crd.NAME, "-n", namespace).stdout
    (line,) = [line for line in described.splitlines() if "CreatedExternalEndpoint" in line]
    assert "Normal" in line
    assert "(x2 over" in line
    assert "tokenfactory-operator" in line
    assert sorted((item["reason"], item["type"], item["count"]) for item in kube.events(namespace)) == [
        ("CannotCreate", "Warning", 1),
        ("CreatedExternalEndpoint", "Normal", 2),
        ("OrphanedEndpoint", "Warning", 1),
    ]


async def test_terminating_namespace_takes_no_events(
    kube: KubeApi, namespace: str, client: KubeClient, caplog: pytest.LogCaptureFixture
) -> None:
    """An event there fails without a word, and the next one elsewhere is written."""
    doomed = f"{namespace}-x"
    kube.create_namespace(doomed)
    held = created(kube, doomed, finalizers=[FINALIZER])
    kube.delete_namespace(doomed)
    alive = created(kube, namespace)
    recorder = EventRecorder(client, clock=SystemClock())
    recorder.start()
    recorder.event(held, reason="Lost", message="m")
    recorder.event(alive, reason="Written", message="m")
    await recorder.stop()
    assert [event["reason"] for event in kube.events(namespace)] == ["Written"]
    assert kube.events(doomed) == []
    assert not caplog.records
    kube.patch(doomed, crd.NAME, {"metadata": {"finalizers": None}})

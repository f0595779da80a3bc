"""What the operator may not do, and namespaces that go away: one namespace's trouble stops that namespace only."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.support.can_i import until_can
from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.namespaced import GONE_WITHIN, WITHOUT_CLUSTER_ROLE, Namespaced, namespaced
from cluster.support.operator_process import OperatorProcess
from cluster.support.worlds import TOKEN
from controlplane import Cluster
from tokenfactory_operator.api import v1alpha1 as api

pytestmark = pytest.mark.cluster


@pytest.fixture
def installed(cluster: Cluster, kube: KubeApi, tmp_path: Path) -> Iterator[Namespaced]:
    """An object in each namespace, without any right that outlives a Role."""
    with namespaced(cluster, kube, tmp_path, WITHOUT_CLUSTER_ROLE) as made:
        for world in (made.a, made.b):
            world.create("held")
        yield made


def test_a_namespace_is_deleted(installed: Namespaced) -> None:
    """Where rights outlive its Role, its endpoint goes and it ends within a minute; the other one is served."""
    installed.grant_by_chart()
    installed.operator.start()
    pid = installed.operator.pid
    a = installed.a
    a.until_ready("held")
    began = time.monotonic()
    a.kube.delete_namespace(a.namespace)
    installed.serves_b()
    installed.until_ended(a)
    assert time.monotonic() - began < GONE_WITHIN
    assert a.endpoints("held") == []
    assert [call["status"] for call in a.calls("held", "DELETE")] == [204]
    installed.serves_b()
    assert installed.operator.running
    assert installed.operator.pid == pid


def test_a_namespace_is_deleted_with_its_role(installed: Namespaced) -> None:
    """Without such rights it waits, which is said with what to do; a restart serves the other; then rights end it."""
    installed.operator.start()
    a = installed.a
    a.until_ready("held")
    a.kube.delete_namespace(a.namespace)
    installed.until_ready_says(f"Namespace {a.namespace} is not served: ", "patch dedicatedendpoints", "ClusterRole")
    installed.serves_b()
    installed.operator.restart()
    installed.serves_b()
    assert installed.operator.metrics()["tokenfactory_namespace_served", a.namespace] == 0
    assert installed.operator.metrics()["tokenfactory_namespace_served", installed.b.namespace] == 1
    assert len(a.calls("held", "POST")) == 1
    installed.grant_by_hand()
    installed.until_ended(a)
    assert a.endpoints("held") == []


def test_a_namespace_is_taken_up_when_its_rights_come(installed: Namespaced) -> None:
    """One without a Role, and one that does not exist, are named and stop no other; a Role is enough."""
    a = installed.a
    binding = installed.binding(a.namespace)
    document = json.loads(installed.cluster.kubectl("get", binding, "-n", a.namespace, "-o", "json").stdout)
    document["metadata"] = {name: document["metadata"][name] for name in ("namespace", "name")}
    installed.cluster.kubectl("delete", binding, "-n", a.namespace)
    until_can(a.kube, a.account, "list", api.PLURAL, "--namespace", a.namespace, allowed=False)
    installed.operator.start()
    installed.b.until_ready("held")
    said = installed.until_ready_says(f"Namespace {a.namespace} is not served: ", "Namespace nowhere-", "list, watch")
    assert f"Namespace {installed.b.namespace}" not in said
    assert a.calls("held", "POST") == []
    installed.cluster.kubectl("create", "-f", "-", input=json.dumps(document))
    a.until_ready("held")
    served = ("tokenfactory_namespace_served", a.namespace)
    eventually(lambda: installed.operator.metrics()[served] == 1, what="the namespace in the metric")


def test_a_namespace_that_does_not_exist_yet(installed: Namespaced) -> None:
    """With rights in the whole cluster it is named, too. Once it exists, its objects are served without a restart."""
    installed.bind_by_hand("all", "--verb=*", "--resource=*.*")
    installed.operator.start()
    said = installed.until_ready_says("[+]kubernetes ok", "does not exist")
    name = said[said.index("nowhere-") :].split()[0]
    assert name in installed.operator.setting("WATCH_NAMESPACES").split(",")
    later = replace(installed.a, namespace=name)
    installed.cluster.kubectl("create", "namespace", name)
    later.create("held")
    later.until_ready("held")
    installed.until_ready_says("namespaces: all served")
    assert installed.operator.log_text().count(f"Namespace {name} does not exist") == 1
    events = json.loads(installed.cluster.kubectl("get", "events", "-n", name, "-o", "json").stdout)["items"]
    assert "Exists" not in {event["reason"] for event in events}, "the question writes nothing"
    later.delete("held")
    later.until_gone("held")
    installed.cluster.kubectl("delete", "namespace", name, "--wait=false")


def test_a_right_to_write_is_taken_away(installed: Namespaced) -> None:
    """`/readyz` names it, the object says so by an Event, nothing is repeated in the cloud; it goes on by itself."""
    installed.operator.start()
    b = installed.b
    b.until_ready("held")
    since = b.now()
    role = installed.binding(b.namespace).replace("rolebinding", "role", 1)
    rules = installed.cluster.kubectl("get", role, "-n", b.namespace, "-o", "jsonpath={.rules}").stdout
    lesser = [rule for rule in json.loads(rules) if f"{api.PLURAL}/status" not in rule["resources"]]
    patch = ("patch", role, "-n", b.namespace, "--type=merge", "-p")
    installed.cluster.kubectl(*patch, json.dumps({"rules": lesser}))
    status = ("patch", api.PLURAL, "--subresource=status", "--namespace", b.namespace)
    until_can(b.kube, b.account, *status, allowed=False)
    b.edit("held", displayName="renamed")
    b.until_event("held", "CannotWriteToKubernetes")
    said = installed.until_ready_says(
        "[-]writes: ", "patch dedicatedendpoints/status there", f"Namespace {b.namespace}"
    )
    assert "readyz check failed" in said
    assert installed.operator.metrics()["tokenfactory_kube_refusals_total", "403"] >= 1
    installed.cluster.kubectl(*patch, json.dumps({"rules": json.loads(rules)}))
    b.until_ready("held")
    installed.until_ready_says("[+]writes ok")
    assert len(b.calls("held", "PATCH", since=since)) == 1


def test_rights_of_the_whole_cluster_are_missing(installed: Namespaced, tmp_path: Path) -> None:
    """The start ends with one message that names each right, its resource and where it is missing."""
    settings = {"TOKEN": TOKEN, "API_URL": "http://127.0.0.1:1", "LEADER_ELECTION": "true", "WATCH_NAMESPACES": ""}
    kubeconfig = installed.cluster.token_kubeconfig(installed.system, "default")
    operator = OperatorProcess(kubeconfig=kubeconfig, log=tmp_path / "other", settings=settings)
    operator.start(wait=False)
    assert operator.wait() == 2
    [sentence] = [line for line in operator.log_text().splitlines() if line.startswith("tokenfactory-operator: ")]
    for word in (
        "may not create leases, get and patch leases tokenfactory-operator",
        f"in namespace {installed.system}",
        "get namespaces kube-system",
        "get, list, watch and patch dedicatedendpoints, patch dedicatedendpoints/status",
        "create and patch events in the whole cluster",
    ):
        assert word in sentence
    assert "Traceback" not in operator.log_text()

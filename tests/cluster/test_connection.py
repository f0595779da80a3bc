"""`spec.connection` on the real API server: an application calls the endpoint with nothing but the ConfigMap."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from cluster.support.can_i import until_can
from cluster.support.chart import CHART, RIGHTS_ONLY
from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.namespaced import namespaced
from cluster.support.rights import until_in_force
from cluster.support.world import World
from cluster.support.worlds import RELEASE, SYSTEM, TOKEN, Chart, made
from controlplane import Cluster
from tokenfactory_operator.api import v1alpha1 as api

pytestmark = pytest.mark.cluster

APP: Final = "app"
RIGHT: Final = {"CONNECTION_CONFIG_MAPS": "true"}


def config_map(world: World, name: str) -> dict[str, Any] | None:
    """The ConfigMap, if it is there."""
    return world.kube.find(f"/api/v1/namespaces/{world.namespace}/configmaps/{name}")


def until_reported(world: World, name: str, **expected: str) -> dict[str, str]:
    """`status.connection` of the object, once it has these fields."""

    def check() -> dict[str, str]:
        said: dict[str, str] = world.get(name).status.get("connection") or {}
        assert {field: said.get(field) for field in expected} == expected, said
        return said

    return eventually(check)


@pytest.fixture
def world(cluster: Cluster, kube: KubeApi, chart: Chart, tmp_path: Path) -> Iterator[World]:
    """An operator with the right to ConfigMaps, whose regions are the simulator itself."""
    values = (*RIGHTS_ONLY, "--set=rbac.aggregate=false", "--set=connectionConfigMaps=true")
    cluster.helm("upgrade", "--install", "with-maps", str(CHART), "--namespace", SYSTEM, *values)
    release = f"with-maps-{RELEASE}"
    account = f"{chart.account.rpartition(':')[0]}:{release}"
    until_in_force(cluster, "with-maps", SYSTEM, account)
    with_maps = Chart(cluster.token_kubeconfig(SYSTEM, release), account)
    with made(cluster, kube, with_maps, tmp_path, label="maps", settings=RIGHT, start=False, cloud={}) as made_world:
        url = made_world.operator.setting("API_URL")
        made_world.operator.configure(INFERENCE_HOSTS=f"eu-north1={url},us-central1={url}")
        made_world.operator.start()
        yield made_world


def test_an_application_calls_the_endpoint(world: World) -> None:
    """With the ConfigMap as its environment and a key; the ConfigMap goes with the object."""
    world.created("subject", connection={"configMapName": APP})
    found = config_map(world, APP)
    assert found is not None
    environment: dict[str, str] = found["data"]
    status = world.get("subject").status
    assert environment == {
        "OPENAI_BASE_URL": status["inferenceURL"],
        "OPENAI_MODEL": status["routingKey"],
        "DEDICATED_ENDPOINT_ID": status["endpointId"],
        "DEDICATED_ENDPOINT_REGION": "eu-north1",
    }
    answer = httpx.post(
        f"{environment['OPENAI_BASE_URL']}/chat/completions",
        json={"model": environment["OPENAI_MODEL"], "messages": [{"role": "user", "content": "Hello"}]},
        headers={"Authorization": f"Bearer {TOKEN}"},
        trust_env=False,
    )
    assert environment["DEDICATED_ENDPOINT_ID"] in answer.json()["choices"][0]["message"]["content"]
    assert status["connection"] == {"configMapName": APP}
    assert TOKEN not in json.dumps(found)
    world.delete("subject")
    world.until_gone("subject")
    eventually(lambda: config_map(world, APP) is None, what="the end of the ConfigMap")


def test_a_foreign_config_map_stays(world: World) -> None:
    """The status and one Event name it, Ready is as it would be; once it is gone ours is made."""
    foreign = ("create", "configmap", APP, "-n", world.namespace, "--from-literal=OPENAI_MODEL=mine")
    world.cluster.kubectl(*foreign)
    world.created("subject", connection={"configMapName": APP})
    assert APP in until_reported(world, "subject", reason="Conflict")["message"]
    assert world.until_event("subject", "ConnectionNotWritten")["type"] == "Warning"
    world.edit("subject", displayName="another")
    world.until_ready("subject")
    found = config_map(world, APP)
    assert found is not None
    assert found["data"] == {"OPENAI_MODEL": "mine"}
    world.cluster.kubectl("delete", "configmap", APP, "-n", world.namespace)
    world.annotate("subject", api.RECONCILE_REQUESTED_AT, "now")
    until_reported(world, "subject", configMapName=APP)
    world.delete("subject")
    world.until_gone("subject")


def test_an_edit_and_a_deletion_are_put_back_on_request(world: World) -> None:
    """What a person has done to our keys; what is there besides them stays. In steady state nothing is written."""
    world.created("subject", connection={})
    name = until_reported(world, "subject", configMapName="subject-connection")["configMapName"]
    before = config_map(world, name)
    assert before is not None
    edit = {"data": {"OPENAI_MODEL": "wrong", "EXTRA": "theirs"}}
    patch = ("patch", "configmap", name, "-n", world.namespace, "--type=merge", "-p", json.dumps(edit))
    world.cluster.kubectl(*patch)
    world.annotate("subject", api.RECONCILE_REQUESTED_AT, "one")
    expected = {**before["data"], "EXTRA": "theirs"}
    eventually(lambda: (config_map(world, name) or {}).get("data") == expected, what="our key put back")
    world.cluster.kubectl("delete", "configmap", name, "-n", world.namespace)
    world.annotate("subject", api.RECONCILE_REQUESTED_AT, "two")
    eventually(lambda: config_map(world, name) is not None, what="the ConfigMap made again")
    world.until_echoed("subject", "two")
    version = world.get("subject").version
    at_rest = config_map(world, name)
    world.after_lists(4)
    world.operator.restart()
    world.after_lists(4)
    assert config_map(world, name) == at_rest
    assert world.get("subject").version == version
    world.delete("subject")
    world.until_gone("subject")


def test_a_policy_that_allows_no_config_map(world: World) -> None:
    """It keeps nobody from the endpoint, and the process ready; the status says what the API server says."""
    name = f"no-maps-{world.namespace}"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    rejected = [{"expression": f"request.namespace != '{world.namespace}'", "message": "no ConfigMaps here"}]
    kind = "ValidatingAdmissionPolicy"
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": rejected}
    bound = {"policyName": name, "validationActions": ["Deny"]}
    for each, what in ((kind, spec), (f"{kind}Binding", bound)):
        body = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": each, "metadata": {"name": name}, "spec": what}
        world.cluster.kubectl("apply", "-f", "-", input=json.dumps(body))
    attempt = ("create", "configmap", "try", "-n", world.namespace, "--dry-run=server")
    try:
        eventually(lambda: world.cluster.kubectl(*attempt, check=False).returncode != 0, what="the policy in force")
        world.created("subject", connection={"configMapName": APP})
        assert "no ConfigMaps here" in until_reported(world, "subject", reason="NotWritten")["message"]
        assert world.operator.probe("readyz")
        world.delete("subject")
        world.until_gone("subject")
    finally:
        world.cluster.kubectl("delete", f"{kind.lower()}binding,{kind.lower()}", name)


def test_an_operator_without_the_right(shared: World, name: str) -> None:
    """The object is served, and says which setting is missing."""
    shared.created(name, connection={})
    assert "connectionConfigMaps" in until_reported(shared, name, reason="Disabled")["message"]


def test_a_namespaced_install(cluster: Cluster, kube: KubeApi, tmp_path: Path) -> None:
    """The Role in each namespace is enough; a namespace that has lost it says so on the object and serves on."""
    with namespaced(cluster, kube, tmp_path, "connectionConfigMaps=true", **RIGHT) as installed:
        installed.operator.start()
        for world in (installed.a, installed.b):
            world.created("held", connection={})
            until_reported(world, "held", configMapName="held-connection")
        a = installed.a
        role = installed.binding(a.namespace).replace("rolebinding", "role", 1)
        rules = json.loads(cluster.kubectl("get", role, "-n", a.namespace, "-o", "jsonpath={.rules}").stdout)
        lesser = [rule for rule in rules if "configmaps" not in rule["resources"]]
        patch = ("patch", role, "-n", a.namespace, "--type=merge", "-p")
        cluster.kubectl(*patch, json.dumps({"rules": lesser}))
        until_can(kube, a.account, "get", "configmaps", "--namespace", a.namespace, allowed=False)
        a.annotate("held", api.RECONCILE_REQUESTED_AT, "now")
        assert "configmaps" in until_reported(a, "held", reason="NotWritten")["message"]
        assert a.get("held").ready
        said = partial(installed.operator.served, "/readyz")
        eventually(lambda: "get, create and patch configmaps" in said(), within=400.0, what="the note on /readyz")
        assert installed.operator.probe("readyz")

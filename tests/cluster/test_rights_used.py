"""The rights of the chart are those that the operator uses: granted ones and the audit log are compared, both ways.

Here: each that is granted is used. That none beyond is used is asked at the end of every run, over all operators of
that run (`cluster` in tests/conftest.py).
"""

from __future__ import annotations

import itertools
import json
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from cluster.support.chart import CHART, RIGHTS_ONLY
from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.rights import WIDEST, Right, granted, until_in_force, used
from cluster.support.secrets import apply_secret, credentials, in_use
from cluster.support.world import World
from cluster.support.worlds import Chart, made
from controlplane import Cluster
from tokenfactory_operator.api import v1alpha1 as api

pytestmark = pytest.mark.cluster

RELEASE: Final = "audited"
ACCOUNT: Final = f"{RELEASE}-tokenfactory-operator"
TEAM_TOKEN: Final = "team-canary-5b1e"


@pytest.fixture
def world(cluster: Cluster, kube: KubeApi, chart: Chart, tmp_path: Path) -> Iterator[World]:
    """An operator with an account that nobody else uses; the CRD is there already."""
    assert chart.account
    system = f"audited-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", system)
    cluster.helm("install", RELEASE, str(CHART), "--namespace", system, *RIGHTS_ONLY, *WIDEST)
    own = Chart(cluster.token_kubeconfig(system, ACCOUNT), f"system:serviceaccount:{system}:{ACCOUNT}")
    until_in_force(cluster, RELEASE, system, own.account)
    settings = {
        "SECRET_CREDENTIALS": "true",
        "CONNECTION_CONFIG_MAPS": "true",
        "LEADER_ELECTION": "true",
        "LEASE_DURATION": "3s",
        "LEASE_NAMESPACE": system,
        "LEASE_NAME": ACCOUNT,
    }
    with made(cluster, kube, own, tmp_path, label="audited", settings=settings, start=True, cloud={}) as made_world:
        yield made_world
    cluster.helm("uninstall", RELEASE, "--namespace", system)
    cluster.kubectl("delete", "namespace", system, "--wait=false")


def granted_to(cluster: Cluster, account: str) -> set[Right]:
    """By the roles that are bound to the account, as the API server has them."""
    namespace = account.split(":")[2]
    roles = ("clusterrole", f"{ACCOUNT}-{namespace}"), ("role", f"{ACCOUNT}-lease", "-n", namespace)
    return granted(json.loads(cluster.kubectl("get", *role, "-o", "json").stdout) for role in roles)


def asked_by(cluster: Cluster, account: str, rights: set[Right]) -> dict[Right, set[int]]:
    """What the account has used, of what it has and beyond."""
    return used((event for event in cluster.audit() if event["user"]["username"] == account), rights)


def corrected(world: World, times: int) -> bool:
    """The Event is there, and has been patched for each time after the first."""
    return [item["count"] for item in world.events("plain", "CorrectedDrift")] == [times]


@contextmanager
def busy_secret(world: World, name: str) -> Iterator[None]:
    """Somebody else writes the Secret all the time, so that the operator's version of it is out of date."""
    stop = threading.Event()

    def write() -> None:
        with KubeApi(world.cluster) as own:
            for number in itertools.takewhile(lambda _: not stop.is_set(), itertools.count()):
                own.annotate_secret(world.namespace, name, str(number))

    with ThreadPoolExecutor(max_workers=2) as pool:
        writers = [pool.submit(write) for _ in range(2)]
        try:
            yield
        finally:
            stop.set()
        for writer in writers:
            writer.result()


def conflict(world: World, number: int) -> bool:
    """Have the operator put its finalizer on such a Secret; whether it had to read it again."""
    name = f"busy-{number}"
    apply_secret(world, name, TEAM_TOKEN)
    with busy_secret(world, name):
        world.create(name, credentials=credentials(name))
        eventually(lambda: world.get(name).status.get("conditions"), what="a first status")
    world.until_ready(name)
    world.delete(name)
    world.until_gone(name)
    return ("", "secrets", "", "get") in asked_by(world.cluster, world.account, set())


def live(world: World) -> None:
    """Whole lives: with a ConfigMap, drift and a restart, with a key of its own, with one that others write too."""
    apply_secret(world, "key", TEAM_TOKEN)
    plain = world.created("plain", connection={})
    world.created("keyed", credentials=credentials("key"))
    for count in (1, 2):
        world.cloud.console_patch(plain.endpoint_id, scaling={"max_replicas": 9})
        eventually(partial(corrected, world, count), what="the correction")
        world.until_ready("plain")
    config_map = f"/api/v1/namespaces/{world.namespace}/configmaps/plain-connection"
    world.kube.ask("PATCH", config_map, {"data": {"OPENAI_MODEL": "wrong"}})
    world.annotate("plain", api.RECONCILE_REQUESTED_AT, "now")

    def put_back() -> bool:
        return bool(world.kube.ask("GET", config_map)["data"]["OPENAI_MODEL"] != "wrong")

    eventually(put_back, what="the ConfigMap put back")
    world.operator.restart()
    assert any(conflict(world, number) for number in range(10))
    for name in ("plain", "keyed"):
        world.delete(name)
        world.until_gone(name)
    eventually(lambda: not in_use(world, "key"), what="the Secret let go")


def test_granted_and_used_are_the_same(world: World) -> None:
    """Nothing is granted that a life does not need, nothing needed is refused, and nothing is granted by a wildcard."""
    world.cloud.add_token(TEAM_TOKEN, "project-team")
    rights = granted_to(world.cluster, world.account)
    assert not {right for right in rights if "*" in right}
    live(world)
    asked = asked_by(world.cluster, world.account, rights)
    assert set(asked) - rights == set(), "asked for, and not granted"
    assert {right for right, codes in asked.items() if 403 in codes} == set()
    assert rights - set(asked) == set(), "granted, and never asked for"

"""The operator as its users run it: the image in two pods of the chart, on a node, in a restricted namespace.

The tests stand in the order in which they run. What they count is told by the last one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cluster.support.cli import cli
from cluster.support.eventually import eventually
from e2e.conftest import Installed
from e2e.support import release as releases
from e2e.support.fleet import Fleet, record_of
from e2e.support.kubectl import items, kubectl

LIFECYCLES = 20
CREATES = 200


def test_two_pods_of_which_one_leads(installed: Installed) -> None:
    """The namespace that enforces `restricted` admits both; one holds the lease and `helm test` agrees."""
    namespace = kubectl("get", "namespace", releases.NAMESPACE, "-o", "jsonpath={.metadata.labels}").stdout
    assert '"pod-security.kubernetes.io/enforce":"restricted"' in namespace
    assert len(installed.release.pods()) == releases.REPLICAS
    assert installed.release.leader()
    assert "Succeeded" in installed.release.test().stdout


def test_doctor(installed: Installed) -> None:
    """The time of the last list comes from the pod that leads, through the API server; all else is well, too."""
    run = cli(Path(os.environ["KUBECONFIG"]), CA_FILE=str(installed.release.folder / "cloud.crt"))
    ran = run("doctor", "-n", releases.NAMESPACE, "-o", "json")
    checks = {check["name"]: check for check in ran.json["checks"]}
    assert checks["last-list"]["status"] == "ok", checks["last-list"]
    assert checks["last-list"]["message"].startswith("The operator listed the cloud ")
    assert installed.release.leader() in checks["leader"]["message"]
    assert {check["status"] for check in checks.values()} == {"ok"}, checks


def test_lifecycles(installed: Installed, fleet: Fleet) -> None:
    """Create, become ready, scale, stop, start, delete: one endpoint each, and none is left."""
    fleet.apply(LIFECYCLES)
    views = fleet.until_ready(LIFECYCLES)
    fleet.patch(views, scaling={"minReplicas": 2, "maxReplicas": 4})
    fleet.until_ready(LIFECYCLES)
    assert {item["scaling"]["min_replicas"] for item in fleet.endpoints()} == {2}
    fleet.patch(views, enabled=False)
    assert {view.said("Ready").reason for view in fleet.until_ready(LIFECYCLES)} == {"Stopped"}
    fleet.patch(views, enabled=True)
    fleet.until_ready(LIFECYCLES)
    assert len(fleet.endpoints()) == LIFECYCLES
    fleet.delete()
    assert fleet.endpoints() == []
    assert len(fleet.endpoints(alive_only=False)) == LIFECYCLES
    installed.counts.lifecycles += LIFECYCLES


@pytest.mark.parametrize(
    "how", [pytest.param((), id="asked"), pytest.param(("--force", "--grace-period=0"), id="killed")]
)
def test_leader_deleted(installed: Installed, fleet: Fleet, how: tuple[str, ...]) -> None:
    """In the middle of creating, the leader's pod goes; the other one leads, and makes what is missing, once."""
    leader = installed.release.leader()
    with ThreadPoolExecutor(1) as hand:  # on a busy machine kubectl takes as long as the operator
        applied = hand.submit(fleet.apply, CREATES // 2)
        fleet.until_created(10)
        kubectl("delete", "pod", leader, "-n", releases.NAMESPACE, "--wait=false", *how)
        assert len(fleet.endpoints(alive_only=False)) < CREATES // 2, "it was not in the middle"
        applied.result()
    fleet.until_ready(CREATES // 2)
    installed.release.until_up()
    assert installed.release.leader() != leader
    assert len(fleet.endpoints(alive_only=False)) == CREATES // 2
    installed.counts.kills += 1


def test_rolling_update_amid_creates(installed: Installed, fleet: Fleet) -> None:
    """Every pod is replaced while 200 endpoints are created: objects come before, while and after it changes hands."""
    before = {pod["metadata"]["name"] for pod in installed.release.pods()}
    applied = 20
    fleet.apply(applied)
    fleet.until_created(1)
    installed.release.restart()
    while installed.release.leader() in before and applied < CREATES - 20:
        fleet.apply(5, first=applied)
        applied += 5
    eventually(lambda: installed.release.leader() not in before, what="a new leader")
    amid = len(fleet.endpoints(alive_only=False))
    fleet.apply(CREATES - applied, first=applied)
    installed.release.until_rolled_out()
    fleet.until_ready(CREATES)
    assert 0 < amid < CREATES
    assert not before & {pod["metadata"]["name"] for pod in installed.release.pods()}
    assert len(fleet.endpoints(alive_only=False)) == CREATES
    installed.counts.kills += len(before)


def test_node_drained_and_back(installed: Installed, fleet: Fleet) -> None:
    """The disruption budget holds the last pod, and that goes on; while no pod can run nothing is made, later it is."""
    fleet.apply(5)
    fleet.until_ready(5)
    nodes = [node["metadata"]["name"] for node in items("nodes")]
    drain = ("drain", *nodes, "--ignore-daemonsets", "--delete-emptydir-data", "--force")
    try:
        held = kubectl(*drain, "--timeout=20s", timeout=60, check=False)
        assert held.returncode != 0
        assert "violate the pod's disruption budget" in held.stderr
        eventually(lambda: installed.release.running() == [installed.release.leader()], what="the last pod in the lead")
        fleet.apply(5, first=5)
        fleet.until_ready(10)
        kubectl(*drain, "--disable-eviction", "--timeout=120s", timeout=150)
        eventually(lambda: not installed.release.running(), what="no pod")
        fleet.apply(5, first=10)
        kubectl("wait", "-n", releases.NAMESPACE, "pod", "--all", "--for=condition=PodScheduled=false")
        assert len(fleet.endpoints(alive_only=False)) == 10
    finally:
        for node in nodes:
            kubectl("uncordon", node)
    installed.release.until_up()
    fleet.until_ready(15)
    assert len(fleet.endpoints(alive_only=False)) == 15
    installed.counts.kills += releases.REPLICAS


def test_upgrade_and_rollback(installed: Installed, fleet: Fleet) -> None:
    """`helm upgrade` and `helm rollback` replace the pods; the endpoints are the same, and are not written to."""
    fleet.apply(10)
    fleet.until_ready(10)
    ids = {item["id"] for item in fleet.endpoints()}
    writes = record_of(installed.cloud).writes
    revision = installed.release.revision()
    installed.release.upgrade(logLevel="debug")
    assert installed.release.revision() == revision + 1
    installed.release.rollback()
    assert installed.release.revision() == revision + 2
    _after_lists(installed)
    assert {item["id"] for item in fleet.endpoints()} == ids
    assert record_of(installed.cloud).writes == writes


def test_uninstalled_and_installed_again(installed: Installed, fleet: Fleet) -> None:
    """`helm uninstall` leaves resource, objects and endpoints; after an install the same objects have the same ones."""
    fleet.apply(10)
    fleet.until_ready(10)
    ids = {item["id"] for item in fleet.endpoints()}
    installed.release.uninstall()
    assert len(fleet.views()) == 10
    assert {item["id"] for item in fleet.endpoints()} == ids
    fleet.apply(5, first=10)
    installed.release.install()
    fleet.until_ready(15)
    assert ids < {item["id"] for item in fleet.endpoints()}
    assert len(fleet.endpoints(alive_only=False)) == 15


def test_deletion_outlives_a_kill(installed: Installed, fleet: Fleet) -> None:
    """The leader is killed while 50 objects are being deleted: no endpoint stays."""
    fleet.apply(50)
    fleet.until_ready(50)
    leader = installed.release.leader()
    kubectl("delete", "dep", "--all", "-n", fleet.namespace, "--wait=false")
    eventually(lambda: len(fleet.endpoints()) < 50, what="the first DELETE")
    kubectl("delete", "pod", leader, "-n", releases.NAMESPACE, "--wait=false", "--force", "--grace-period=0")
    eventually(lambda: not fleet.views(), within=180, what="the end of the objects")
    assert fleet.endpoints() == []
    installed.counts.kills += 1
    installed.release.until_up()


def test_logs_and_sum(installed: Installed, ends_clean: Callable[[], None], tell: Callable[[str], None]) -> None:
    """No pod has logged a defect or the token; over all scenarios no object had two endpoints, and none is left."""
    ends_clean()
    restarts = [
        status["restartCount"] for pod in installed.release.pods() for status in pod["status"]["containerStatuses"]
    ]
    assert set(restarts) == {0}
    record = record_of(installed.cloud)
    counts = installed.counts
    tell(
        f"e2e: {counts.lifecycles} lifecycles, {counts.kills} pods ended amid work, {record.made} endpoints ever made, "
        f"{record.duplicates} duplicates, {record.left} left, {record.writes} writing calls to the cloud, "
        f"logs of {len(installed.logs.texts())} pods"
    )
    assert record.duplicates == 0
    assert record.left == 0


def _after_lists(installed: Installed) -> None:
    """The leader has listed the cloud three times from now on: it has seen what is there, and would have acted."""
    seen = len(installed.cloud.calls(method="GET"))
    eventually(lambda: len(installed.cloud.calls(method="GET")) >= seen + 3, what="three LISTs")

"""Whatever the tenant of one namespace does, another one's objects come and go, and the operator lives and stays small.

How much longer the other one waits is told and not asserted: it is the machine's, too.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from cluster.support.chart import CHART, RIGHTS_ONLY
from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.world import World
from cluster.support.worlds import SYSTEM, Chart, made
from controlplane import Cluster
from hostile.support.lives import TIMEOUT, Life, lived, reported
from hostile.support.neighbours import NEIGHBOURS, SEEN, Place, at_work
from hostile.support.processes import cpu_seconds, resident

pytestmark = [pytest.mark.cluster, pytest.mark.verify]

RELEASE: Final = "tenants-tokenfactory-operator"
MEMORY: Final = 300
"""MiB that the process may have resident."""
DESCRIPTORS: Final = 200
"""Open files and sockets: 21 connections of the own credential, some of the API server, and few of each tenant."""
SERIES: Final = 600
"""Of the operator's own metrics."""
SETTINGS: Final = {
    "SECRET_CREDENTIALS": "true",
    "WATCH_NAMESPACES": "",
    "OBJECT_SELECTOR": ",".join(f"{name}={value}" for name, value in SEEN.items()),
    "POLL_INTERVAL": "500ms",
    "POLL_INTERVAL_IN_TRANSITION": "500ms",
    "RATE_LIMIT": "20",
}
"""LISTs come in one pace, whoever has just changed something: else a neighbour's changes would make them more frequent.
The pace of the API is the default one, which all tenants of the operator's own credential share."""


@pytest.fixture(scope="session")
def chart(cluster: Cluster, chart: Chart) -> Chart:
    """The chart once more, with the right to read Secrets; the CRD is there already."""
    values = (*RIGHTS_ONLY, "--set=rbac.aggregate=false", "--set=secretCredentials=true")
    cluster.helm("install", "tenants", str(CHART), "--namespace", SYSTEM, *values)
    return Chart(cluster.token_kubeconfig(SYSTEM, RELEASE), chart.account.rpartition(":")[0] + ":" + RELEASE)


@pytest.fixture(scope="module")
def world(cluster: Cluster, kube: KubeApi, chart: Chart, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One operator for all neighbours, since what one leaves behind must not harm the next."""
    folder = tmp_path_factory.mktemp("tenants")
    capacity = {"eu-west1/gpu-h100-sxm": 0}
    with made(
        cluster, kube, chart, folder, label="victim", settings=SETTINGS, start=True, cloud={"capacity": capacity}
    ) as around:
        yield around


@pytest.fixture
def place(cluster: Cluster, kube: KubeApi) -> Iterator[Place]:
    """A namespace for a neighbour."""
    namespace = f"loud-{secrets.token_hex(4)}"
    kube.create_namespace(namespace)
    yield Place(cluster.kubeconfig, cluster.server, cluster.ca_file, namespace)
    kube.delete_namespace(namespace)


@pytest.fixture(scope="module")
def alone(world: World) -> list[list[Life]]:
    """Rounds without a neighbour: one before the first, and one after each."""
    lived(world, SEEN)
    return [lived(world, SEEN)]


@contextmanager
def probed(world: World) -> Iterator[list[float]]:
    """Asks `/livez` all the time; the answers' times, and infinity for one that says no. No speed is judged."""
    took, stop = list[float](), threading.Event()

    def ask() -> None:
        while not stop.wait(0.2):
            begun = time.monotonic()
            passed = world.operator.probe("livez", within=TIMEOUT)
            took.append(time.monotonic() - begun if passed else float("inf"))

    asking = threading.Thread(target=ask, name="probe")
    asking.start()
    try:
        yield took
    finally:
        stop.set()
        asking.join(TIMEOUT)


@pytest.mark.parametrize("case", NEIGHBOURS)
def test_a_loud_neighbour(
    world: World, place: Place, alone: list[list[Life]], case: str, tell: Callable[[str], None]
) -> None:
    """The other tenant's object becomes Ready and goes; probe, memory, descriptors and series are as they should be."""
    pid = world.operator.pid
    with probed(world) as took, at_work(place, case) as insisted:
        begun, cpu = time.monotonic(), cpu_seconds(pid)
        beside = lived(world, SEEN)
        busy = (cpu_seconds(pid) - cpu) / (time.monotonic() - begun)
        descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        series = len(world.operator.metrics())
        writes = insisted()
    place.leave(within=TIMEOUT)
    alone.append(lived(world, SEEN))
    assert world.operator.running
    assert max(took) < float("inf")
    assert resident(pid) < MEMORY
    assert descriptors < DESCRIPTORS
    assert series < SERIES
    assert writes > 0
    around = [life for lives in alone[-2:] for life in lives]
    made = reported([life.made for life in beside], alone=[life.made for life in around])
    gone = reported([life.gone for life in beside], alone=[life.gone for life in around])
    tell(
        f"neighbour with {case} ({writes} writes): create {made}, delete {gone}; {busy:.0%} of a core,"
        f" {resident(pid)} MiB, {descriptors} descriptors, {series} series, slowest /livez {max(took):.2f} s"
    )


def test_it_lives_on_and_ends_when_told_to(world: World) -> None:
    """Afterwards all is as before: objects of a tenant come and go, and SIGTERM ends the process in order."""
    lived(world, SEEN)
    eventually(lambda: world.operator.probe("readyz"), what="readiness")
    assert world.operator.stop() == 0

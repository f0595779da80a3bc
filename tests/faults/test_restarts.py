"""The API server, or etcd under it, ends and comes back while a fleet is being created, edited and deleted.

On a control plane of its own, since nobody else could work meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import pytest

from cluster.support import crd
from cluster.support.chart import CHART, RIGHTS_ONLY
from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.operator_process import PATIENT
from cluster.support.views import View
from cluster.support.world import World
from cluster.support.worlds import RELEASE, SYSTEM, Chart, made
from controlplane import Cluster
from faults.support import census
from faults.support.kubelet import Kubelet

pytestmark = pytest.mark.cluster

EACH: Final = 10
"""Objects that are being created, as many that are being edited, and as many that are being deleted."""
IN_FLIGHT: Final = 2.5
"""Seconds for which the cloud holds mutations back: the outage meets some before and some after their effect.

So long are the last of them under way, on whatever machine, when it has answered the first.
"""
SOME: Final = 5
"""Mutations that the cloud has answered when the outage comes."""
TIMEOUT: Final = 120.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A control plane that only this module uses."""
    with Cluster() as running:
        yield running


@pytest.fixture(scope="module")
def kube(cluster: Cluster) -> Iterator[KubeApi]:
    """Its API server as admin."""
    with KubeApi(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def chart(cluster: Cluster) -> Chart:
    """The chart's rights on it."""
    crd.install(cluster)
    values = ("--namespace", SYSTEM, "--create-namespace", *RIGHTS_ONLY)
    cluster.helm("install", RELEASE, str(CHART), *values)
    return Chart(cluster.token_kubeconfig(SYSTEM, RELEASE), f"system:serviceaccount:{SYSTEM}:{RELEASE}")


@pytest.fixture(scope="module")
def watched(
    cluster: Cluster, kube: KubeApi, chart: Chart, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, Kubelet]]:
    """One world for all outages, and who starts its operator again."""
    folder = tmp_path_factory.mktemp("restarts")
    with made(cluster, kube, chart, folder, label="restarts", settings=PATIENT, start=True, cloud={}) as world:
        yield world, Kubelet(world.operator)


@dataclass(frozen=True)
class Fleet:
    """Objects by what is being done to them when the outage comes."""

    world: World
    kubelet: Kubelet
    label: str

    def names(self, what: str) -> list[str]:
        """Their names."""
        return [f"{self.label}-{what}-{number}" for number in range(EACH)]

    def every(self, do: Callable[[str], object], *whats: str) -> None:
        """Do something with each, several at a time."""
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(do, [name for what in whats for name in self.names(what)]))

    def until_ready(self, *whats: str) -> dict[str, View]:
        """All of these are Ready at their generation; answers them by name."""

        def check() -> dict[str, View]:
            wanted = {name for what in whats for name in self.names(what)}
            objects = self.world.kube.objects(self.world.namespace)
            found = {body["metadata"]["name"]: View(body) for body in objects}
            waiting = [view.summary() for name, view in found.items() if name in wanted and not view.ready]
            assert wanted <= found.keys()
            assert not waiting, f"{len(waiting)} not Ready, such as {waiting[0]}"
            return {name: found[name] for name in wanted}

        return self.kubelet.until(check, within=TIMEOUT)

    def until_gone(self, *whats: str) -> None:
        """None of these is in the API server any more."""

        def check() -> bool:
            gone = {name for what in whats for name in self.names(what)}
            left = [body["metadata"]["name"] for body in self.world.kube.objects(self.world.namespace)]
            assert not gone.intersection(left)
            return True

        self.kubelet.until(check, within=TIMEOUT)

    def meet(self, *, since: int) -> Counter[str]:
        """Begin everything; returns when the cloud has answered some, but not all, with the counts."""
        begun: list[Future[object]] = []
        with ThreadPoolExecutor(4) as pool:
            for created, edited, deleted in zip(*map(self.names, ("created", "edited", "deleted")), strict=True):
                begun.append(pool.submit(self.world.create, created))
                begun.append(pool.submit(self.world.edit, edited, displayName=f"{edited} renamed"))
                begun.append(pool.submit(self.world.delete, deleted))
        for future in begun:
            future.result()

        def check() -> Counter[str]:
            calls = [call for call in self.world.cloud.calls(since=since) if call["status"] is not None]
            done = Counter(call["method"] for call in calls if call["method"] != "GET")
            assert done.total() >= SOME, done
            return done

        done = eventually(check)
        assert done.total() < 3 * EACH
        return done


OUTAGES: Final[dict[str, tuple[Callable[[Cluster], None], Callable[[Cluster], None]]]] = {
    "apiserver-killed": (Cluster.stop_apiserver, Cluster.start_apiserver),
    "etcd-killed": (Cluster.stop_etcd, Cluster.start_etcd),
    "etcd-ended-in-order": (partial(Cluster.stop_etcd, graceful=True), Cluster.start_etcd),
}
FIRST: Final = "apiserver-killed"
"""That of `make test`."""


@pytest.mark.parametrize(
    "outage", [pytest.param(each, marks=() if each == FIRST else pytest.mark.verify) for each in OUTAGES]
)
def test_outage(outage: str, cluster: Cluster, watched: tuple[World, Kubelet], tell: Callable[[str], None]) -> None:
    """The control plane goes in the middle of creates, updates and deletes, and comes back: each ends as asked."""
    world, kubelet = watched
    stop, start = OUTAGES[outage]
    fleet, before = Fleet(world, kubelet, outage), kubelet.restarts
    fleet.every(world.create, "edited", "deleted")
    fleet.until_ready("edited", "deleted")
    for method in ("POST", "PATCH", "DELETE"):
        world.cloud.fault({"method": method}, effect="delay", seconds=IN_FLIGHT)
    done = fleet.meet(since=world.now())
    stop(cluster)
    world.after_lists(5)
    assert census.take(world.cloud).duplicates() == []
    start(cluster)
    world.cloud.clear_faults()
    ready = fleet.until_ready("created", "edited")
    fleet.until_gone("deleted")
    judge(world, ready)
    fleet.every(world.delete, "created", "edited")
    fleet.until_gone("created", "edited")
    assert world.cloud.endpoints() == []
    counts = ", ".join(f"{count} {method}s" for method, count in done.items())
    tell(
        f"{outage}: {3 * EACH} objects, {counts} answered before the outage;"
        f" operator started again {kubelet.restarts - before} times"
    )


def judge(world: World, ready: dict[str, View]) -> None:
    """One endpoint for each object that is left, with what its spec says; never another one for any."""
    counted = census.take(world.cloud)
    assert counted.duplicates() == []
    assert {len(lives) for lives in counted.by_uid.values()} == {1}
    assert counted.alive == dict.fromkeys((view.uid for view in ready.values()), 1)
    named = {item["id"]: item["name"] for item in world.cloud.endpoints()}
    for name, view in ready.items():
        assert view.endpoint_id in named
        if "-edited-" in name:
            assert named[view.endpoint_id] == f"{name} renamed"

"""The network to the cloud, or to the API server, fails while something is created, edited, deleted and at rest.

Each case is a world of its own with a TCP proxy on one of its two ways. While the network fails, conditions must tell
the truth and nothing may be made twice; when it is back, everything ends as it was asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.views import View
from cluster.support.world import World
from cluster.support.worlds import Chart
from controlplane import Cluster
from faults.support import abreast, census
from faults.support.kubelet import Kubelet
from faults.support.proxied import proxied_cloud, proxied_kube
from faults.support.tcp import Fault, Mode, TcpProxy

pytestmark = pytest.mark.cluster

ABREAST: Final = 6
SETTLE: Final = 3.0
SETTINGS: Final = {"REQUEST_TIMEOUT": "1s", "CREATE_SETTLE": f"{SETTLE:g}s", "INVENTORY_MAX_AGE": "2s"}
IN_FLIGHT: Final = 2.0
"""Seconds for which the cloud holds a POST and a DELETE back, so that the network can fail in the middle of both."""
OF_KUBE: Final = {**SETTINGS, "REQUEST_TIMEOUT": "2500ms"}
"""They are waited for."""
CREATED: Final = "created"
EDITED: Final = "edited"
DELETED: Final = "deleted"
NAMES: Final = (CREATED, EDITED, DELETED)


@dataclass(frozen=True)
class Case:
    """How the network fails."""

    id: str
    fault: Fault
    forward: bool = True
    """The cloud still gets the POST in whose middle the network fails; else only the operator knows of it."""
    outage: bool = True
    """The cloud cannot be listed meanwhile."""
    reset: bool = True
    """When it is back, connections that lost bytes are reset; else they stay silent for ever."""

    def key(self) -> str:
        """As pytest shows it."""
        return self.id


CLOUD: Final = (
    Case("cloud-cut-before-the-post", Fault(Mode.CUT), forward=False),
    Case("cloud-cut-after-the-post", Fault(Mode.CUT)),
    Case("cloud-deaf-before-the-post", Fault(Mode.DEAF), forward=False),
    Case("cloud-mute", Fault(Mode.MUTE)),
    Case("cloud-torn-in-the-head", Fault(Mode.TORN, first=30)),
    Case("cloud-torn-in-the-body", Fault(Mode.TORN, first=250)),
    Case("cloud-slow", Fault(Mode.SLOW, latency=0.2), outage=False),
    Case("cloud-slower-than-the-time-out", Fault(Mode.SLOW, latency=0.8)),
    Case("cloud-much-slower-than-the-time-out", Fault(Mode.SLOW, latency=1.2)),  # less than the settle time
)
KUBE: Final = (
    Case("kube-mute-for-ever", Fault(Mode.MUTE), reset=False),  # the longest first
    Case("kube-cut", Fault(Mode.CUT)),
    Case("kube-deaf", Fault(Mode.DEAF)),
    Case("kube-mute", Fault(Mode.MUTE)),
    Case("kube-torn", Fault(Mode.TORN, first=200)),
    Case("kube-slow", Fault(Mode.SLOW, latency=0.15)),
)

FIRST: Final = tuple(
    case
    for case in (*CLOUD, *KUBE)
    if case.id in ("cloud-cut-after-the-post", "cloud-deaf-before-the-post", "kube-cut", "kube-mute")
)
"""Those of `make test`."""


@dataclass(frozen=True)
class Net:
    """A world with a proxy on one of its ways."""

    world: World
    proxy: TcpProxy
    kubelet: Kubelet

    def until_ready(self, name: str) -> View:
        """Ready at its generation, with the operator started again where it ended."""

        def check() -> View:
            seen = self.world.get(name)
            assert seen.ready, seen.summary()
            return seen

        return self.kubelet.until(check, within=120.0)

    def until_gone(self, name: str) -> None:
        """Not in the API server any more."""
        self.kubelet.until(lambda: self.world.find(name) is None, within=120.0, what=f"the end of {name}")

    def begin(self) -> None:
        """Two objects are there and in order."""
        for name in (EDITED, DELETED):
            self.world.create(name)
        for name in (EDITED, DELETED):
            self.world.until_ready(name)

    def never_two(self) -> None:
        """As the record has it by now."""
        assert census.take(self.world.cloud).duplicates() == []

    def end(self) -> int:
        """Everything is as it was asked for; then all is deleted. Answers how often the operator was started again."""
        for name in (CREATED, EDITED):
            assert self.until_ready(name).endpoint_id == self.world.endpoint(name)["id"]
        assert self.world.endpoint(EDITED)["name"] == "renamed"
        self.until_gone(DELETED)
        for name in (CREATED, EDITED):
            self.world.delete(name)
            self.until_gone(name)
        assert self.world.cloud.endpoints() == []
        counted = census.take(self.world.cloud)
        assert counted.duplicates() == []
        assert [len(lives) for lives in counted.by_uid.values()] == [1, 1, 1]
        assert [len(self.world.calls(name, "POST")) for name in NAMES] == [1, 1, 1]
        return self.kubelet.restarts


def lose_cloud(net: Net, case: Case) -> int:
    """The network to the cloud fails at a POST."""
    net.begin()
    net.proxy.arm(b"POST ", case.fault, forward=case.forward)
    net.world.create(CREATED)
    eventually(lambda: net.proxy.engaged, what="the POST")
    net.world.edit(EDITED, displayName="renamed")
    net.world.delete(DELETED)
    if case.outage:
        reported_blind(net.world)
    else:
        net.until_ready(CREATED)
        net.until_ready(EDITED)
    net.never_two()
    net.proxy.set(Fault())
    return net.end()


def reported_blind(world: World) -> None:
    """What the operator cannot see it does not claim, and what it holds it keeps."""
    for name in (CREATED, EDITED):
        world.until_reported(name, "Synced", "CloudUnavailable", status="False")
        world.until_reported(name, "Ready", "CloudUnavailable", status="Unknown")
        assert not world.get(name).ready

    def held() -> bool:
        seen = world.get(DELETED)
        assert (seen.terminating, seen.held) == (True, True)
        return seen.said("Ready").status != "True"

    eventually(held, what="no word of a readiness of what is being deleted")


def lose_kube(net: Net, case: Case) -> int:
    """The network to the API server fails while a POST and a DELETE are under way."""
    net.begin()
    for method in ("POST", "DELETE"):
        net.world.cloud.fault({"method": method, "count": 1}, effect="delay", seconds=IN_FLIGHT)
    net.world.create(CREATED)
    net.world.delete(DELETED)
    net.world.until_called(CREATED, "POST")
    net.world.until_called(DELETED, "DELETE")
    net.proxy.set(case.fault)
    net.world.edit(EDITED, displayName="renamed")
    eventually(lambda: net.world.endpoints(CREATED), what="the effect of the POST")
    eventually(lambda: not net.world.endpoints(DELETED), what="the effect of the DELETE")
    net.world.after_lists(5)
    if case.fault.mode is not Mode.SLOW:
        blind = net.world.get(CREATED)
        assert not blind.ready
        assert blind.held
        assert net.world.get(EDITED).observed_generation == 1
    net.never_two()
    if case.reset:
        net.proxy.set(Fault())
    else:
        net.proxy.forget()
    return net.end()


def live(cluster: Cluster, kube: KubeApi, chart: Chart, case: Case, folder: Path) -> int:
    """One case from its world's beginning to its end."""
    to_cloud = case in CLOUD
    opened = proxied_cloud if to_cloud else proxied_kube
    settings = SETTINGS if to_cloud else OF_KUBE
    with opened(cluster, kube, chart, folder, label=case.id, settings=settings) as (world, proxy):
        net = Net(world, proxy, Kubelet(world.operator))
        return lose_cloud(net, case) if to_cloud else lose_kube(net, case)


@pytest.fixture(scope="module")
def lives(
    cluster: Cluster,
    kube: KubeApi,
    chart: Chart,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Future[int]]]:
    """The cases that were selected, under way; each answers how often its operator was started again."""
    one = partial(live, cluster, kube, chart)
    chosen = abreast.selected(request, (*KUBE, *CLOUD))
    with ThreadPoolExecutor(ABREAST) as pool:
        yield {case.key(): pool.submit(one, case, tmp_path_factory.mktemp(case.id)) for case in chosen}


@pytest.mark.parametrize("to_cloud", abreast.parameters(CLOUD, first=FIRST))
def test_network_to_the_cloud(to_cloud: Case, lives: dict[str, Future[int]]) -> None:
    """Blind to the cloud it claims nothing and makes nothing twice; seeing again it does what was asked meanwhile."""
    assert lives[to_cloud.key()].result() <= 1


@pytest.mark.parametrize("to_kube", abreast.parameters(KUBE, first=FIRST))
def test_network_to_the_api_server(to_kube: Case, lives: dict[str, Future[int]]) -> None:
    """What was made while nothing could be written down is written down later, and is the only one."""
    assert lives[to_kube.key()].result() <= 1


@pytest.mark.verify
def test_counts(lives: dict[str, Future[int]], tell: Callable[[str], None]) -> None:
    """How many ways to fail were lived through, and what they cost in restarts."""
    restarts = {key: future.result() for key, future in lives.items()}
    again = ", ".join(f"{key} {count}" for key, count in restarts.items() if count) or "none"
    tell(f"network faults: {len(restarts)} cases; operator started again: {again}")
    assert restarts

"""Whatever the cloud answers, the operator lives, is quick to say so, stays small, works on, and ends when told to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.world import World
from cluster.support.worlds import Chart, made
from controlplane import Cluster
from hostile.support.answers import LISTS, POSTS, fuzzed_creates, fuzzed_lists
from hostile.support.cloud import Answer, HostileCloud, hostile_cloud
from hostile.support.processes import cpu_seconds, resident

pytestmark = pytest.mark.cluster

MEMORY: Final = 300
"""MiB that the process may have resident."""
QUICK: Final = 5.0
"""Seconds of the operator's processor time until its probe is answered."""
FUZZED: Final = 150
FUZZED_CREATES: Final = 40
SEED: Final = 20261129
LONGEST_STATUS: Final = 16_384
"""Characters of a status as JSON, whatever the cloud has said."""
SETTINGS: Final = {
    "POLL_INTERVAL": "100ms",
    "POLL_INTERVAL_IN_TRANSITION": "100ms",
    "INVENTORY_MAX_AGE": "3s",
}


@pytest.fixture(scope="module")
def cloud() -> Iterator[HostileCloud]:
    with hostile_cloud() as made_cloud:
        yield made_cloud


@pytest.fixture(scope="module")
def world(
    cluster: Cluster, kube: KubeApi, chart: Chart, cloud: HostileCloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """One operator for all cases, since what one leaves behind must not harm the next."""
    folder, settings = tmp_path_factory.mktemp("hostile"), {**SETTINGS, "API_URL": cloud.url}
    with made(cluster, kube, chart, folder, label="hostile", settings=settings, start=True, cloud={}) as around:
        yield around


def is_well(world: World) -> None:
    """Alive, quick to answer, and small; how busy others keep the machine is no matter."""
    assert world.operator.running, world.operator.log_text()[-2000:]
    begun = cpu_seconds(world.operator.pid)
    assert world.operator.probe("livez", within=60.0), world.operator.served("/livez")
    assert cpu_seconds(world.operator.pid) - begun < QUICK
    assert resident(world.operator.pid) < MEMORY


@pytest.mark.parametrize("answer", [pytest.param(answer, id=name) for name, answer in LISTS.items()])
def test_lists(world: World, cloud: HostileCloud, answer: Answer) -> None:
    """Two of them, and then honest ones: it lists again by itself."""
    cloud.answer("LIST", answer)
    eventually(lambda: cloud.requests["LIST"] >= 2, what="two hostile lists")
    is_well(world)
    cloud.behave()
    eventually(lambda: cloud.requests["LIST"] >= 1, what="an honest list")


@pytest.mark.parametrize(("case", "answer"), [pytest.param(*each, id=each[0]) for each in POSTS.items()])
def test_creates(world: World, cloud: HostileCloud, case: str, answer: Answer) -> None:
    """The object says that it is not in order, in a status that the API server takes."""
    name = f"create-{list(POSTS).index(case)}"
    cloud.answer("POST", answer)
    world.create(name)
    eventually(lambda: cloud.requests["POST"] >= 1, what="the create call")

    def reported() -> bool:
        seen = world.get(name)
        assert seen.said("Ready").status != "True"
        assert seen.said("Synced").status == "False", seen.summary()
        return True

    eventually(reported)
    assert len(json.dumps(world.get(name).status)) < LONGEST_STATUS
    is_well(world)
    cloud.behave()


def test_fuzzed_lists(world: World, cloud: HostileCloud, tell: Callable[[str], None]) -> None:
    """Good answers with some bytes changed, cut or doubled; the seed repeats them."""
    source = fuzzed_lists(SEED)
    cloud.answer("LIST", lambda _: next(source))
    slowest = 0.0

    def listed(count: int) -> None:
        eventually(lambda: cloud.requests["LIST"] >= count, what="fuzzed lists")

    for count in range(10, FUZZED + 1, 10):
        listed(count)
        begun = time.monotonic()
        is_well(world)
        slowest = max(slowest, time.monotonic() - begun)
    cloud.behave()
    eventually(lambda: cloud.requests["LIST"] >= 1, what="an honest list")
    mib = resident(world.operator.pid)
    tell(
        f"hostile cloud: {len(LISTS) + len(POSTS)} answers and {FUZZED} fuzzed ones, {mib} MiB resident,"
        f" slowest look at probe and memory {slowest:.2f} s"
    )


def test_fuzzed_creates(world: World, cloud: HostileCloud) -> None:
    """Whatever is left of a good answer: nothing is Ready, each status is short, and all can be deleted afterwards."""
    source = fuzzed_creates(SEED)
    cloud.answer("POST", lambda _: next(source))
    names = [f"fuzzed-{number}" for number in range(FUZZED_CREATES)]
    for name in names:
        world.create(name)

    def reported() -> bool:
        seen = [world.get(name) for name in names]
        return all(each.said("Ready").status == "False" and "createAttempt" in each.status for each in seen)

    eventually(reported, what="a word about each object")
    assert max(len(json.dumps(world.get(name).status)) for name in names) < LONGEST_STATUS
    is_well(world)
    cloud.behave()
    for name in names:
        world.delete(name)
    eventually(lambda: all(world.find(name) is None for name in names), within=120.0, what="objects that are gone")


def test_it_ends_when_told_to(world: World, cloud: HostileCloud) -> None:
    """SIGTERM amid hostile lists."""
    cloud.answer("LIST", LISTS["pages without an end"])
    eventually(lambda: cloud.requests["LIST"] >= 2, what="hostile lists")
    assert world.operator.stop() == 0
    with pytest.raises(AssertionError, match="is not answered"):
        world.operator.served("/livez")

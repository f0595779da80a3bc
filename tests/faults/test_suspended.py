"""The operator is stopped (SIGSTOP) for longer than all of its time-outs, at several moments of a create.

When it goes on, everything that it believes is old: answers lie in its buffers, time-outs have passed, and what it was
about to send was decided long ago.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.lists import COLLECTION
from cluster.support.world import World
from cluster.support.worlds import Chart
from controlplane import Cluster
from faults.support import abreast, census
from faults.support.proxied import proxied_kube
from faults.support.tcp import Fault, Mode

pytestmark = pytest.mark.cluster

ABREAST: Final = 5
SETTINGS: Final = {
    "REQUEST_TIMEOUT": "1s",
    "SEND_DEADLINE": "500ms",
    "CREATE_SETTLE": "2s",
    "INVENTORY_MAX_AGE": "2s",
}
STOPPED: Final = 4.0
"""Seconds: more than request time-out, send deadline and settle time together."""
TRIES: Final = 5
"""Objects to meet a moment at: on a busy machine one that is short may be over before it is looked for."""
SLOW: Final = Fault(Mode.SLOW, latency=0.2)
"""A network to the API server on which the moments between its answers can be met."""


@dataclass(frozen=True)
class Moment:
    """When the operator is stopped; `fault` is what the cloud does to the first POST."""

    id: str
    reached: Callable[[World, str], bool]
    """Asked of the object of this name."""
    fault: Mapping[str, Any] | None = None
    slow: bool = False
    lists_take: float = 0.0
    """Seconds from what a LIST sees to its answer."""

    def key(self) -> str:
        """As pytest shows it."""
        return self.id


def attempt(world: World, name: str) -> str:
    """State of the attempt, as it is written."""
    return str((world.get(name).status.get("createAttempt") or {}).get("state", ""))


def post(world: World, name: str) -> Mapping[str, Any] | None:
    """The first POST, once it has arrived."""
    return next(iter(world.calls(name, "POST")), None)


def ended(world: World, name: str) -> bool:
    """The first POST has got its answer, or its cut."""
    first = post(world, name)
    return first is not None and first["status"] is not None


def list_under_way(world: World, name: str) -> bool:
    """A LIST has arrived after the POST's end, and is not answered."""
    first = post(world, name)
    if first is None or first["status"] is None:
        return False
    later = world.lists(since=first["sequence"])
    return any(call["status"] is None and call["started_wall"] > first["ended_wall"] for call in later)


LATE: Final = {"effect": "effect_late", "seconds": 1.8, "answer": "cut"}
MOMENTS: Final = (
    Moment("finalizer-written", lambda world, name: world.get(name).held and not attempt(world, name), slow=True),
    Moment(
        "attempt-opened", lambda world, name: attempt(world, name) == "Pending" and not post(world, name), slow=True
    ),
    Moment("post-arrived", lambda world, name: bool(post(world, name)), fault={"effect": "delay", "seconds": 0.5}),
    Moment(
        "effect-done",
        lambda world, name: bool(world.endpoints(name)),
        fault={"effect": "delay", "seconds": 0.5, "when": "after"},
    ),
    Moment("answer-lost", ended, fault={"effect": "answer_lost"}),
    Moment("effect-to-come", ended, fault=LATE),
    Moment("effect-to-come-and-a-list-under-way", list_under_way, fault=LATE, lists_take=0.4),
    Moment("answered", lambda world, name: ended(world, name) and not world.get(name).endpoint_id, slow=True),
    Moment("id-written", lambda world, name: bool(world.get(name).endpoint_id) and not world.get(name).ready),
)

FIRST: Final = tuple(moment for moment in MOMENTS if moment.id in ("post-arrived", "answer-lost"))
"""Those of `make test`."""


def live(cluster: Cluster, kube: KubeApi, chart: Chart, moment: Moment, folder: Path) -> int:
    """A create with a stop in it, and a deletion; answers how many endpoints were made."""
    with proxied_kube(cluster, kube, chart, folder, label=moment.id, settings=SETTINGS) as (world, proxy):
        for name in (f"subject-{number}" for number in range(TRIES)):
            script(world, moment)
            proxy.set(SLOW if moment.slow else Fault())
            uid, met = world.create(name).uid, is_met(world, moment, name)
            if met:
                suspend(world)
            proxy.set(Fault())
            assert world.until_ready(name).endpoint_id == world.endpoint(name)["id"]
            world.after_lists()
            made = len(census.take(world.cloud).by_uid[uid])
            assert (len(world.calls(name, "POST")), made) == (1, 1)
            world.delete(name)
            world.until_gone(name)
            assert world.cloud.endpoints() == []
            if met:
                return made
    raise AssertionError(f"{moment.id} was over {TRIES} times before it was looked for")


def script(world: World, moment: Moment) -> None:
    """What the cloud does to the next POST, and to all LISTs."""
    world.cloud.clear_faults()
    if moment.fault is not None:
        parameters = dict(moment.fault)
        world.cloud.fault({"method": "POST", "count": 1}, effect=parameters.pop("effect"), **parameters)
    if moment.lists_take:
        lists = {"method": "GET", "path_regex": f"{COLLECTION}$"}
        world.cloud.fault(lists, effect="delay", seconds=moment.lists_take, when="after")


def is_met(world: World, moment: Moment, name: str) -> bool:
    """Wait for the moment; answers False where it is over."""
    met = False

    def look() -> bool:
        nonlocal met
        met = moment.reached(world, name)
        return met or world.get(name).ready

    eventually(look, what=moment.id, longest_pause=0.05)
    return met


def suspend(world: World) -> None:
    """Stop the operator until every time-out of it has passed, then let it go on."""
    world.operator.send(signal.SIGSTOP)
    until = time.monotonic() + STOPPED
    eventually(lambda: time.monotonic() >= until, what="the end of every time-out")
    world.operator.send(signal.SIGCONT)


@pytest.fixture(scope="module")
def lives(
    cluster: Cluster,
    kube: KubeApi,
    chart: Chart,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Future[int]]]:
    """The moments that were selected, under way."""
    one = partial(live, cluster, kube, chart)
    with ThreadPoolExecutor(ABREAST) as pool:
        yield {
            moment.key(): pool.submit(one, moment, tmp_path_factory.mktemp(moment.id))
            for moment in abreast.selected(request, MOMENTS)
        }


@pytest.mark.parametrize("moment", abreast.parameters(MOMENTS, first=FIRST))
def test_suspended(moment: Moment, lives: dict[str, Future[int]]) -> None:
    """Stopped for longer than every time-out and going on: exactly one endpoint, of exactly one POST."""
    assert lives[moment.key()].result() == 1


@pytest.mark.verify
def test_counts(lives: dict[str, Future[int]], tell: Callable[[str], None]) -> None:
    """How many moments there were."""
    tell(f"suspended: {len(lives)} moments, {sum(life.result() for life in lives.values())} endpoints")
    assert lives

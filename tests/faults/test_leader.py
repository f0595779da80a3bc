"""The leader of two operators is killed, stopped and cut off in the middle of 300 creates, ten times in all.

Everything is counted from the simulator's record. How soon the other one leads, and acts, is told.
"""

from __future__ import annotations

import signal
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.views import View
from cluster.support.worlds import Chart
from controlplane import Cluster
from faults.support import census
from faults.support.pair import Pair, Seat, pair
from faults.support.person import Person
from faults.support.tcp import OPEN, Fault, Mode
from tokenfactory_operator.process.leadership import EXIT_LEASE_LOST
from unit.api.invalid_specs import valid_spec

pytestmark = [pytest.mark.cluster, pytest.mark.verify, pytest.mark.timeout(900)]

DURATION: Final = 6.0
SETTINGS: Final = {
    "LEASE_DURATION": f"{DURATION:g}s",
    "REQUEST_TIMEOUT": "3s",
    "CREATE_SETTLE": "4s",
    "DELETE_SETTLE": "5s",
    "INVENTORY_MAX_AGE": "20s",
}
BATCH: Final = 30
"""Objects that are created around each strike."""
AFTER: Final = 8
"""POSTs of a batch before the strike."""


def kill(seat: Seat) -> None:
    """SIGKILL."""
    seat.operator.kill()


def stop(seat: Seat) -> None:
    """SIGSTOP; `revive` lets it go on when the other one has acted."""
    seat.operator.send(signal.SIGSTOP)


def cut(seat: Seat) -> None:
    """Nothing reaches the API server any more; the cloud is still reached."""
    seat.proxy.set(Fault(Mode.DEAF))


STRIKES: Final[tuple[Callable[[Seat], None], ...]] = (kill, stop, cut)


def revive(seat: Seat, strike: Callable[[Seat], None]) -> None:
    """The struck one has to end by itself, with the status of a lost lease; then its pod is started anew."""
    if strike is stop:
        seat.operator.send(signal.SIGCONT)
    if strike is not kill:
        assert seat.operator.wait() in (EXIT_LEASE_LOST, signal.SIGALRM)
    seat.proxy.set(OPEN)
    seat.operator.start()


@contextmanager
def batch(made: Pair, number: int) -> Iterator[None]:
    """Objects are being created."""
    names = [f"object-{number}-{index:02d}" for index in range(BATCH)]
    with ThreadPoolExecutor(2) as pool:
        creating = [pool.submit(made.world.kube.create, made.world.namespace, name, valid_spec()) for name in names]
        yield
        for each in creating:
            each.result()


def posts(made: Pair) -> int:
    """POSTs so far."""
    return len(made.world.cloud.calls(method="POST"))


def struck(made: Pair, number: int) -> tuple[float, float]:
    """One strike in the middle of a batch; answers the seconds until the other one led, and until it called."""
    strike, leader, before = STRIKES[number % len(STRIKES)], made.leader(), posts(made)
    with batch(made, number):
        eventually(lambda: posts(made) >= before + AFTER, what="the middle of the batch")
        at, holder = time.time(), made.lease()["holderIdentity"]
        strike(leader)
    eventually(lambda: made.lease()["holderIdentity"] not in (holder, ""), what="another leader")
    eventually(lambda: made.other(leader).leads, what="the other one leads")
    led = made.acquired()
    acted = eventually(lambda: _first_call(made, after=led), what="a call of the new leader")
    revive(leader, strike)
    return led - at, acted - at


@pytest.mark.rule("W7", "W12")
def test_ten_strikes(
    cluster: Cluster, kube: KubeApi, chart: Chart, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    """300 objects get 300 endpoints, never two at once, and each time the other one takes over.

    The strikes leave some tens of attempts in doubt. Where the others are just 250, a usual limit of lists, a person
    is asked.
    """
    with pair(cluster, kube, chart, tmp_path, label="strikes", settings=SETTINGS) as made:
        led, acted = zip(*(struck(made, number) for number in range(10)), strict=True)
        person = Person(made.world)
        ready = eventually(lambda: _all_ready(made, person))
        taken = census.take(made.world.cloud)
        assert taken.alive == dict.fromkeys((view.uid for view in ready), 1)
        assert len(ready) == 10 * BATCH
        assert taken.duplicates() == []
        for view in ready:
            made.world.delete(view.body["metadata"]["name"])
        eventually(lambda: not made.world.kube.objects(made.world.namespace), what="no object")
        assert made.world.cloud.endpoints() == []
    tell(
        f"leader struck 10 times in {len(ready)} creates: {taken.made()} endpoints made, {len(taken.duplicates())}"
        f" duplicates, 0 left; the lease of {DURATION:g} s passed on within {statistics.median(led):.1f} s"
        f" (worst {max(led):.1f} s), first call to the cloud after {statistics.median(acted):.1f} s"
        f" (worst {max(acted):.1f} s); a person was asked {person.acted.total()} times"
    )


def _first_call(made: Pair, *, after: float) -> float | None:
    return min(
        (call["started_wall"] for call in made.world.cloud.calls() if call["started_wall"] > after), default=None
    )


def _all_ready(made: Pair, person: Person) -> list[View]:
    objects = made.world.kube.objects(made.world.namespace)
    person.tend(objects)
    views = [View(body) for body in objects]
    waiting = [view.summary() for view in views if not view.ready]
    assert not waiting, f"{len(waiting)} not Ready, such as {waiting[:3]}"
    return views

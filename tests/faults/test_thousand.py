"""A thousand objects at once while a fifth of all calls fails in every way that the simulator knows.

Everything is counted from the simulator's record: how many endpoints each object had at every moment, not only in the
end. An effect that comes later than the settle time may make a duplicate; it is counted, and must be gone.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import pytest

from cluster.support.eventually import eventually
from cluster.support.lists import COLLECTION
from cluster.support.views import View
from cluster.support.world import World
from cluster.support.worlds import WorldMaker
from faults.support import census, mix
from faults.support.person import Person
from unit.api.invalid_specs import valid_spec

pytestmark = [pytest.mark.cluster, pytest.mark.verify, pytest.mark.timeout(1200)]

OBJECTS: Final = 1_000
EDITED: Final = 100
HANDS: Final = 4
"""Threads that create and delete objects."""
SETTLE: Final = 6.0
REQUEST_TIMEOUT: Final = 2.0
SETTINGS: Final = {
    "CREATE_SETTLE": f"{SETTLE:g}s",
    "DELETE_SETTLE": "8s",
    "REQUEST_TIMEOUT": f"{REQUEST_TIMEOUT:g}s",
    "POLL_INTERVAL": "3s",
    "POLL_INTERVAL_IN_TRANSITION": "1s",
    "RATE_LIMIT": "1000",
}
WITHIN: Final = 3.5
"""Seconds of a late effect: the caller has given up, the settle time is not over."""
BEYOND: Final = 11.0
"""Seconds of an effect that comes after the next attempt may have been made."""
TIMEOUT: Final = 480.0
"""Seconds. Seven failures in a row, which one of a thousand may meet, take up to 254 s of backoff."""


@dataclass
class Fleet:
    """The thousand, and the person who looks after them."""

    world: World
    person: Person
    edited: frozenset[str] = frozenset()

    def apply(self) -> None:
        """Create all."""
        self._each(lambda name: self.world.kube.create(self.world.namespace, name, valid_spec()))

    def delete(self) -> None:
        """Delete all, one by one as kubectl does: the API server ends one request for all of them after 60 s."""
        self._each(lambda name: self.world.kube.delete(self.world.namespace, name))

    def _each(self, act: Callable[[str], object]) -> None:
        names = [f"endpoint-{number:04d}" for number in range(OBJECTS)]
        with ThreadPoolExecutor(HANDS) as pool:
            list(pool.map(act, names))

    def until_in_order(self) -> list[View]:
        """All are Ready, nothing is still to come at the cloud, and each has one endpoint."""

        def check() -> list[View]:
            objects = self._look()
            views = [View(body) for body in objects]
            waiting = [view.summary() for view in views if not view.ready]
            self._edit(views)
            assert not waiting, f"{len(waiting)} not Ready, such as {waiting[:3]}"
            assert len(self.edited) == EDITED
            assert not census.pending(self.world.cloud)  # first: what comes late must not come between the two
            alive = self.world.cloud.summary()["alive"]
            assert alive == OBJECTS, f"{alive} endpoints"
            return views

        return eventually(check, within=TIMEOUT)

    def until_gone(self) -> None:
        """No object is left."""

        def check() -> bool:
            left = [View(body).summary() for body in self._look()]
            assert not left, f"{len(left)} left, such as {left[:3]}"
            return True

        eventually(check, within=TIMEOUT)

    def _look(self) -> list[dict[str, Any]]:
        """All objects as they are after another LIST of the cloud; who asks for a person is answered."""
        self.world.after_lists(1)
        objects = self.world.kube.objects(self.world.namespace)
        self.person.tend(objects)
        return objects

    def _edit(self, views: list[View]) -> None:
        """Once enough are Ready, change some: PATCHes have to bear the faults too."""
        ready = [view.body["metadata"]["name"] for view in views if view.ready]
        if not self.edited and len(ready) >= EDITED:
            for name in ready[:EDITED]:
                self.world.edit(name, displayName=f"{name}, edited")
            self.edited = frozenset(ready[:EDITED])


def script_creation(world: World) -> None:
    """POST, PATCH and GET by id fail as often as they may."""
    silent, cloud = mix.no_answer(REQUEST_TIMEOUT + 1), world.cloud
    changes = [*silent, *mix.errors(401, 403, 422), *mix.in_spite(), *mix.late(WITHIN), *mix.strange()]
    mix.script(cloud, {"method": "POST"}, [*changes, *mix.late(BEYOND, 0.5)], seed=1)
    mix.script(cloud, {"method": "PATCH"}, changes, seed=2)
    mix.script(cloud, {"method": "GET", "path_regex": f"{COLLECTION}/."}, [*silent, *mix.errors()], seed=3)


def script_lists(world: World) -> None:
    """LISTs fail, lag and leave out; of the ids left out some must exist."""
    ids = [item["id"] for item in eventually(lambda: world.cloud.endpoints()[:20], what="endpoints")]
    table = [*mix.no_answer(REQUEST_TIMEOUT + 1), *mix.errors(), *mix.strange(), *mix.lists(ids)]
    mix.script(world.cloud, {"method": "GET", "path_regex": f"{COLLECTION}$"}, table, seed=4)


def script_deletion(world: World) -> None:
    """DELETEs fail as often as they may."""
    table = [
        *mix.no_answer(REQUEST_TIMEOUT + 1),
        *mix.errors(401, 403),
        *mix.in_spite(),
        *mix.late(WITHIN),
    ]
    mix.script(world.cloud, {"method": "DELETE"}, table, seed=5)


def test_thousand_objects(new_world: WorldMaker, tell: Callable[[str], None]) -> None:
    """Exactly a thousand endpoints, never two at once within the settle time, all Ready; deleted: nothing is left."""
    world = new_world(settings=SETTINGS, start=False)
    fleet = Fleet(world, Person(world))
    script_creation(world)
    fleet.apply()
    world.operator.start()
    script_lists(world)
    views = fleet.until_in_order()
    created = census.take(world.cloud)
    assert created.alive == dict.fromkeys((view.uid for view in views), 1)
    assert {view.endpoint_id for view in views} == {item["id"] for item in world.cloud.endpoints()}
    script_deletion(world)
    fleet.delete()
    fleet.until_gone()
    # A DELETE that comes late may be on its way still, and find nothing.
    eventually(lambda: not census.pending(world.cloud), what="the end of all late effects")
    after = census.take(world.cloud)
    tell(report(world, created, fleet.person))
    assert after.unexcused(SETTLE) == []
    assert not after.alive
    assert world.cloud.endpoints() == []


def report(world: World, created: census.Census, person: Person) -> str:
    """The counts, for people."""
    together = max((first.together(second) for first, second in created.duplicates()), default=0.0)
    headline = (
        f"thousand objects: {sum(created.alive.values())} endpoints when all were Ready, of {created.made()} made;"
        f" {len(created.duplicates())} duplicates of effects later than the settle time, gone within {together:.1f} s;"
        " after the deletion 0 endpoints, 0 objects"
    )
    lines = [headline]
    for method in ("POST", "PATCH", "DELETE", "GET"):
        calls = world.cloud.calls(method=method)
        hit, effects = mix.met(calls)
        named = ", ".join(f"{name} {count}" for name, count in sorted(effects.items()))
        lines.append(f"  {method}: {len(calls)} calls, {hit} with a fault ({hit / len(calls):.0%}): {named}")
    acted = ", ".join(f"{reason} {count}" for reason, count in sorted(person.acted.items())) or "never"
    return "\n".join([*lines, f"  a person's word (request annotation): {acted}"])

"""Objects that come and go beside a neighbour's: how long each takes, and what the cloud was asked for meanwhile.

Counts come from the simulator's record. They tell where an object has waited, also on a machine that is busy.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from cluster.support.eventually import eventually
from cluster.support.operator_process import CREATE_SETTLE
from cluster.support.views import View
from cluster.support.world import World
from tokenfactory_simulator.record import COLLECTION

COUNT: Final = 8
"""Objects in a round."""
LOOKS: Final = 3
"""Looks at all objects until the next one begins: each meets the operator's LISTs at another time, and they do not wait
for each other."""
TIMEOUT: Final = 300.0
"""Seconds that each step may take: a machine that also runs other things must not fail a test."""

Call = dict[str, Any]


@dataclass
class Step:
    """A create or a delete: from the person's request to its end."""

    begun: float = 0.0
    """Seconds since 1970, as `ended`."""
    ended: float = 0.0
    others: int = 0
    """Calls about the neighbour's objects, between the request and the call about this one."""
    lists: int = 0
    """LISTs that began after that call and before the end."""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.begun

    def count(self, own: Call, others: Iterable[Call], lists: Iterable[Call]) -> None:
        """What lies between the request, the call that it needed, and its end."""
        self.others = sum(self.begun < call["started_wall"] < own["started_wall"] for call in others)
        self.lists = sum(own["ended_wall"] <= call["started_wall"] < self.ended for call in lists)


@dataclass
class Life:
    """One object."""

    name: str = field(default_factory=lambda: f"victim-{secrets.token_hex(3)}")
    made: Step = field(default_factory=Step)
    gone: Step = field(default_factory=Step)


def lived(world: World, labels: Mapping[str, str]) -> list[Life]:
    """A round: objects become Ready, grow so old that their absence needs no settle time, and go."""
    since, lives = world.now(), [Life() for _ in range(COUNT)]
    _go(
        world,
        {life.name: life.made for life in lives},
        begin=lambda name: world.create(name, metadata={"labels": labels}),
        over=lambda seen: seen is not None and seen.ready,
    )
    old = max(life.made.ended for life in lives) + CREATE_SETTLE
    eventually(lambda: time.time() > old, what="the settle time of young endpoints")
    _go(world, {life.name: life.gone for life in lives}, begin=world.delete, over=lambda seen: seen is None)
    _count(world, lives, world.cloud.calls(since=since))
    return lives


def _go(
    world: World, steps: Mapping[str, Step], *, begin: Callable[[str], object], over: Callable[[View | None], bool]
) -> None:
    """Begin one after the other, and note when each is over."""
    waiting, looks = list(steps), itertools.count()

    def look() -> bool:
        if waiting and next(looks) % LOOKS == 0:
            name = waiting.pop(0)
            steps[name].begun = time.time()
            begin(name)
        seen = {item["metadata"]["name"]: View(item) for item in world.kube.objects(world.namespace)}
        for name, step in steps.items():
            if step.begun and not step.ended and over(seen.get(name)):
                step.ended = time.time()
        return all(step.ended for step in steps.values())

    eventually(look, within=TIMEOUT, what="all objects of a round, Ready or gone")


def _count(world: World, lives: Iterable[Life], calls: Iterable[Call]) -> None:
    """By the record: whose endpoint a call is about."""
    ids = {life.name: world.endpoints(life.name, alive_only=False)[0]["id"] for life in lives}
    about = {name: [call for call in calls if call["endpoint_id"] == ids[name]] for name in ids}
    lists = [call for call in calls if call["method"] == "GET" and call["path"] == COLLECTION]
    others = [call for call in calls if call["method"] != "GET" and call["endpoint_id"] not in ids.values()]
    for life in lives:
        for method, step in (("POST", life.made), ("DELETE", life.gone)):
            step.count(next(call for call in about[life.name] if call["method"] == method), others, lists)


def reported(steps: Iterable[Step], alone: Iterable[Step]) -> str:
    """How much longer these took than those, and where they waited: medians, and the worst count of calls."""
    ours = list(steps)
    took = median(step.seconds for step in ours)
    times = took / median(step.seconds for step in alone)
    calls = [step.others for step in ours]
    return (
        f"{took:.2f} s ({times:.1f} times as alone; {median(calls):g} calls of the neighbour before its own,"
        f" {max(calls)} at most; {median(step.lists for step in ours):g} lists after it)"
    )

"""What a person reads with kubectl alone: its true output for an object in each of six states.

`GOLDEN=write` writes the files anew; read the diff.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import pytest

from cluster.support import golden
from cluster.support.eventually import eventually
from cluster.support.world import World
from cluster.support.worlds import WorldMaker
from tokenfactory_operator.api import v1alpha1 as api

pytestmark = pytest.mark.cluster

FULL: Final = "gpu-h200-sxm"
STATES: Final = ("deleting", "no-capacity", "paused", "ready", "suspended", "typo")


def six(world: World) -> None:
    """Have an object in each state."""
    world.cloud.set_capacity(f"eu-north1/{FULL}", 0)
    world.create("no-capacity", gpu={"type": FULL, "count": 1})
    world.create("typo", model="openai/gpt-os-120b")
    for name in ("ready", "paused", "suspended", "deleting"):
        world.create(name)
    world.until_reported("no-capacity", "Ready", "Starting")
    world.until_stalled("typo", "CatalogMismatch")
    for name in ("ready", "paused", "suspended", "deleting"):
        world.until_ready(name)
    world.annotate("paused", api.PAUSED, "true")
    world.edit("suspended", enabled=False)
    world.delete("deleting")
    world.until_reported("paused", "Synced", "ReconcilePaused")
    world.until_reported("suspended", "Ready", "Stopped", status="True")
    world.until_called("deleting", "DELETE")
    world.after_lists()


def reported(world: World) -> int:
    """How many Events there are, once no more come."""
    before = len(world.kube.events(world.namespace))
    world.after_lists()
    assert len(world.kube.events(world.namespace)) == before
    return before


@pytest.fixture
def shown(new_world: WorldMaker) -> World:
    """The six objects, in a world whose lists may lag behind for a minute: a deletion waits for that."""
    world = new_world(settings={"CREATE_SETTLE": "60s", "DELETE_SETTLE": "60s"}, provisioning_time=1.5)
    six(world)
    eventually(lambda: reported(world), what="no more Events")
    return world


def test_six_states(shown: World) -> None:
    """`get` says Ready and why, `-o wide` in words, `describe` the rest, and an Event each change once."""
    until_printed(shown, "get", golden.table, "get", "dep")
    until_printed(shown, "get-wide", golden.table, "get", "dep", "-o", "wide")
    for name in STATES:
        until_printed(shown, f"describe-{name}", golden.described, "describe", "dep", name)


def until_printed(world: World, name: str, read: Callable[[str, Mapping[str, str]], str], *command: str) -> None:
    """What kubectl prints is what the file has: of states and Events the last ones may still be on their way."""

    def printed() -> bool:
        text = world.cluster.kubectl(*command, "-n", world.namespace).stdout
        golden.same(name, read(text, {world.namespace: "ml"}))
        return True

    eventually(printed)

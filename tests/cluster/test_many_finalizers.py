"""Finalizers that others put on an object, as many as the API server takes, stay theirs and cost nothing."""

from __future__ import annotations

import pytest

from cluster.support.eventually import eventually
from cluster.support.world import World
from cluster.support.worlds import WorldMaker

pytestmark = pytest.mark.cluster

FOREIGN = [f"example.com/{number}-{'x' * 40}" for number in range(4_000)]


def test_they_all_stay(new_world: WorldMaker) -> None:
    """An object with 250 kB of them gets its endpoint and loses it; then ours is gone, and they are left."""
    world = new_world()
    world.create("held", metadata={"finalizers": FOREIGN})
    try:
        world.until_ready("held")
        world.delete("held")
        eventually(lambda: not world.get("held").held, what="our finalizer to go")
        assert world.endpoints("held") == []
        assert world.get("held").body["metadata"]["finalizers"] == FOREIGN
    finally:
        _release(world)


def _release(world: World) -> None:
    if world.find("held") is not None:
        world.kube.patch(world.namespace, "held", {"metadata": {"finalizers": []}})

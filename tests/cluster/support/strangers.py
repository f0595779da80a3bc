"""Endpoints that an operator has no business with: what it sent to them, from the simulator's record."""

from __future__ import annotations

from typing import Final

from cluster.support.world import World

MUTATIONS: Final = ("POST", "PATCH", "DELETE")


def sent(world: World, *, since: int = 0) -> list[str]:
    """Every call that could change something in the cloud."""
    return [
        f"{call['method']} {call['endpoint_id']}"
        for call in world.cloud.calls(since=since)
        if call["method"] in MUTATIONS
    ]


def touched(world: World, *endpoint_ids: str) -> list[str]:
    """The calls that could have changed one of these endpoints; that it was made is none."""
    calls = (call.split(" ", 1) for call in sent(world))
    return [
        f"{method} {endpoint_id}" for method, endpoint_id in calls if method != "POST" and endpoint_id in endpoint_ids
    ]

"""What a life with an outage leaves for people to read: an Event for each change, and a log line for each action."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from cluster.support.eventually import eventually
from cluster.support.world import World
from cluster.support.worlds import WorldMaker

pytestmark = pytest.mark.cluster

LISTS = {"method": "GET", "path_regex": "dedicated_endpoints"}


def reported(world: World, name: str) -> Counter[str]:
    """The object's Events, by reason, with their counts."""
    found: Counter[str] = Counter()
    for item in world.events(name):
        found[item["reason"]] += item["count"]
    return found


def test_a_life_with_an_outage(new_world: WorldMaker) -> None:
    """Ready, not known, recovered, edited, deleted: each once, whatever a restart reads again."""
    world = new_world(settings={"INVENTORY_MAX_AGE": "6s"})
    endpoint_id = world.created("subject").endpoint_id
    world.until_event("subject", "Available")
    world.cloud.fault(LISTS, effect="status", code=503)
    world.until_reported("subject", "Ready", "CloudUnavailable", status="Unknown")
    world.cloud.clear_faults()
    world.until_ready("subject")
    recovered = world.until_event("subject", "Recovered")
    assert "CloudUnavailable is over. Ready is True" in recovered["message"]
    world.operator.restart()
    world.until_ready("subject")
    world.after_lists()
    assert reported(world, "subject") == {"CreatedEndpoint": 1, "Available": 1, "CloudUnavailable": 2, "Recovered": 1}
    world.edit("subject", displayName="chat")
    world.until_ready("subject")
    world.delete("subject")
    world.until_gone("subject")

    def lines() -> list[dict[str, Any]]:
        return [line for line in world.operator.log_lines() if line.get("endpoint") == endpoint_id]

    # The object is gone a moment before the line that says so is written.
    eventually(lambda: lines()[-1:] and lines()[-1]["message"] == "finalizer removed", what="the last line")
    assert [line["message"] for line in lines()] == ["updated", "deleted", "finalizer removed"]
    assert all(line["seconds"] >= 0 for line in lines())

"""Endpoints that a LIST does not show: gone and made anew, or hidden and never doubled (docs/protocol.md, Lost)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tokenfactory_operator.domain.errors import CloudUnavailable
from unit.support.fakes import Turn
from unit.support.stage import Stage

DOWN = CloudUnavailable("5xx")


async def ready(**spec: Any) -> Stage:  # noqa: ANN401  # fields of the wire
    return await Stage(**spec).ready()


@pytest.mark.rule("E12", "L2")
async def test_an_endpoint_removed_in_the_console_is_made_anew() -> None:
    """Lost: two LISTs the settle time apart, GET, PATCH, and then a new one; told once."""
    stage = await ready()
    stage.cloud.endpoints.clear()
    await stage.turn()
    await stage.turn(58)
    assert stage.journal("GET", "PATCH", "POST") == []
    assert stage.reported("Ready") == "Unknown EndpointLost"
    await stage.turn(3)
    assert stage.journal("GET", "PATCH", "POST") == ["GET ep-1", "PATCH ep-1 description", "POST"]
    assert stage.status["endpointId"] == "ep-2"
    assert stage.witness.events == ["EndpointLost", "EndpointLost", "CreatedEndpoint"]
    assert stage.witness.counts.count("endpoint_lost") == 1


@pytest.mark.rule("L5")
async def test_losses_over_and_over_are_made_good_ever_more_slowly() -> None:
    """Lost: with backoff, which counts the recreations and not the create."""
    stage = await ready()
    times = []
    for _ in range(6):
        await stage.turn()
        stage.cloud.endpoints.clear()
        start = stage.clock.seconds
        while not stage.cloud.endpoints and stage.clock.seconds < start + 600:
            await stage.turn(2)
        times.append(stage.clock.seconds - start)
    assert len(stage.journal("POST")) == 6
    assert max(times[:2]) < 70  # the pause was over before the loss was proven
    assert [round(time / 60) for time in times[2:]] == [2, 4, 6, 6]


@pytest.mark.rule("E16")
async def test_an_endpoint_that_is_only_hidden_is_never_doubled() -> None:
    """Evidence: a 200 by id shows that the LIST hides things; it is said, and the endpoint is observed by id."""
    stage = await ready()
    stage.cloud.hidden.add("ep-1")
    await stage.turn()
    await stage.turn(61)
    for _ in range(10):
        await stage.turn(31)
    assert stage.journal("POST", "DELETE") == []
    assert stage.reported("Stalled") == "True InventoryUntrusted"
    assert 8 <= len(stage.journal("GET")) <= 12
    stage.cloud.endpoints["ep-1"] = replace(stage.cloud.endpoints["ep-1"], ready_replicas=3)
    await stage.turn(31)
    assert stage.status["readyReplicas"] == 3
    stage.cloud.hidden.clear()
    await stage.turn()
    assert stage.reported("Ready") == "True Available"


@pytest.mark.parametrize("restart", [False, True], ids=["same-process", "next-process"])
async def test_an_endpoint_of_an_unknown_attempt_is_no_less_an_endpoint(*, restart: bool) -> None:
    """Lost: once it was seen, its attempt is resolved, and absence alone makes no second one."""
    stage = Stage()
    stage.script.plan("create", Turn(error=DOWN, effect=True))
    await stage.turn()
    await stage.turn()
    stage.cloud.turn_up()
    await stage.turn()
    assert stage.reported("Ready") == "True Available"
    stage = stage.restarted() if restart else stage
    stage.cloud.hidden.add("ep-1")
    for _ in range(5):
        await stage.turn(61)
    assert list(stage.cloud.endpoints) == ["ep-1"]
    assert stage.reported("Stalled") == "True InventoryUntrusted"


@pytest.mark.rule("E23")
async def test_a_hidden_endpoint_that_goes_is_lost_in_the_end() -> None:
    """When it answers by id no more, the LISTs count again."""
    stage = await ready()
    stage.cloud.hidden.add("ep-1")
    await stage.turn()
    await stage.turn(61)
    stage.cloud.endpoints.clear()
    for _ in range(6):
        await stage.turn(31)
    assert list(stage.cloud.endpoints) == ["ep-2"]


@pytest.mark.rule("H4")
async def test_looking_by_id_under_observe_changes_nothing() -> None:
    """Observe never PATCHes, not even to look; that the endpoint is not listed is said all the same."""
    stage = await ready(managementPolicy="Manage")
    stage.edit(managementPolicy="Observe")
    stage.cloud.endpoints.clear()
    await stage.turn()
    await stage.turn(61)
    assert stage.journal("GET", "PATCH", "POST") == []
    assert stage.reported("Synced") == "Unknown EndpointLost"

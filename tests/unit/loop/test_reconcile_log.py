"""What the log says of an action: one line when it begins, and one with its outcome, the endpoint and the seconds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import get_args

import pytest

from tokenfactory_operator.decision.actions import Call
from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.errors import CloudError, CloudUnavailable, InvalidSpec, KubeError
from tokenfactory_operator.loop.acting import DONE
from unit.support.builders import an_endpoint, mark
from unit.support.fakes import Turn
from unit.support.stage import Stage

Deed = Callable[[], Awaitable[Stage]]


async def created() -> Stage:
    """A new object."""
    stage = Stage()
    await stage.turn()
    return stage


async def updated() -> Stage:
    """An edit."""
    stage = await Stage().ready()
    stage.edit(displayName="chat")
    await stage.reconcile()
    return stage


async def adopted() -> Stage:
    """An endpoint that was there."""
    stage = Stage(policy=Policy(may_adopt=True), endpointId="ep-1")
    stage.cloud.endpoints["ep-1"] = an_endpoint(description="a note")
    await stage.turn()
    await stage.turn()
    return stage


async def deleted() -> Stage:
    """The object was deleted."""
    stage = await Stage().ready(lasting=61)
    stage.delete()
    await stage.reconcile()
    return stage


async def duplicate() -> Stage:
    """A late effect."""
    stage = await Stage().ready()
    late = replace(stage.cloud.endpoints["ep-1"], id="ep-2", description=mark("try-0"))
    stage.cloud.endpoints["ep-2"] = replace(late, created_at="2025-06-01T00:00:00Z")
    await stage.turn()
    return stage


async def released() -> Stage:
    """Retain."""
    stage = await Stage(deletionPolicy="Retain").ready(lasting=61)
    stage.delete()
    await stage.reconcile()
    return stage


async def looked_up() -> Stage:
    """It is not listed any more."""
    stage = await Stage().ready()
    stage.cloud.endpoints.clear()
    await stage.turn()
    await stage.turn(61)
    return stage


DEEDS = [
    pytest.param(created, "created", "ep-1", id="created"),
    pytest.param(updated, "updated", "ep-1", id="updated"),
    pytest.param(adopted, "adopted", "ep-1", id="adopted"),
    pytest.param(deleted, "deleted", "ep-1", id="deleted"),
    pytest.param(duplicate, "deleted", "ep-2", id="duplicate"),
    pytest.param(released, "released", "ep-1", id="released"),
    pytest.param(looked_up, "looked up", "ep-1", id="looked-up"),
]


@pytest.mark.parametrize(("deed", "outcome", "endpoint"), DEEDS)
async def test_the_outcome_has_the_endpoints_id(deed: Deed, outcome: str, endpoint: str) -> None:
    """Once, with the place of the object and how long it took; as many lines as actions began."""
    stage = await deed()
    lines = [line for line in stage.log.lines if line["event"] == outcome]
    assert [line["endpoint"] for line in lines] == [endpoint]
    assert (lines[0]["namespace"], lines[0]["name"], lines[0]["level"]) == ("ml", "llm", "info")
    assert lines[0]["seconds"] >= 0
    began = [line["action"] for line in stage.log.lines if line["event"] == "acting"]
    assert [line["action"] for line in stage.log.lines if line["event"] != "acting"] == began


def test_every_call_to_the_cloud_has_a_word() -> None:
    """And no two kinds of change share one, but for the two that delete."""
    words = {"created", "updated", "deleted", "released", "looked up", "read the catalog"}
    assert {DONE[action] for action in get_args(Call)} == words


FAILURES = [
    pytest.param(InvalidSpec("no such model", refused=True), "refused", "RefusedByCloud", id="refused"),
    pytest.param(CloudUnavailable("5xx"), "failed", "CloudUnavailable", id="failed"),
]


@pytest.mark.parametrize(("error", "outcome", "reason"), FAILURES)
async def test_a_failure_says_why_and_when_it_is_tried_again(error: CloudError, outcome: str, reason: str) -> None:
    """Refused is what the cloud's answer proves to have had no effect; failed is everything else."""
    stage = await Stage().ready()
    stage.edit(displayName="chat")
    stage.script.plan("update", Turn(error=error))
    await stage.reconcile()
    lines = [line for line in stage.log.lines if line["event"] == outcome]
    assert [(line["level"], line["endpoint"], line["reason"]) for line in lines] == [("warning", "ep-1", reason)]
    assert lines[0]["retry_in"] > 0
    assert lines[0]["error"] == error.message


async def test_a_write_that_kubernetes_did_not_take_puts_it_off() -> None:
    """Nothing was sent to the cloud for it."""
    stage = Stage()
    stage.script.plan("set_finalizers", Turn(error=KubeError("down")))
    with pytest.raises(KubeError):
        await stage.turn()
    assert stage.log.lines[-1]["event"] == "put off"
    assert stage.journal("POST") == []

"""What the status says of an endpoint that is not there any more."""

from __future__ import annotations

from typing import Final

import pytest

from unit.support.builders import KEY, mark
from unit.support.making import accepts_only
from unit.support.stage import Stage

LIVE: Final = ("state", "readiness", "replicas", "readyReplicas", "replicaSummary", "gpus")


def shown(stage: Stage) -> dict[str, object]:
    """What the status says that the endpoint does at the moment."""
    return {name: stage.status[name] for name in LIVE if name in stage.status}


@pytest.mark.rule("R5")
async def test_a_deleted_endpoint_has_no_state() -> None:
    """The object waits for a newer list, as after each restart; the endpoint is not seen, and does nothing."""
    stage = (await Stage().ready(lasting=300)).restarted()
    await stage.turn()
    stage.delete()
    accepts_only(stage)
    await stage.turn()
    await stage.turn()
    assert shown(stage)["state"] == "Running"  # accepted, and still listed
    stage.cloud.endpoints.clear()
    await stage.turn()
    assert (KEY in stage.kube.objects, shown(stage)) == (True, {})
    assert stage.status["endpointId"] == "ep-1"


@pytest.mark.rule("R5")
async def test_a_lost_endpoint_has_no_state() -> None:
    """A stopped object is not given another one, so it stays like this."""
    stage = await Stage().ready(lasting=300)
    stage.edit(enabled=False)
    await stage.turn()
    await stage.turn()
    assert shown(stage)["state"]
    stage.cloud.endpoints.clear()
    for _ in range(4):
        await stage.turn(61)
    assert stage.reported("Stalled") == "True EndpointLost"
    assert shown(stage) == {}


@pytest.mark.rule("R5")
async def test_what_is_only_missed_keeps_what_was_seen() -> None:
    """One list that leaves it out proves nothing; the conditions say that it is being looked for."""
    stage = await Stage().ready(lasting=300)
    before = shown(stage)
    stage.cloud.hidden.add("ep-1")
    await stage.turn()
    assert stage.reported("Ready") == "Unknown EndpointLost"
    assert shown(stage) == before != {}


@pytest.mark.rule("R8", "X49")
@pytest.mark.parametrize("text", [None, mark()], ids=["nothing-can-be-read", "without-an-id"])
async def test_an_endpoint_whose_item_cannot_be_read_is_not_ready_for_long(text: str | None) -> None:
    """What an older list has shown is true no longer than a view of the cloud is, though newer lists have come."""
    stage = await Stage().ready()
    stage.cloud.spoilt["ep-1"] = text
    await stage.turn(30)
    assert stage.reported("Ready") == "True Available"
    stage.woken.clear()
    await stage.poll(stage.timing.stale_after)
    assert KEY in stage.woken
    await stage.reconcile()
    assert stage.reported("Ready") == "False Updating"
    assert "ep-1" in stage.message("Reconciling")
    stage.cloud.spoilt.clear()
    await stage.turn(30)
    assert stage.reported("Ready") == "True Available"

"""Deleting an endpoint that the cloud's LISTs do not show: their silence is no proof that it is gone."""

from __future__ import annotations

import pytest

from unit.support.builders import KEY
from unit.support.fakes import Turn
from unit.support.stage import Stage


async def hidden(*, ever_listed: bool) -> Stage:
    """An object whose endpoint answers by id only."""
    stage = Stage()
    await stage.turn()
    if ever_listed:
        stage.cloud.turn_up()
        await stage.turn()
    stage.cloud.hidden.add("ep-1")
    for _ in range(3):
        await stage.turn(61)
    assert stage.told("Stalled") == "True InventoryUntrusted"
    stage.script.journal.clear()
    stage.delete()
    return stage


@pytest.mark.rule("E26")
@pytest.mark.parametrize("ever_listed", [True, False], ids=["listed-before", "never-listed"])
async def test_an_accepted_deletion_is_looked_after_by_id(*, ever_listed: bool) -> None:
    """Evidence, Delete 2 and 5: no finalizer goes on the word of a LIST that hides this very endpoint."""
    stage = await hidden(ever_listed=ever_listed)
    still_there = stage.cloud.endpoints["ep-1"]
    stage.script.plan(
        "delete", Turn(effect=True, meanwhile=lambda: stage.cloud.endpoints.update({"ep-1": still_there}))
    )
    for _ in range(4):
        await stage.turn(31)
    assert (KEY in stage.kube.objects, stage.journal("finalizers")) == (True, [])
    assert (stage.told("Synced"), stage.told("Stalled")) == ("False InventoryUntrusted", None)
    stage.cloud.endpoints.clear()
    for _ in range(2):
        await stage.turn(31)
    assert KEY not in stage.kube.objects
    assert stage.journal("PATCH", "POST") == []
    assert stage.inventory.untrusted() == ""


@pytest.mark.rule("E27")
async def test_an_object_that_is_forced_away_leaves_no_doubt_for_ever() -> None:
    """Evidence: nobody looks for its endpoint any more, and nobody could confirm it; it counts for a while only."""
    stage = await hidden(ever_listed=True)
    stage.annotate(force_release="true")
    await stage.reconcile()
    await stage.reconcile()
    assert KEY not in stage.kube.objects
    for _ in range(12):
        await stage.poll(61)
    assert stage.inventory.untrusted() == ""

"""Endpoints that are deleted soon after they were made: an older list looks the same as one of after their end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from unit.support.builders import KEY, mark
from unit.support.making import accepts_only
from unit.support.stage import Stage

TWIN = "ep-2"


async def deleted_young(*, restart: bool) -> Stage:
    """Lists have shown the endpoint; its object is deleted, and the DELETE is accepted only."""
    stage = await Stage().ready()
    stage = stage.restarted() if restart else stage
    stage.delete()
    accepts_only(stage)
    await stage.turn()
    assert stage.journal("DELETE") == ["DELETE ep-1"]
    return stage


@pytest.mark.parametrize("restart", [False, True])
async def test_a_list_of_before_the_creation(*, restart: bool) -> None:
    """It does not show the endpoint, and that says nothing: only a list that cannot be so old is believed."""
    stage = await deleted_young(restart=restart)
    stage.cloud.hidden.add("ep-1")
    await stage.turn(50)
    assert (KEY in stage.kube.objects, "before its creation" in str(stage.status["conditions"])) == (True, True)
    stage.cloud.endpoints.clear()
    await stage.turn(12)
    assert KEY not in stage.kube.objects


@pytest.mark.parametrize("restart", [False, True])
async def test_a_list_that_shows_it_after_one_that_did_not(*, restart: bool) -> None:
    """The settle time over, it is still there: the object waits as long as it is listed."""
    stage = await deleted_young(restart=restart)
    stage.cloud.hidden.add("ep-1")
    await stage.turn(30)
    stage.cloud.hidden.clear()
    await stage.turn(50)
    assert KEY in stage.kube.objects
    stage.cloud.endpoints.clear()
    await stage.turn()
    assert KEY not in stage.kube.objects


async def test_a_twin_that_shows_up_at_the_end() -> None:
    """It may be as new as its first sight, however old the other one is."""
    stage = await Stage().ready(lasting=1000)
    stage.cloud.endpoints[TWIN] = replace(stage.cloud.endpoints["ep-1"], id=TWIN, description=mark("try-0"))
    stage.delete()
    await stage.turn()
    assert stage.journal("DELETE") == ["DELETE ep-1", f"DELETE {TWIN}"]
    await stage.turn(50)
    assert KEY in stage.kube.objects
    await stage.turn(12)
    assert KEY not in stage.kube.objects


async def test_a_twin_that_only_an_earlier_process_has_seen() -> None:
    """The lists of this process are still from before its creation, and the recorded one is gone already."""
    stage = (await Stage().ready(lasting=1000)).restarted()
    stage.delete()
    stage.cloud.endpoints = {TWIN: replace(stage.cloud.endpoints["ep-1"], id=TWIN, description=mark("try-0"))}
    stage.cloud.hidden.add(TWIN)
    for _ in range(3):
        await stage.turn(15)
    assert (KEY in stage.kube.objects, stage.journal("DELETE")) == (True, ["DELETE ep-1"])
    stage.cloud.hidden.clear()
    for _ in range(3):
        await stage.turn(61)
    assert (KEY in stage.kube.objects, list(stage.cloud.endpoints)) == (False, [])

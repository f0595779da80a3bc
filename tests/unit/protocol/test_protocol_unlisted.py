"""What is to stay in the cloud, and is in no list: it is read by id before its object goes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tokenfactory_operator.domain.errors import CloudUnavailable, InvalidSpec
from unit.support.builders import FOREIGN, KEY, released
from unit.support.fakes import Turn
from unit.support.stage import Stage


@pytest.mark.rule("D10", "D40", "X65")
@pytest.mark.parametrize("restart", [False, True])
async def test_an_endpoint_that_is_to_stay_is_hidden_for_long(*, restart: bool) -> None:
    """It is released by its id, and nobody is told that it is gone."""
    stage = await Stage(deletionPolicy="Retain").ready(lasting=300)
    stage.cloud.hidden.add("ep-1")
    stage.delete()
    stage = stage.restarted() if restart else stage
    await stage.turns(20, every=31)
    assert KEY not in stage.kube.objects
    assert stage.cloud.endpoints["ep-1"].description == released()
    assert "stays in the cloud" in stage.witness.messages[-1]


@pytest.mark.rule("D40", "X65")
async def test_a_wrong_mark_was_removed_and_the_endpoint_is_hidden_for_long() -> None:
    """It is the object's again, so it goes with it."""
    stage = await Stage().ready(lasting=300)
    own = stage.cloud.endpoints["ep-1"]
    stage.cloud.endpoints["ep-1"] = replace(own, description=f"{own.description} {FOREIGN}")
    await stage.turn(30)
    stage.cloud.endpoints["ep-1"] = own
    stage.cloud.hidden.add("ep-1")
    stage.delete()
    await stage.turns(20, every=31)
    assert (KEY in stage.kube.objects, stage.cloud.endpoints) == (False, {})


@pytest.mark.rule("D10", "D35")
@pytest.mark.parametrize("answer", ["none", "not-found", "no-such-call"])
async def test_the_look_at_what_is_gone(answer: str) -> None:
    """Only an answer counts. That a look by id is refused keeps no object."""
    stage = await Stage(deletionPolicy="Retain").ready(lasting=300)
    stage.cloud.endpoints.clear()
    stage.delete()
    if answer == "none":
        stage.script.plan("get_endpoint", *[Turn(CloudUnavailable("no answer in time"))] * 20)
    elif answer == "no-such-call":
        stage.script.plan("get_endpoint", Turn(InvalidSpec("no such call", refused=True, status=405)))
    await stage.turns(5, every=31)
    assert (KEY in stage.kube.objects) is (answer == "none")
    if answer == "none":
        assert stage.reported("Synced") == "False CloudUnavailable"


@pytest.mark.rule("D40")
async def test_a_look_of_before_says_nothing() -> None:
    """The endpoint was hidden for a while, and listed again: that it is not listed now is news."""
    stage = await Stage(deletionPolicy="Retain").ready(lasting=300)
    stage.cloud.hidden.add("ep-1")
    await stage.turns(5, every=61)
    assert "GET ep-1" in stage.journal("GET")
    stage.cloud.hidden.clear()
    await stage.turns(2, every=31)
    stage.cloud.hidden.add("ep-1")
    stage.delete()
    await stage.turns(20, every=31)
    assert (KEY in stage.kube.objects, stage.cloud.endpoints["ep-1"].description) == (False, released())

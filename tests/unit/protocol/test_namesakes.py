"""An endpoint of the same namespace and name in another cluster: never doubled without a word, held where asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.errors import CloudUnavailable
from unit.support.builders import KEY, OTHER_UID, an_endpoint, mark
from unit.support.fakes import Turn
from unit.support.stage import Stage

THERE: Final = mark("f1", uid=OTHER_UID, cluster="c2")
HOLD: Final = Policy(hold_namesakes=True)


def beside(description: str = THERE, *, policy: Policy | None = None) -> Stage:
    """A new object, and an endpoint that was there before."""
    stage = Stage(policy=policy)
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=description)
    return stage


@pytest.mark.rule("I19")
async def test_it_is_created_and_told() -> None:
    """Two clusters may use one project; whoever replaced one by the other learns of it at once, with both ids."""
    stage = beside()
    await stage.turn()
    stage.cloud.turn_up()
    await stage.turn()
    assert (stage.reported("Ready"), stage.status["endpointId"]) == ("True Available", "ep-1")
    assert stage.witness.events == ["CreatedEndpoint", "CreatedBesideNamesake", "Available"]
    assert all(word in stage.witness.messages[1] for word in ("ep-1", "ep-7", "c2", "ml/llm", "disaster-recovery"))
    assert stage.cloud.endpoints["ep-7"].description == THERE


@pytest.mark.rule("I19")
async def test_it_is_held_where_that_is_asked() -> None:
    """Nothing is made; the message names the endpoint, its cluster and the two ways on."""
    stage = beside(policy=HOLD)
    for _ in range(3):
        await stage.turn(61)
    assert stage.journal("POST") == []
    assert stage.reported("Stalled") == "True OwnershipConflict"
    assert all(
        word in stage.message("Stalled") for word in ("ep-7", "c2", "TOKENFACTORY_CLUSTER_ID", "TOKENFACTORY_NAMESAKES")
    )


async def test_it_goes_on_when_the_other_is_gone() -> None:
    """Nobody has to say anything."""
    stage = beside(policy=HOLD)
    await stage.turn()
    stage.cloud.endpoints.clear()
    await stage.turn()
    await stage.turn()
    assert stage.journal("POST") == ["POST"]


@pytest.mark.parametrize(
    "description",
    [
        pytest.param(mark("f1", uid=OTHER_UID, cluster="c2", name="other"), id="another name"),
        pytest.param("made by hand", id="no mark"),
    ],
)
async def test_others_are_no_namesakes(description: str) -> None:
    """They say nothing about this object."""
    stage = beside(description, policy=HOLD)
    await stage.turn()
    assert stage.witness.events == ["CreatedEndpoint"]


async def test_an_object_that_has_lost_its_own_is_not_held() -> None:
    """It had one beside the other cluster's before: making it anew doubles nothing."""
    stage = Stage()
    await stage.turn()
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=THERE)
    stage.policy = HOLD
    await stage.turn()
    del stage.cloud.endpoints["ep-1"]
    for _ in range(4):
        await stage.turn(61)
    assert stage.journal("POST") == ["POST"] * 2


@pytest.mark.parametrize("spec", [{}, {"endpointId": "ep-7"}], ids=["created", "adopted"])
async def test_a_cluster_whose_id_was_changed(spec: dict[str, Any]) -> None:
    """The mark names this very object: the message names the setting, and nobody is told to delete or to release."""
    stage = Stage(policy=Policy(may_adopt=True), **spec)
    stage.cloud.endpoints |= {item: an_endpoint(item, description="a note") for item in spec.values()}
    for _ in range(3):
        await stage.turn()
    (made,) = stage.cloud.endpoints.values()
    stage.cloud.endpoints[made.id] = replace(made, description=mark(cluster="c2"))
    stage = stage.restarted()
    await stage.turn()
    assert stage.reported("Stalled") == "True OwnershipConflict"
    text = stage.message("Stalled")
    assert all(word in text for word in (made.id, "c2", "TOKENFACTORY_CLUSTER_ID", "copy"))
    assert not any(word in text for word in ("delete the object", "Release it", "Remove the wrong mark"))


@pytest.mark.rule("I19", "X58")
@pytest.mark.parametrize("forgotten", [False, True], ids=["open attempt", "no status"])
async def test_a_cluster_whose_id_was_changed_before_the_endpoint_was_recorded(*, forgotten: bool) -> None:
    """The mark names this very object: no second endpoint is made beside it. With the old id all goes on."""
    stage = Stage()
    stage.script.plan("create", Turn(CloudUnavailable("no answer in time"), effect=True))
    await stage.turn()
    made = stage.cloud.endpoints["ep-1"]
    stage.cloud.endpoints["ep-1"] = replace(made, description=mark(stage.attempt[0], cluster="c2"))
    if forgotten:
        stage.kube.store({**stage.body, "status": {}})
    stage = stage.restarted()
    for _ in range(4):
        await stage.turn(61)
    assert stage.journal("POST") == ["POST"]
    assert stage.reported("Stalled") == "True OwnershipConflict"
    assert all(word in stage.message("Stalled") for word in ("ep-1", "c2", "TOKENFACTORY_CLUSTER_ID", "copy"))
    stage.cloud.endpoints["ep-1"] = made
    stage = stage.restarted()
    await stage.turn()
    assert (stage.status["endpointId"], stage.journal("POST")) == ("ep-1", ["POST"])


@pytest.mark.rule("D13")
@pytest.mark.parametrize("policy", ["Delete", "Retain"])
async def test_it_is_deleted_after_the_id_of_the_cluster_was_changed(policy: str) -> None:
    """What the create call has made is left, as another owner's is, and the last Event names it."""
    stage = Stage(deletionPolicy=policy)
    stage.script.plan("create", Turn(CloudUnavailable("no answer in time"), effect=True))
    await stage.turn()
    changed = mark(stage.attempt[0], cluster="c2")
    stage.cloud.endpoints["ep-1"] = replace(stage.cloud.endpoints["ep-1"], description=changed)
    stage = stage.restarted()
    stage.delete()
    for _ in range(20):
        await stage.turn(61)
    assert (KEY in stage.kube.objects, stage.journal("DELETE", "PATCH")) == (False, [])
    assert "ep-1" in stage.witness.messages[-1]

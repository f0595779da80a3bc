"""Endpoints that do not go with a deleted object: somebody else's, and what was left in the cloud on purpose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.errors import CloudUnavailable, KubeConflict, QuotaExceeded
from tokenfactory_operator.ports import Key
from unit.support.builders import FOREIGN, KEY, NAMESPACE, OTHER_UID, an_endpoint, an_object, mark, released
from unit.support.fakes import Turn
from unit.support.making import unwritten
from unit.support.stage import Stage

DOWN = CloudUnavailable("no answer in time")
OTHER = Key(NAMESPACE, "other")
MAY = Policy(may_adopt=True)
RECREATED = Policy(adopt_recreated=True)


async def observing(**spec: Any) -> Stage:  # noqa: ANN401  # fields of the wire
    """An object that looks on an endpoint of somebody's, whose id its status has."""
    stage = Stage(policy=MAY, endpointId="ep-7", managementPolicy="Observe", **spec)
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description="somebody's")
    await stage.turn()
    await stage.turn()
    assert stage.status["endpointId"] == "ep-7"
    return stage


async def deleted(stage: Stage) -> Stage:
    """The object is deleted, and goes."""
    stage.delete()
    for _ in range(5):  # a call that adopts is given the time to take effect
        await stage.turn(31)
    assert KEY not in stage.kube.objects
    return stage


@pytest.mark.rule("D25", "X14")
@pytest.mark.parametrize("policy", [{}, {"deletionPolicy": "Delete"}], ids=["left-out", "Delete"])
@pytest.mark.parametrize("why", ["mismatch", "forbidden"])
async def test_an_endpoint_whose_adoption_is_refused(policy: dict[str, str], why: str) -> None:
    """The object looked on, and its id is in the status; then it was to manage it, and may not."""
    stage = await observing(**policy)
    if why == "mismatch":
        stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description="somebody's", flavor_name="other")
    else:
        stage.policy = Policy(may_adopt=False)
    stage.edit(managementPolicy="Manage")
    await stage.turn()
    assert stage.reported("Stalled") is not None
    assert (await deleted(stage)).journal("DELETE", "PATCH") == []


@pytest.mark.rule("D25")
async def test_an_endpoint_that_another_object_is_adopting() -> None:
    """It is paused, so its mark is still to come."""
    stage = await observing(deletionPolicy="Delete")
    other = an_object(name=OTHER.name, uid=OTHER_UID, spec={"endpointId": "ep-7"})
    other["metadata"]["annotations"] = {"tokenfactory.nebius.com/paused": "true"}
    stage.kube.store(other)
    stage.watch()
    await stage.turn(key=OTHER)
    await stage.turn(key=OTHER)
    stage.edit(managementPolicy="Manage")
    await stage.turn()
    assert stage.reported("Stalled") == "True OwnershipConflict"
    assert (await deleted(stage)).journal("DELETE", "PATCH") == []


@pytest.mark.rule("D26")
async def test_an_adoption_under_way_that_one_list_leaves_out() -> None:
    """Its PATCH may still take effect, so the object is kept (D23), whether the endpoint is listed or not."""
    stage = Stage(policy=MAY, endpointId="ep-7", deletionPolicy="Delete")
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=mark(uid=OTHER_UID))
    await stage.turn()
    stage.script.plan("update", Turn(DOWN))
    await stage.reconcile()
    stage.delete()
    await stage.turn(5)
    stage.cloud.hidden.add("ep-7")
    await stage.turn(5)
    assert KEY in stage.kube.objects
    stage.cloud.hidden.clear()
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=mark("adopted"))
    for _ in range(3):
        await stage.turn(31)
    assert (KEY in stage.kube.objects, list(stage.cloud.endpoints)) == (False, [])


@pytest.mark.rule("D41", "X23")
@pytest.mark.parametrize("listed", [True, False], ids=["listed", "left-out-of-a-list"])
@pytest.mark.parametrize("earlier", [released(), mark(uid=OTHER_UID)], ids=["released", "held"])
async def test_a_predecessors_endpoint_before_the_mark(earlier: str, *, listed: bool) -> None:
    """The spec says Delete, but its adoption was never completed: it stays, and that is told."""
    stage = Stage(policy=RECREATED, deletionPolicy="Delete")
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=earlier)
    await stage.turn()
    stage.script.plan("update", Turn(QuotaExceeded("no room")))
    await stage.reconcile()
    assert stage.status["endpointId"] == "ep-7"
    if not listed:
        stage.cloud.hidden.add("ep-7")
    stage.delete()
    await stage.turn(5)
    stage.cloud.hidden.clear()
    for _ in range(6):
        await stage.turn(31)
    assert (KEY in stage.kube.objects, stage.journal("DELETE")) == (False, [])
    assert "ep-7" in stage.witness.messages[-1]
    assert "left in the cloud" in stage.witness.messages[-1]


@pytest.mark.rule("D41")
@pytest.mark.parametrize("restart", [False, True])
async def test_its_own_release_is_no_predecessors(*, restart: bool) -> None:
    """The object released its endpoint, and then said Delete after all, before it went."""
    stage = await Stage(policy=RECREATED, deletionPolicy="Retain").ready(lasting=300)
    stage.script.plan("update", Turn(DOWN, effect=True))
    stage.delete()
    await stage.turn()
    stage.edit(deletionPolicy="Delete")
    stage = stage.restarted() if restart else stage
    for _ in range(6):
        await stage.turn(31)
    assert (KEY in stage.kube.objects, list(stage.cloud.endpoints)) == (False, [])


@pytest.mark.rule("D27")
@pytest.mark.parametrize("restart", [False, True])
async def test_what_was_made_before_another_was_named(*, restart: bool) -> None:
    """The policy is left out: what this object has was created, though its spec names another that it cannot adopt."""
    stage = Stage(policy=MAY)
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description="somebody's")
    stage.script.plan("create", Turn(DOWN, effect=True))
    stage.cloud.hidden.add("ep-1")
    await stage.turn()
    stage.cloud.hidden.clear()
    stage.edit(endpointId="ep-7")
    stage = stage.restarted() if restart else stage
    await stage.turn()
    await stage.turn()
    assert stage.reported("Stalled") == "True OwnershipConflict"
    assert "cannot adopt ep-7. Delete this object" in stage.message("Stalled")
    assert list((await deleted(stage)).cloud.endpoints) == ["ep-7"]


@pytest.mark.rule("D27", "X51")
@pytest.mark.parametrize("restart", [False, True])
async def test_its_own_endpoint_is_named_later(*, restart: bool) -> None:
    """The policy is left out: what was created is no adopted endpoint because the spec names it by now."""
    stage = await Stage().ready()
    stage.edit(endpointId="ep-1")
    await stage.turn()
    stage = stage.restarted() if restart else stage
    await stage.turn()
    assert stage.reported("Ready") == "True Available"
    assert list((await deleted(stage)).cloud.endpoints) == []


@pytest.mark.rule("D27", "I18")
async def test_its_own_endpoint_is_named_later_and_its_mark_is_wiped() -> None:
    """The mark that is put back says who made it, as the one before did."""
    stage = await Stage().ready()
    stage.edit(endpointId="ep-1")
    await stage.turn()
    stage.cloud.endpoints["ep-1"] = replace(stage.cloud.endpoints["ep-1"], description="by hand")
    await stage.turn(60)
    await stage.turn()
    assert stage.reported("Ready") == "True Available"
    assert list((await deleted(stage)).cloud.endpoints) == []


@pytest.mark.rule("D27")
async def test_its_own_endpoint_is_named_later_and_changed_by_hand() -> None:
    """This process has made it: that its mark is gone, and that it has another flavor, is no refused adoption."""
    stage = await Stage().ready()
    stage.edit(endpointId="ep-1")
    await stage.turn()
    stage.cloud.endpoints["ep-1"] = replace(stage.cloud.endpoints["ep-1"], description="by hand", flavor_name="other")
    await stage.turn()
    assert list((await deleted(stage)).cloud.endpoints) == []


@pytest.mark.rule("L3")
async def test_its_own_endpoint_is_named_later_and_lost() -> None:
    """The name stays in the spec, so no other endpoint can take its place; nobody is told that it was adopted."""
    stage = await Stage().ready()
    stage.edit(endpointId="ep-1")
    await stage.turn()
    del stage.cloud.endpoints["ep-1"]
    for _ in range(30):
        await stage.turn(60)
    assert (stage.reported("Stalled"), stage.journal("POST")) == ("True EndpointLost", [])
    assert "spec.endpointId names it" in stage.message("Stalled")
    assert "apply it without spec.endpointId" in stage.message("Stalled")


@pytest.mark.rule("D28")
async def test_a_foreign_mark_beside_ours_before_the_id_is_written() -> None:
    """The decision has left it in the cloud, so cleaning up after the object does not take it."""
    stage = Stage()
    stage.script.plan("create", Turn(DOWN, effect=True))
    await stage.turn()
    made = stage.cloud.endpoints["ep-1"]
    stage.cloud.endpoints["ep-1"] = replace(made, description=f"{made.description} {FOREIGN}")
    assert (await deleted(stage)).journal("DELETE") == []


@pytest.mark.rule("D28")
async def test_observed_before_the_id_is_written() -> None:
    """Under Observe it is let go without a call, and so it stays."""
    stage = await unwritten()
    stage.kube.edit(KEY, spec={"managementPolicy": "Observe"})
    assert (await deleted(stage)).journal("DELETE") == []


@pytest.mark.rule("D28")
async def test_a_conflict_takes_back_that_it_was_let_go() -> None:
    """The finalizer was not removed by the decision after all, but by somebody's force: then it is cleaned up."""
    stage = await unwritten()
    stage.kube.edit(KEY, spec={"managementPolicy": "Observe"})
    stage.delete()

    def forced_away() -> None:
        stage.kube.objects.pop(KEY)

    stage.script.plan("set_finalizers", Turn(KubeConflict("modified"), meanwhile=forced_away))
    await stage.reconcile()
    assert stage.journal("DELETE") == ["DELETE ep-1"]


@pytest.mark.rule("C28")
@pytest.mark.parametrize("restart", [False, True])
async def test_of_two_copies_neither(*, restart: bool) -> None:
    """Nothing is written down that would tell the real one from the copy with the smaller id."""
    stage = Stage()
    stage.cloud.endpoints["ep-0"] = an_endpoint("ep-0", description="another")
    stage.script.plan("create", Turn(DOWN, effect=True))
    await stage.turn()
    text = stage.cloud.endpoints["ep-1"].description
    stage.cloud.endpoints["ep-0"] = an_endpoint("ep-0", description=text, routing_key="dedicated/x", created_at="2024")
    stage = stage.restarted() if restart else stage
    assert (await deleted(stage)).journal("DELETE") == []


@pytest.mark.rule("D33")
@pytest.mark.parametrize("restart", [False, True])
async def test_observe_with_a_create_call_of_unknown_outcome(*, restart: bool) -> None:
    """What is let go without a call is not told to be nothing."""
    stage = Stage()
    stage.script.plan("create", Turn(DOWN, effect=True))
    await stage.turn()
    stage.edit(managementPolicy="Observe")
    stage.delete()
    stage = stage.restarted() if restart else stage
    await stage.turn()
    assert KEY not in stage.kube.objects
    assert "billed" in stage.witness.messages[-1]


@pytest.mark.rule("D40")
async def test_a_wrong_mark_that_was_removed_again() -> None:
    """One list leaves the endpoint out after that: it is looked for, not left."""
    stage = await Stage().ready(lasting=300)
    own = stage.cloud.endpoints["ep-1"]
    stage.cloud.endpoints["ep-1"] = replace(own, description=f"{own.description} {FOREIGN}")
    await stage.turn(30)
    assert stage.reported("Stalled") == "True OwnershipConflict"
    stage.cloud.endpoints["ep-1"] = own
    stage.cloud.hidden.add("ep-1")
    stage.delete()
    await stage.turn(30)
    assert KEY in stage.kube.objects
    stage.cloud.hidden.clear()
    for _ in range(3):
        await stage.turn(30)
    assert (KEY in stage.kube.objects, list(stage.cloud.endpoints)) == (False, [])


@pytest.mark.rule("D39")
async def test_what_was_not_clearly_the_objects_is_gone() -> None:
    """Nobody is told that it is in the cloud."""
    stage = await Stage().ready(lasting=300)
    own = stage.cloud.endpoints["ep-1"]
    stage.cloud.endpoints["ep-1"] = replace(own, description=f"{own.description} {FOREIGN}")
    await stage.turn(30)
    stage.cloud.endpoints.clear()
    stage.delete()
    for _ in range(4):
        await stage.turn(30)
    assert KEY not in stage.kube.objects
    assert "no longer in the cloud" in stage.witness.messages[-1]

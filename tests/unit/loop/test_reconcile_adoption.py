"""Adoption over several passes, objects and processes: what was written and sent, and in which order.

Sentences of the protocol: docs/protocol.md, Adopt.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest

from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.errors import CloudUnavailable, KubeConflict, KubeError
from tokenfactory_operator.ports import Key
from unit.support.builders import KEY, NAME, NAMESPACE, OTHER_UID, UID, an_endpoint, an_object, mark, released
from unit.support.fakes import Turn
from unit.support.stage import Stage

SECOND: Final = Key(NAMESPACE, "second")
FOREIGN: Final = mark("f1", uid="77777777-2222-3333-4444-555555555555", name="foreign")
TAKEN: Final = f"a note {mark('adopted')}"
TAKEN_BY_SECOND: Final = f"a note {mark('adopted', uid=OTHER_UID, name='second')}"
ANYWHERE: Final = Policy(may_adopt=True)


def by_hand(description: str = "a note", *, policy: Policy = ANYWHERE, **spec: Any) -> Stage:  # noqa: ANN401  # fields of the wire
    """An object that names ep-7, which somebody made."""
    stage = Stage(policy=policy, **{"endpointId": "ep-7", **spec})
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=description)
    return stage


def with_a_rival(**spec: Any) -> Stage:  # noqa: ANN401  # as above
    """A second object, with this spec, that names the same endpoint."""
    stage = by_hand()
    stage.kube.store(an_object(name=SECOND.name, uid=OTHER_UID, spec={"endpointId": "ep-7", **spec}))
    stage.watch()
    return stage


def reported(stage: Stage, key: Key) -> str | None:
    """The reason of `Synced`."""
    conditions = stage.kube.objects[key]["status"].get("conditions", ())
    return next((item["reason"] for item in conditions if item["type"] == "Synced"), None)


def description(stage: Stage) -> str | None:
    return stage.cloud.endpoints["ep-7"].description


@pytest.mark.rule("A5", "I9")
async def test_the_order_of_an_adoption() -> None:
    """Id and scope, the finalizer, the PATCH, and the status; complete with the next LIST; then nothing more."""
    stage = by_hand()
    again = await stage.turn()
    assert (again.after, stage.journal()) == (0.0, ["status"])
    assert (stage.status["endpointId"], stage.status["scope"], stage.status["uid"]) == ("ep-7", "project-1", UID)
    await stage.reconcile()
    assert stage.journal() == ["status", "finalizers 1", "PATCH ep-7 description", "status Created"]
    assert description(stage) == TAKEN
    assert stage.reported("Ready") != "True Available"
    await stage.turn()
    assert stage.reported("Ready") == "True Available"
    assert stage.attempt == ("adopted", "Created")
    assert stage.witness.events == ["AdoptedEndpoint", "Available"]
    assert "corrected_drift" not in stage.witness.counts
    stage.script.journal.clear()
    for _ in range(3):
        await stage.turn(30)
    assert stage.journal() == []


@pytest.mark.rule("A4")
async def test_of_two_objects_one_gets_it() -> None:
    """Whoever comes first claims it; the other is told by name, and gets it when the first is gone."""
    stage = with_a_rival()
    await stage.turn()
    await stage.reconcile(SECOND)
    assert reported(stage, SECOND) == "OwnershipConflict"
    assert any(f"is claimed by {KEY}." in message for message in stage.witness.messages)
    for _ in range(3):
        await stage.turn()
        await stage.reconcile(SECOND)
    assert stage.reported("Ready") == "True Available"
    assert (stage.journal("PATCH"), description(stage)) == (["PATCH ep-7 description"], TAKEN)
    assert "endpointId" not in stage.kube.objects[SECOND]["status"]

    stage.delete()
    await stage.turn()
    await stage.turn()
    assert KEY not in stage.kube.objects
    assert description(stage) == f"a note {released()}"
    for _ in range(3):
        await stage.turn(key=SECOND)
    assert description(stage) == TAKEN_BY_SECOND
    assert stage.journal("POST", "DELETE") == []


@pytest.mark.rule("A4")
async def test_two_workers_at_the_same_moment() -> None:
    """Both passes run at once: only one writes the id, and one PATCH is sent."""
    stage = with_a_rival()
    await stage.poll()
    for _ in range(3):
        await asyncio.gather(stage.reconcile(), stage.reconcile(SECOND))
        await stage.poll()
    named = [key for key, body in stage.kube.objects.items() if body["status"].get("endpointId")]
    assert (len(named), len(stage.journal("PATCH"))) == (1, 1)


async def test_a_claim_outlives_a_write_that_failed() -> None:
    """The id could not be written yet: the claim stands meanwhile, and the object goes on with it."""
    stage = with_a_rival()
    await stage.poll()
    stage.script.plan("patch_status", Turn(KubeConflict("modified")))
    await stage.reconcile()
    await stage.reconcile(SECOND)
    assert reported(stage, SECOND) == "OwnershipConflict"
    await stage.turn()
    assert description(stage) == TAKEN


@pytest.mark.parametrize("written", [True, False], ids=["id-written", "id-not-written"])
async def test_one_who_observes_takes_nothing_away(written: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """An observer that comes between claim and mark gets neither the claim nor in the way, and says what it sees."""
    stage = with_a_rival(managementPolicy="Observe")
    await stage.poll()
    for key in (KEY, SECOND):
        if written:
            await stage.reconcile(key)
            continue
        stage.script.plan("patch_status", Turn(KubeError("no answer")))
        with pytest.raises(KubeError):
            await stage.reconcile(key)
    assert stage.journal("PATCH") == []
    for _ in range(3):
        await stage.turn()
    await stage.reconcile(SECOND)
    assert (description(stage), stage.journal("PATCH")) == (TAKEN, ["PATCH ep-7 description"])
    assert stage.reported("Ready") == "True Available"


@pytest.mark.parametrize("killed", [True, False], ids=["after-a-restart", "same-process"])
async def test_one_who_observed_first_holds_nobody_up(killed: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """An object created later adopts what another one only looks at, and both are in order."""
    stage = with_a_rival(managementPolicy="Observe")
    for _ in range(2):
        await stage.turn(key=SECOND)
    assert reported(stage, SECOND) == "ReconcileSuccess"
    stage = stage.restarted() if killed else stage
    for _ in range(3):
        await stage.turn()
    assert (description(stage), stage.reported("Ready")) == (TAKEN, "True Available")
    await stage.turn(key=SECOND)
    assert reported(stage, SECOND) == "ReconcileSuccess"
    assert stage.journal("PATCH") == ["PATCH ep-7 description"]


async def test_after_a_restart_the_status_decides() -> None:
    """The new process knows no claims: the object whose status names the endpoint keeps it, whoever comes first."""
    stage = with_a_rival()
    await stage.turn()
    stage = stage.restarted()
    await stage.poll()
    for _ in range(3):
        await stage.reconcile(SECOND)
        await stage.turn()
    assert reported(stage, SECOND) == "OwnershipConflict"
    assert (description(stage), stage.journal("PATCH")) == (TAKEN, ["PATCH ep-7 description"])


@pytest.mark.rule("A5")
async def test_killed_between_the_id_and_the_mark() -> None:
    """The next process goes on where the status says it was."""
    stage = by_hand()
    await stage.turn()
    assert stage.journal("PATCH") == []
    stage = stage.restarted()
    await stage.turn()
    await stage.turn()
    assert (description(stage), stage.journal("PATCH")) == (TAKEN, ["PATCH ep-7 description"])
    assert stage.reported("Ready") == "True Available"


@pytest.mark.parametrize("effect", [True, False], ids=["marked", "not-marked"])
async def test_killed_during_the_patch(effect: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """Whether or not it took effect: it is marked in the end, and a mark that is there is not sent again."""
    stage = by_hand()
    await stage.turn()
    stage.script.plan("update", Turn(asyncio.CancelledError(), effect=effect))
    with pytest.raises(asyncio.CancelledError):
        await stage.reconcile()
    stage = stage.restarted()
    await stage.turn()
    await stage.turn()
    assert description(stage) == TAKEN
    assert len(stage.journal("PATCH")) == (1 if effect else 2)
    assert (stage.reported("Ready"), stage.journal("POST")) == ("True Available", [])


async def test_a_lost_answer_to_the_patch() -> None:
    """It took effect and nobody heard: the next LIST shows the mark, and no second one is sent."""
    stage = by_hand()
    await stage.turn()
    stage.script.plan("update", Turn(CloudUnavailable("no answer"), effect=True))
    await stage.reconcile()
    await stage.turns(4, every=20)
    assert (stage.reported("Ready"), len(stage.journal("PATCH"))) == ("True Available", 1)


@pytest.mark.rule("A3")
async def test_a_foreign_mark_between_the_id_and_the_patch() -> None:
    """Somebody else was faster: nothing is sent, the conflict is said, and the deletion leaves it alone."""
    stage = by_hand()
    await stage.turn()
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=FOREIGN)
    await stage.turn()
    await stage.turn()
    assert stage.reported("Stalled") == "True OwnershipConflict"
    stage.delete()
    await stage.turn()
    assert KEY not in stage.kube.objects
    assert (stage.journal("PATCH", "POST", "DELETE"), description(stage)) == ([], FOREIGN)


async def test_a_foreign_mark_seen_while_waiting_for_the_turn() -> None:
    """The decision is made again when its turn at the cloud comes."""
    stage = by_hand()
    await stage.turn()
    foreign = an_endpoint("ep-7", description=FOREIGN)

    def meanwhile() -> None:
        stage.cloud.endpoints["ep-7"] = foreign
        stage.inventory.take_answer(foreign)

    stage.script.plan("slot", Turn(meanwhile=meanwhile))
    await stage.reconcile()
    assert (stage.journal("PATCH"), description(stage)) == ([], FOREIGN)
    assert stage.reported("Stalled") == "True OwnershipConflict"


@pytest.mark.rule("H4")
async def test_observed_for_its_whole_life() -> None:
    """Two restarts, a drift and the deletion: no mutation, and the endpoint stays as it was."""
    stage = by_hand(managementPolicy="Observe")
    for _ in range(3):
        await stage.turn()
    assert stage.reported("Ready") == "True Available"
    stage.edit(displayName="chat")
    await stage.turn()
    assert stage.reported("Synced") == "False Observing"
    stage = stage.restarted()
    await stage.turn()
    stage.delete()
    await stage.turn()
    assert KEY not in stage.kube.objects
    assert stage.journal("PATCH", "POST", "DELETE") == []
    assert description(stage) == "a note"


@pytest.mark.rule("A17")
async def test_a_recreated_object_gets_its_endpoint_back() -> None:
    """ADOPTION_RECREATED=Adopt: the released one is marked again, with no POST; its deletion releases it again."""
    stage = Stage(policy=Policy(adopt_recreated=True))
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=f"a note {released()}")
    await stage.turn()
    await stage.reconcile()
    await stage.turn()
    assert (description(stage), stage.reported("Ready")) == (TAKEN, "True Available")
    stage.delete()
    await stage.turn()
    await stage.turn()
    assert KEY not in stage.kube.objects
    assert description(stage) == f"a note {released()}"
    assert stage.journal("POST", "DELETE") == []


@pytest.mark.parametrize("killed", [False, True], ids=["same-process", "restarted"])
async def test_a_recreated_object_respects_a_claim(killed: bool) -> None:  # noqa: FBT001  # a parameter of the table
    """An endpoint that another object is adopting by name is not taken over by setting as well."""
    stage = Stage(policy=Policy(may_adopt=True, adopt_recreated=True))
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=f"a note {released()}")
    stage.kube.store(an_object(name=SECOND.name, uid=OTHER_UID, spec={"endpointId": "ep-7"}))
    stage.watch()
    await stage.turn(key=SECOND)
    if killed:
        stage = stage.restarted()
        await stage.poll()
    await stage.reconcile()
    assert stage.reported("Stalled") == "True OwnershipConflict"
    assert "endpointId" not in stage.status
    await stage.reconcile(SECOND)
    assert (description(stage), len(stage.journal("PATCH"))) == (TAKEN_BY_SECOND, 1)


async def test_a_restored_status_holds_no_endpoint() -> None:
    """The status of another uid is ignored whole: it claims nothing from the object that names the endpoint."""
    stage = by_hand()
    restored = an_object(name=SECOND.name, uid=OTHER_UID, spec={"enabled": False})
    stage.kube.store({**restored, "status": {"uid": UID, "endpointId": "ep-7"}})
    stage.watch()
    await stage.turn()
    await stage.reconcile()
    assert description(stage) == TAKEN


async def test_wiped_status_after_an_adoption() -> None:
    """A status wiped by hand is written anew from the mark; nothing is sent, and the deletion retains."""
    stage = by_hand()
    await stage.turn()
    await stage.reconcile()
    await stage.turn()
    stage.kube.store({**stage.body, "status": {}})
    stage.watch()
    stage.script.journal.clear()
    await stage.turn()
    assert (stage.status["endpointId"], stage.attempt) == ("ep-7", ("adopted", "Created"))
    stage.delete()
    await stage.turn()
    await stage.turn()
    assert (NAME in {key.name for key in stage.kube.objects}, stage.journal("DELETE")) == (False, [])
    assert description(stage) == f"a note {released()}"


async def test_one_who_observed_does_not_take_it_from_an_adoption_under_way() -> None:
    """Its status names the endpoint already; switched to Manage while the other's PATCH is due, it sends nothing."""
    stage = with_a_rival(managementPolicy="Observe")
    for _ in range(2):
        await stage.turn(key=SECOND)
    await stage.turn()
    assert stage.journal("PATCH") == []
    stage.kube.edit(SECOND, spec={"managementPolicy": "Manage"})
    stage.watch()
    await stage.turn(key=SECOND)
    assert reported(stage, SECOND) == "OwnershipConflict"
    for _ in range(3):
        await stage.turn()
    assert (description(stage), stage.journal("PATCH")) == (TAKEN, ["PATCH ep-7 description"])

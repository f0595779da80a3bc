"""A token that is rotated while only the status says where something was made: is it the same project?"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from tokenfactory_operator.domain.errors import CloudUnavailable, QuotaExceeded
from tokenfactory_operator.ports import Key
from unit.support.builders import KEY, NAMESPACE, OTHER_UID, an_endpoint, an_object, mark
from unit.support.credentials import another, elsewhere
from unit.support.fakes import InMemoryCloud, Script, Turn
from unit.support.stage import Stage

DOWN = CloudUnavailable("no answer in time")
WITNESS: Final = Key(NAMESPACE, "witness")
ROTATED: Final = "token-2"


async def beside_an_open_attempt() -> Stage:
    """A create call of the object was lost; another object of the same credential has its endpoint."""
    stage = Stage()
    stage.kube.store(an_object(name=WITNESS.name, uid=OTHER_UID))
    stage.watch()
    await stage.turn(key=WITNESS)
    stage.cloud.turn_up()
    await stage.turn(key=WITNESS)
    stage.script.plan("create", Turn(DOWN))
    await stage.turn()
    assert stage.reported("Synced") == "False CreateOutcomeUnknown"
    stage.script.journal.clear()
    return stage


@pytest.mark.rule("I21")
@pytest.mark.parametrize("order", [(KEY, WITNESS), (WITNESS, KEY)], ids=["asks-first", "witness-first"])
@pytest.mark.parametrize("restart", [False, True])
async def test_another_objects_endpoint_shows_that_the_project_is_the_same(
    order: tuple[Key, Key], *, restart: bool
) -> None:
    """Both tokens' lists show it, so nobody is asked, and the attempt is resolved by the new one's."""
    stage = await beside_an_open_attempt()
    stage = stage.restarted() if restart else stage
    stage.poller = another(stage, scope=ROTATED)
    for _ in range(8):
        await stage.poll(31)
        for key in order:
            await stage.reconcile(key)
        assert stage.reported("Stalled") is None
    assert (stage.status["scope"], stage.journal("POST")) == (ROTATED, ["POST"])
    assert sorted(stage.cloud.endpoints) == ["ep-1", "ep-2"]


async def test_a_deletion_waits_for_its_time_and_for_nobody() -> None:
    """The object is deleted after the rotation."""
    stage = await beside_an_open_attempt()
    stage.poller = another(stage, scope=ROTATED)
    stage.delete()
    for _ in range(4):
        await stage.turn(31)
        assert KEY not in stage.kube.objects or stage.reported("Stalled") is None
    for _ in range(30):
        await stage.turn(31)
    assert (KEY in stage.kube.objects, list(stage.cloud.endpoints)) == (False, ["ep-1"])


async def test_a_recorded_endpoint_that_the_new_list_does_not_show_yet() -> None:
    """That it is in the same project is known; what became of it is judged as always."""
    stage = await beside_an_open_attempt()
    for _ in range(3):
        await stage.turn(31)
    assert stage.status["endpointId"] == "ep-2"
    stage.cloud.hidden.add("ep-2")
    stage.poller = another(stage, scope=ROTATED)
    await stage.turn()
    assert (stage.reported("Stalled"), stage.status["scope"]) == (None, ROTATED)
    stage.cloud.hidden.clear()
    await stage.turn()
    assert stage.reported("Synced") == "True ReconcileSuccess"


@pytest.mark.rule("I21")
@pytest.mark.parametrize("why", ["nothing else", "of another object", "without its mark", "another id"])
async def test_where_nothing_shows_it_a_person_is_asked(why: str) -> None:
    """What the new list shows was never recorded with the old one."""
    stage = await beside_an_open_attempt()
    far = InMemoryCloud(Script())
    seen = stage.cloud.endpoints["ep-1"]
    if why == "of another object":
        far.endpoints["ep-9"] = an_endpoint("ep-9", description=mark(uid="stranger"))
    elif why == "without its mark":
        far.endpoints["ep-1"] = replace(seen, description="a note")
    elif why == "another id":
        far.endpoints["ep-9"] = replace(seen, id="ep-9")
    stage.poller = another(stage, scope=ROTATED, cloud=far)
    for _ in range(4):
        await stage.turn(31)
    assert stage.reported("Stalled") == "True CredentialsMismatch"
    assert "A create call was sent in scope" in stage.message("Stalled")
    assert stage.journal("POST") == []


@pytest.mark.rule("D12", "E10", "X62")
@pytest.mark.parametrize("restart", [False, True])
async def test_another_projects_lists_say_nothing_of_a_call_before_the_refused_one(*, restart: bool) -> None:
    """The object is deleted after its credential was replaced by one of another project."""
    stage = Stage()
    refused = QuotaExceeded("no quota", refused=True, status=422)
    stage.script.plan("create", Turn(DOWN, effect=True), Turn(refused))
    late = stage.cloud.hidden
    late.add("ep-1")
    for seconds in (1, 61, 61):
        await stage.turn(seconds)
    assert len(stage.journal("POST")) == 2
    stage, first = (stage.restarted(), None) if restart else (stage, stage.poller)
    stage.poller, first = elsewhere(stage), first or stage.poller
    stage.delete()
    for _ in range(20):
        await stage.turn(61)
    assert (KEY in stage.kube.objects, stage.reported("Stalled")) == (True, "True CredentialsMismatch")
    stage.poller = first
    late.clear()
    for _ in range(4):
        await stage.turn(61)
    assert (KEY in stage.kube.objects, stage.cloud.endpoints) == (False, {})

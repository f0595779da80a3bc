"""An endpoint from the answer to a POST that no LIST ever shows: hidden, or gone at once (docs/protocol.md, Evidence).

It says something against the LIST only as long as it may exist. What is asked by id then touches no other endpoint.
"""

from __future__ import annotations

import pytest

from tokenfactory_operator.domain.errors import CloudUnavailable
from tokenfactory_operator.ports import Key
from unit.support.builders import NAMESPACE, OTHER_UID, an_object
from unit.support.fakes import Turn
from unit.support.stage import Stage

SECOND = Key(NAMESPACE, "second")


async def overdue(*, gone: bool) -> Stage:
    """An object whose endpoint was made a settle time ago and never listed, and another one that has nothing yet."""
    stage = Stage()
    await stage.turn()
    assert stage.journal("POST") == ["POST"]
    if gone:
        stage.cloud.endpoints.clear()
    else:
        stage.cloud.hidden.add("ep-1")
    stage.kube.store(an_object(name=SECOND.name, uid=OTHER_UID, spec={"enabled": False}))
    stage.watch()
    await stage.turn(30)
    await stage.poll(40)
    assert stage.inventory.untrusted()
    return stage


@pytest.mark.rule("X2", "E36")
async def test_one_that_is_gone_says_nothing_against_the_list() -> None:
    """GET, then PATCH, which answers 404: the LIST is believed again, and no person is needed for a new endpoint."""
    stage = await overdue(gone=True)
    await stage.reconcile()
    assert stage.journal("GET", "PATCH") == ["GET ep-1", "PATCH ep-1 description"]
    assert stage.inventory.untrusted() == ""
    for _ in range(3):
        await stage.turn(31)
    stage.cloud.turn_up("ep-2")
    await stage.turn()
    assert (list(stage.cloud.endpoints), stage.reported("Ready")) == (["ep-2"], "True Available")
    assert stage.witness.counts.count("endpoint_lost") == 1


@pytest.mark.rule("E17")
@pytest.mark.parametrize("answers", [True, False], ids=["by-get", "by-patch-only"])
async def test_one_that_exists_is_never_doubled(*, answers: bool) -> None:
    """A 200 by id proves that the LIST hides things: it goes on being said, and nothing is made."""
    stage = await overdue(gone=False)
    stage.cloud.answers_get = answers
    for _ in range(6):
        await stage.turn(31)
    assert stage.journal("POST", "DELETE") == ["POST"]
    assert (stage.reported("Stalled"), bool(stage.inventory.untrusted())) == ("True InventoryUntrusted", True)
    assert bool(stage.journal("PATCH")) is not answers


@pytest.mark.rule("E14")
async def test_a_probe_without_a_clear_answer_proves_nothing() -> None:
    """Only a 404 in the API's own form is an answer; it is asked again an interval later."""
    stage = await overdue(gone=True)
    stage.script.plan("update", Turn(error=CloudUnavailable("5xx")))
    await stage.reconcile()
    assert stage.inventory.untrusted()
    assert stage.journal("POST") == ["POST"]
    await stage.turn(10)
    assert len(stage.journal("PATCH")) == 1
    await stage.turn(31)
    assert stage.inventory.untrusted() == ""


async def test_paused_asks_nothing_that_could_change_something() -> None:
    """The probe ends in a PATCH, so a pause holds it back."""
    stage = await overdue(gone=True)
    stage.annotate(paused="true")
    await stage.turn(31)
    assert stage.journal("PATCH") == []
    assert stage.reported("Synced") == "False ReconcilePaused"


async def test_an_endpoint_that_was_listed_is_only_looked_at() -> None:
    """What other endpoints do to the trust in the LIST opens no way around the proof of an absence."""
    stage = await Stage().ready()
    stage.kube.store(an_object(name=SECOND.name, uid=OTHER_UID))
    stage.watch()
    await stage.reconcile(SECOND)
    stage.cloud.endpoints.clear()
    await stage.poll(30)
    await stage.turn(40)
    assert stage.journal("GET", "PATCH") == ["GET ep-1"]
    assert stage.reported("Stalled") == "True InventoryUntrusted"


async def test_an_id_that_the_status_names_no_more_says_nothing_for_ever() -> None:
    """Somebody edited the status to nonsense, twice: once it names the endpoint again, nobody could confirm those."""
    stage = await Stage().ready()
    await stage.poll(700)
    for nonsense in ("ep-8", "ep-9"):
        body = {**stage.body, "status": {**stage.status, "endpointId": nonsense}}
        stage.kube.store(body)
        stage.watch()
        await stage.turn()
        await stage.turn()
        assert stage.status["endpointId"] == "ep-1"
    await stage.poll()
    assert stage.inventory.trust.missing == set()
    assert stage.reported("Ready") == "True Available"

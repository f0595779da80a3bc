"""Deleting an endpoint that the cloud's LISTs do not show: their silence is no proof that it is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tokenfactory_operator.domain.errors import InvalidSpec
from tokenfactory_operator.domain.observed import ObservedEndpoint
from unit.support.builders import FOREIGN, KEY, an_endpoint, mark
from unit.support.making import accepts_only, comes_back
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
    assert stage.reported("Stalled") == "True InventoryUntrusted"
    stage.script.journal.clear()
    stage.delete()
    return stage


@pytest.mark.rule("E26", "D42", "X25")
@pytest.mark.parametrize("ever_listed", [True, False], ids=["listed-before", "never-listed"])
@pytest.mark.parametrize("reads", [True, False], ids=["by-id", "no-read-by-id"])
@pytest.mark.parametrize("restart", [False, True], ids=["one-process", "restarted"])
async def test_what_no_list_shows_is_deleted_until_it_is_not_found(
    *, ever_listed: bool, reads: bool, restart: bool
) -> None:
    """Evidence, Delete 2 and 5: no finalizer goes on the word of a LIST that hides this very endpoint."""
    stage = await hidden(ever_listed=ever_listed)
    stage = stage.restarted() if restart else stage
    stage.cloud.answers_get = reads
    accepts_only(stage, times=9)
    for _ in range(4):
        await stage.turn(31)
    assert (KEY in stage.kube.objects, stage.journal("finalizers")) == (True, [])
    assert (stage.reported("Synced"), stage.reported("Stalled")) == ("Unknown Deleting", None)
    stage.cloud.endpoints.clear()
    stage.script.turns.clear()
    for _ in range(4):
        await stage.turn(61)
    assert KEY not in stage.kube.objects
    assert stage.journal("PATCH", "POST") == []
    assert stage.inventory.untrusted() == ""


@pytest.mark.rule("E16", "X27")
async def test_a_look_whose_answer_a_list_has_overtaken(monkeypatch: pytest.MonkeyPatch) -> None:
    """X27: the LIST shows the endpoint, so the LISTs tell too when it is gone."""
    stage = await Stage().ready()
    stage.cloud.hidden.add("ep-1")
    look = stage.cloud.get_endpoint

    async def overtaken(endpoint_id: str) -> ObservedEndpoint | None:
        if not stage.cloud.hidden:
            raise InvalidSpec("no look is answered any more")
        found = await look(endpoint_id)
        stage.cloud.hidden.clear()
        await stage.poll()
        return found

    monkeypatch.setattr(stage.cloud, "get_endpoint", overtaken)
    while stage.cloud.hidden:
        await stage.turn(61)
    stage.delete()
    await stage.reconcile()
    for _ in range(4):
        await stage.turn(61)
    assert (KEY in stage.kube.objects, stage.journal("DELETE")) == (False, ["DELETE ep-1"])


@pytest.mark.rule("E23", "X28")
@pytest.mark.parametrize("description", [FOREIGN, "by hand"], ids=["another-owners-mark", "no-mark"])
@pytest.mark.parametrize("deleted", [False, True], ids=["living", "deleted"])
async def test_what_only_answers_by_id_is_read_again_while_a_conflict_is_reported(
    description: str, *, deleted: bool
) -> None:
    """X28: no LIST would show that a person has put the description in order."""
    stage = await Stage().ready()
    stage.cloud.hidden.add("ep-1")
    found = stage.cloud.endpoints["ep-1"]
    stage.cloud.endpoints["ep-1"] = replace(found, description=description)
    stage = stage.restarted()
    for _ in range(3):
        await stage.turn(61)
    assert stage.reported("Stalled") == "True OwnershipConflict"
    stage.cloud.endpoints["ep-1"] = found
    if deleted:
        stage.delete()
    for _ in range(2):
        await stage.turn(61)
    if deleted:
        assert stage.journal("DELETE")[:1] == ["DELETE ep-1"]
    else:
        assert stage.reported("Stalled") == "True InventoryUntrusted"


@pytest.mark.rule("D42")
async def test_a_list_that_shows_it_says_too_when_it_is_gone() -> None:
    """It was not in the LIST of before: from then on the LISTs count, as for any other endpoint."""
    stage = await hidden(ever_listed=True)
    accepts_only(stage)
    await stage.turn()
    stage.cloud.hidden.clear()
    await stage.turn(2)
    stage.cloud.endpoints.clear()
    await stage.turn(50)
    assert KEY not in stage.kube.objects
    assert stage.journal("DELETE") == ["DELETE ep-1"]


@pytest.mark.rule("D42")
async def test_a_duplicate_that_no_list_shows_beside_what_is_retained() -> None:
    """It is deleted until it is not found, as with `Delete`: nobody would come back for it."""
    stage = await Stage(deletionPolicy="Retain").ready(lasting=300)
    duplicate = stage.cloud.endpoints["ep-9"] = an_endpoint(
        "ep-9", description=mark("late"), created_at="2025-01-01T12:30:00Z"
    )
    await stage.poll()
    stage.cloud.hidden.add("ep-9")
    await stage.poll()
    stage.inventory.found_by_id(duplicate)
    stage.delete()
    accepts_only(stage, times=2, endpoint_id="ep-9")
    for _ in range(3):
        await stage.turn(100)
    assert KEY in stage.kube.objects
    for _ in range(5):
        await stage.turn(300)
    assert KEY not in stage.kube.objects
    assert list(stage.cloud.endpoints) == ["ep-1"]


async def accepting(*, restart: bool = True) -> Stage:
    """A cloud that accepts each deletion of an endpoint, and does not list it any more."""
    stage = await hidden(ever_listed=True)
    stage = stage.restarted() if restart else stage
    stage.cloud.answers_get = False
    stage.script.plan("delete", *[comes_back(stage)] * 99)
    return stage


@pytest.mark.rule("D42")
@pytest.mark.parametrize("restart", [False, True], ids=["one-process", "restarted"])
async def test_a_cloud_that_accepts_every_deletion_asks_a_person(*, restart: bool) -> None:
    """The pauses grow, and the object is neither let go on its own nor held for ever."""
    stage = await accepting(restart=restart)
    for _ in range(18):
        await stage.turn(31)
    assert stage.reported("Stalled") is None
    for _ in range(60):
        await stage.turn(31)
    assert stage.reported("Stalled") == "True InventoryUntrusted"
    assert "reconcile-requested-at" in stage.message("Stalled")
    assert 5 < len(stage.journal("DELETE")) < 10
    stage.annotate(reconcile_requested_at="now")
    await stage.turn()
    await stage.turn()
    assert KEY not in stage.kube.objects


@pytest.mark.rule("D42")
async def test_a_word_of_before_the_question_is_no_answer() -> None:
    """A person who asked for a pass while the deletion went on has confirmed nothing."""
    stage = await accepting()
    await stage.turn(31)
    stage.annotate(reconcile_requested_at="before")
    for _ in range(60):
        await stage.turn(31)
    assert KEY in stage.kube.objects
    assert stage.reported("Stalled") == "True InventoryUntrusted"


@pytest.mark.rule("D42")
async def test_the_question_ends_when_the_endpoint_is_not_found() -> None:
    """Nobody has to answer it any more."""
    stage = await accepting()
    for _ in range(60):
        await stage.turn(31)
    stage.cloud.endpoints.clear()
    stage.script.turns.clear()
    for _ in range(30):
        await stage.turn(31)
    assert KEY not in stage.kube.objects


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

"""Duplicates that were seen, and that the lists hide when their object is deleted: each is deleted by its id."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tokenfactory_operator.domain.errors import CloudUnavailable
from unit.support.builders import FOREIGN, KEY, mark, released
from unit.support.fakes import Turn
from unit.support.making import accepts_only
from unit.support.stage import Stage

DUPLICATE = "ep-2"
NO_ANSWER = Turn(CloudUnavailable("no answer in time"))


async def seen_once(policy: str = "Delete", attempt: str = "try-0") -> Stage:
    """An old endpoint, and one with another mark of the object; a list has shown both, and now hides the second."""
    stage = await Stage(deletionPolicy=policy).ready(lasting=300)
    stage.cloud.endpoints[DUPLICATE] = replace(stage.cloud.endpoints["ep-1"], id=DUPLICATE, description=mark(attempt))
    stage.script.plan("delete", NO_ANSWER)
    await stage.turn(31)
    stage.cloud.hidden.add(DUPLICATE)
    await stage.turn(31)
    stage.script.journal.clear()
    stage.delete()
    return stage


@pytest.mark.rule("I13", "X66")
@pytest.mark.parametrize("policy", ["Delete", "Retain"])
async def test_a_duplicate_that_the_lists_hide(policy: str) -> None:
    """Its id is known, so no list is needed."""
    stage = await seen_once(policy)
    await stage.turns(20, every=31)
    left = {"ep-1": released()} if policy == "Retain" else {}
    assert {each.id: each.description for each in stage.cloud.endpoints.values()} == left
    assert KEY not in stage.kube.objects


@pytest.mark.rule("I13", "D42")
@pytest.mark.parametrize("policy", ["Delete", "Retain"])
async def test_its_deletion_is_only_accepted(policy: str) -> None:
    """No list says that it is gone: it is deleted again until it answers 404."""
    stage = await seen_once(policy)
    accepts_only(stage, 3, endpoint_id=DUPLICATE)
    await stage.turns(2, every=31)
    assert KEY in stage.kube.objects
    await stage.turns(20, every=31)
    assert (KEY in stage.kube.objects, DUPLICATE in stage.cloud.endpoints) == (False, False)
    assert len([call for call in stage.journal("DELETE") if call == f"DELETE {DUPLICATE}"]) > 1


@pytest.mark.rule("I13")
@pytest.mark.parametrize("policy", ["Delete", "Retain"])
async def test_a_duplicate_that_somebody_has_deleted(policy: str) -> None:
    """One DELETE finds that out."""
    stage = await seen_once(policy)
    del stage.cloud.endpoints[DUPLICATE]
    await stage.turns(20, every=31)
    assert KEY not in stage.kube.objects
    assert stage.journal("DELETE").count(f"DELETE {DUPLICATE}") == 1


@pytest.mark.rule("D13", "I13")
@pytest.mark.parametrize("policy", ["Delete", "Retain"])
async def test_a_copy_that_the_lists_hide(policy: str) -> None:
    """It is left, as one that is listed."""
    stage = await seen_once(policy, attempt="try-1")
    await stage.turns(20, every=31)
    assert (KEY in stage.kube.objects, f"DELETE {DUPLICATE}" in stage.journal("DELETE")) == (False, False)


@pytest.mark.rule("D6", "I13")
@pytest.mark.parametrize("description", ["", FOREIGN, f"{mark('try-0')} {FOREIGN}"])
async def test_a_duplicate_that_was_last_seen_as_no_more_the_objects(description: str) -> None:
    """Its mark was removed, or another owner's put beside it, before the lists hid it."""
    stage = await seen_once()
    stage.cloud.hidden.clear()
    stage.cloud.endpoints[DUPLICATE] = replace(stage.cloud.endpoints[DUPLICATE], description=description)
    await stage.poll()
    stage.cloud.hidden.add(DUPLICATE)
    await stage.turns(20, every=31)
    assert (KEY in stage.kube.objects, f"DELETE {DUPLICATE}" in stage.journal("DELETE")) == (False, False)


@pytest.mark.rule("D8", "D9")
async def test_an_accepted_deletion_of_what_was_listed() -> None:
    """A limit: that the endpoint is not listed any more counts as its absence, as docs/reliability.md assumes."""
    stage = await Stage().ready(lasting=300)
    stage.delete()
    accepts_only(stage)
    await stage.turn(31)
    stage.cloud.hidden.add("ep-1")
    await stage.turn(31)
    assert (KEY in stage.kube.objects, "ep-1" in stage.cloud.endpoints) == (False, True)

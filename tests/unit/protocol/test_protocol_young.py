"""Endpoints that are deleted soon after they were made: an older list looks the same as one of after their end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tokenfactory_operator.domain.attempt import State
from tokenfactory_operator.domain.errors import CloudUnavailable, InvalidSpec, RateLimited
from tokenfactory_operator.domain.observed import ObservedEndpoint
from unit.support.builders import FOREIGN, KEY, SCOPE, an_endpoint, mark
from unit.support.credentials import another
from unit.support.fakes import Turn
from unit.support.making import accepts_only, comes_back, revoked
from unit.support.outcome import decided
from unit.support.scene import Scene
from unit.support.stage import Stage

DUPLICATE = "ep-2"
NO_ANSWER = Turn(CloudUnavailable("no answer in time"))


def duplicate(stage: Stage) -> ObservedEndpoint:
    """What an earlier attempt has made late."""
    return replace(stage.cloud.endpoints["ep-1"], id=DUPLICATE, description=mark("try-0"))


async def deleted_with_a_duplicate(policy: str = "Delete") -> Stage:
    """An old endpoint, and a duplicate that no list has shown yet; the object is deleted."""
    stage = await Stage(deletionPolicy=policy).ready(lasting=1000)
    stage.cloud.endpoints[DUPLICATE] = duplicate(stage)
    stage.delete()
    return stage


async def deleted_young(*, restart: bool) -> Stage:
    """Lists have shown the endpoint; its object is deleted, and the DELETE is accepted only."""
    stage = await Stage().ready()
    stage = stage.restarted() if restart else stage
    stage.delete()
    accepts_only(stage)
    await stage.turn()
    assert stage.journal("DELETE") == ["DELETE ep-1"]
    return stage


@pytest.mark.rule("D22", "D30", "X19")
@pytest.mark.parametrize("restart", [False, True])
async def test_a_list_of_before_the_creation(*, restart: bool) -> None:
    """It does not show the endpoint, and that says nothing: only a list that cannot be so old is believed."""
    stage = await deleted_young(restart=restart)
    stage.cloud.hidden.add("ep-1")
    await stage.turn(50)
    assert (KEY in stage.kube.objects, "Waiting for a newer list" in str(stage.status["conditions"])) == (True, True)
    stage.cloud.endpoints.clear()
    await stage.turn(12)
    assert KEY not in stage.kube.objects


@pytest.mark.rule("D22")
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


@pytest.mark.rule("D22")
async def test_a_duplicate_that_shows_up_at_the_end() -> None:
    """It may be as new as its first sight, however old the other one is."""
    stage = await deleted_with_a_duplicate()
    await stage.turn()
    assert stage.journal("DELETE") == ["DELETE ep-1", f"DELETE {DUPLICATE}"]
    await stage.turn(50)
    assert KEY in stage.kube.objects
    await stage.turn(12)
    assert KEY not in stage.kube.objects


@pytest.mark.rule("D30")
async def test_a_duplicate_that_only_an_earlier_process_has_seen() -> None:
    """The lists of this process are still from before its creation, and the recorded one is gone already."""
    stage = (await Stage().ready(lasting=1000)).restarted()
    stage.delete()
    stage.cloud.endpoints = {DUPLICATE: duplicate(stage)}
    stage.cloud.hidden.add(DUPLICATE)
    for _ in range(3):
        await stage.turn(15)
    assert (KEY in stage.kube.objects, stage.journal("DELETE")) == (True, ["DELETE ep-1"])
    stage.cloud.hidden.clear()
    for _ in range(3):
        await stage.turn(61)
    assert (KEY in stage.kube.objects, list(stage.cloud.endpoints)) == (False, [])


@pytest.mark.rule("D22")
@pytest.mark.parametrize("how", ["no-answer", "no-turn"])
async def test_a_duplicate_that_was_seen_once_and_not_deleted(how: str) -> None:
    """Its DELETE fails, or has to wait, and the next list is of before its creation."""
    stage = await deleted_with_a_duplicate()
    if how == "no-answer":
        stage.script.plan("delete", Turn(effect=True), NO_ANSWER)
    else:
        stage.script.plan("slot", Turn(RateLimited("wait", refused=True, retry_after=1.0)))
    await stage.turn()
    stage.cloud.hidden.add(DUPLICATE)
    for _ in range(2):
        await stage.turn()
    assert KEY in stage.kube.objects
    stage.cloud.hidden.clear()
    for _ in range(3):
        await stage.turn(61)
    assert (KEY in stage.kube.objects, list(stage.cloud.endpoints)) == (False, [])


@pytest.mark.rule("D22")
@pytest.mark.parametrize("how", ["accepted", "no-answer"])
async def test_retained_beside_a_duplicate_that_was_seen_once(how: str) -> None:
    """The one that is kept is not let go before it is sure that the duplicate is gone."""
    stage = await deleted_with_a_duplicate("Retain")
    stage.script.plan("delete", comes_back(stage, DUPLICATE) if how == "accepted" else NO_ANSWER)
    await stage.turn()
    assert stage.journal("DELETE") == [f"DELETE {DUPLICATE}"]
    stage.cloud.hidden.add(DUPLICATE)
    await stage.turn()
    assert KEY in stage.kube.objects
    stage.cloud.hidden.clear()
    for _ in range(5):
        await stage.turn(31)
    assert (KEY in stage.kube.objects, list(stage.cloud.endpoints)) == (False, ["ep-1"])


@pytest.mark.rule("D30")
async def test_a_duplicate_of_what_is_left_and_a_rotated_token() -> None:
    """What the other credential's calls have answered of its age is not forgotten with them."""
    stage = await deleted_with_a_duplicate()
    stage.cloud.endpoints["ep-1"] = replace(stage.cloud.endpoints["ep-1"], description=FOREIGN)
    stage.script.plan("delete", comes_back(stage, DUPLICATE))
    await stage.turn()
    assert stage.journal("DELETE") == [f"DELETE {DUPLICATE}"]
    stage.cloud.hidden.add(DUPLICATE)
    stage.poller = another(stage, scope=SCOPE)
    await stage.turn()
    assert KEY in stage.kube.objects


@pytest.mark.rule("D30")
@pytest.mark.parametrize("when", ["during-the-post", "later"])
async def test_the_age_of_what_this_process_made_and_a_rotated_token(when: str) -> None:
    """The finalizer was long there when a POST passed at last; the new credential knows nothing of that."""
    stage = Stage()

    def rotate() -> None:
        stage.poller = another(stage, scope=SCOPE)

    refused = Turn(RateLimited("later", refused=True, status=429))
    made = Turn(effect=True, meanwhile=rotate) if when == "during-the-post" else Turn(effect=True)
    stage.script.plan("create", *[refused] * 3, made)
    for _ in range(4):
        await stage.turn(400)
    assert list(stage.cloud.endpoints) == ["ep-1"]
    if when == "later":
        rotate()
    stage.cloud.hidden.add("ep-1")
    stage.cloud.answers_get = False
    stage.delete()
    stage.cloud.endpoints.clear()
    for _ in range(3):
        await stage.turn()
    assert stage.journal("DELETE") == ["DELETE ep-1"]  # 404: it is gone, or the cloud does not find it yet
    assert KEY in stage.kube.objects
    await stage.turn(61)
    assert KEY not in stage.kube.objects


@pytest.mark.rule("D39")
async def test_an_endpoint_that_was_gone_already() -> None:
    """Nobody has accepted anything: its DELETE found nothing."""
    stage = (await Stage().ready(lasting=300)).restarted()
    stage.cloud.endpoints.clear()
    stage.delete()
    await stage.turn()
    await stage.turn()
    assert "accepted" not in str(stage.status["conditions"])


@pytest.mark.rule("D22")
@pytest.mark.parametrize("policy", ["Delete", "Retain"])
async def test_a_duplicate_that_a_list_showed_between_two_passes(policy: str) -> None:
    """No pass has looked at the object while it was shown."""
    stage = await Stage(deletionPolicy=policy).ready(lasting=1000)
    late = duplicate(stage)
    stage.delete()
    if policy == "Delete":
        await stage.reconcile()
    stage.cloud.endpoints[DUPLICATE] = late
    await stage.poll()
    stage.cloud.hidden.add(DUPLICATE)
    await stage.turn()
    assert KEY in stage.kube.objects


@pytest.mark.rule("D22")
async def test_an_endpoint_that_was_seen_once_before_nothing_was_created() -> None:
    """The last attempt was refused, but an earlier one has made something, which the next list does not show."""
    stage = Stage()
    late: dict[str, ObservedEndpoint] = {}

    def take() -> None:
        late.update(stage.cloud.endpoints)
        stage.cloud.endpoints.clear()

    refused = Turn(InvalidSpec("no", refused=True, status=422))
    stage.script.plan("create", Turn(NO_ANSWER.error, effect=True, meanwhile=take), refused)
    for seconds in (1, 40, 40, 40):
        await stage.turn(seconds)
    assert (len(stage.journal("POST")), stage.attempt[1]) == (2, "Refused")
    stage.cloud.endpoints.update(late)
    stage.delete()
    stage.script.plan("slot", Turn(RateLimited("wait", refused=True, retry_after=1.0)))
    await stage.turn()
    stage.cloud.hidden |= set(late)
    await stage.turn()
    assert KEY in stage.kube.objects


@pytest.mark.rule("D22")
async def test_retained_beside_a_duplicate_in_lists_that_are_not_trusted() -> None:
    """Many are missing at once: that the duplicate is among them does not prove that it is gone."""
    stage = await Stage(deletionPolicy="Retain").ready(lasting=1000)
    stage.cloud.endpoints[DUPLICATE] = duplicate(stage)
    others = {f"ep-{number}" for number in range(3, 8)}
    stage.cloud.endpoints.update({other: an_endpoint(other, description="") for other in others})
    stage.delete()
    accepts_only(stage, 50, endpoint_id=DUPLICATE)
    for _ in range(8):
        await stage.turn(31)
    stage.cloud.hidden |= {DUPLICATE, *others}
    for _ in range(8):
        await stage.turn(31)
    assert (KEY in stage.kube.objects, stage.reported("Stalled")) == (True, "True InventoryUntrusted")


@pytest.mark.rule("D39")
async def test_what_is_kept_is_called_no_duplicate() -> None:
    """Its id is not written yet."""
    stage = Stage(deletionPolicy="Retain")
    stage.script.plan("create", Turn(NO_ANSWER.error, effect=True))
    await stage.turn()
    stage = stage.restarted()
    stage.delete()
    await stage.turn()
    assert KEY in stage.kube.objects
    assert "duplicate" not in str(stage.status["conditions"])


@pytest.mark.rule("D39")
@pytest.mark.parametrize("waits_for", ["a-duplicate", "an-attempt"])
async def test_no_list_comes_that_could_show_the_end(waits_for: str) -> None:
    """The credential is revoked meanwhile, and that is what a person is told."""
    stage = await deleted_with_a_duplicate("Retain") if waits_for == "a-duplicate" else Stage()
    if waits_for == "a-duplicate":
        stage.script.plan("delete", comes_back(stage, DUPLICATE))
    else:
        stage.script.plan("create", NO_ANSWER)
    await stage.turn()
    stage.delete()
    await stage.turn()
    await revoked(stage)


@pytest.mark.rule("D22")
def test_an_endpoint_that_was_made_before_a_refusal() -> None:
    """It was proven gone, and the next attempt was refused: a list of soon after its creation says nothing."""
    scene = Scene().attempted(State.SUCCEEDED, endpoint_id="ep-1").gone()
    scene = scene.attempted(State.REFUSED, attempt_id="a3").held().attempt_written("a3", "Refused").terminating()
    assert decided(scene.lists()).check == "still_listed"
    assert decided(scene.settles()).check == "delete"

"""One question, one answer: what a person confirms about one doubt says nothing about the next one."""

from __future__ import annotations

import pytest

from tokenfactory_operator.decision.actions import Create
from tokenfactory_operator.decision.plan import decide
from tokenfactory_operator.domain.attempt import State
from tokenfactory_operator.domain.errors import CloudUnavailable
from tokenfactory_operator.domain.reasons import Reason
from unit.protocol.test_protocol_credentials import beside
from unit.protocol.test_protocol_forgotten import second_attempt_open
from unit.support.builders import KEY, an_endpoint, mark
from unit.support.fakes import InMemoryCloud, Turn
from unit.support.making import accepts_only
from unit.support.scene import Scene
from unit.support.stage import Stage

DOWN = CloudUnavailable("no answer in time")
STRANGERS = tuple(f"x-{number}" for number in range(20))


async def unanswered(*, terminating: bool) -> Stage:
    """An attempt without an answer, whose endpoint is hidden, beside strangers' endpoints."""
    stage = Stage()
    for name in STRANGERS:
        stage.cloud.endpoints[name] = an_endpoint(name, description="a stranger's")
    stage.cloud.hidden.add("ep-1")
    stage.script.plan("create", Turn(DOWN, effect=True))
    await stage.turn()
    if terminating:
        stage.delete()
    await stage.turn()
    return stage


async def asked_about_missing_ones(*, terminating: bool = False) -> tuple[Stage, InMemoryCloud]:
    """An attempt without an answer, its endpoint and some strangers' hidden; and a cloud that shows it."""
    stage = await unanswered(terminating=terminating)
    full = InMemoryCloud(stage.script)
    full.endpoints = {name: each for name, each in stage.cloud.endpoints.items() if name == "ep-1"}
    stage.wait_out(600 if terminating else 60)
    stage.cloud.hidden |= set(STRANGERS[:5])
    await stage.turn()
    assert (stage.reported("Stalled"), KEY in stage.kube.objects) == ("True InventoryUntrusted", True)
    return stage, full


async def confirm(stage: Stage, value: str) -> None:
    """A person answers, and a LIST after that."""
    stage.annotate(reconcile_requested_at=value)
    await stage.turn()
    await stage.turn()


@pytest.mark.rule("E28", "X30")
@pytest.mark.parametrize("terminating", [False, True])
async def test_missing_ones_are_confirmed_and_another_credential_shows_the_endpoint(*, terminating: bool) -> None:
    """The first answer is about what the list leaves out: of the endpoint that the other one shows nobody was asked."""
    stage, full = await asked_about_missing_ones(terminating=terminating)
    await beside(stage, cloud=full).poll()
    await confirm(stage, "1")
    assert (stage.journal("POST"), KEY in stage.kube.objects) == (["POST"], True)
    assert stage.reported("Stalled") == "True InventoryUntrusted"
    assert "ep-1" in stage.message("Stalled")
    assert stage.status["conflictingEndpoints"] == ["ep-1"]
    await confirm(stage, "2")
    assert (len(stage.journal("POST")), KEY in stage.kube.objects) == ((1, False) if terminating else (2, True))


@pytest.mark.rule("E28", "C37")
async def test_missing_ones_are_confirmed_and_the_list_may_be_cut_off() -> None:
    """A deletion: that others are gone says nothing about what stands beyond the end of the list."""
    stage, _ = await asked_about_missing_ones(terminating=True)
    for number in range(5):
        stage.cloud.endpoints[f"y-{number}"] = an_endpoint(f"y-{number}", description="a stranger's")
    await confirm(stage, "1")
    assert (KEY in stage.kube.objects, stage.reported("Stalled")) == (True, "True CreateOutcomeUnknown")
    await confirm(stage, "2")
    assert KEY not in stage.kube.objects


@pytest.mark.rule("E29")
async def test_a_request_from_before_a_second_question_is_no_answer_to_it() -> None:
    """Not even where both have the same reason, and another process reads the request."""
    stage, full = await asked_about_missing_ones(terminating=True)
    await beside(stage, cloud=full).poll()
    stage.annotate(reconcile_requested_at="1")
    await stage.reconcile()
    assert stage.status["conflictingEndpoints"] == ["ep-1"]
    stage = stage.restarted()
    other = beside(stage, cloud=full)
    for _ in range(15):
        await other.poll()
        await stage.turn(61)
    assert (KEY in stage.kube.objects, stage.reported("Stalled")) == (True, "True InventoryUntrusted")


@pytest.mark.rule("E28", "X37")
@pytest.mark.parametrize("terminating", [False, True])
async def test_a_list_that_may_be_cut_off_is_confirmed_and_others_are_missing(*, terminating: bool) -> None:
    """That the call made nothing says nothing about a list that hides others. Nobody is asked a third time."""
    stage = await unanswered(terminating=terminating)
    await stage.turn(600)
    assert stage.reported("Stalled") == "True CreateOutcomeUnknown"
    stage.cloud.hidden |= set(STRANGERS[:5])
    for number in range(5):
        stage.cloud.endpoints[f"y-{number}"] = an_endpoint(f"y-{number}", description="a stranger's")
    await confirm(stage, "1")
    assert (stage.journal("POST"), KEY in stage.kube.objects) == (["POST"], True)
    assert stage.reported("Stalled") == "True InventoryUntrusted"
    await confirm(stage, "2")
    assert (len(stage.journal("POST")), KEY in stage.kube.objects) == ((1, False) if terminating else (2, True))


@pytest.mark.rule("E22")
async def test_what_answers_by_id_after_it_was_confirmed_to_be_gone() -> None:
    """The answer was wrong, or about another endpoint: the question is asked again, and the object does not wait."""
    stage = await Stage().ready(lasting=300)
    stage.cloud.hidden.add("ep-1")
    for _ in range(4):
        await stage.turn(61)
    assert "answers by id" in stage.message("Stalled")
    for value in ("1", "2"):
        await confirm(stage, value)
        for _ in range(3):
            await stage.turn(31)
        assert (stage.reported("Stalled"), stage.journal("POST")) == ("True InventoryUntrusted", [])
    stage.cloud.hidden.clear()
    await stage.turn(31)
    await stage.turn()
    assert stage.reported("Ready") == "True Available"


@pytest.mark.rule("E28", "D42", "X64")
async def test_missing_ones_are_confirmed_and_deletions_are_accepted_without_end() -> None:
    """Of the object's own endpoint, whose DELETE is accepted each time, nobody was asked by then."""
    stage = await second_attempt_open()
    stage.cloud.endpoints |= {name: an_endpoint(name, description="a stranger's") for name in STRANGERS[:7]}
    stage.cloud.endpoints["ep-9"] = an_endpoint("ep-9", description=mark("try-1"))
    stage.cloud.answers_get = False
    stage = stage.restarted()
    await stage.turn()
    stage.cloud.hidden.add("ep-9")
    await stage.turn()
    stage.delete()
    accepts_only(stage, 1000, endpoint_id="ep-9")
    for _ in range(11):
        await stage.turn(61)
    stage.cloud.hidden |= set(STRANGERS[:3])
    await stage.turn(61)
    await stage.turn(5)
    assert "3 of 8 known endpoints" in stage.message("Stalled")
    await confirm(stage, "1")
    assert stage.status["conflictingEndpoints"] == ["ep-9"]
    for _ in range(5):
        await stage.turn(61)
    assert (KEY in stage.kube.objects, "accepted each deletion" in stage.message("Stalled")) == (True, True)
    await confirm(stage, "2")
    assert KEY not in stage.kube.objects


@pytest.mark.rule("D42", "E28")
async def test_deletions_of_what_answers_by_id_are_accepted_without_end() -> None:
    """The lists hide it, which is no second question about the same endpoint."""
    stage = await Stage().ready(lasting=300)
    stage.cloud.hidden.add("ep-1")
    for _ in range(4):
        await stage.turn(61)
    stage.delete()
    accepts_only(stage, 1000)
    for _ in range(15):
        await stage.turn(61)
    assert "accepted each deletion of endpoint ep-1" in stage.message("Stalled")
    await confirm(stage, "1")
    assert KEY not in stage.kube.objects


@pytest.mark.rule("E28")
@pytest.mark.parametrize(
    ("answered", "creates"), [(Reason.INVENTORY_UNTRUSTED, False), (Reason.CREATE_OUTCOME_UNKNOWN, True)]
)
def test_what_is_missing_is_confirmed_and_two_calls_have_no_answer(answered: Reason, *, creates: bool) -> None:
    """Only an answer about the calls ends the longer wait for the second one."""
    scene = Scene().held().attempted(State.IN_DOUBT, after_unknown=1).word(answered).settles()
    assert isinstance(decide(scene.situation()).action, Create) == creates

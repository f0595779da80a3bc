"""What a person's word is taken for: the doubt that was put to them, and how many create calls have come to nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tokenfactory_operator.domain.errors import CloudUnavailable, QuotaExceeded, RateLimited
from tokenfactory_operator.domain.observed import EndpointList
from unit.support.builders import KEY, SCOPE, an_endpoint
from unit.support.clock import ManualClock
from unit.support.credentials import another
from unit.support.fakes import InMemoryCloud, Turn
from unit.support.making import accepts_only, opens_slowly
from unit.support.scene import an_inventory
from unit.support.stage import Stage

DOWN = CloudUnavailable("no answer in time")
HIDDEN = {f"ep-{number}" for number in range(1, 7)}
STRANGERS = tuple(f"ep-{number}" for number in range(11, 31))
"""As many as the LIST shows at most."""


async def settle(stage: Stage) -> None:
    await stage.turn()
    await stage.turn(61)


def cut_off() -> Stage:
    """A LIST that is cut off after ten endpoints, and shows none of ours."""
    stage = Stage()
    for name in STRANGERS:
        stage.cloud.endpoints[name] = an_endpoint(name, description="a stranger's")
    stage.cloud.hidden |= HIDDEN
    return stage


def made(stage: Stage) -> set[str]:
    return stage.cloud.endpoints.keys() & HIDDEN


async def one_unknown() -> Stage:
    """A create call without an answer, whose endpoint a LIST that is cut off does not show."""
    stage = cut_off()
    stage.script.plan("create", *[Turn(DOWN, effect=True)] * 3)
    await stage.turn()
    assert len(stage.journal("POST")) == 1
    return stage


@pytest.mark.rule("E30", "X17")
async def test_a_request_while_it_only_waits_answers_nothing() -> None:
    """Nobody has been asked yet: what the attempt has made is still being looked for."""
    stage = await one_unknown()
    assert stage.reported("Stalled") is None
    stage.annotate(reconcile_requested_at="1")
    await settle(stage)
    await settle(stage)
    assert (len(stage.journal("POST")), stage.reported("Stalled")) == (1, "True CreateOutcomeUnknown")
    stage.annotate(reconcile_requested_at="2")
    await settle(stage)
    assert len(stage.journal("POST")) == 2


@pytest.mark.rule("C32")
async def test_a_word_on_the_list_is_none_on_the_calls() -> None:
    """That three others are really gone says nothing about what the call has made."""
    stage = await one_unknown()
    for name in STRANGERS[:3]:
        del stage.cloud.endpoints[name]
    stage.cloud.endpoints |= {name: an_endpoint(name, description="new") for name in ("ep-7", "ep-8", "ep-9")}
    await settle(stage)
    await settle(stage)
    assert stage.reported("Stalled") == "True InventoryUntrusted"
    stage.annotate(reconcile_requested_at="1")
    await settle(stage)
    assert (len(stage.journal("POST")), stage.reported("Stalled")) == (1, "True CreateOutcomeUnknown")
    stage.annotate(reconcile_requested_at="2")
    await settle(stage)
    assert len(stage.journal("POST")) == 2


@pytest.mark.rule("E35")
async def test_a_question_stays_while_the_credential_is_blocked() -> None:
    """What a person has read is what the answer is taken for."""
    stage = Stage()
    for name in ("ep-8", "ep-9"):
        stage.cloud.endpoints[name] = an_endpoint(name, description="a stranger's")
    stage = await stage.ready()
    stage.cloud.endpoints.clear()
    await stage.turn(61)
    assert stage.reported("Stalled") == "True InventoryUntrusted"
    stage.script.plan("slot", Turn(RateLimited("wait", retry_after=300.0, refused=True)))
    await stage.turn(61)
    assert stage.reported("Stalled") == "True InventoryUntrusted"


@pytest.mark.rule("E31")
async def test_a_word_ends_with_its_doubt() -> None:
    """It was about one LIST, which is in order again though the object is not; the next doubt is a new question."""
    stage = Stage()
    others = [f"ep-{number}" for number in range(2, 10)]
    for name in others:
        stage.cloud.endpoints[name] = an_endpoint(name, description="a stranger's")
    stage = await stage.ready()
    stage.cloud.hidden = {"ep-1", "ep-2", "ep-3"}
    await stage.turn()
    assert stage.reported("Stalled") == "True InventoryUntrusted"
    stage.annotate(reconcile_requested_at="now")
    stage.cloud.hidden = set()
    accepts_only(stage)
    stage.cloud.turn_up(flavor_name="other")
    await stage.turn()
    await stage.turn(300)
    stage.delete()
    await stage.turn(5)
    stage.cloud.hidden = {"ep-1", *others[:6]}
    await stage.turn(5)
    await stage.turn(5)
    assert (stage.journal("DELETE"), KEY in stage.kube.objects) == (["DELETE ep-1"], True)


@pytest.mark.rule("C32")
async def test_a_refusal_between_does_not_end_the_count() -> None:
    """It says that its own call made nothing, and nothing about the one before: the settle time goes on to grow."""
    stage = Stage()
    full = QuotaExceeded("no room", refused=True)
    stage.script.plan("create", *[Turn(DOWN), Turn(full)] * 3)
    at: list[float] = []
    for _ in range(40):
        await stage.turn(61)
        at += [stage.clock.seconds] * (len(stage.journal("POST")) - len(at))
    unknown = at[::2]
    assert [round((after - before) / 61) for before, after in pairwise(unknown)] == [3, 4, 6]


@pytest.mark.rule("C32")
@pytest.mark.parametrize("restart", [False, True])
async def test_an_attempt_that_was_not_sent_does_not_either(*, restart: bool) -> None:
    """It was opened so slowly that it was not sent, and another one is opened."""
    stage = Stage()
    stage.script.plan("create", *[Turn(DOWN)] * 3)
    await stage.turn()
    await stage.turn()
    opens_slowly(stage)
    await stage.turn(61)
    stage = stage.restarted() if restart else stage
    assert stage.status["createAttempt"]["afterUnknown"] == 1


@pytest.mark.rule("E32")
@pytest.mark.parametrize("heard", [True, False])
async def test_another_credentials_list_shows_it(*, heard: bool) -> None:
    """Two tokens of one project, of which one sees less: what either shows exists, as long as it is heard."""
    stage = Stage()
    stage.script.plan("create", Turn(DOWN, effect=True))
    await stage.turn()
    first = stage.poller
    await first.poll()
    less = InMemoryCloud(stage.script)
    less.endpoints, less.hidden = stage.cloud.endpoints, {"ep-1"}
    stage.poller = another(stage, scope=SCOPE, cloud=less)
    second = stage.poller.inventory
    first.inventory.siblings = second.siblings = lambda: (first.inventory, second)
    if not heard:
        stage.clock.seconds += 1000
        stage.script.plan("list", Turn(DOWN))
        await first.poll()
    stage.script.plan("create", Turn(QuotaExceeded("no room", refused=True)))
    for _ in range(4):
        await stage.turn(31)
    assert (len(stage.journal("POST")) == 1) is heard
    assert (stage.reported("Stalled") == "True InventoryUntrusted") is heard


@pytest.mark.rule("E33")
def test_what_nobody_looks_for_by_id_any_more_says_nothing() -> None:
    """Its object has another credential now, and is deleted with that one."""
    clock = ManualClock()
    first, second = an_inventory(clock), an_inventory(clock)
    first.siblings = second.siblings = lambda: (first, second)
    first.listed(first.stamp(), EndpointList(()))
    second.listed(second.stamp(), EndpointList((an_endpoint(),)))
    first.expect("ep-1")
    first.found_by_id(an_endpoint())
    assert first.untrusted()
    first.unexpect("ep-1")
    second.expect("ep-1")
    second.delete_answered("ep-1")
    for _ in range(4):
        clock.seconds += 600
        for inventory in (first, second):
            inventory.listed(inventory.stamp(), EndpointList(()))
    assert first.untrusted() == ""


async def test_how_a_call_without_a_clear_answer_ended_is_told() -> None:
    """The words may be all that a person needs: another name, or a look at the gateway."""
    stage = Stage()
    stage.script.plan("create", Turn(CloudUnavailable("HTTP 409: the key chat is already taken")))
    await stage.turn()
    await stage.turn()
    assert stage.reported("Reconciling") == "True CreateOutcomeUnknown"
    assert "clear answer (HTTP 409: the key chat is already taken)." in stage.message("Reconciling")

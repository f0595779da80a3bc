"""What comes later than the decision that it was meant for: the effect of a call, and a person's word.

Sentences of the protocol: docs/protocol.md, Evidence and Adopt.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.errors import CloudError, CloudUnavailable, InvalidSpec, QuotaExceeded, RateLimited
from unit.support.builders import FOREIGN, KEY, OTHER_UID, SCOPE, an_endpoint, mark, released
from unit.support.credentials import elsewhere
from unit.support.fakes import Turn
from unit.support.making import accepts_only, revoked, wiped
from unit.support.stage import Stage

DOWN: Final = CloudUnavailable("no answer in time")
EARLIER: Final = mark(uid=OTHER_UID)
PREDECESSORS: Final = an_endpoint("ep-7", description=EARLIER)
MINE: Final = replace(PREDECESSORS, description=mark("adopted"))


async def taking_over(error: Exception | None = DOWN, *, policy: str = "Delete", mark_before: str = EARLIER) -> Stage:
    """The PATCH that takes ep-7 over has ended so; the object wants the endpoint deleted with itself, or not."""
    stage = Stage(policy=Policy(may_adopt=True), endpointId="ep-7", deletionPolicy=policy)
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=mark_before)
    await stage.turn()
    stage.script.plan("update", Turn(error))
    await stage.reconcile()
    assert stage.journal("PATCH") == ["PATCH ep-7 description"]
    return stage


@pytest.mark.rule("D23", "X11", "X12")
@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("policy", ["Delete", "Retain"])
async def test_an_adoption_that_takes_effect_after_the_deletion(policy: str, restarted: bool) -> None:  # noqa: FBT001  # a parameter
    """Delete 1: it became this object's, so it goes with it, or is released."""
    stage = await taking_over(policy=policy)
    stage.delete()
    for _ in range(2):
        await stage.turn(20)
    if restarted:
        stage = stage.restarted()
    await stage.turn()
    assert KEY in stage.kube.objects
    stage.cloud.endpoints["ep-7"] = MINE
    await stage.turn()
    await stage.turn()
    assert stage.journal("DELETE") == (["DELETE ep-7"] if policy == "Delete" else [])
    assert [it.description for it in stage.cloud.endpoints.values()] == ([released()] if policy == "Retain" else [])
    await stage.turn(126)
    assert KEY not in stage.kube.objects


@pytest.mark.rule("D23")
async def test_an_adoption_that_takes_effect_after_the_release() -> None:
    """`Retain`: what nobody had marked is released at once, and once more when the mark comes after that."""
    stage = await taking_over(policy="Retain", mark_before="")
    stage.delete()
    await stage.turn(10)
    assert stage.cloud.endpoints["ep-7"].description == released()
    assert KEY in stage.kube.objects
    stage.cloud.endpoints["ep-7"] = MINE
    await stage.turn(61)
    assert stage.cloud.endpoints["ep-7"].description == released()
    await stage.turn(61)
    assert KEY not in stage.kube.objects


@pytest.mark.rule("D23")
@pytest.mark.parametrize("policy", ["Delete", "Retain"])
@pytest.mark.parametrize(("restarted", "seconds"), [(False, 59), (True, 124)])
async def test_an_adoption_that_came_to_nothing(policy: str, restarted: bool, seconds: float) -> None:  # noqa: FBT001  # a parameter
    """Once its call can have no effect any more, the endpoint is the earlier object's, and is left."""
    stage = await taking_over(policy=policy)
    stage.delete()
    if restarted:
        stage = stage.restarted()
        await stage.turn()
    await stage.turn(seconds)
    assert KEY in stage.kube.objects
    assert "may still take effect" in str(stage.status["conditions"])
    await stage.turn(2)
    assert KEY not in stage.kube.objects
    assert (stage.journal("DELETE"), "ep-7" in stage.cloud.endpoints) == ([], True)


@pytest.mark.rule("D23")
async def test_the_time_counts_from_the_end_of_the_last_call() -> None:
    """However long the object was there before: a call without an answer may take effect after it."""
    stage = await taking_over(RateLimited("not now", refused=True))
    await stage.poll(1000)
    stage.script.plan("update", Turn(DOWN))
    await stage.reconcile()
    assert len(stage.journal("PATCH")) == 2
    stage.delete()
    await stage.turn(59)
    assert KEY in stage.kube.objects
    await stage.turn(2)
    assert KEY not in stage.kube.objects


@pytest.mark.parametrize("policy", ["Delete", "Retain"])
async def test_an_adoption_that_was_surely_refused_holds_nothing(policy: str) -> None:
    """This process knows of every call, and that none of them can have an effect."""
    stage = await taking_over(RateLimited("not now", refused=True), policy=policy)
    stage.delete()
    await stage.turn()
    assert KEY not in stage.kube.objects


@pytest.mark.rule("D23")
async def test_an_adoption_that_another_process_may_have_begun() -> None:
    """The write of the id met one that was there already: this process does not know of every call."""
    stage = Stage(policy=Policy(may_adopt=True), endpointId="ep-7", deletionPolicy="Delete")
    stage.cloud.endpoints["ep-7"] = PREDECESSORS
    other = stage.restarted()
    await stage.poll()
    await other.turn()
    await stage.reconcile()
    stage.script.plan("update", Turn(RateLimited("not now", refused=True)))
    await stage.reconcile()
    stage.delete()
    await stage.turn()
    assert KEY in stage.kube.objects


@pytest.mark.rule("D23")
async def test_a_foreign_mark_after_the_adoption_holds_nothing() -> None:
    """Delete 4: the adoption was through; what carries another's mark now is left at once."""
    stage = Stage(policy=Policy(may_adopt=True), endpointId="ep-7", deletionPolicy="Delete")
    stage.cloud.endpoints["ep-7"] = PREDECESSORS
    for _ in range(3):
        await stage.turn()
        await stage.reconcile()
    assert stage.attempt == ("adopted", "Created")
    stage.cloud.endpoints["ep-7"] = replace(PREDECESSORS, description=FOREIGN)
    stage.delete()
    await stage.turn()
    assert KEY not in stage.kube.objects
    assert stage.journal("DELETE") == []


# What is left in the cloud may have its next owner soon


async def settled() -> Stage:
    """The PATCH that takes ep-7 over had no answer, a second one had, and a list shows the mark."""
    stage = await taking_over(policy="Retain", mark_before="")
    await stage.turn(10)
    await stage.turn(10)
    assert (stage.attempt, len(stage.journal("PATCH"))) == (("adopted", "Created"), 2)
    return stage


async def let_go_after(stage: Stage, seconds: float) -> None:
    """The object is kept for so long, and goes then."""
    await stage.turn(seconds)
    assert KEY in stage.kube.objects
    assert "may still take effect" in str(stage.status["conditions"])
    await stage.turn(3)
    assert KEY not in stage.kube.objects


@pytest.mark.rule("D38", "X20")
async def test_a_second_call_that_is_answered_does_not_answer_for_the_first() -> None:
    """It may put our mark over that of whoever adopts the endpoint next."""
    stage = await settled()
    stage.delete()
    await stage.turn()
    assert stage.cloud.endpoints["ep-7"].description == released()
    await let_go_after(stage, 37)


@pytest.mark.rule("D38")
async def test_a_mark_that_comes_after_the_release_is_released_again() -> None:
    """The first call takes effect while the object waits."""
    stage = await settled()
    stage.delete()
    await stage.turn()
    stage.cloud.endpoints["ep-7"] = MINE
    await stage.turn(61)
    assert stage.cloud.endpoints["ep-7"].description == released()


@pytest.mark.rule("D38")
async def test_a_release_without_an_answer() -> None:
    """It would put the released mark over the next owner's."""
    stage = await Stage(deletionPolicy="Retain").ready(lasting=300)
    stage.delete()
    stage.script.plan("update", Turn(DOWN))
    await stage.turn()
    await stage.turn(10)
    assert stage.cloud.endpoints["ep-1"].description == released()
    await let_go_after(stage, 48)


@pytest.mark.rule("D38")
async def test_a_call_of_an_earlier_process() -> None:
    """Whether each of them had an answer, only that one knew: its deadlines and the settle time pass."""
    stage = (await Stage(deletionPolicy="Retain").ready(lasting=300)).restarted()
    stage.delete()
    await stage.turn()
    assert stage.cloud.endpoints["ep-1"].description == released()
    await let_go_after(stage, 123)


@pytest.mark.rule("D38")
async def test_a_call_of_an_earlier_process_and_a_wiped_status() -> None:
    """That this process takes the endpoint over once more says nothing of what the earlier one has sent."""
    stage = (await taking_over(policy="Retain", mark_before="")).restarted()
    wiped(stage)
    for _ in range(3):
        await stage.turn()
    assert stage.attempt == ("adopted", "Created")
    stage.delete()
    await stage.turn()
    assert stage.cloud.endpoints["ep-7"].description == released()
    await let_go_after(stage, 121)


@pytest.mark.rule("D38")
async def test_a_foreign_mark_while_a_call_is_open() -> None:
    """What is left for its mark may get ours back as well."""
    stage = await Stage().ready(lasting=300)
    stage.edit(displayName="chat")
    stage.script.plan("update", Turn(DOWN))
    await stage.turn()
    stage.cloud.endpoints["ep-1"] = replace(stage.cloud.endpoints["ep-1"], description=FOREIGN)
    stage.delete()
    await let_go_after(stage, 58)
    assert stage.journal("DELETE") == []


@pytest.mark.rule("D38")
async def test_only_observed_since_a_call_without_an_answer() -> None:
    """Nothing is sent any more, and no list is needed: the time alone passes."""
    stage = await taking_over(policy="Retain", mark_before="")
    stage.edit(managementPolicy="Observe")
    stage.delete()
    again = await stage.reconcile()
    assert again.after is not None
    assert 50 < again.after <= 61
    stage.wait_out(again.after - 1)
    await stage.reconcile()
    assert KEY in stage.kube.objects
    stage.wait_out(2)
    await stage.reconcile()
    assert KEY not in stage.kube.objects
    assert len(stage.journal("PATCH")) == 1


@pytest.mark.rule("D38")
async def test_only_observed_since_a_call_of_an_earlier_process() -> None:
    """It may have sent one at its last moment, and that may take effect when the next owner has the endpoint."""
    stage = (await Stage().ready()).restarted()
    stage.edit(managementPolicy="Observe")
    stage.delete()
    again = await stage.reconcile()
    assert "earlier process" in stage.message("Reconciling")
    assert again.after is not None
    stage.wait_out(again.after - 1)
    await stage.reconcile()
    assert KEY in stage.kube.objects
    stage.wait_out(2)
    await stage.reconcile()
    assert KEY not in stage.kube.objects


@pytest.mark.rule("D38")
async def test_a_probe_without_an_answer() -> None:
    """It carries the mark that the endpoint had, and may put it over the released one."""
    stage = await Stage(deletionPolicy="Retain").ready(lasting=300)
    stage.cloud.hidden.add("ep-1")
    stage.cloud.answers_get = False
    stage.script.plan("update", Turn(DOWN))
    for seconds in (30, 61):
        await stage.turn(seconds)
    assert stage.journal("PATCH") == ["PATCH ep-1 description"]
    stage.cloud.hidden.clear()
    stage.delete()
    await stage.turn(5)
    assert stage.cloud.endpoints["ep-1"].description == released()
    await let_go_after(stage, 53)


@pytest.mark.rule("D38")
async def test_a_delete_without_an_answer_before_it_was_to_be_retained() -> None:
    """It may take away what is kept, or what the next owner has by then."""
    stage = await Stage().ready(lasting=300)
    stage.delete()
    stage.script.plan("delete", Turn(DOWN))
    await stage.turn()
    stage.edit(deletionPolicy="Retain")
    await stage.turn()
    assert stage.cloud.endpoints["ep-1"].description == released()
    await let_go_after(stage, 57)


@pytest.mark.rule("D39")
async def test_a_delete_that_was_accepted_before_it_was_to_be_retained() -> None:
    """Nobody is told that it stays."""
    stage = await Stage().ready(lasting=300)
    stage.delete()
    accepts_only(stage)
    await stage.turn()
    stage.edit(deletionPolicy="Retain")
    for _ in range(2):
        await stage.turn()
    assert KEY not in stage.kube.objects
    assert (
        stage.witness.messages[-1]
        == "Endpoint ep-1 was being deleted when deletionPolicy was changed to Retain: it may be gone."
    )


@pytest.mark.rule("D38")
async def test_what_a_call_is_open_for_is_gone() -> None:
    """Nothing is waited for: what is left is another one."""
    stage = await Stage().ready(lasting=300)
    stage.edit(displayName="chat")
    stage.script.plan("update", Turn(DOWN))
    await stage.turn()
    other = replace(stage.cloud.endpoints["ep-1"], id="ep-2", description=f"{mark('try-0')} {FOREIGN}")
    stage.cloud.endpoints["ep-2"] = other
    stage.delete()
    for _ in range(2):
        await stage.turn()
    assert (KEY in stage.kube.objects, list(stage.cloud.endpoints)) == (False, ["ep-2"])


@pytest.mark.rule("D39")
async def test_no_list_comes_that_could_end_the_waiting() -> None:
    """The credential is revoked meanwhile, and that is what a person is told."""
    stage = await settled()
    stage.delete()
    await stage.turn()
    await revoked(stage)


@pytest.mark.rule("D39")
async def test_the_time_that_is_told_is_the_time_that_passes() -> None:
    """Of an earlier process the deadlines count too."""
    stage = (await Stage(deletionPolicy="Retain").ready(lasting=300)).restarted()
    stage.delete()
    await stage.turn()
    await stage.turn()
    assert "about 125 s" in str(stage.status["conditions"])


# A word


@pytest.mark.rule("E29", "X10")
async def test_a_request_from_before_the_doubt_is_no_answer_to_it() -> None:
    """Evidence: asked for in one project, read by a later process that reports the doubt, and by the one after it."""
    stage = await Stage().ready()
    stage.annotate(reconcile_requested_at="now")
    for _ in range(3):
        stage = stage.restarted()
        stage.poller = elsewhere(stage)
        await stage.turn()
        await stage.turn(300)
    assert stage.reported("Stalled") == "True CredentialsMismatch"
    assert (stage.status["scope"], stage.status["lastHandledReconcileAt"]) == (SCOPE, "now")
    assert stage.journal("POST", "PATCH", "DELETE") == []
    stage.annotate(reconcile_requested_at="later")
    await stage.turn()
    assert stage.status["scope"] != SCOPE


@pytest.mark.rule("I18", "X22")
@pytest.mark.parametrize("restarted", [False, True])
async def test_a_duplicate_of_an_attempt_whose_id_the_status_still_has(restarted: bool) -> None:  # noqa: FBT001  # a parameter
    """Two attempts made something later than the settle time: the mark that is put back on the first is its own."""
    stage = Stage()
    stage.script.plan("create", Turn(DOWN), Turn(DOWN))
    await stage.poll()
    await stage.reconcile()
    for _ in range(2):
        await stage.turn(61)
    assert (len(stage.journal("POST")), stage.attempt) == (2, ("try-2", "Pending"))
    if restarted:
        stage = stage.restarted()
    stage.cloud.endpoints["ep-1"] = an_endpoint(description=mark("try-1"))
    await stage.turn()
    assert stage.status["endpointId"] == "ep-1"
    stage.cloud.endpoints["ep-1"] = an_endpoint(description="")
    for _ in range(3):
        await stage.turn(62)
    assert stage.journal("PATCH") == ["PATCH ep-1 description"]
    stage.cloud.endpoints["ep-2"] = an_endpoint("ep-2", description=mark("try-2"))
    for _ in range(3):
        await stage.turn()
    assert (list(stage.cloud.endpoints), stage.journal("DELETE")) == (["ep-1"], ["DELETE ep-2"])


@pytest.mark.rule("D12", "X39")
@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("how", [QuotaExceeded, InvalidSpec])
async def test_a_refusal_after_a_call_without_an_answer(how: type[CloudError], *, restart: bool) -> None:
    """The first call may have taken what the second one lacks: the object waits for it, however soon it is deleted."""
    stage = Stage()
    stage.script.plan("create", Turn(DOWN), Turn(how("no quota", refused=True, status=422)))
    await stage.turn()
    await stage.turn(61)
    await stage.turn(61)
    assert len(stage.journal("POST")) == 2
    stage = stage.restarted() if restart else stage
    stage.delete()
    for _ in range(3):
        await stage.turn(30)
    assert (KEY in stage.kube.objects, stage.reported("Synced")) == (True, "False CreateOutcomeUnknown")
    stage.cloud.endpoints["ep-9"] = an_endpoint("ep-9", description=mark("try-1"))
    for _ in range(4):
        await stage.turn(61)
    assert (stage.cloud.endpoints, KEY in stage.kube.objects) == ({}, False)


@pytest.mark.rule("D3", "X39")
async def test_the_time_before_a_refusal_counts() -> None:
    """The call without an answer was long ago: what was refused since then holds nothing."""
    stage = Stage()
    refused = Turn(QuotaExceeded("no quota", refused=True, status=402))
    stage.script.plan("create", Turn(DOWN), *[refused] * 50)
    for _ in range(20):
        await stage.turn(61)
    assert len(stage.journal("POST")) > 3
    stage.delete()
    await stage.turn()
    await stage.turn()
    assert KEY not in stage.kube.objects

"""What only an earlier process knew of an endpoint: nothing is deleted, and no object goes, on the strength of that."""

from __future__ import annotations

import pytest

from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.errors import CloudError, CloudUnavailable, Forbidden, RateLimited, Unauthorized
from unit.support.builders import KEY, OTHER_UID, SCOPE, an_endpoint, mark, released
from unit.support.credentials import another
from unit.support.fakes import Turn
from unit.support.making import accepts_only, wiped
from unit.support.stage import Stage

DOWN = CloudUnavailable("no answer in time")


@pytest.mark.rule("D30")
@pytest.mark.parametrize("reads", [True, False], ids=["by-id", "no-read-by-id"])
@pytest.mark.parametrize("how", ["same", "restarted", "rotated"])
async def test_an_endpoint_that_no_list_has_shown_yet(how: str, *, reads: bool) -> None:
    """Created a moment ago: that the LISTs do not show it is no sign that it is gone (D22)."""
    stage = Stage()
    stage.cloud.hidden.add("ep-1")
    await stage.turn()
    await stage.reconcile()
    stage.cloud.answers_get = reads
    if how == "restarted":
        stage = stage.restarted()
    if how == "rotated":
        stage.poller = another(stage, scope=SCOPE)
    stage.delete()
    accepts_only(stage)
    await stage.turn(2)
    await stage.turn(2)
    assert stage.journal("DELETE") == ["DELETE ep-1"]
    assert KEY in stage.kube.objects
    stage.cloud.endpoints.clear()
    for _ in range(4):
        await stage.turn(31)
    assert KEY not in stage.kube.objects


@pytest.mark.rule("D29")
@pytest.mark.parametrize("restart", [False, True])
async def test_an_endpoint_that_the_lists_hide(*, restart: bool) -> None:
    """It is deleted again until it is not found any more (E26)."""
    stage = await Stage().ready()
    stage.cloud.hidden.add("ep-1")
    for _ in range(4):
        await stage.turn(100)
    stage = stage.restarted() if restart else stage
    stage.delete()
    accepts_only(stage, 2)
    await stage.turn(2)
    await stage.turn(31)
    assert KEY in stage.kube.objects
    stage.cloud.endpoints.clear()
    await stage.turn(61)
    await stage.turn(2)
    assert KEY not in stage.kube.objects


@pytest.mark.rule("D29", "X13")
async def test_an_endpoint_that_became_somebody_elses() -> None:
    """Its mark said so, and so did the object; one LIST that leaves it out does not make it ours again."""
    stage = await Stage().ready()
    stage.cloud.endpoints["ep-1"] = an_endpoint("ep-1", description=mark("f", uid=OTHER_UID, name="other"))
    await stage.turn()
    assert stage.reported("Stalled") == "True OwnershipConflict"
    stage = stage.restarted()
    stage.cloud.hidden.add("ep-1")
    stage.delete()
    await stage.turn(5)
    await stage.turn(5)
    assert stage.journal("DELETE") == []


@pytest.mark.rule("D29")
async def test_a_predecessors_endpoint_while_it_is_adopted() -> None:
    """The mark is still the predecessor's, and the PATCH may still take effect."""
    stage = Stage(policy=Policy(may_adopt=True), endpointId="ep-7", deletionPolicy="Delete")
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=mark(uid=OTHER_UID))
    await stage.turn()
    stage.script.plan("update", Turn(DOWN))
    await stage.reconcile()
    stage.delete()
    stage = stage.restarted()
    stage.cloud.hidden.add("ep-7")
    await stage.turn(5)
    await stage.turn(5)
    assert (stage.journal("DELETE"), KEY in stage.kube.objects) == ([], True)


@pytest.mark.rule("D35")
@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Forbidden("no", refused=True, status=403), id="403"),
        pytest.param(CloudUnavailable("no such operation", status=501), id="501"),
    ],
)
async def test_reading_by_id_is_not_allowed(error: CloudError) -> None:
    """It is not documented, so it may be refused for ever: then the DELETE tells."""
    stage = await Stage().ready()
    stage.cloud.endpoints.clear()
    stage = stage.restarted()
    stage.delete()
    stage.script.plan("get_endpoint", *[Turn(error)] * 9)
    await stage.turn()
    await stage.turn(61)
    assert (len(stage.journal("GET")), stage.journal("DELETE")) == (1, ["DELETE ep-1"])
    assert KEY not in stage.kube.objects


@pytest.mark.rule("D35")
@pytest.mark.parametrize(
    "error",
    [
        pytest.param(CloudUnavailable("overloaded", status=503), id="503"),
        pytest.param(Unauthorized("revoked", refused=True, status=401), id="401"),
        pytest.param(RateLimited("wait", refused=True, status=429), id="429"),
        pytest.param(DOWN, id="no-answer"),
    ],
)
async def test_reading_by_id_does_not_work_for_the_moment(error: CloudError) -> None:
    """It is tried again, and nothing is deleted unseen."""
    stage = await Stage().ready()
    stage.cloud.endpoints["ep-1"] = an_endpoint("ep-1", description=mark("f", uid=OTHER_UID, name="other"))
    stage = stage.restarted()
    stage.cloud.hidden.add("ep-1")
    stage.delete()
    stage.script.plan("get_endpoint", Turn(error))
    for _ in range(8):
        await stage.turn(61)
    assert (len(stage.journal("GET")) > 1, stage.journal("DELETE")) == (True, [])


@pytest.mark.rule("A9")
@pytest.mark.parametrize("restart", [False, True])
async def test_a_released_endpoint_that_is_taken_over_by_a_setting(*, restart: bool) -> None:
    """Its id is written, its mark not yet, and no attempt ever was: it was adopted, so it is not deleted (A9)."""
    stage = Stage(policy=Policy(adopt_recreated=True))
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=released())
    await stage.turn()
    stage.script.plan("update", Turn(DOWN))
    await stage.reconcile()
    if restart:
        stage = stage.restarted()
        stage.cloud.answers_get = False
    stage.delete()
    stage.cloud.hidden.add("ep-7")
    for _ in range(3):
        await stage.turn(5)
    assert stage.journal("DELETE") == []


async def second_attempt_open() -> Stage:
    """Two POSTs without an answer, the second one just now."""
    stage = Stage()
    stage.script.plan("create", Turn(DOWN), Turn(DOWN))
    for seconds in (1, 61, 61, 1):
        await stage.turn(seconds)
    assert stage.attempt == ("try-2", "Pending")
    return stage


@pytest.mark.rule("D31")
@pytest.mark.parametrize("how", ["restarted", "another-process-opened-it"])
@pytest.mark.parametrize("policy", ["Delete", "Retain"])
async def test_the_time_that_an_open_attempt_is_given(policy: str, how: str) -> None:
    """It is that of a deletion, also where another endpoint of the object shows up meanwhile (D2)."""
    stage = await second_attempt_open()
    stage.edit(deletionPolicy=policy)
    stage = stage.restarted() if how == "another-process-opened-it" else stage
    stage.cloud.endpoints["ep-9"] = an_endpoint("ep-9", description=mark("try-1"))
    stage.delete()
    for _ in range(15):
        await stage.turn(10)
    stage = stage.restarted() if how == "restarted" else stage
    for _ in range(3):
        if KEY in stage.kube.objects:
            await stage.turn(10)
    assert KEY in stage.kube.objects
    for _ in range(30):
        if KEY in stage.kube.objects:
            await stage.turn(60)
    assert KEY not in stage.kube.objects


@pytest.mark.rule("C12")
@pytest.mark.parametrize("restart", [False, True])
async def test_what_was_seen_while_something_else_was_told(*, restart: bool) -> None:
    """An endpoint of the first attempt shows up while the object stands still for its spec: its id is written down."""
    stage = await second_attempt_open()
    stage.edit(model=7)
    stage.cloud.endpoints["ep-9"] = an_endpoint("ep-9", description=mark("try-1"))
    for seconds in (1, 61, 61, 61):
        await stage.turn(seconds)
    assert (stage.reported("Stalled"), stage.status["endpointId"]) == ("True InvalidSpec", "ep-9")
    stage = stage.restarted() if restart else stage
    stage.delete()
    await stage.reconcile()
    assert KEY in stage.kube.objects
    for _ in range(14):  # this process gives its own attempt the time of a deletion
        await stage.turn(61)
    assert (KEY in stage.kube.objects, list(stage.cloud.endpoints)) == (False, [])


@pytest.mark.rule("D37")
async def test_a_wiped_status_does_not_forget_that_it_was_created() -> None:
    """The endpoint is not seen at that moment: its id is written again with its attempt, and it goes in the end."""
    stage = await Stage().ready(lasting=61)
    stage.cloud.hidden.add("ep-1")
    await stage.turn()
    wiped(stage)
    await stage.turn()
    assert (stage.status["endpointId"], stage.attempt) == ("ep-1", ("try-1", "Created"))
    stage.cloud.hidden.clear()
    stage.delete()
    for _ in range(3):
        await stage.turn()
    assert (KEY in stage.kube.objects, list(stage.cloud.endpoints)) == (False, [])


async def test_an_adoption_by_a_setting_that_came_too_late() -> None:
    """The earlier object's endpoint vanished under it: this one gets its own, since nobody asked for that very one."""
    stage = Stage(policy=Policy(adopt_recreated=True))
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=mark(uid=OTHER_UID))
    await stage.turn()
    assert stage.status["endpointId"] == "ep-7"
    stage.cloud.endpoints.clear()
    for _ in range(6):
        await stage.turn(61)
    assert stage.status["endpointId"] == "ep-1"


@pytest.mark.rule("A9", "X36")
@pytest.mark.parametrize("how", ["the-setting-was-taken-back", "its-mark-was-removed"])
async def test_what_a_setting_had_begun_to_take_over(how: str) -> None:
    """The id is written and the mark is not, and nothing says any more that it was a predecessor's by the setting."""
    stage = Stage(policy=Policy(adopt_recreated=True))
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=released())
    await stage.turn()
    stage.script.plan("update", Turn(DOWN))
    await stage.reconcile()
    stage = stage.restarted()
    if how == "its-mark-was-removed":
        stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description="a note")
    stage.policy = Policy(may_adopt=how == "its-mark-was-removed")
    for _ in range(3):
        await stage.turn(61)
    assert str(stage.cloud.endpoints["ep-7"].description).endswith(mark("adopted"))
    stage.delete()
    for _ in range(3):
        await stage.turn(61)
    assert (stage.journal("DELETE"), KEY in stage.kube.objects) == ([], False)

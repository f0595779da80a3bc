"""A cloud that is not well: create calls without answers for long, 404s for what serves, lists that are cut off.

What must not follow from it: a second endpoint, an endpoint that serves and is given up, or a person who is called for
what heals by itself.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from tokenfactory_operator.domain.errors import CloudUnavailable, QuotaExceeded
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.timing import Timing
from unit.support.builders import SAME_SETTLE, an_endpoint, mark
from unit.support.fakes import Turn
from unit.support.stage import Stage

BAD_GATEWAY = CloudUnavailable("HTTP 502", status=502)


def strangers(count: int) -> dict[str, ObservedEndpoint]:
    return {f"x-{number}": an_endpoint(f"x-{number}", description="a stranger's") for number in range(count)}


async def posts_of(stage: Stage, *, rounds: int, every: float = 10.0) -> list[float]:
    """When each POST was sent, in seconds since the first."""
    at: list[float] = []
    for _ in range(rounds):
        await stage.turn(every)
        at += [stage.clock.seconds] * (len(stage.journal("POST")) - len(at))
    return [moment - at[0] for moment in at]


@pytest.mark.rule("C24")
async def test_ten_minutes_without_an_answer_heal_by_themselves() -> None:
    """Create 6: the settle time doubles with each unknown attempt, and nobody is asked."""
    stage = Stage()
    stage.script.plan("create", *[Turn(BAD_GATEWAY)] * 4)
    at = await posts_of(stage, rounds=110)
    assert [round((after - before) / 60) for before, after in pairwise(at)] == [1, 2, 4, 8]
    assert (stage.status["endpointId"], stage.reported("Stalled")) == ("ep-1", None)


@pytest.mark.rule("C24")
async def test_the_settle_time_grows_to_an_hour_and_no_further() -> None:
    """Create 6."""
    stage = Stage()
    stage.script.plan("create", *[Turn(BAD_GATEWAY)] * 9)
    at = await posts_of(stage, rounds=350, every=60.0)
    assert [round((after - before) / 3600, 1) for before, after in pairwise(at)][-3:] == [1.0, 1.0, 1.0]
    assert stage.reported("Stalled") is None


@pytest.mark.rule("C36")
async def test_a_list_that_shows_what_was_created_later_is_alive() -> None:
    """Create 6: then the next attempt comes after the settle time itself, however many have ended unknown."""
    stage = Stage()
    stage.script.plan("create", *[Turn(BAD_GATEWAY)] * 3)
    for _ in range(9):
        await stage.turn(10)
    assert len(stage.journal("POST")) == 2
    other = an_endpoint("ep-9", description=mark(uid="another", name="other"))
    stage.poller.inventory.take_answer(other, created=True)
    for _ in range(8):
        await stage.turn(10)
    assert len(stage.journal("POST")) == 2
    stage.cloud.endpoints["ep-9"] = other
    await stage.turn(1)
    assert len(stage.journal("POST")) == 3


@pytest.mark.rule("C37")
@pytest.mark.parametrize("cap", [20, 25, 30, 50, 100])
async def test_a_list_that_is_cut_off_costs_no_second_endpoint(cap: int) -> None:
    """Create 6: it is as long as it ever was, and a round number: what the attempt has made may not fit."""
    stage = Stage()
    stage.cloud.endpoints |= strangers(cap)
    stage.cloud.hidden |= {"ep-1", "ep-2"}
    stage.script.plan("create", Turn(BAD_GATEWAY, effect=True))
    for _ in range(200):
        await stage.turn(60)
    assert len(stage.journal("POST")) == 1
    assert stage.reported("Stalled") == "True CreateOutcomeUnknown"
    stage.delete()
    for _ in range(30):
        await stage.turn(60)
    assert stage.kube.objects  # its endpoint may be there
    stage.annotate(reconcile_requested_at="I have looked")
    for _ in range(3):
        await stage.turn(60)
    assert not stage.kube.objects


@pytest.mark.rule("C37", "X47")
async def test_a_list_that_says_that_there_are_more_costs_no_second_endpoint() -> None:
    """However long it is: what the attempt has made may be among what it leaves out."""
    stage = Stage()
    stage.cloud.endpoints |= strangers(3)
    stage.cloud.hidden, stage.cloud.counts = {"ep-1", "ep-2"}, True
    stage.script.plan("create", Turn(BAD_GATEWAY, effect=True))
    for _ in range(200):
        await stage.turn(60)
    assert len(stage.journal("POST")) == 1
    assert stage.reported("Stalled") == "True CreateOutcomeUnknown"
    stage.cloud.hidden = set()
    for _ in range(3):
        await stage.turn(60)
    assert stage.reported("Synced") == "True ReconcileSuccess"
    assert len(stage.journal("POST")) == 1


@pytest.mark.rule("C37")
@pytest.mark.parametrize("cap", [20, 100])
async def test_a_list_that_was_longer_is_not_cut_off(cap: int) -> None:
    """It has shown more than now, so there is room for what the attempt has made."""
    stage = Stage()
    stage.cloud.endpoints |= strangers(cap + 1)
    await stage.poll()
    del stage.cloud.endpoints["x-0"]
    stage.script.plan("create", Turn(BAD_GATEWAY))
    for _ in range(3):
        await stage.turn(61)
    assert len(stage.journal("POST")) == 2


@pytest.mark.rule("C47", "X48")
@pytest.mark.parametrize("text", [None, mark()], ids=["nothing-can-be-read", "without-an-id"])
async def test_an_item_that_cannot_be_read_may_be_the_objects(text: str | None) -> None:
    """Create 1: an object that was restored to before its finalizer knows nothing of its endpoint."""
    stage = Stage()
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=mark())
    stage.cloud.spoilt["ep-7"] = text
    for _ in range(3):
        await stage.turn(10)
    assert stage.journal("POST") == []
    assert "cannot be read" in stage.message("Reconciling")
    del stage.cloud.spoilt["ep-7"]
    for _ in range(3):
        await stage.turn(10)
    assert (stage.journal("POST"), stage.status["endpointId"]) == ([], "ep-7")


@pytest.mark.rule("C47")
async def test_an_item_that_is_never_read_holds_new_objects_for_the_settle_time() -> None:
    """It says nothing of whose it is; one with a mark is that object's for as long as it is listed."""
    stage = Stage()
    stage.cloud.endpoints["x-1"] = an_endpoint("x-1", description="a stranger's")
    stage.cloud.spoilt["x-1"] = None
    at = await posts_of(stage, rounds=10)
    assert at == [0.0]
    assert stage.clock.seconds >= SAME_SETTLE.create_settle
    marked = Stage()
    marked.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=mark())
    marked.cloud.spoilt["ep-7"] = mark()
    assert await posts_of(marked, rounds=40) == []


async def maintained(stage: Stage, minutes: int) -> Stage:
    """LISTs are empty, and each id answers 404 in the API's own form; afterwards all is as before."""
    kept, stage.cloud.endpoints = stage.cloud.endpoints, {}
    for _ in range(2 * minutes):
        await stage.turn(30)
    stage.cloud.endpoints = {**kept, **stage.cloud.endpoints}
    await stage.turn()
    return stage


@pytest.mark.rule("L7")
async def test_a_maintenance_costs_neither_the_endpoint_nor_a_second_one() -> None:
    """Lost: a credential's only endpoint is given up only after `LOST_SETTLE`."""
    stage = await maintained(await Stage(timing=Timing()).ready(), minutes=9)
    assert stage.journal("POST", "DELETE") == []
    assert stage.reported("Ready") == "True Available"


@pytest.mark.rule("L11")
async def test_what_is_gone_for_longer_is_made_anew_once() -> None:
    """Lost: at most one recreation in `LOST_SETTLE`; the old one serves and is kept when it shows up again."""
    stage = await maintained(await Stage(timing=Timing()).ready(), minutes=25)
    assert len(stage.journal("POST")) == 1
    for _ in range(5):
        await stage.turn()
    assert (list(stage.cloud.endpoints), stage.journal("DELETE")) == (["ep-1"], ["DELETE ep-2"])
    assert (stage.status["endpointId"], stage.reported("Ready")) == ("ep-1", "True Available")


@pytest.mark.rule("L7")
async def test_another_endpoint_of_the_project_shows_that_the_list_is_well() -> None:
    """Lost: with a known one in the LIST, an endpoint that was removed in the console is made anew in a minute."""
    stage = Stage(timing=Timing())
    stage.cloud.endpoints |= strangers(1)
    stage = await stage.ready()
    del stage.cloud.endpoints["ep-1"]
    await stage.turn()
    await stage.turn(61)
    assert len(stage.journal("POST")) == 1


@pytest.mark.rule("L8")
async def test_endpoints_that_were_never_seen_before_are_no_sign() -> None:
    """The same token may have come to mean another project: its endpoints say nothing about ours."""
    stage = await Stage(timing=Timing()).ready()
    stage.cloud.endpoints = strangers(3)
    for _ in range(8):
        await stage.turn(60)
    assert stage.journal("POST") == []
    assert stage.reported("Ready") == "Unknown EndpointLost"


@pytest.mark.rule("L9")
@pytest.mark.parametrize("catalog", ["fails", "empty"])
async def test_without_the_catalog_nothing_is_lost(catalog: str) -> None:
    """Lost: a 404 says something only while the API answers for what surely exists."""
    stage = await Stage().ready()
    del stage.cloud.endpoints["ep-1"]
    kept = stage.cloud.templates
    if catalog == "fails":
        stage.script.plan("templates", *[Turn(CloudUnavailable("HTTP 503", status=503))] * 3)
    else:
        stage.cloud.templates = ()
    await stage.turn()
    await stage.turn(61)
    assert (stage.journal("POST"), stage.reported("Synced")) == ([], "False CloudUnavailable")
    stage.cloud.templates = kept
    for _ in range(10):
        await stage.turn(61)
    assert len(stage.journal("POST")) == 1


@pytest.mark.rule("L10")
async def test_an_endpoint_that_showed_again_is_not_gone_any_more() -> None:
    """Evidence: what was proven before the last sight of it is proven no more."""
    stage = await Stage().ready()
    kept = stage.cloud.endpoints.pop("ep-1")
    stage.script.plan("create", Turn(QuotaExceeded("no room", refused=True)))
    await stage.turn()
    await stage.turn(61)
    assert (stage.journal("PATCH"), stage.journal("POST")) == (["PATCH ep-1 description"], ["POST"])
    stage.cloud.endpoints["ep-1"] = kept
    await stage.turn()
    assert stage.reported("Ready") == "True Available"
    del stage.cloud.endpoints["ep-1"]
    await stage.turn()
    await stage.turn(61)
    assert stage.journal("PATCH") == ["PATCH ep-1 description"] * 2


@pytest.mark.rule("L11")
@pytest.mark.parametrize("old_serves", [True, False])
@pytest.mark.parametrize("new_serves", [True, False])
async def test_of_two_the_one_that_serves_is_kept(*, old_serves: bool, new_serves: bool) -> None:
    """Lost: the old one beside its successor. Else the older, whichever the status names."""
    stage = await Stage().ready()
    old = stage.cloud.endpoints.pop("ep-1")
    await stage.turn()
    await stage.turn(61)
    assert stage.status["endpointId"] == "ep-2"
    if new_serves:
        stage.cloud.turn_up("ep-2")
    state = {} if old_serves else {"status": "starting", "readiness": "not_ready", "ready_replicas": 0}
    stage.cloud.endpoints["ep-1"] = replace(old, **state)  # type: ignore[arg-type]  # the vendor's fields
    for _ in range(4):
        await stage.turn()
    kept = "ep-2" if new_serves and not old_serves else "ep-1"
    assert list(stage.cloud.endpoints) == [kept]
    assert stage.status["endpointId"] == kept


@pytest.mark.rule("C25", "X43")
async def test_a_duplicate_that_an_earlier_process_is_deleting(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is listed as before. The recorded endpoint does not serve for a moment, and is not given up for it."""
    stage = await Stage().ready(lasting=300)
    stage.cloud.endpoints["ep-2"] = an_endpoint("ep-2", description=mark("late"), created_at="2025-01-02")

    async def accepted(endpoint_id: str) -> bool:
        stage.script.journal.append(f"DELETE {endpoint_id}")
        return True

    with monkeypatch.context() as slow:
        slow.setattr(stage.cloud, "delete_endpoint", accepted)
        await stage.turn()
    stage = stage.restarted()
    stage.cloud.turn_up("ep-1", readiness="not_ready", ready_replicas=0)
    await stage.turn()
    await stage.turn(31)
    assert (stage.journal("DELETE"), stage.status["endpointId"]) == (["DELETE ep-2"], "ep-1")
    assert "Waiting" in stage.message("Reconciling")
    del stage.cloud.endpoints["ep-2"]  # the first DELETE takes effect
    stage.cloud.turn_up("ep-1")
    await stage.turn(31)
    assert stage.reported("Ready") == "True Available"


@pytest.mark.rule("C25")
async def test_what_serves_for_longer_takes_the_place_of_the_recorded_one() -> None:
    """After a restart too: nothing is being deleted."""
    stage = (await Stage().ready(lasting=300)).restarted()
    stage.cloud.endpoints["ep-2"] = an_endpoint("ep-2", description=mark("late"), created_at="2025-01-02")
    stage.cloud.turn_up("ep-1", readiness="not_ready", ready_replicas=0)
    for _ in range(6):
        await stage.turn(31)
    assert (stage.status["endpointId"], list(stage.cloud.endpoints)) == ("ep-2", ["ep-2"])


@pytest.mark.rule("L11")
async def test_nothing_that_serves_is_deleted_while_the_other_does_not() -> None:
    """Create 7: the recorded one has lost its mark, so it is kept; its mark is put back before anything is deleted."""
    stage = await Stage().ready()
    late = an_endpoint("ep-2", description=mark("late"), readiness="ready", ready_replicas=1, status="running")
    stage.cloud.endpoints["ep-2"] = late
    stage.cloud.endpoints["ep-1"] = replace(
        stage.cloud.endpoints["ep-1"], description="", readiness="not_ready", ready_replicas=0
    )
    for _ in range(4):
        await stage.turn()
    assert stage.journal("PATCH", "DELETE") == ["PATCH ep-1 description", "DELETE ep-1"]
    assert (stage.status["endpointId"], list(stage.cloud.endpoints)) == ("ep-2", ["ep-2"])

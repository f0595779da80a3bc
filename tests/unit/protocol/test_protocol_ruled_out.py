"""When an attempt without an answer counts as over: beside an endpoint, after a loss, and before an adoption."""

from __future__ import annotations

import pytest

from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.errors import CloudUnavailable, QuotaExceeded
from tokenfactory_operator.domain.observed import ObservedEndpoint
from unit.protocol.test_protocol_credentials import beside
from unit.protocol.test_protocol_forgotten import second_attempt_open
from unit.protocol.test_protocol_unwell import strangers
from unit.support.builders import KEY, OTHER_UID, an_endpoint, mark
from unit.support.fakes import InMemoryCloud, Turn
from unit.support.stage import Stage

DOWN = CloudUnavailable("no answer in time")
NO_QUOTA = QuotaExceeded("no quota", refused=True, status=422)
LATE = an_endpoint("ep-9", description=mark("try-1"))
"""What the first of two calls without an answer has made."""
EARLIER = an_endpoint("ep-7", description=mark(uid=OTHER_UID))
"""Of an object that had the name before."""


async def beside_an_endpoint(*, others: dict[str, ObservedEndpoint], restart: bool = False, **spec: str) -> Stage:
    """The first call's endpoint serves. Nothing is known of the second call, which the process may not have sent."""
    stage = await second_attempt_open()
    if spec:
        stage.edit(**spec)
    stage.cloud.endpoints |= {**others, LATE.id: LATE}
    stage = stage.restarted() if restart else stage
    await stage.turn()
    assert stage.status["endpointId"] == "ep-9"
    return stage


@pytest.mark.rule("C3", "C37", "X60")
@pytest.mark.parametrize("restart", [False, True])
async def test_a_list_that_may_be_cut_off_beside_an_endpoint(*, restart: bool) -> None:
    """A person is asked once. What is edited meanwhile is sent."""
    stage = await beside_an_endpoint(others=strangers(19), restart=restart)
    await stage.turns(20, every=61)
    assert stage.reported("Ready") == "False CreateOutcomeUnknown"
    assert "none beside ep-9" in stage.message("Stalled")
    assert stage.attempt == ("try-2", "Pending")
    stage.edit(enabled=False)
    await stage.turns(2, every=61)
    assert stage.cloud.endpoints["ep-9"].enabled is False
    stage.edit(enabled=True)
    stage.annotate(reconcile_requested_at="there is no other")
    await stage.turns(5, every=61)
    assert (stage.reported("Ready"), stage.attempt) == ("True Available", ("try-1", "Created"))


@pytest.mark.rule("C37", "X60")
@pytest.mark.parametrize("policy", ["Delete", "Retain"])
@pytest.mark.parametrize("restart", [False, True])
async def test_the_question_outlives_a_deletion_and_a_restart(policy: str, *, restart: bool) -> None:
    """What the call has made may stand beyond the end of the list."""
    stage = await beside_an_endpoint(others=strangers(19), restart=restart, deletionPolicy=policy)
    await stage.turns(5, every=61)
    stage.delete()
    await stage.reconcile()
    if "ep-9" not in stage.cloud.endpoints:
        stage.cloud.endpoints["x-19"] = an_endpoint("x-19", description="the next one of the list")
    for _ in range(2):
        await stage.turns(20, every=61)
        stage = stage.restarted()
    assert (KEY in stage.kube.objects, stage.reported("Stalled")) == (True, "True CreateOutcomeUnknown")
    await stage.turns(20, every=61)
    stage.annotate(reconcile_requested_at="there is no other")
    await stage.turns(20, every=61)
    assert KEY not in stage.kube.objects


@pytest.mark.rule("E19", "C3")
@pytest.mark.parametrize("restart", [False, True])
async def test_lists_that_are_not_trusted_beside_an_endpoint(*, restart: bool) -> None:
    """They prove nothing about the other call either."""
    stage = await beside_an_endpoint(others=strangers(7), restart=restart)
    for number in range(3):
        del stage.cloud.endpoints[f"x-{number}"]
    await stage.turns(4, every=61)
    assert (stage.reported("Ready"), stage.attempt) == ("False InventoryUntrusted", ("try-2", "Pending"))
    stage.annotate(reconcile_requested_at="they are gone")
    await stage.turns(4, every=61)
    assert (stage.reported("Ready"), stage.attempt) == ("True Available", ("try-1", "Created"))


@pytest.mark.rule("C37", "L2")
async def test_the_endpoint_beside_it_is_lost_and_the_list_may_be_cut_off() -> None:
    """Another one is made once a person has looked."""
    stage = await beside_an_endpoint(others=strangers(19))
    del stage.cloud.endpoints["ep-9"]
    stage.cloud.endpoints["x-19"] = an_endpoint("x-19", description="the next one of the list")
    await stage.turns(10, every=61)
    assert (len(stage.journal("POST")), stage.reported("Stalled")) == (2, "True CreateOutcomeUnknown")
    stage.annotate(reconcile_requested_at="there is none")
    await stage.turns(2, every=61)
    assert len(stage.journal("POST")) == 3


@pytest.mark.rule("D12")
async def test_the_endpoint_beside_it_is_lost_and_the_next_call_refused() -> None:
    """The call without an answer may have taken the quota: a deletion waits for it."""
    stage = await beside_an_endpoint(others={})
    del stage.cloud.endpoints["ep-9"]
    stage.script.plan("create", *[Turn(NO_QUOTA)] * 9)
    while len(stage.journal("POST")) < 3:
        await stage.turn(10)
    stage = stage.restarted()
    stage.delete()
    await stage.turns(3, every=10)
    assert (KEY in stage.kube.objects, stage.reported("Synced")) == (True, "False CreateOutcomeUnknown")


@pytest.mark.rule("A20", "X61")
@pytest.mark.parametrize("how", ["cut-off", "elsewhere"])
async def test_what_no_list_rules_out_comes_before_a_predecessor(how: str) -> None:
    """The call has made an endpoint that this list does not show. Were the other adopted, it would be left behind."""
    stage = Stage(policy=Policy(adopt_recreated=True))
    stage.script.plan("create", Turn(DOWN, effect=True))
    await stage.turn()
    stage.cloud.endpoints |= {EARLIER.id: EARLIER} | (strangers(19) if how == "cut-off" else {})
    stage.cloud.hidden.add("ep-1")
    full = InMemoryCloud(stage.script)
    full.endpoints = {"ep-1": stage.cloud.endpoints["ep-1"]} if how == "elsewhere" else {}
    other = beside(stage, cloud=full)
    for _ in range(5):
        await other.poll()
        await stage.turns(1, every=61)
    assert stage.status.get("endpointId") is None
    assert stage.reported("Stalled") == f"True {'CreateOutcomeUnknown' if how == 'cut-off' else 'InventoryUntrusted'}"
    stage.annotate(reconcile_requested_at="there is none")
    await stage.turns(3, every=61)
    assert stage.status["endpointId"] == "ep-7"


@pytest.mark.rule("A20", "C24")
async def test_a_predecessor_waits_as_long_as_the_next_call_would() -> None:
    """Two calls in a row had no answer, so the cloud may be slow."""
    stage = await second_attempt_open()
    stage.policy = Policy(adopt_recreated=True)
    stage.cloud.endpoints["ep-7"] = EARLIER
    await stage.turns(9, every=10)
    assert stage.status.get("endpointId") is None
    await stage.turns(6, every=10)
    assert stage.status["endpointId"] == "ep-7"


@pytest.mark.rule("D3", "D4", "X67")
@pytest.mark.parametrize("policy", ["Delete", "Retain"])
async def test_the_time_beside_an_endpoint_counts(policy: str) -> None:
    """Nothing of the second call was seen for long. That the first one's endpoint was seen changes nothing."""
    stage = await beside_an_endpoint(others={}, deletionPolicy=policy)
    await stage.turns(20, every=61)
    assert stage.reported("Ready") == "True Available"
    stage.delete()
    await stage.turns(4, every=31)
    assert KEY not in stage.kube.objects


@pytest.mark.rule("D2")
async def test_the_time_beside_an_endpoint_that_somebody_else_deleted() -> None:
    """What vanished without a DELETE may be in a list again, and so may be what the second call has made."""
    stage = await beside_an_endpoint(others={})
    await stage.turns(20, every=61)
    stage.cloud.endpoints.clear()
    stage.script.plan("delete", *[Turn(DOWN)] * 3)
    await stage.turn(31)
    stage.delete()
    await stage.turns(6, every=31)
    assert KEY in stage.kube.objects

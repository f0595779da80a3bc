"""Creating, step by step: what is written and sent in which order, and what follows when a step fails.

Sentences of the protocol are quoted by section: Create.
"""

from __future__ import annotations

from typing import Any

import pytest

from tokenfactory_operator.domain.errors import (
    CloudConflict,
    CloudError,
    CloudUnavailable,
    Forbidden,
    InvalidSpec,
    KubeConflict,
    KubeError,
    LeaseLost,
    QuotaExceeded,
    RateLimited,
    Unauthorized,
)
from unit.support.builders import KEY, UID, mark
from unit.support.fakes import Turn
from unit.support.making import opens_slowly
from unit.support.stage import Stage

CREATED = ["finalizers 1", "status Pending", "POST", "status Created"]
LOST = KubeError("no whole answer")


@pytest.mark.rule("C4", "C5", "C7", "I3", "I9")
async def test_the_order_of_a_create() -> None:
    """Create 2 to 5: the turn at the cloud, the finalizer, the attempt, the POST, the id. Four writes till Ready."""
    stage = Stage()
    await stage.turn()
    assert stage.script.journal == ["slot", "slot", *CREATED]  # the first one for the catalog
    assert stage.cloud.endpoints["ep-1"].description == mark("try-1")
    assert (stage.status["endpointId"], stage.status["scope"], stage.status["uid"]) == ("ep-1", "project-1", UID)
    assert stage.attempt == ("try-1", "Created")
    stage.cloud.turn_up()
    await stage.turn()
    assert stage.journal() == [*CREATED, "status"]
    assert stage.reported("Ready") == "True Available"
    assert stage.witness.events == ["CreatedEndpoint", "Available"]


async def test_nothing_before_the_first_list() -> None:
    """The first good LIST of a credential gates its mutations."""
    stage = Stage()
    await stage.reconcile()
    assert stage.script.journal == []


@pytest.mark.rule("C8", "I2")
async def test_an_attempt_that_took_too_long_to_open_is_not_sent() -> None:
    """Create 4: within SEND_DEADLINE of the write's answer, or not at all; then read again, decide again."""
    stage = Stage()
    opens_slowly(stage)
    await stage.turn()
    assert stage.journal() == ["finalizers 1", "status Pending", "status Pending", "POST", "status Created"]
    assert stage.cloud.endpoints["ep-1"].description == mark("try-2")


@pytest.mark.rule(C9="2", W1="3", W2=("0", "1"))
@pytest.mark.parametrize("checks", range(5))
async def test_without_the_lease_nothing_is_written_or_sent(checks: int) -> None:
    """Who may act: the lease is checked just before each write and mutation."""
    stage = Stage()
    stage.lease.left = checks
    if checks < len(CREATED):
        with pytest.raises(LeaseLost):
            await stage.turn()
    else:
        await stage.turn()
    assert stage.journal() == CREATED[:checks]


@pytest.mark.rule(C5="conflict-finalizer", C7="conflict-attempt", C12="failed-endpoint-id")
@pytest.mark.parametrize(
    ("call", "skip"),
    [
        pytest.param("set_finalizers", 0, id="finalizer"),
        pytest.param("patch_status", 0, id="attempt"),
        pytest.param("patch_status", 1, id="endpoint-id"),
    ],
)
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Turn(error=KubeConflict("modified")), id="conflict"),
        pytest.param(Turn(error=LOST), id="failed"),
        pytest.param(Turn(error=LOST, effect=True), id="answer-lost"),
    ],
)
async def test_a_write_that_fails(call: str, skip: int, fault: Turn) -> None:
    """Create 2, 3 and 5: read again, decide again, and still one endpoint and its id written down."""
    stage = Stage()
    stage.script.plan(call, *[Turn(effect=True)] * skip, fault)
    await stage.poll()
    for _ in range(3):
        try:
            await stage.reconcile()
        except KubeError:
            continue
    assert stage.journal("POST") == ["POST"]
    assert list(stage.cloud.endpoints) == ["ep-1"]
    assert stage.status["endpointId"] == "ep-1"
    assert stage.attempt[1] == "Created"


@pytest.mark.rule(C6="set_finalizers")
@pytest.mark.parametrize("call", ["set_finalizers", "patch_status"])
async def test_a_write_whose_answer_was_lost_before_a_deletion(call: str) -> None:
    """Delete 4: this process sent nothing, so the finalizer goes at once."""
    stage = Stage()
    stage.script.plan(call, Turn(error=LOST, effect=True))
    with pytest.raises(KubeError):
        await stage.turn()
    stage.delete()
    await stage.reconcile()
    assert KEY not in stage.kube.objects
    assert stage.journal("POST", "DELETE") == []


# The end of the POST

UNKNOWN = [
    pytest.param(CloudUnavailable("time-out"), id="time-out"),
    pytest.param(CloudConflict("409", status=409), id="409"),
    pytest.param(RateLimited("from a gateway", status=429), id="429-that-is-not-the-apis"),
    pytest.param(Unauthorized("from a proxy", status=401), id="401-that-is-not-the-apis"),
]


@pytest.mark.rule("C19")
@pytest.mark.parametrize("error", UNKNOWN)
async def test_an_answer_lost_after_the_effect(error: CloudError) -> None:
    """Create 6: seen in a LIST, the endpoint is the object's; nothing is sent again."""
    stage = Stage()
    stage.script.plan("create", Turn(error=error, effect=True))
    await stage.turn()
    assert stage.reported("Synced") == "False CreateOutcomeUnknown"
    assert stage.attempt == ("try-1", "Pending")
    await stage.turn()
    assert (stage.status["endpointId"], stage.attempt) == ("ep-1", ("try-1", "Created"))
    assert stage.journal("POST") == ["POST"]


@pytest.mark.rule("C23")
@pytest.mark.parametrize("error", UNKNOWN)
async def test_an_effect_that_never_came(error: CloudError) -> None:
    """Create 6: absent over CREATE_SETTLE, the next attempt follows, and counts those before it."""
    stage = Stage()
    stage.script.plan("create", Turn(error=error))
    await stage.turn()
    await stage.turn()
    await stage.turn(58)
    assert stage.journal("POST") == ["POST"]
    await stage.turn(3)
    assert stage.journal("POST") == ["POST", "POST"]
    assert stage.status["endpointId"] == "ep-1"
    assert stage.cloud.endpoints["ep-1"].description == mark("try-2")


async def test_an_effect_that_comes_before_the_settle_time_is_over() -> None:
    """However late in it."""
    stage = Stage()
    hidden = Turn(error=CloudUnavailable("?"), effect=True, meanwhile=lambda: stage.cloud.hidden.add("ep-1"))
    stage.script.plan("create", hidden)
    await stage.turn()
    await stage.turn(55)
    stage.cloud.hidden.clear()
    await stage.turn(3)
    await stage.turn(60)
    assert (stage.status["endpointId"], stage.journal("POST")) == ("ep-1", ["POST"])


async def settle(stage: Stage) -> None:
    await stage.turn()
    await stage.turn(61)


@pytest.mark.rule("C24")
async def test_unknown_attempts_are_counted_over_a_restart() -> None:
    """Else a LIST that hides things and a crash loop would cost an endpoint per restart: the status has the count."""
    stage = Stage()
    stage.script.plan("create", *[Turn(error=CloudUnavailable("?"))] * 3)
    await stage.turn()
    await settle(stage)
    assert (len(stage.journal("POST")), stage.status["createAttempt"]["afterUnknown"]) == (2, 1)
    stage = stage.restarted()
    await settle(stage)
    await settle(stage)
    assert len(stage.journal("POST")) == 2  # after the deadlines of the other process, twice the settle time
    await settle(stage)
    await settle(stage)
    assert len(stage.journal("POST")) == 3


REFUSALS = [
    pytest.param(InvalidSpec("422", refused=True), "RefusedByCloud", True, id="422"),
    pytest.param(Forbidden("403", refused=True), "Forbidden", True, id="403"),
    pytest.param(Unauthorized("401", refused=True), "Unauthorized", True, id="401"),
    pytest.param(QuotaExceeded("no GPUs", refused=True), "QuotaExceeded", False, id="quota"),
]


@pytest.mark.rule("C17")
@pytest.mark.parametrize(("error", "reason", "stalled"), REFUSALS)
async def test_a_refusal_is_written_with_its_condition(error: CloudError, reason: str, *, stalled: bool) -> None:
    """Create 5: `Refused` in the same write as the condition, since no POST of this attempt will follow."""
    stage = Stage()
    stage.script.plan("create", Turn(error=error))
    await stage.turn()
    assert stage.journal() == ["finalizers 1", "status Pending", "POST", "status Refused"]
    assert stage.attempt == ("try-1", "Refused")
    assert stage.reported("Synced") == f"False {reason}"
    assert (stage.reported("Stalled") is not None) is stalled
    assert stage.witness.events == [reason]


async def test_what_is_tried_again_goes_on_saying_why() -> None:
    """A status that fell back to Creating at each try would tell an Event for each, and hide what is in the way."""
    stage = Stage()
    stage.script.plan("create", *[Turn(error=QuotaExceeded("no GPUs", refused=True))] * 5)
    said = set()
    for _ in range(5):
        await stage.turn(600)
        said.add(stage.reported("Synced"))
    assert len(stage.journal("POST")) == 5
    assert said == {"False QuotaExceeded"}
    assert stage.witness.events == ["QuotaExceeded"]
    await stage.turn(600)
    stage.cloud.turn_up()
    await stage.turn()
    assert stage.witness.events == ["QuotaExceeded", "CreatedEndpoint", "Recovered", "Available"]


@pytest.mark.parametrize(("error", "reason", "stalled"), REFUSALS)
async def test_a_refused_object_is_deleted_at_once(error: CloudError, reason: str, *, stalled: bool) -> None:
    """Delete 4: the last attempt was refused, so nothing can be there."""
    assert reason or stalled
    stage = Stage()
    stage.script.plan("create", Turn(error=error))
    await stage.turn()
    stage.delete()
    await stage.restarted().reconcile()
    assert KEY not in stage.kube.objects


async def test_a_spec_that_was_refused_for_good() -> None:
    """Stalled until the spec changes, over a restart too; then it is a new attempt."""
    stage = Stage()
    stage.script.plan("create", Turn(error=InvalidSpec("no such flavor", refused=True)))
    await stage.turn()
    for _ in range(5):
        await stage.turn(1000)
    stage = stage.restarted()
    for _ in range(5):
        await stage.turn(1000)
    assert stage.journal("POST") == ["POST"]
    stage.edit(flavor="fast")
    await stage.turn()
    assert (stage.attempt, stage.status["endpointId"]) == (("try-2", "Created"), "ep-1")


async def test_a_request_tries_a_refused_spec_again() -> None:
    """The annotation is a person's word that something has changed."""
    stage = Stage()
    stage.script.plan("create", Turn(error=InvalidSpec("no such flavor", refused=True)))
    await stage.turn()
    stage.annotate(reconcile_requested_at="now")
    await stage.reconcile()
    await stage.turn()
    assert stage.status["endpointId"] == "ep-1"
    assert stage.status["lastHandledReconcileAt"] == "now"


@pytest.mark.rule("C15")
async def test_throttled_goes_on_under_the_same_attempt() -> None:
    """Create 5: the state stays Pending, no write per retry, and the mark is that of the first."""
    stage = Stage()
    stage.script.plan("create", *[Turn(error=RateLimited("429", refused=True, retry_after=20.0))] * 3)
    again = await stage.turn()
    assert stage.attempt == ("try-1", "Pending")
    assert again.after is not None
    assert again.after > 19.9
    writes = len(stage.journal("status"))
    await stage.turn(10)
    assert len(stage.journal("POST")) == 1
    for _ in range(2):
        await stage.turn(310)
    assert len(stage.journal("POST")) == 3
    assert len(stage.journal("status")) == writes
    await stage.turn(310)
    assert stage.attempt == ("try-1", "Created")
    assert stage.cloud.endpoints["ep-1"].description == mark("try-1")


async def throttled() -> Stage:
    stage = Stage()
    stage.script.plan("create", Turn(error=RateLimited("429", refused=True, retry_after=1.0)))
    await stage.turn()
    await stage.poll(310)
    return stage


@pytest.mark.rule("C16")
async def test_a_retry_that_ends_unknown_makes_the_attempt_unknown() -> None:
    """Create 5: an earlier refusal says nothing about the later request."""
    stage = await throttled()
    stage.script.plan("create", Turn(error=CloudUnavailable("?"), effect=True))
    await stage.reconcile()
    assert stage.reported("Synced") == "False CreateOutcomeUnknown"
    await stage.turn()
    assert (stage.status["endpointId"], len(stage.journal("POST"))) == ("ep-1", 2)


PAUSED = {"annotations": {"tokenfactory.nebius.com/paused": "true"}}


@pytest.mark.parametrize(
    ("metadata", "spec", "sent"),
    [
        pytest.param(PAUSED, {}, [], id="paused"),
        pytest.param({}, {"enabled": False}, [], id="disabled"),
        pytest.param({"finalizers": []}, {}, ["finalizers 1", "POST"], id="finalizer-missing"),
        pytest.param({"deletionTimestamp": "2025-01-01T12:00:00Z"}, {}, ["finalizers 0"], id="deleted"),
        pytest.param({}, {"displayName": "chat"}, ["POST"], id="edited"),
    ],
)
async def test_a_retry_looks_again_before_it_sends(
    metadata: dict[str, Any], spec: dict[str, Any], sent: list[str]
) -> None:
    """Create 1 holds for a retry: what changed meanwhile, and no watch has brought yet, is seen."""
    stage = await throttled()
    stage.script.journal.clear()
    stage.kube.edit(KEY, spec=spec, **metadata)
    await stage.reconcile()
    assert stage.journal("finalizers", "POST") == sent


@pytest.mark.rule("D12")
async def test_throttled_and_deleted_goes_at_once() -> None:
    """The attempt was surely refused."""
    stage = await throttled()
    stage.delete()
    await stage.reconcile()
    assert KEY not in stage.kube.objects


async def test_a_process_killed_while_throttled_leaves_an_attempt_to_resolve() -> None:
    """Another process cannot know that it was refused."""
    stage = (await throttled()).restarted()
    await stage.turn()
    assert stage.reported("Synced") == "False CreateOutcomeUnknown"
    await stage.turn(66)
    await stage.turn(61)
    assert (len(stage.journal("POST")), stage.status["endpointId"]) == (2, "ep-1")

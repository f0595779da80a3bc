"""The one path: what a pass writes and when it comes again; steady state, restarts, failures, and a person's word."""

from __future__ import annotations

import asyncio

import pytest

from tokenfactory_operator.domain.errors import (
    CloudError,
    CloudUnavailable,
    Forbidden,
    InvalidSpec,
    KubeError,
    QuotaExceeded,
    RateLimited,
    Unauthorized,
)
from tokenfactory_operator.loop.acting import BACKOFF_LAST
from tokenfactory_operator.ports import Key
from unit.support.builders import KEY, NAMESPACE, OTHER_UID, UID, an_endpoint, an_object, mark
from unit.support.fakes import Turn
from unit.support.stage import Stage

DOWN = CloudUnavailable("5xx")


async def test_steady_state_writes_nothing() -> None:
    """Neither to Kubernetes nor to the cloud, and no call by id; nobody has to be looked at again by himself."""
    stage = await Stage().ready()
    for _ in range(20):
        again = await stage.turn(30)
        assert again.after is None
    assert stage.script.journal == []
    assert stage.witness.events == []


async def test_a_restart_with_everything_in_order_writes_nothing() -> None:
    """Before the first LIST and after it."""
    stage = (await Stage().ready()).restarted()
    await stage.reconcile()
    await stage.turn()
    await stage.turn(30)
    assert stage.script.journal == []


async def test_a_restart_of_a_paused_object_writes_nothing() -> None:
    """What was not judged is not said to be paused."""
    stage = await Stage().ready()
    stage.annotate(paused="true")
    await stage.reconcile()
    assert (stage.reported("Ready"), stage.reported("Synced")) == ("True Available", "False ReconcilePaused")
    stage = stage.restarted()
    stage.script.journal.clear()
    await stage.reconcile()
    await stage.turn()
    assert stage.script.journal == []


async def test_only_what_changed_is_written() -> None:
    """One status write for one change that the cloud shows."""
    stage = await Stage().ready()
    stage.cloud.turn_up(ready_replicas=3)
    await stage.turn()
    await stage.turn()
    assert stage.journal() == ["status"]
    assert stage.status["gpus"]["ready"] == 6


async def test_a_status_write_in_conflict_is_decided_anew() -> None:
    """Somebody wrote in between: the object is read, and what follows is about that version."""
    stage = await Stage().ready()
    stage.cloud.turn_up(ready_replicas=3)
    stage.kube.edit(KEY, labels={"a": "b"})
    await stage.turn()
    assert stage.status["readyReplicas"] == 3
    assert stage.body["metadata"]["labels"] == {"a": "b"}


# Failures


FAILURES = [
    pytest.param(DOWN, 0.0, 2.0, id="transient"),
    pytest.param(RateLimited("429", refused=True), 0.0, 2.0, id="throttled"),
    pytest.param(RateLimited("429", refused=True, retry_after=40.0), 39.9, 40.1, id="retry-after"),
    pytest.param(QuotaExceeded("no GPUs", refused=True), 0.0, 2.0, id="waiting-on-the-cloud"),
    pytest.param(Unauthorized("401", refused=True), 269.0, 331.0, id="waiting-on-the-user-401"),
    pytest.param(Forbidden("403", refused=True), 269.0, 331.0, id="waiting-on-the-user-403"),
]


@pytest.mark.parametrize(("error", "least", "most"), FAILURES)
async def test_when_a_failed_call_comes_again(error: CloudError, least: float, most: float) -> None:
    """Design, Errors: each class has its own timeout."""
    stage = await Stage().ready()
    stage.edit(displayName="chat")
    stage.script.plan("update", Turn(error=error))
    again = await stage.reconcile()
    assert again.after is not None
    assert least <= again.after <= most
    assert stage.reported("Synced") == f"False {error.reason}"
    assert stage.reported("Ready") == f"False {error.reason}"
    await stage.turn(again.after + 0.001)
    assert stage.journal("PATCH") == ["PATCH ep-1 name"] * 2


async def test_backoff_grows_and_ends() -> None:
    """1 s to 5 min, with full jitter: a longer wait is allowed each time, and never more than the last."""
    stage = await Stage().ready()
    stage.edit(displayName="chat")
    stage.script.plan("update", *[Turn(error=DOWN)] * 40)
    waits = []
    for _ in range(40):
        again = await stage.reconcile()
        assert again.after is not None
        waits.append(again.after)
        await stage.poll(again.after + 0.001)
    assert all(wait <= 2.0 ** (number + 1) for number, wait in enumerate(waits[:8]))
    assert 100 < max(waits) <= BACKOFF_LAST
    assert len(stage.journal("PATCH")) == 40
    await stage.reconcile()
    await stage.turn()
    assert stage.reported("Ready") == "True Available"


async def test_what_is_refused_for_good_waits_for_a_person() -> None:
    """Terminal for this generation: Stalled, no retry; what serves goes on serving; a new edit is tried at once."""
    stage = await Stage().ready()
    stage.edit(displayName="chat")
    stage.script.plan("update", Turn(error=InvalidSpec("422", refused=True)))
    again = await stage.reconcile()
    assert again.after is None
    for _ in range(5):
        await stage.turn(1000)
    assert (stage.reported("Stalled"), stage.reported("Serving")) == ("True RefusedByCloud", "True Ready")
    stage = stage.restarted()
    await stage.turn()
    await stage.turn(1000)
    assert len(stage.journal("PATCH")) == 1
    stage.edit(displayName="talk")
    await stage.turn()
    assert len(stage.journal("PATCH")) == 2
    assert stage.reported("Stalled") is None


async def test_a_good_list_shows_that_a_token_is_mended() -> None:
    """401: at once when the LIST succeeds, without waiting the slow retry."""
    stage = await Stage().ready()
    stage.edit(displayName="chat")
    stage.script.plan("update", Turn(error=Unauthorized("401", refused=True)))
    await stage.reconcile()
    await stage.turn()
    assert len(stage.journal("PATCH")) == 2


async def test_events_are_for_changes_only() -> None:
    """A failure that goes on is told once, whatever its attempts."""
    stage = await Stage().ready()
    stage.edit(displayName="chat")
    stage.script.plan("update", *[Turn(error=DOWN)] * 10)
    for _ in range(5):
        await stage.turn(600)
    assert stage.witness.events == ["CloudUnavailable"]


async def test_an_event_follows_its_status_write() -> None:
    """What could not be written is not told yet."""
    stage = await Stage().ready()
    stage.edit(displayName="chat")
    stage.script.plan("update", Turn(error=DOWN))
    stage.script.plan("patch_status", Turn(error=KubeError("down")))
    with pytest.raises(KubeError):
        await stage.reconcile()
    assert stage.witness.events == []
    await stage.reconcile()
    assert stage.witness.events == ["CloudUnavailable"]


@pytest.mark.rule("C18")
async def test_a_cancelled_post_is_unknown() -> None:
    """A shutdown in the middle of a POST: nobody knows, so nothing is sent again before the settle time."""
    stage = Stage()
    hide = Turn(error=asyncio.CancelledError(), effect=True, meanwhile=lambda: stage.cloud.hidden.add("ep-1"))
    stage.script.plan("create", hide)
    with pytest.raises(asyncio.CancelledError):
        await stage.turn()
    await stage.turn()
    assert stage.reported("Synced") == "False CreateOutcomeUnknown"
    stage.cloud.hidden.clear()
    await stage.turn()
    assert (stage.journal("POST"), stage.status["endpointId"]) == (["POST"], "ep-1")


# A person's word


@pytest.mark.rule("H3")
async def test_a_request_is_answered_by_a_fresh_list_and_echoed() -> None:
    """Sync now, and say that it is done."""
    stage = await Stage().ready()
    stage.annotate(reconcile_requested_at="now")
    await stage.reconcile()
    assert "lastHandledReconcileAt" not in stage.status
    await stage.turn()
    assert stage.status["lastHandledReconcileAt"] == "now"
    assert stage.journal() == ["status"]


@pytest.mark.rule("E11")
async def test_a_word_about_the_scope_is_none_about_what_is_missing() -> None:
    """One annotation answers one doubt: the project is the same, but its LIST may still be cut off."""
    stage = await Stage().ready()
    body = stage.body
    body["status"]["scope"] = "project-0"
    stage.kube.store(body)
    stage.cloud.hidden.add("ep-1")
    stage = stage.restarted()
    stage.inventory.found_by_id(an_endpoint("ep-9", description=""))
    await stage.turn()
    assert stage.reported("Stalled") == "True CredentialsMismatch"
    stage.annotate(reconcile_requested_at="now")
    await stage.reconcile()
    assert stage.status["scope"] == "project-1"
    for _ in range(3):
        await stage.turn(61)
    assert stage.reported("Stalled") == "True InventoryUntrusted"
    assert stage.journal("POST", "PATCH") == []


@pytest.mark.rule("I10")
async def test_a_rotated_token_rebinds_by_itself() -> None:
    """Identity: a LIST that shows the recorded id rewrites the scope before any mutation."""
    stage = await Stage().ready()
    body = stage.body
    body["status"]["scope"] = "token-before"
    stage.kube.store(body)
    stage = stage.restarted()
    stage.edit(displayName="chat")
    await stage.turn()
    assert stage.status["scope"] == "project-1"
    assert stage.journal("status", "PATCH")[:2] == ["status", "PATCH ep-1 name"]


# Objects that come and go


@pytest.mark.rule("I11")
async def test_a_restored_object_resolves_before_it_creates() -> None:
    """A backup brings an object back under another uid, with finalizer and status: its predecessor is not doubled."""
    stage = await Stage().ready()
    body = stage.body
    stage.kube.objects.clear()
    body["metadata"]["uid"] = OTHER_UID
    stage.kube.store(body)
    stage = stage.restarted()
    for _ in range(5):
        await stage.turn(70)
    assert stage.journal("POST", "PATCH", "DELETE") == []
    assert stage.reported("Stalled") == "True OwnershipConflict"
    assert stage.status["uid"] == OTHER_UID
    assert "endpointId" not in stage.status


async def test_a_successor_starts_without_its_predecessors_memory() -> None:
    """Another uid under the same name: nothing of the old object's attempts or failures counts."""
    stage = Stage()
    stage.script.plan("create", Turn(error=InvalidSpec("422", refused=True)))
    await stage.turn()
    stage.kube.replace(KEY, OTHER_UID)
    stage.watch()
    await stage.reconcile()
    assert stage.cloud.endpoints["ep-1"].description == mark("try-2", uid=OTHER_UID)


@pytest.mark.rule("W3")
async def test_an_object_that_is_gone_is_read_before_it_is_forgotten() -> None:
    """Who may act: a missing cache entry is no proof. One GET, and nothing more to do."""
    stage = await Stage().ready()
    stage.kube.objects.clear()
    stage.cache.remove(KEY, UID)
    again = await stage.reconcile()
    assert (again.after, stage.journal()) == (None, [])
    assert list(stage.cloud.endpoints) == ["ep-1"]


@pytest.mark.rule("W3")
async def test_an_object_that_left_the_selector_is_left_alone() -> None:
    """The watch took it away, and the API server still has it: nothing is written and nothing is called any more."""
    stage = await Stage().ready()
    stage.cache.remove(KEY, UID)
    stage.kube.edit(KEY, spec={"scaling": {"minReplicas": 2, "maxReplicas": 3}})
    for _ in range(2):
        again = await stage.turn(30)
        assert again.after is None
    assert stage.script.journal == []
    assert stage.cache.get(KEY) is None


@pytest.mark.rule("E27")
async def test_endpoints_of_objects_that_left_the_selector_leave_no_doubt_for_ever() -> None:
    """Another operator deletes them with their objects, and here nobody could confirm that they are gone."""
    second = Key(NAMESPACE, "second")
    stage = await Stage().ready()
    stage.kube.store(an_object(name=second.name, uid=OTHER_UID))
    stage.watch()
    await stage.turn(key=second)
    await stage.turn(key=second)
    assert len(stage.cloud.endpoints) == 2
    for key, uid in ((KEY, UID), (second, OTHER_UID)):
        stage.cache.remove(key, uid)
        await stage.reconcile(key)
    stage.cloud.endpoints.clear()
    for _ in range(12):
        await stage.poll(61)
    assert stage.inventory.untrusted() == ""


async def test_a_spec_that_cannot_be_read_stalls_and_loses_nothing() -> None:
    """Written under another schema: said, and the endpoint stays recorded and held."""
    stage = await Stage().ready()
    stage.edit(model=7)
    await stage.turn()
    assert stage.reported("Stalled") == "True InvalidSpec"
    assert stage.status["endpointId"] == "ep-1"
    assert stage.journal("PATCH", "DELETE", "finalizers") == []


@pytest.mark.rule("D19")
async def test_a_missing_finalizer_is_put_back_first() -> None:
    """Delete 6: by the first check of every pass, even while the cloud is not heard of."""
    stage = await Stage().ready()
    stage.kube.edit(KEY, finalizers=[])
    stage = stage.restarted()
    await stage.reconcile()
    assert stage.journal() == ["finalizers 1"]
    assert stage.body["metadata"]["finalizers"] == ["tokenfactory.nebius.com/endpoint"]


async def test_an_unresolved_attempt_waits_for_the_delete_settle_time() -> None:
    """Delete 1: the object stays until nothing can come any more, and what comes late is deleted."""
    stage = Stage()
    hidden = Turn(error=DOWN, effect=True, meanwhile=lambda: stage.cloud.hidden.add("ep-1"))
    stage.script.plan("create", hidden)
    await stage.turn()
    stage.delete()
    for _ in range(5):
        again = await stage.turn(100)
        assert again.pressing
    assert stage.reported("Ready") == "False CreateOutcomeUnknown"
    stage.cloud.hidden.clear()
    await stage.turn()
    await stage.turn(62)
    assert (stage.cloud.endpoints, KEY in stage.kube.objects) == ({}, False)


@pytest.mark.rule("D2")
async def test_an_unresolved_attempt_that_came_to_nothing() -> None:
    """Delete 1: after DELETE_SETTLE without a sighting the object goes."""
    stage = Stage()
    stage.script.plan("create", Turn(error=DOWN))
    await stage.turn()
    stage.delete()
    await stage.turn()
    await stage.turn(590)
    assert KEY in stage.kube.objects
    await stage.turn(10)
    assert KEY not in stage.kube.objects
    assert stage.journal("DELETE") == []

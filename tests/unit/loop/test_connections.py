"""The ConfigMap for applications: what it says, whose it is, when it is looked at, and that nothing depends on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.errors import KubeError, LeaseLost
from tokenfactory_operator.loop.connections import MOVED, NOT_WRITTEN, RESYNC, RETRY, SOON
from tokenfactory_operator.ports import JsonObject, Key
from unit.support.builders import KEY, NAMESPACE, OTHER_UID, UID
from unit.support.config_maps import StoredConfigMaps
from unit.support.fakes import Turn
from unit.support.stage import Stage

NAME = f"{KEY.name}-connection"
PLACE = Key(NAMESPACE, NAME)
FOREIGN: dict[str, Any] = {"metadata": {"name": NAME}, "data": {"OPENAI_MODEL": "somebody's"}}


def a_stage(**spec: Any) -> Stage:  # noqa: ANN401  # fields of the wire
    """An object that asks for a ConfigMap, and ConfigMaps in memory."""
    stage = Stage(config_maps=StoredConfigMaps(), **{"connection": {}, **spec})
    stage.cloud.makes_keys = True
    return stage


def maps(stage: Stage) -> StoredConfigMaps:
    """The stage's."""
    assert stage.config_maps is not None
    return stage.config_maps


def data(stage: Stage) -> dict[str, str]:
    """What the ConfigMap says."""
    found: dict[str, str] = maps(stage).stored[PLACE]["data"]
    return found


def said(stage: Stage) -> dict[str, str]:
    """What the status says of it."""
    found: dict[str, str] = stage.status.get("connection") or {}
    return found


async def test_it_says_how_to_call_the_endpoint() -> None:
    """Under the names that OpenAI's clients read; owned by the object, so that it goes with it."""
    stage = await a_stage().ready()
    assert data(stage) == {
        "OPENAI_BASE_URL": stage.status["inferenceURL"],
        "OPENAI_MODEL": stage.status["routingKey"],
        "DEDICATED_ENDPOINT_ID": stage.status["endpointId"],
        "DEDICATED_ENDPOINT_REGION": stage.body["spec"]["region"],
    }
    (owner,) = maps(stage).stored[PLACE]["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["kind"], owner["controller"]) == (stage.resource.uid, api.KIND, True)
    assert "blockOwnerDeletion" not in owner
    assert said(stage) == {"configMapName": NAME}


async def test_a_name_of_its_own() -> None:
    """The spec's, in place of the default."""
    stage = await a_stage(connection={"configMapName": "app"}).ready()
    assert set(maps(stage).stored) == {Key(NAMESPACE, "app")}
    assert said(stage) == {"configMapName": "app"}


async def test_nothing_is_written_that_nobody_asked_for() -> None:
    """Without `spec.connection` no ConfigMap is even read."""
    stage = await Stage(config_maps=StoredConfigMaps()).ready()
    assert maps(stage).calls == []
    assert said(stage) == {}


async def test_it_is_there_before_the_status_says_so() -> None:
    """And costs no status write of its own: the first that names the endpoint has it."""
    stage = a_stage()
    await stage.turn()
    statuses = len(stage.journal("status"))
    plain = Stage()
    await plain.turn()
    assert statuses == len(plain.journal("status"))
    assert maps(stage).calls == ["get", "create"]


async def test_in_order_it_costs_nothing() -> None:
    """Passes neither read nor write it until the hour is over; then one read shows that nothing is to be done."""
    stage = await a_stage().ready()
    maps(stage).calls.clear()
    for _ in range(5):
        again = await stage.turn()
    assert maps(stage).calls == []
    assert again.after is not None
    assert again.after <= 1.1 * RESYNC
    stage.wait_out(1.1 * RESYNC)
    await stage.turn()
    assert maps(stage).calls == ["get"]
    assert stage.journal("status") == []


async def test_it_follows_the_endpoint() -> None:
    """A routing key that is changed in the cloud is in the ConfigMap with the pass that sees it; others' keys stay."""
    stage = await a_stage().ready()
    stored = maps(stage).stored[PLACE]
    maps(stage).store(PLACE, {**stored, "data": {**stored["data"], "EXTRA": "a person's"}})
    (endpoint,) = stage.cloud.endpoints.values()
    stage.cloud.turn_up(endpoint.id, routing_key="dedicated/another")
    await stage.turn()
    assert data(stage)["OPENAI_MODEL"] == stage.status["routingKey"] == "dedicated/another"
    assert data(stage)["EXTRA"] == "a person's"


async def test_an_edit_of_somebodys_is_put_back() -> None:
    """At the next look, so within an hour; with the next LIST where a person asks for a reconcile."""
    stage = await a_stage().ready()
    right = data(stage)
    for ask in (False, True):
        stored = maps(stage).stored[PLACE]
        maps(stage).store(PLACE, {**stored, "data": {**right, "OPENAI_MODEL": "wrong"}})
        if ask:
            stage.annotate(reconcile_requested_at="now")
        else:
            stage.wait_out(1.1 * RESYNC)
        await stage.turn()
        await stage.turn()  # a request waits for a LIST after it
        assert data(stage) == right
    maps(stage).calls.clear()
    await stage.turn()
    assert maps(stage).calls == [], "the request is answered"


async def test_one_that_was_deleted_is_made_again() -> None:
    """With the LIST that a person asks for, or with the next look."""
    stage = await a_stage().ready()
    maps(stage).stored.clear()
    stage.annotate(reconcile_requested_at="now")
    await stage.turn()
    await stage.turn()
    assert PLACE in maps(stage).stored


async def test_a_restart_reads_and_writes_nothing() -> None:
    """The status is written after the ConfigMap: what it says is enough until the hour is over."""
    stage = await a_stage().ready()
    maps(stage).calls.clear()
    later = stage.restarted()
    await later.turn()
    assert maps(later).calls == []
    assert later.journal("status") == []
    later.wait_out(RESYNC)
    await later.turn()
    assert maps(later).calls == ["get"]


async def test_a_crash_before_the_status_is_written() -> None:
    """The next process finds its own ConfigMap, and tells it."""
    stage = a_stage()
    await stage.turn()
    stage.kube.edit(KEY, spec=None)
    body = stage.body
    body["status"].pop("connection")
    stage.kube.store(body)
    later = stage.restarted()
    await later.turn()
    assert maps(later).calls == ["get", "create", "get"]
    assert said(later) == {"configMapName": NAME}


@pytest.mark.parametrize(
    "owners",
    [
        pytest.param([], id="nobody's"),
        pytest.param([{"uid": "another", "controller": True}], id="another object's"),
        pytest.param([{"uid": UID}], id="ours, without being its controller"),
    ],
)
async def test_a_foreign_config_map_is_never_changed(owners: list[dict[str, Any]]) -> None:
    """The status says so, one Event too; Ready is as it is; it is written once the other is gone."""
    stage = a_stage()
    foreign = {**FOREIGN, "metadata": {**FOREIGN["metadata"], "ownerReferences": owners}}
    maps(stage).store(PLACE, foreign)
    await stage.turn()
    stage.cloud.turn_up()
    for _ in range(3):
        await stage.turn(RETRY)
    assert data(stage) == FOREIGN["data"]
    assert set(maps(stage).calls) == {"get"}
    assert said(stage)["reason"] == "Conflict"
    assert "configMapName" not in said(stage)
    assert stage.witness.events.count(NOT_WRITTEN) == 1
    assert stage.reported("Ready") == "True Available"
    maps(stage).stored.clear()
    await stage.turn(1.1 * RETRY)
    assert said(stage) == {"configMapName": NAME}


async def test_that_of_an_earlier_object_is_waited_for() -> None:
    """Kubernetes deletes it soon: nobody is asked to, and it is looked at again within seconds."""
    stage = a_stage()
    owner = {"apiVersion": api.API_VERSION, "kind": api.KIND, "name": KEY.name, "uid": OTHER_UID, "controller": True}
    maps(stage).store(PLACE, {**FOREIGN, "metadata": {**FOREIGN["metadata"], "ownerReferences": [owner]}})
    await stage.ready()
    assert (said(stage)["reason"], "an earlier object" in said(stage)["message"]) == ("NotWritten", True)
    maps(stage).stored.clear()
    await stage.turn(1.1 * SOON)
    assert said(stage) == {"configMapName": NAME}


async def test_that_of_an_earlier_object_which_nobody_deletes() -> None:
    """The garbage collector may be out of order for hours, and for all objects: the pauses between the looks grow."""
    stage = a_stage()
    owner = {"apiVersion": api.API_VERSION, "kind": api.KIND, "name": KEY.name, "uid": OTHER_UID, "controller": True}
    maps(stage).store(PLACE, {**FOREIGN, "metadata": {**FOREIGN["metadata"], "ownerReferences": [owner]}})
    await stage.ready()
    pauses = list[float]()
    for _ in range(8):
        pauses.append((await stage.reconcile()).after or 0.0)
        stage.wait_out(pauses[-1] + 0.1)
        await stage.poll(0.0)
    assert pauses[0] < 2 * SOON
    assert min(pauses[-3:]) > 0.5 * RETRY


async def test_a_foreign_one_that_comes_in_between() -> None:
    """Made by somebody else after the look: the create is refused, and it is looked at again."""
    stage = a_stage()
    maps(stage).meanwhile = lambda: maps(stage).store(PLACE, FOREIGN)
    await stage.turn()
    assert data(stage) == FOREIGN["data"]
    assert said(stage)["reason"] == "Conflict"


async def test_our_own_that_is_written_in_between() -> None:
    """By a person: it is read again, and what is ours is set."""
    stage = await a_stage().ready()
    stored = maps(stage).stored[PLACE]
    maps(stage).store(PLACE, {**stored, "data": {}})
    maps(stage).meanwhile = lambda: maps(stage).store(PLACE, {**stored, "data": {"EXTRA": "x"}})
    stage.wait_out(1.1 * RESYNC)
    await stage.turn()
    assert set(data(stage)) == {*stored["data"], "EXTRA"}


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        pytest.param(KubeError("configmaps is forbidden"), "configmaps is forbidden", id="no right"),
        pytest.param(RuntimeError("boom"), "a defect of the operator", id="a defect"),
    ],
)
async def test_nothing_depends_on_it(failure: Exception, says: str) -> None:
    """Create, Ready and deletion go on; the status says why there is none, and it is tried again."""
    stage = a_stage()
    maps(stage).failure = failure
    await stage.ready()
    assert said(stage)["reason"] == "NotWritten"
    assert says in said(stage)["message"]
    assert "boom" not in said(stage)["message"]
    assert stage.journal("status") == []
    maps(stage).failure = None
    await stage.turn(1.1 * RETRY)
    assert said(stage) == {"configMapName": NAME}
    maps(stage).failure = failure
    stage.delete()
    for _ in range(4):
        await stage.turn(stage.timing.create_settle)
    assert KEY not in stage.kube.objects


async def test_it_is_no_more_written_for_an_object_that_is_being_deleted() -> None:
    """It goes with its owner, or before it with its namespace: it is not made again."""
    stage = await a_stage().ready()
    maps(stage).stored.clear()
    maps(stage).calls.clear()
    stage.script.plan("delete_endpoint", Turn(error=KubeError("no")))
    stage.annotate(paused="true", reconcile_requested_at="now")
    stage.delete()
    await stage.turn()
    assert maps(stage).calls == []


async def test_without_the_lease_nothing_is_written() -> None:
    """The check comes just before the write."""
    stage = a_stage()
    await stage.ready()
    stored = maps(stage).stored[PLACE]
    maps(stage).store(PLACE, {**stored, "data": {}})
    maps(stage).calls.clear()
    stage.wait_out(1.1 * RESYNC)
    stage.lease.left = 0
    with pytest.raises(LeaseLost):
        await stage.turn()
    assert maps(stage).calls == ["get"]


async def test_another_name_and_none() -> None:
    """The ConfigMap before stays, and an Event says that nobody keeps it; nothing is read where none is wanted."""
    stage = await a_stage().ready()
    stage.edit(connection={"configMapName": "app"})
    await stage.turn()
    assert set(maps(stage).stored) == {PLACE, Key(NAMESPACE, "app")}
    assert said(stage) == {"configMapName": "app"}
    assert stage.witness.events.count(MOVED) == 1
    stage.edit(connection=None)
    maps(stage).calls.clear()
    again = await stage.turn()
    assert (said(stage), maps(stage).calls, again.after) == ({}, [], None)
    assert stage.witness.events.count(MOVED) == 2


async def test_an_operator_without_the_right() -> None:
    """It says which setting is needed, and serves the object all the same."""
    stage = await Stage(connection={}).ready()
    assert said(stage)["reason"] == "Disabled"
    assert "connectionConfigMaps" in said(stage)["message"]
    assert stage.reported("Synced") == "True ReconcileSuccess"


async def test_a_region_without_an_address() -> None:
    """There is no ConfigMap without the URL: a client would send its key to the address that is built into it."""
    stage = a_stage()
    stage.policy = Policy(inference_hosts={})
    await stage.turn()
    assert maps(stage).calls == []
    assert said(stage)["reason"] == "NoAddress"
    stage.policy = Policy()
    await stage.turn()
    assert said(stage) == {"configMapName": NAME}


async def test_a_lost_endpoint_keeps_what_was_written() -> None:
    """Until there is another one: an application is never told nothing."""
    stage = await a_stage().ready()
    before = data(stage)
    stage.cloud.endpoints.clear()
    for _ in range(12):
        await stage.turn(stage.timing.lost_settle)
        if stage.status.get("endpointId") != before["DEDICATED_ENDPOINT_ID"]:
            break
        assert data(stage) == before
    await stage.turn()
    assert data(stage)["DEDICATED_ENDPOINT_ID"] == stage.status["endpointId"]
    assert data(stage) != before


async def _unobserved(stage: Stage) -> None:
    """The cloud was not listed for long: nothing is judged."""
    stage.wait_out(2 * RESYNC)


async def _deleting(stage: Stage) -> None:
    """The deletion of a paused object waits for a person."""
    stage.annotate(paused="true")
    stage.delete()
    await stage.turn(2 * RESYNC)


@pytest.mark.rule("R10", "X53")
@pytest.mark.parametrize("hinder", [_unobserved, _deleting])
async def test_a_look_that_is_due_and_not_taken_does_not_turn(hinder: Callable[[Stage], Awaitable[None]]) -> None:
    """A pass that has nothing to tell does not look at the ConfigMap: it must not be repeated at once, without end."""
    stage = await a_stage().ready()
    await hinder(stage)
    for _ in range(3):
        again = await stage.reconcile()
        assert again.after is None or again.after > 0.5


async def test_the_memory_of_objects_that_are_gone_is_given_back() -> None:
    """Nothing is due for them."""
    stage = await a_stage().ready()
    uid = stage.resource.uid
    connections = stage.reconciler.connections
    assert connections.due(uid) is not None
    stage.delete()
    for _ in range(4):
        await stage.turn(stage.timing.create_settle)
    stage.cache.remove(KEY, uid)
    await stage.reconcile()
    assert connections.due(uid) is None


@pytest.mark.rule("R4")
@pytest.mark.parametrize("seconds", [1, 600], ids=["a list comes", "none comes for long"])
async def test_what_happens_while_it_is_written(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """Many seconds may go by: what was judged before says nothing any more, and is not written."""
    stage = a_stage()
    stage.cloud.makes_keys = False
    await stage.turn()
    stage.cloud.turn_up(routing_key="dedicated/llm-1")
    await stage.poll()
    found, written = maps(stage).get, stage.kube.patch_status
    told: list[str | None] = []

    async def slowly(key: Key) -> JsonObject | None:
        stage.cloud.endpoints.clear()
        stage.wait_out(seconds)
        if seconds == 1:
            await stage.poll()
        return await found(key)

    async def noted(key: Key, patch: JsonObject, *, uid: str, resource_version: str) -> JsonObject:
        body = await written(key, patch, uid=uid, resource_version=resource_version)
        told.append(stage.reported("Ready"))
        return body

    monkeypatch.setattr(maps(stage), "get", slowly)
    monkeypatch.setattr(stage.kube, "patch_status", noted)
    await stage.reconcile()
    assert "True Available" not in told
    assert bool(told) == (seconds == 1)

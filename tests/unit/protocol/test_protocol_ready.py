"""`Ready=True` at the current generation is taken back as soon as it is known to be wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.errors import CloudUnavailable, RateLimited
from tokenfactory_operator.domain.observed import EndpointList
from tokenfactory_operator.ports import Key
from unit.protocol.test_protocol_credentials import beside
from unit.support.builders import NAMESPACE, OTHER_UID, an_endpoint, an_object, mark
from unit.support.clock import ManualClock
from unit.support.fakes import InMemoryCloud, Turn
from unit.support.scene import an_inventory
from unit.support.stage import Stage

DOWN = CloudUnavailable("no answer in time")
WATCHER = Key(NAMESPACE, "watcher")
BLOCKED = Turn(RateLimited("wait", retry_after=300.0, refused=True))


@pytest.mark.rule("R5", "R9")
async def test_an_observed_endpoint_that_its_owner_has_deleted() -> None:
    """No call asks for it, so the lists have the last word: it has no state and takes no traffic."""
    stage = Stage(policy=Policy(may_adopt=True), endpointId="ep-7", managementPolicy="Observe")
    stage.cloud.endpoints |= {item: an_endpoint(item, description="somebody's") for item in ("ep-7", "ep-8")}
    for _ in range(3):
        await stage.turn()
    assert (stage.reported("Serving"), stage.status["state"]) == ("True Ready", "Running")
    del stage.cloud.endpoints["ep-7"]
    await stage.turn()
    assert stage.reported("Serving") == "Unknown EndpointLost"
    for _ in range(3):
        await stage.turn(61)
    assert (stage.reported("Serving"), stage.status.get("state")) == ("False NotServing", None)
    assert "Checking" not in stage.message("Reconciling")
    assert stage.journal("PATCH", "GET", "POST") == []


@pytest.mark.rule("R3")
async def test_whoever_looks_on_is_woken_by_the_owners_edit() -> None:
    """The answer to the PATCH was in the inventory before the LIST, which then shows nothing new."""
    stage = await Stage(policy=Policy(may_adopt=True)).ready()
    spec = {"endpointId": "ep-1", "managementPolicy": "Observe"}
    stage.kube.store(an_object(name=WATCHER.name, uid=OTHER_UID, spec=spec))
    stage.watch()
    for _ in range(3):
        await stage.turn(key=WATCHER)
    assert stage.reported("Ready", of=WATCHER) == "True Available"
    stage.edit(scaling={"minReplicas": 1, "maxReplicas": 8})
    await stage.reconcile()
    stage.woken.clear()
    await stage.poll()
    assert WATCHER in stage.woken
    await stage.reconcile(WATCHER)
    assert stage.reported("Ready", of=WATCHER) != "True Available"


@pytest.mark.rule("R3")
def test_an_answer_is_news_to_one_list_only() -> None:
    """The next one wakes nobody for it."""
    clock = ManualClock()
    inventory = an_inventory(clock)
    shown = EndpointList((an_endpoint(),))
    assert inventory.listed(inventory.stamp(), shown).endpoint_ids == {"ep-1"}
    assert inventory.listed(inventory.stamp(), shown).endpoint_ids == frozenset()
    inventory.take_answer(an_endpoint())
    assert inventory.listed(inventory.stamp(), shown).endpoint_ids == {"ep-1"}
    assert inventory.listed(inventory.stamp(), shown).endpoint_ids == frozenset()


@pytest.mark.rule("R1", "X16")
async def test_drift_that_cannot_be_put_back_now() -> None:
    """The credential is blocked for minutes."""
    stage = await Stage(enabled=True).ready()
    stage.cloud.turn_up(status="stopped", readiness="not_ready", ready_replicas=0, enabled=False)
    stage.script.plan("slot", BLOCKED)
    await stage.turn()
    assert str(stage.reported("Ready")).startswith("False")


@pytest.mark.rule("R1")
async def test_drift_whose_turn_comes_later() -> None:
    """While it waits for its turn at the cloud, nothing wrong is told."""
    stage = await Stage(displayName="one").ready()
    stage.cloud.turn_up(name="changed by hand")
    reported: list[str | None] = []
    stage.script.plan("slot", Turn(effect=True, meanwhile=lambda: reported.append(stage.reported("Ready"))))
    await stage.turn()
    assert reported == ["False Updating"]
    assert stage.cloud.endpoints["ep-1"].name == "one"


@pytest.mark.rule("R1")
async def test_a_look_by_id_that_has_to_wait() -> None:
    """A tenth of everything is missing at once."""
    stage = Stage()
    for name in ("ep-8", "ep-9"):
        stage.cloud.endpoints[name] = an_endpoint(name, description="a stranger's")
    stage = await stage.ready()
    stage.cloud.endpoints.clear()
    stage.script.plan("slot", BLOCKED)
    await stage.turn()
    assert not str(stage.reported("Ready")).startswith("True")


@pytest.mark.rule("R2")
async def test_an_edit_taken_back_whose_first_call_had_no_answer() -> None:
    """The PATCH took effect; the LIST from before it shows what the spec says again, and proves nothing."""
    stage = await Stage(displayName="one").ready()
    stage.script.plan("update", Turn(DOWN, effect=True))
    stage.edit(displayName="two")
    await stage.reconcile()
    assert stage.cloud.endpoints["ep-1"].name == "two"
    stage.edit(displayName="one")
    await stage.reconcile()
    assert stage.reported("Ready") != "True Available"
    await stage.turn(31)
    await stage.turn(31)
    assert (stage.cloud.endpoints["ep-1"].name, stage.reported("Ready")) == ("one", "True Available")


@pytest.mark.rule("R2", "X70")
async def test_a_list_of_before_the_effect_of_a_call_without_an_answer() -> None:
    """It was requested after the call, and shows what was there before. The edit is taken back, so that fits."""
    stage = await Stage(displayName="one").ready(lasting=200)
    before = stage.cloud.endpoints["ep-1"]
    stage.script.plan("update", Turn(DOWN, effect=True))
    stage.edit(displayName="two")
    await stage.turn(31)
    after = stage.cloud.endpoints["ep-1"]
    assert (before.name, after.name) == ("one", "two")
    stage.edit(displayName="one")
    stage.cloud.endpoints["ep-1"] = before
    await stage.poll()
    stage.cloud.endpoints["ep-1"] = after
    await stage.reconcile()
    assert stage.reported("Ready") != "True Available"
    await stage.turns(4, every=31)
    assert (stage.cloud.endpoints["ep-1"].name, stage.reported("Ready")) == ("one", "True Available")


@pytest.mark.rule("R2")
@pytest.mark.parametrize("refused", [False, True])
async def test_a_list_follows_a_call_without_an_answer(monkeypatch: pytest.MonkeyPatch, *, refused: bool) -> None:
    """It may have changed something: the cloud is listed soon. A refusal has not."""
    stage = await Stage(displayName="one").ready()
    brought_forward: list[bool] = []
    monkeypatch.setattr(stage.poller, "uncertain", lambda: brought_forward.append(True))
    stage.script.plan("update", Turn(CloudUnavailable("no answer", refused=refused), effect=not refused))
    stage.edit(displayName="two")
    await stage.reconcile()
    assert bool(brought_forward) is not refused


@pytest.mark.rule("R11")
@pytest.mark.parametrize("what", ["unreadable", "nameless", "elsewhere", "another-cluster-id"])
async def test_a_stopped_object_is_not_told_that_it_has_no_endpoint(what: str) -> None:
    """Its status was lost. Something may be its endpoint, though no list shows it as that."""
    stage = Stage(enabled=False)
    full = InMemoryCloud(stage.script)
    at = full if what == "elsewhere" else stage.cloud
    at.endpoints["ep-1"] = an_endpoint(description=mark(cluster="before" if what == "another-cluster-id" else "c1"))
    if what in {"unreadable", "nameless"}:
        stage.cloud.spoilt["ep-1"] = None if what == "unreadable" else mark()
    other = beside(stage, cloud=full)
    for _ in range(3):
        await other.poll()
        await stage.turn(10)
        assert stage.reported("Ready") in {"False InventoryUntrusted", "False OwnershipConflict"}
    full.endpoints.clear()
    stage.cloud.endpoints.clear()
    for _ in range(3):
        await other.poll()
        await stage.turn(61)
    assert stage.reported("Ready") == "True Stopped"


@pytest.mark.rule("A2", "X68")
async def test_an_endpoint_of_a_model_whose_numbers_are_others() -> None:
    """Without punctuation both names are one word; it is not adopted."""
    stage = Stage(policy=Policy(may_adopt=True), endpointId="ep-7", model="Qwen/Qwen2.5-7B")
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description="somebody's", model_name="Qwen/Qwen2-57B")
    for _ in range(3):
        await stage.turn(31)
    assert stage.reported("Stalled") == "True InvalidSpec"
    assert (stage.reported("Ready"), stage.journal("PATCH")) == ("False InvalidSpec", [])


@pytest.mark.rule("R6", "X69")
@pytest.mark.parametrize("policy", ["Manage", "Observe"])
@pytest.mark.parametrize(
    ("field", "told"),
    [("model_name", "model"), ("flavor_name", "flavor"), ("region", "region"), ("routing_key", "routingKey")],
)
async def test_an_adopted_endpoint_of_which_the_list_does_not_tell_all(field: str, told: str, policy: str) -> None:
    """Nobody knows whether it is what the spec says, until a list tells it; there is nothing to send."""
    key: dict[str, Any] = {"routingKey": "dedicated/llm-1"} if told == "routingKey" else {}
    stage = Stage(policy=Policy(may_adopt=True), endpointId="ep-7", managementPolicy=policy, **key)
    whole = an_endpoint("ep-7", description="somebody's")
    stage.cloud.endpoints["ep-7"] = replace(whole, **dict[str, Any]({field: None}))
    for _ in range(3):
        await stage.turn(31)
    assert stage.reported("Ready") == "False Updating"
    assert f"of the endpoint: {told}." in stage.message("Reconciling")
    stage.cloud.turn_up("ep-7", **{field: getattr(whole, field)})
    await stage.turn(31)
    assert stage.reported("Ready") == "True Available"
    assert stage.journal("PATCH") == ([] if policy == "Observe" else ["PATCH ep-7 description"])


@pytest.mark.rule("R6")
async def test_a_created_endpoint_has_what_its_create_call_said() -> None:
    """The API cannot change that, so no list has to tell it."""
    stage = await Stage().ready()
    stage.cloud.turn_up(model_name=None, flavor_name=None, region=None)
    await stage.turn(31)
    assert stage.reported("Ready") == "True Available"


@pytest.mark.rule("R2")
async def test_no_further_call_before_a_list_has_shown_what_the_last_one_did() -> None:
    """A correction was undone, and the next one had no answer: it may have taken effect."""
    stage = await Stage(displayName="one").ready(lasting=200)
    before = stage.cloud.endpoints["ep-1"]
    stage.edit(displayName="two")
    await stage.turn()
    stage.cloud.endpoints["ep-1"] = before
    stage.script.plan("update", Turn(DOWN, effect=True))
    await stage.turn(100)
    assert len(stage.journal("PATCH")) == 2
    stage.wait_out(20)
    await stage.reconcile()
    assert len(stage.journal("PATCH")) == 2
    await stage.turns(4, every=31)
    assert (len(stage.journal("PATCH")), stage.reported("Ready")) == (2, "True Available")

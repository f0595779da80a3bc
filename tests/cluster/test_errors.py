"""Calls of one object that go wrong: exactly one endpoint in the end, whatever was answered."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.support.operator_process import CREATE_SETTLE
from cluster.support.world import World
from cluster.support.worlds import WorldMaker
from tokenfactory_operator.api import v1alpha1 as api

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize(
    ("effect", "parameters"),
    [
        pytest.param("answer_lost", {"how": "close"}, id="connection closed"),
        pytest.param("answer_lost", {"how": "reset"}, id="connection reset"),
        pytest.param("answer_lost", {"how": "truncate"}, id="answer cut in the middle"),
        pytest.param("delay", {"seconds": 3, "when": "after"}, id="slower than the time-out"),
        pytest.param("delay", {"seconds": 3, "when": "before"}, id="effect after the time-out"),
        pytest.param("effect_late", {"seconds": 1, "answer": 504}, id="504 and a late effect"),
        pytest.param("status", {"code": 500, "after_effect": True}, id="500 in spite of the effect"),
        pytest.param("status", {"code": 502, "form": "html", "after_effect": True}, id="HTML 502"),
        pytest.param("status", {"code": 201, "form": "malformed", "after_effect": True}, id="malformed JSON"),
        pytest.param("status", {"code": 201, "form": "empty", "after_effect": True}, id="empty 201"),
        pytest.param("status", {"code": 422, "form": "html", "after_effect": True}, id="422 of a gateway"),
        pytest.param("status", {"code": 409, "after_effect": True}, id="409"),
    ],
)
def test_answer_of_a_create_is_lost(shared: World, name: str, effect: str, parameters: dict[str, Any]) -> None:
    """An endpoint whose POST was not understood is found by its mark: there is no second POST."""
    shared.faulty(name, "POST", effect=effect, count=1, **parameters)
    shared.create(name)
    seen = shared.until_ready(name)
    assert len(shared.calls(name, "POST")) == 1
    assert shared.endpoint(name)["id"] == seen.endpoint_id
    assert f"try={seen.status['createAttempt']['id']}]" in shared.endpoint(name)["description"]
    assert seen.status["createAttempt"]["state"] == "Created"


@pytest.mark.parametrize(
    ("effect", "parameters"),
    [
        pytest.param("effect_lost", {"how": "close"}, id="connection closed"),
        pytest.param("effect_lost", {"how": "reset"}, id="connection reset"),
        pytest.param("status", {"code": 500}, id="500"),
        pytest.param("status", {"code": 502, "form": "html"}, id="HTML 502"),
        pytest.param("status", {"code": 200, "form": "malformed"}, id="malformed JSON"),
    ],
)
def test_effect_of_a_create_is_lost(shared: World, name: str, effect: str, parameters: dict[str, Any]) -> None:
    """After a POST of unknown outcome the next one comes only when the endpoint was absent for the settle time."""
    shared.faulty(name, "POST", effect=effect, count=1, **parameters)
    shared.create(name)
    seen = shared.until_reported(name, "Synced", "CreateOutcomeUnknown")
    assert seen.said("Stalled").status == ""
    shared.until_ready(name)
    first, second = shared.calls(name, "POST")
    assert second["started_monotonic"] - first["ended_monotonic"] >= CREATE_SETTLE
    assert _attempt(first) != _attempt(second)
    assert len(shared.endpoints(name, alive_only=False)) == 1


def test_unknown_outcomes_in_a_row(shared: World, name: str) -> None:
    """Creates without a trace are tried again ever more slowly, and nobody is asked."""
    shared.faulty(name, "POST", effect="status", code=502, count=2)
    shared.create(name)
    shared.until_called(name, "POST", 2)
    assert shared.until_reported(name, "Synced", "CreateOutcomeUnknown").said("Stalled").status == ""
    shared.until_ready(name)
    first, second, third = shared.calls(name, "POST")
    assert second["started_monotonic"] - first["ended_monotonic"] >= CREATE_SETTLE
    assert third["started_monotonic"] - second["ended_monotonic"] >= 2 * CREATE_SETTLE
    assert len(shared.endpoints(name, alive_only=False)) == 1


@pytest.mark.rule("C37")
def test_a_list_that_may_be_cut_off(new_world: WorldMaker) -> None:
    """It is round and as long as it ever was: an unknown create asks a person, and makes no second endpoint."""
    world = new_world()
    for number in range(20):
        world.cloud.console_create(name=f"stranger-{number}")
    world.after_lists(1)
    world.faulty("cut", "POST", effect="status", code=502, count=1)
    world.create("cut")
    stalled = world.until_stalled("cut", "CreateOutcomeUnknown")
    assert api.RECONCILE_REQUESTED_AT in stalled.said("Stalled").message
    world.after_lists(5)
    assert len(world.calls("cut", "POST")) == 1
    world.annotate("cut", api.RECONCILE_REQUESTED_AT, "looked: nothing there")
    world.until_ready("cut")
    assert len(world.calls("cut", "POST")) == 2


@pytest.mark.rule("L7")
def test_a_maintenance(new_world: WorldMaker) -> None:
    """LISTs are empty and each id answers 404 in the API's own form: no second endpoint, and none is given up."""
    world = new_world(settings={"LOST_SETTLE": "20s"})
    world.create("kept")
    before = world.until_ready("kept").endpoint_id
    world.cloud.fault({"method": "GET"}, effect="partial_list", cap=0)
    world.cloud.fault({"path_regex": "dedicated_endpoints/(?!templates)"}, effect="status", code=404)
    world.until_reported("kept", "Ready", "EndpointLost")
    world.after_lists(15)
    world.cloud.clear_faults()
    assert world.until_ready("kept").endpoint_id == before
    assert (len(world.calls("kept", "POST")), world.calls("kept", "DELETE")) == (1, [])


def test_late_effect_after_the_second_create(shared: World, name: str) -> None:
    """An effect later than the settle time makes a duplicate, which is deleted and told; the known one stays."""
    shared.faulty(name, "POST", effect="effect_late", seconds=600, answer="cut", count=1)
    shared.create(name)
    kept = shared.until_ready(name).endpoint_id
    shared.cloud.advance(600)
    event = shared.until_event(name, "DeletedDuplicateEndpoint")
    assert event["type"] == "Warning"
    shared.until_ready(name)
    assert len(shared.endpoints(name, alive_only=False)) == 2
    assert shared.endpoint(name)["id"] == kept == shared.get(name).endpoint_id


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        pytest.param("status", {"code": 500}, id="500"),
        pytest.param("status", {"code": 502, "form": "html"}, id="HTML 502"),
        pytest.param("status", {"code": 200, "form": "malformed"}, id="malformed JSON"),
        pytest.param("effect_lost", {}, id="connection closed"),
        pytest.param("status", {"code": 409}, id="409"),
    ],
)
def test_update_fails_for_a_while(shared: World, name: str, method: str, parameters: dict[str, Any]) -> None:
    """A PATCH that fails is sent again until it is accepted; meanwhile the object serves and is not stalled."""
    shared.created(name)
    shared.faulty(name, "PATCH", effect=method, count=2, **parameters)
    shared.edit(name, displayName="renamed")
    shared.until_ready(name)
    bodies = [call["body"] for call in shared.calls(name, "PATCH")]
    assert bodies == [{"name": "renamed"}] * 3
    assert shared.endpoint(name)["name"] == "renamed"


def test_answer_of_an_update_is_lost(shared: World, name: str) -> None:
    """A PATCH that took effect without an answer is seen in the list: the object is Ready with what the spec says."""
    shared.created(name)
    shared.faulty(name, "PATCH", effect="answer_lost", count=1)
    shared.edit(name, displayName="renamed")
    shared.until_ready(name)
    assert shared.endpoint(name)["name"] == "renamed"
    assert shared.get(name).said("Synced").reason == "ReconcileSuccess"


def test_forbidden_create(shared: World, name: str) -> None:
    """A 403 waits for a person, is not repeated by itself, and the request annotation tries again at once."""
    shared.faulty(name, "POST", effect="status", code=403, message="beta feature", count=1)
    shared.create(name)
    seen = shared.until_reported(name, "Synced", "Forbidden", status="False")
    assert "beta feature" in seen.said("Synced").message
    shared.after_lists()
    assert len(shared.calls(name, "POST")) == 1
    shared.annotate(name, api.RECONCILE_REQUESTED_AT, "allowed now")
    shared.until_ready(name)
    assert len(shared.endpoints(name, alive_only=False)) == 1


def test_quota(shared: World, name: str) -> None:
    """A lack of quota is the cloud's to end: not stalled, and created as soon as there is room."""
    fault = shared.faulty(name, "POST", effect="status", code=403, message="GPU quota exceeded for project")
    shared.create(name)
    seen = shared.until_reported(name, "Synced", "QuotaExceeded", status="False")
    assert seen.said("Stalled").status == ""
    shared.cloud.clear_faults(fault)
    shared.until_ready(name)
    assert len(shared.endpoints(name, alive_only=False)) == 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param(503, "no capacity left", id="503"),
        pytest.param(429, "GPU quota exceeded", id="429 for want of room"),
    ],
)
def test_a_refusal_with_a_long_wait_holds_its_own_object(shared: World, name: str, code: int, message: str) -> None:
    """The cloud asks for five minutes for one object's create: another one's edit and DELETE go at once."""
    other = f"{name}-other"
    shared.created(other)
    fault = shared.faulty(name, "POST", effect="status", code=code, message=message, retry_after=300)
    shared.create(name)
    shared.until_reported(name, "Synced", "QuotaExceeded", status="False")
    shared.edit(other, displayName="renamed")
    shared.until_ready(other)
    shared.delete(other)
    shared.until_gone(other)
    assert len(shared.calls(name, "POST")) == 1
    shared.cloud.clear_faults(fault)
    shared.delete(name)
    shared.until_gone(name)


def test_others_go_on(shared: World, name: str) -> None:
    """While one object cannot be created, others are."""
    bad = f"{name}-bad"
    fault = shared.faulty(bad, "POST", effect="status", code=403, message="no")
    shared.create(bad)
    shared.until_reported(bad, "Synced", "Forbidden")
    shared.created(name)
    shared.cloud.clear_faults(fault)


def _attempt(post: dict[str, Any]) -> str:
    text: str = post["body"]["description"]
    return text.rpartition("try=")[2].removesuffix("]")

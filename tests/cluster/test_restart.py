"""The operator dies at every moment of a lifecycle: exactly one endpoint, or none, in the end."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from cluster.support.eventually import eventually
from cluster.support.operator_process import CREATE_SETTLE, PATIENT
from cluster.support.world import World
from cluster.support.worlds import WorldMaker
from tokenfactory_operator.api import v1alpha1 as api

pytestmark = pytest.mark.cluster

FLEET = 47
"""No length at which a list may be cut off: then a create call that nobody answered would ask a person."""
INTERVAL = 1.0
LATE = 600.0
"""Seconds of the simulator's clock, which a test moves."""


@pytest.fixture
def world(new_world: WorldMaker) -> World:
    return new_world()


@pytest.mark.rule("C18")
@pytest.mark.parametrize(
    ("when", "effect", "parameters"),
    [
        pytest.param("at once", "delay", {"seconds": 10, "when": "after"}, id="effect done, no answer yet"),
        pytest.param("before", "effect_late", {"seconds": LATE, "answer": "hold"}, id="effect before the restart"),
        pytest.param("after", "effect_late", {"seconds": LATE, "answer": "hold"}, id="effect after the restart"),
    ],
)
def test_killed_during_the_create(new_world: WorldMaker, when: str, effect: str, parameters: dict[str, Any]) -> None:
    """Killed while the POST is under way: the next life finds the endpoint by its mark instead of making another."""
    world = new_world(settings=PATIENT)  # a time-out would not be a POST under way
    world.faulty("subject", "POST", effect=effect, count=1, **parameters)
    world.create("subject")
    world.until_called("subject", "POST")
    world.operator.kill()
    pending = world.get("subject")
    assert (pending.held, pending.status["createAttempt"]["state"], pending.endpoint_id) == (True, "Pending", "")
    if when == "before":
        world.cloud.advance(LATE)
    world.operator.start()
    if when == "after":
        world.until_reported("subject", "Synced", "CreateOutcomeUnknown")
        world.cloud.advance(LATE)
    seen = world.until_ready("subject")
    world.after_lists()
    assert len(world.calls("subject", "POST")) == 1
    assert world.endpoint("subject")["id"] == seen.endpoint_id
    assert seen.status["createAttempt"] == {**pending.status["createAttempt"], "state": "Created"}


def test_killed_and_the_request_never_arrived(world: World) -> None:
    """Killed with an open attempt of which nothing came: the next life waits until nothing can come, then creates."""
    world.faulty("subject", "POST", effect="effect_lost", count=1)
    world.create("subject")
    world.until_called("subject", "POST")
    world.operator.kill()
    world.operator.start()
    first = world.calls("subject", "POST")[0]
    world.until_reported("subject", "Synced", "CreateOutcomeUnknown")
    world.until_ready("subject")
    posts = world.calls("subject", "POST")
    assert len(posts) == 2
    assert posts[1]["started_monotonic"] - first["started_monotonic"] >= CREATE_SETTLE
    assert len(world.endpoints("subject", alive_only=False)) == 1


@pytest.mark.rule("C7")
@pytest.mark.parametrize(
    "status",
    [
        pytest.param(None, id="after the finalizer"),
        pytest.param({"createAttempt": {"id": "0badcafe", "state": "Pending"}}, id="after the attempt was opened"),
    ],
)
def test_killed_before_the_request(new_world: WorldMaker, status: dict[str, Any] | None) -> None:
    """What a life left that died between finalizer, status and POST is waited for, and then ends in one endpoint."""
    world = new_world(start=False)
    left = world.create("subject", metadata={"finalizers": [api.FINALIZER]})
    if status is not None:
        world.write_status("subject", {**status, "uid": left.uid})
    world.operator.start()
    world.until_reported("subject", "Synced", "CreateOutcomeUnknown")
    assert world.calls("subject", "POST") == []
    seen = world.until_ready("subject")
    assert len(world.calls("subject", "POST")) == 1
    assert seen.status["createAttempt"]["id"] != "0badcafe"


def test_killed_and_deleted(new_world: WorldMaker) -> None:
    """An object deleted while nobody lived, its create unresolved, goes only after the settle time; nothing is made."""
    world = new_world(start=False)
    world.create("subject", metadata={"finalizers": [api.FINALIZER]})
    world.delete("subject")
    world.operator.start()
    world.until_reported("subject", "Synced", "CreateOutcomeUnknown")
    world.until_gone("subject")
    assert {call["operation"] for call in world.cloud.calls()} == {"list"}


@pytest.mark.parametrize(
    "when", [pytest.param("before", id="before the effect"), pytest.param("after", id="after the effect")]
)
def test_killed_during_the_delete(world: World, when: str) -> None:
    """Killed while the DELETE is under way: the next life deletes what is left, and only then the object goes."""
    world.created("subject")
    world.faulty("subject", "DELETE", effect="delay", seconds=5, when=when)  # longer than its time-out: no answer
    world.delete("subject")
    world.until_called("subject", "DELETE")
    world.operator.kill()
    assert world.get("subject").held
    world.cloud.clear_faults()
    world.operator.start()
    world.until_gone("subject")
    assert world.cloud.endpoints() == []
    assert world.calls("subject", "DELETE")[-1]["status"] in (204, 404)


def test_killed_before_the_absence_was_seen(new_world: WorldMaker) -> None:
    """Killed between the DELETE's answer and the LIST that proves it: the object waits for the proof all the same."""
    world = new_world(manual_clock=True)
    world.create("subject")
    world.until_called("subject", "POST")
    world.cloud.advance(100)
    world.until_ready("subject")
    stale = world.cloud.fault({"method": "GET"}, effect="stale_list", seconds=50)
    world.delete("subject")
    world.until_called("subject", "DELETE")
    eventually(lambda: world.endpoints("subject") == [], what="the endpoint's end")
    world.operator.kill()
    world.operator.start()
    world.after_lists()
    assert world.get("subject").held
    world.cloud.clear_faults(stale)
    world.until_gone("subject")


def test_killed_during_the_update(world: World) -> None:
    """Killed while a PATCH is under way: afterwards the endpoint has what the spec says, and the object is Ready."""
    world.created("subject")
    world.faulty("subject", "PATCH", effect="delay", seconds=1, when="before", count=1)
    world.edit("subject", displayName="renamed")
    world.until_called("subject", "PATCH")
    world.operator.kill()
    world.operator.start()
    world.until_ready("subject")
    assert world.endpoint("subject")["name"] == "renamed"
    assert len(world.calls("subject", "POST")) == 1


def test_stopped_in_order_during_the_create(world: World) -> None:
    """SIGTERM lets the POST under way finish and be written down, and the exit status is 0."""
    world.faulty("subject", "POST", effect="delay", seconds=1, when="after", count=1)
    world.create("subject")
    world.until_called("subject", "POST")
    assert world.operator.stop() == 0
    written = world.get("subject")
    assert written.endpoint_id == world.endpoint("subject")["id"]
    assert written.status["createAttempt"]["state"] == "Created"


def test_changes_while_nobody_lived(world: World) -> None:
    """What was edited, deleted and created meanwhile is caught up with, each by one call."""
    world.created("edited")
    world.created("deleted")
    assert world.operator.stop() == 0
    world.edit("edited", displayName="renamed")
    world.delete("deleted")
    world.create("new")
    world.operator.start()
    world.until_ready("edited")
    world.until_ready("new")
    world.until_gone("deleted")
    assert [call["body"] for call in world.calls("edited", "PATCH")] == [{"name": "renamed"}]
    assert len(world.calls("deleted", "DELETE")) == len(world.calls("new", "POST")) == 1
    assert len(world.cloud.endpoints()) == 2


def test_refusal_is_remembered(new_world: WorldMaker) -> None:
    """A create that the cloud refused for good is not tried again by the next life."""
    world = new_world(settings=PATIENT)
    world.faulty("subject", "POST", effect="status", code=422, message="not in this project", count=1)
    world.create("subject")
    before = world.until_stalled("subject", "RefusedByCloud")
    world.operator.restart()
    world.after_lists()
    assert len(world.calls("subject", "POST")) == 1
    assert world.get("subject").version == before.version


def test_restart_with_everything_in_order(new_world: WorldMaker) -> None:
    """Many objects in order cost the next life no write at all, no call but LIST, and one LIST per interval."""
    quiet = {"POLL_INTERVAL": f"{INTERVAL}s", "POLL_INTERVAL_IN_TRANSITION": f"{INTERVAL}s", "RATE_LIMIT": "500"}
    world = new_world(settings={**quiet, **PATIENT})
    names = [f"subject-{number}" for number in range(FLEET)]
    for each in names:
        world.create(each)
    for each in names:
        world.until_ready(each)
    assert world.operator.stop() == 0
    versions = {
        item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in world.kube.objects(world.namespace)
    }
    writes, events, since = len(world.writes()), len(world.kube.events(world.namespace)), world.now()
    world.operator.start()
    eventually(lambda: world.operator.metrics()["tokenfactory_objects", "True"] == FLEET, what="all objects seen")
    world.after_lists(5)
    assert {call["operation"] for call in world.cloud.calls(since=since)} == {"list"}
    assert len(world.writes()) == writes
    assert len(world.kube.events(world.namespace)) == events
    assert versions == {
        item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in world.kube.objects(world.namespace)
    }
    begun = [call["started_monotonic"] for call in world.lists(since)]
    # The interval is jittered by a tenth; a slow machine can only lengthen it.
    assert all(later - earlier >= INTERVAL * 0.85 for earlier, later in pairwise(begun))


def test_api_server_goes_away_during_the_create(world: World) -> None:
    """An id that cannot be written down, since the API server is away, is kept and written when it is back."""
    world.created("before")
    world.faulty("subject", "POST", effect="delay", seconds=1, when="after", count=1)
    world.create("subject")
    world.until_called("subject", "POST")
    world.cluster.stop_apiserver()
    try:
        eventually(lambda: world.calls("subject", "POST")[0]["status"] == 201, what="the answer")
        world.after_lists()
    finally:
        world.cluster.start_apiserver()
    seen = world.until_ready("subject")
    assert seen.endpoint_id == world.endpoint("subject")["id"]
    assert len(world.calls("subject", "POST")) == 1
    world.edit("before", displayName="renamed")
    world.until_ready("before")
    assert world.endpoint("before")["name"] == "renamed"
    assert world.operator.running


def test_a_call_under_way_ends_before_the_process_does(new_world: WorldMaker) -> None:
    """SIGTERM in the middle of a slow create: its answer is waited for and written down, then the process ends."""
    world = new_world(settings={"REQUEST_TIMEOUT": "15s", "CREATE_SETTLE": "15s", "DELETE_SETTLE": "15s"})
    # Longer than the 5 s that kopf gives to the tasks of the loop when it ends.
    world.cloud.fault({"method": "POST", "count": 1}, effect="delay", seconds=7.0, when="after")
    world.create("slow")
    world.until_called("slow", "POST")
    assert world.operator.stop() == 0
    assert world.get("slow").endpoint_id == world.endpoint("slow")["id"]
    assert len(world.calls("slow", "POST")) == 1

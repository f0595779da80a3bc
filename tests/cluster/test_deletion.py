"""Nothing left behind: an object goes only after the cloud was seen without its endpoint."""

from __future__ import annotations

import signal
import time

import pytest

from cluster.support.eventually import eventually
from cluster.support.operator_process import CREATE_SETTLE, DELETE_SETTLE, PATIENT
from cluster.support.world import World
from cluster.support.worlds import WorldMaker
from tokenfactory_operator.api import v1alpha1 as api

pytestmark = pytest.mark.cluster

MANY = 200


def test_delete(shared: World, name: str) -> None:
    """Deleting the object deletes its endpoint by one DELETE, and says so."""
    shared.created(name)
    shared.delete(name)
    shared.until_gone(name)
    assert shared.endpoints(name) == []
    assert [call["status"] for call in shared.calls(name, "DELETE")] == [204]
    shared.until_event(name, "DeletedEndpoint")


def test_delete_of_a_stopped_endpoint(shared: World, name: str) -> None:
    """A stopped endpoint is deleted like any other."""
    shared.created(name)
    shared.edit(name, enabled=False)
    shared.until_reported(name, "Ready", "Stopped", status="True")
    shared.delete(name)
    shared.until_gone(name)
    assert shared.endpoints(name) == []


def test_endpoint_gone_already(shared: World, name: str) -> None:
    """An endpoint deleted in the console before is no obstacle: the 404 counts as an answer."""
    seen = shared.created(name)
    shared.operator.send(signal.SIGSTOP)  # it must hear of both at once, or it may make the endpoint anew in between
    try:
        shared.cloud.console_delete(seen.endpoint_id)
        shared.delete(name)
    finally:
        shared.operator.send(signal.SIGCONT)
    shared.until_gone(name)
    assert [call["status"] for call in shared.calls(name, "DELETE")] == [404]
    assert len(shared.calls(name, "POST")) == 1


def test_still_listed(new_world: WorldMaker) -> None:
    """A DELETE that was answered proves nothing: as long as the list shows the endpoint, the object stays."""
    # Of one that is listed for long after its deletion the operator tells more, and so it does of one that is new.
    world = new_world(manual_clock=True, settings={"DELETE_SETTLE": "10m"})
    world.create("subject")
    world.until_called("subject", "POST")
    world.cloud.advance(100)
    endpoint_id = world.until_ready("subject").endpoint_id
    time.sleep(CREATE_SETTLE)
    stale = world.cloud.fault({"method": "GET"}, effect="stale_list", seconds=50)
    world.delete("subject")
    world.until_called("subject", "DELETE")
    eventually(lambda: world.endpoints("subject") == [], what="the endpoint's end")
    world.after_lists(5)
    seen = world.get("subject")
    assert (seen.held, seen.said("Ready").reason) == (True, "Deleting")
    assert len(world.calls("subject", "DELETE")) == 1
    writes = len(world.writes("subject"))
    world.cloud.clear_faults(stale)
    world.until_gone("subject")
    # The object is gone a moment before the log has the write that let it go.
    eventually(lambda: world.writes("subject")[writes:] == ["patch 200"], what="one write: the finalizer's end")
    assert world.cloud.endpoint(endpoint_id)["alive"] is False


def test_refused_delete_is_repeated(shared: World, name: str) -> None:
    """A DELETE that fails is sent again until it is answered; the object waits and its endpoint does not survive."""
    shared.created(name)
    shared.faulty(name, "DELETE", effect="status", code=500, count=2)
    shared.delete(name)
    shared.until_gone(name)
    assert [call["status"] for call in shared.calls(name, "DELETE")] == [500, 500, 204]
    assert shared.endpoints(name) == []


def test_gateways_page_is_no_answer(shared: World, name: str) -> None:
    """A 200 with a web page for a DELETE does not end the deletion while the endpoint lives."""
    shared.created(name)
    shared.faulty(name, "DELETE", effect="status", code=200, form="html", count=1)
    shared.delete(name)
    shared.until_gone(name)
    assert [call["status"] for call in shared.calls(name, "DELETE")] == [200, 204]
    assert shared.endpoints(name) == []


@pytest.mark.parametrize(
    "when",
    [pytest.param("before", id="effect after the deletion"), pytest.param("after", id="effect before the deletion")],
)
def test_delete_during_the_create(shared: World, name: str, when: str) -> None:
    """An object deleted while its POST is under way leaves one POST and no endpoint.

    If no list has shown the endpoint yet, a second DELETE asks whether it is gone (D42).
    """
    shared.faulty(name, "POST", effect="delay", seconds=1.0, when=when)
    shared.create(name)
    shared.until_called(name, "POST")
    shared.delete(name)
    shared.until_gone(name)
    assert shared.endpoints(name) == []
    assert len(shared.calls(name, "POST")) == 1
    assert [call["status"] for call in shared.calls(name, "DELETE")] in ([204], [204, 404])


def test_delete_with_an_endpoint_that_may_still_come(shared: World, name: str) -> None:
    """A deleted object whose create ended unknown is kept for the settle time, and a late effect is deleted too."""
    shared.faulty(name, "POST", effect="effect_late", seconds=DELETE_SETTLE - 1.0, answer="cut", count=1)
    shared.create(name)
    shared.until_called(name, "POST")
    shared.delete(name)
    shared.until_event(name, "CreateOutcomeUnknown")  # the condition may be gone again by now
    shared.until_gone(name)
    assert len(shared.endpoints(name, alive_only=False)) == 1
    assert shared.endpoints(name) == []
    assert len(shared.calls(name, "POST")) == 1


def test_delete_with_an_effect_that_never_comes(shared: World, name: str) -> None:
    """With the create's effect lost the object waits for the settle time, creates nothing more, and goes."""
    shared.faulty(name, "POST", effect="effect_lost", count=1)
    shared.create(name)
    (post,) = shared.until_called(name, "POST")
    shared.delete(name)
    shared.until_event(name, "CreateOutcomeUnknown")
    shared.until_gone(name)
    last = shared.lists()[-1]
    assert last["started_monotonic"] - post["ended_monotonic"] >= DELETE_SETTLE
    assert len(shared.calls(name, "POST")) == 1
    assert shared.endpoints(name, alive_only=False) == []


def test_retain(shared: World, name: str) -> None:
    """`Retain` leaves the endpoint, with a mark that says it was released on purpose, and says so."""
    seen = shared.created(name, deletionPolicy="Retain", description="keep me")
    before = shared.endpoint(name)
    shared.delete(name)
    shared.until_gone(name)
    after = shared.endpoint(name)
    assert after["id"] == seen.endpoint_id
    cluster_id = before["description"].split("[k8s ")[1].split(" ")[0]
    assert after["description"] == f"keep me [k8s-released {cluster_id} {shared.namespace}/{name}]"
    assert shared.calls(name, "DELETE") == []
    shared.until_event(name, "ReleasedEndpoint")


def test_retained_endpoint_is_not_doubled(shared: World, name: str) -> None:
    """A new object of the same name is told of the endpoint that was kept, and creates none beside it."""
    seen = shared.created(name, deletionPolicy="Retain")
    shared.delete(name)
    shared.until_gone(name)
    shared.create(name)
    conflict = shared.until_reported(name, "Synced", "OwnershipConflict", status="False")
    assert seen.endpoint_id in conflict.said("Synced").message
    shared.after_lists()
    assert len(shared.calls(name, "POST")) == 1
    shared.delete(name)
    shared.until_gone(name)
    assert shared.endpoint(name)["id"] == seen.endpoint_id


def test_force_release(shared: World, name: str) -> None:
    """A terminating object that cannot be finished goes by the annotation, with a warning that names the endpoint."""
    seen = shared.created(name)
    shared.annotate(name, api.FORCE_RELEASE, "true")
    shared.after_lists()
    assert shared.get(name).held
    fault = shared.faulty(name, "DELETE", effect="status", code=500)
    shared.annotate(name, api.FORCE_RELEASE, None)
    shared.delete(name)
    shared.until_called(name, "DELETE")
    shared.after_lists()
    assert shared.get(name).terminating
    shared.annotate(name, api.FORCE_RELEASE, "true")
    shared.until_gone(name)
    event = shared.until_event(name, "ForceReleased")
    assert event["type"] == "Warning"
    assert seen.endpoint_id in event["message"]
    assert shared.endpoint(name)["id"] == seen.endpoint_id
    shared.cloud.clear_faults(fault)


def test_namespace(new_world: WorldMaker) -> None:
    """Deleting a namespace deletes the endpoints of its objects, and then the namespace goes."""
    world = new_world()
    names = [f"subject-{number}" for number in range(5)]
    for each in names:
        world.create(each)
    for each in names:
        world.until_ready(each)
    world.kube.delete_namespace(world.namespace)
    eventually(lambda: not world.kube.has_namespace(world.namespace), what="the namespace's end")
    assert world.cloud.endpoints() == []
    assert world.cloud.summary()["operations"]["delete"] == len(names)


@pytest.mark.verify
def test_many_at_once(new_world: WorldMaker) -> None:
    """Deleting 200 objects in one request sends 200 DELETEs and leaves neither an object nor an endpoint."""
    world = new_world(settings={"RATE_LIMIT": "500", **PATIENT})
    for number in range(MANY):
        world.create(f"subject-{number}")
    eventually(lambda: len(world.cloud.endpoints()) == MANY, what="all endpoints")
    eventually(lambda: world.operator.metrics()["tokenfactory_objects", "True"] == MANY, what="all Ready")
    world.kube.delete_all(world.namespace)
    eventually(lambda: world.kube.objects(world.namespace) == [], what="the end of all objects")
    assert world.cloud.endpoints() == []
    summary = world.cloud.summary()
    assert (summary["operations"]["create"], summary["operations"]["delete"]) == (MANY, MANY)
    assert "get" not in summary["operations"]

"""Whose endpoint is it? Marks, finalizer and status after people have had their hands in them."""

from __future__ import annotations

import pytest

from cluster.support.eventually import eventually
from cluster.support.world import World
from cluster.support.worlds import WorldMaker

pytestmark = pytest.mark.cluster

STRANGER = "[k8s 0a0a0a0a elsewhere/theirs uid=11111111-2222-3333-4444-555555555555 try=0b0b0b0b]"


def test_missing_finalizer(shared: World, name: str) -> None:
    """A finalizer that somebody removed is put back, so that a later deletion still deletes the endpoint."""
    shared.created(name)
    shared.kube.patch(shared.namespace, name, {"metadata": {"finalizers": None}})
    eventually(lambda: shared.get(name).held, what="the finalizer")
    shared.delete(name)
    shared.until_gone(name)
    assert shared.endpoints(name) == []


def test_finalizers_of_others(shared: World, name: str) -> None:
    """Another controller's finalizer is kept; ours goes when the endpoint is gone, and the object when theirs goes."""
    shared.create(name, metadata={"finalizers": ["example.com/backup"]})
    shared.until_ready(name)
    shared.delete(name)
    eventually(lambda: not shared.get(name).held, what="the end of our finalizer")
    assert shared.get(name).body["metadata"]["finalizers"] == ["example.com/backup"]
    assert shared.endpoints(name) == []
    shared.after_lists()
    assert len(shared.calls(name, "POST")) == 1
    shared.kube.patch(shared.namespace, name, {"metadata": {"finalizers": None}})
    shared.until_gone(name)


def test_late_duplicate(shared: World, name: str) -> None:
    """A second endpoint with the object's identity and another try is deleted, with a warning; the known one stays."""
    counter = ("tokenfactory_notable_events_total", "deleted_duplicate")
    before = shared.operator.metrics().get(counter, 0)
    seen = shared.created(name)
    mark = shared.endpoint(name)["description"]
    ours = seen.status["createAttempt"]["id"]
    duplicate = shared.cloud.console_create(description=mark.replace(f"try={ours}", "try=0badcafe"))["id"]
    event = shared.until_event(name, "DeletedDuplicateEndpoint")
    assert duplicate in event["message"]
    shared.until_ready(name)
    shared.after_lists()
    assert shared.endpoint(name)["id"] == seen.endpoint_id
    assert [call["endpoint_id"] for call in shared.calls(name, "DELETE")] == [duplicate]
    assert shared.operator.metrics()[counter] == before + 1


def test_copied_mark(shared: World, name: str) -> None:
    """The same try twice was not made here: both stay, and a person is told both ids."""
    seen = shared.created(name)
    copy = shared.cloud.console_create(description=shared.endpoint(name)["description"])["id"]
    conflict = shared.until_stalled(name, "OwnershipConflict")
    assert copy in conflict.said("Synced").message
    assert seen.endpoint_id in conflict.said("Synced").message
    shared.after_lists()
    assert shared.calls(name, "DELETE") == []
    assert len(shared.endpoints(name)) == 2
    shared.cloud.console_delete(copy)
    shared.until_ready(name)


def test_foreign_mark(shared: World, name: str) -> None:
    """An endpoint that carries another owner's mark is not touched, neither by an edit nor by the deletion."""
    seen = shared.created(name)
    shared.cloud.console_patch(seen.endpoint_id, description=STRANGER)
    conflict = shared.until_stalled(name, "OwnershipConflict")
    assert "elsewhere/theirs" in conflict.said("Synced").message
    assert not conflict.ready
    since = shared.now()
    shared.edit(name, displayName="renamed")
    shared.after_lists()
    shared.delete(name)
    shared.until_gone(name)
    assert {call["operation"] for call in shared.cloud.calls(since=since)} == {"list"}
    assert shared.cloud.endpoint(seen.endpoint_id)["alive"]
    event = shared.until_event(name, "OwnershipConflict")
    assert seen.endpoint_id in event["message"]


def test_wiped_status(shared: World, name: str) -> None:
    """A status wiped by hand is written anew from the endpoint's mark, without a second POST."""
    before = shared.created(name)
    shared.wipe_status(name)
    eventually(lambda: shared.get(name).endpoint_id == before.endpoint_id, what="the id in the status")
    after = shared.until_ready(name)
    assert after.status["createAttempt"]["id"] == before.status["createAttempt"]["id"]
    shared.after_lists()
    assert len(shared.calls(name, "POST")) == 1


def test_wiped_status_while_nobody_looks(new_world: WorldMaker) -> None:
    """The same for an operator that never knew the object: the mark alone is enough."""
    world = new_world()
    before = world.created("subject")
    assert world.operator.stop() == 0
    world.wipe_status("subject")
    world.operator.start()
    after = world.until_ready("subject")
    assert after.endpoint_id == before.endpoint_id
    assert len(world.calls("subject", "POST")) == 1
    world.delete("subject")
    world.until_gone("subject")
    assert world.cloud.endpoints() == []


def test_status_of_another_object(shared: World, name: str) -> None:
    """A status that a backup tool brought from another object is ignored: its endpoint is neither used nor deleted."""
    stranger = shared.cloud.console_create(name="not ours")["id"]
    shared.create(name, enabled=False)
    shared.until_reported(name, "Ready", "Stopped")
    shared.write_status(name, {"uid": "11111111-2222-3333-4444-555555555555", "endpointId": stranger})
    shared.edit(name, enabled=True)
    seen = shared.until_ready(name)
    assert seen.endpoint_id == shared.endpoint(name)["id"] != stranger
    shared.delete(name)
    shared.until_gone(name)
    assert shared.cloud.endpoint(stranger)["alive"]
    shared.cloud.console_delete(stranger)


def test_recreated_under_the_same_name(shared: World, name: str) -> None:
    """An object deleted and made anew at once gets an endpoint of its own; the old one's is gone."""
    first = shared.created(name)
    shared.delete(name)
    shared.until_gone(name)
    second = shared.created(name)
    assert second.uid != first.uid
    assert shared.endpoint(name)["id"] == second.endpoint_id != first.endpoint_id
    assert len(shared.calls(name, "POST")) == 2


def test_endpoints_of_others(new_world: WorldMaker) -> None:
    """Endpoints of no object are left alone, and their end in the console holds up no deletion for ever."""
    world = new_world()
    others = [world.cloud.console_create(name=f"other {number}")["id"] for number in range(3)]
    world.created("subject")
    world.created("second")
    world.after_lists()
    for each in others:
        world.cloud.console_delete(each)
    world.delete("subject")
    world.until_gone("subject")
    world.until_ready("second")
    assert {call["endpoint_id"] for call in world.cloud.calls(method="DELETE")}.isdisjoint(others)
    assert world.calls("second", "DELETE") == []

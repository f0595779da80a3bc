"""A cluster is lost, replaced, restored or cloned, on a real API server, as docs/disaster-recovery.md says."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.support.world import World
from cluster.support.worlds import WorldMaker

pytestmark = pytest.mark.cluster


def replaced(world: World, name: str) -> tuple[dict[str, Any], str]:
    """A Ready object whose cluster is lost: neither object nor operator is left. Its spec and its endpoint's id."""
    seen = world.created(name)
    world.operator.kill()
    spec = dict(world.get(name).body["spec"])
    world.delete(name)
    world.kube.patch(world.namespace, name, {"metadata": {"finalizers": None}})
    world.until_gone(name)
    return spec, seen.endpoint_id


def changes(world: World, since: int) -> list[str]:
    """What was sent to the cloud but reads."""
    return [call["method"] for call in world.cloud.calls(since=since) if call["method"] != "GET"]


@pytest.mark.rule("I19")
def test_the_same_files_on_a_new_cluster(new_world: WorldMaker) -> None:
    """Nothing is doubled silently: an Event names the other cluster's endpoint, that cluster and the page."""
    world = new_world(settings={"CLUSTER_ID": "old"})
    _, old = replaced(world, "subject")
    world.operator.configure(CLUSTER_ID="new")
    world.operator.start()
    world.create("subject")
    seen = world.until_ready("subject")
    event = world.until_event("subject", "CreatedBesideNamesake")
    assert all(word in event["message"] for word in (old, seen.endpoint_id, "cluster old", "disaster-recovery.md"))
    assert event["type"] == "Warning"
    assert len(world.endpoints("subject")) == 2


def test_a_new_cluster_takes_over(new_world: WorldMaker) -> None:
    """Held first, since that was asked; with the old cluster's id the endpoints are adopted, and none is made."""
    world = new_world(settings={"CLUSTER_ID": "old"})
    _, old = replaced(world, "subject")
    since = world.now()
    world.operator.configure(CLUSTER_ID="new", NAMESAKES="Conflict")
    world.operator.start()
    world.create("subject")
    assert old in world.until_stalled("subject", "OwnershipConflict").said("Synced").message
    world.after_lists()
    assert changes(world, since) == []
    world.operator.stop()
    world.operator.configure(CLUSTER_ID="old", ADOPTION_RECREATED="Adopt")
    world.operator.start()
    assert world.until_ready("subject").endpoint_id == old
    assert changes(world, since) == ["PATCH"]
    assert len(world.endpoints("subject")) == 1


def test_restored_from_a_backup_of_the_objects(new_world: WorldMaker) -> None:
    """As Velero does: a new uid, the old status restored with it; that names nothing of this object, and one adopts."""
    world = new_world()
    seen = world.created("subject")
    backup = world.get("subject").body
    world.operator.kill()
    world.delete("subject")
    world.kube.patch(world.namespace, "subject", {"metadata": {"finalizers": None}})
    world.until_gone("subject")
    since = world.now()
    world.kube.create(world.namespace, "subject", backup["spec"], finalizers=backup["metadata"]["finalizers"])
    world.write_status("subject", backup["status"])
    world.operator.start()
    world.until_stalled("subject", "OwnershipConflict")
    assert changes(world, since) == []
    world.edit("subject", endpointId=seen.endpoint_id)
    assert world.until_ready("subject").endpoint_id == seen.endpoint_id
    assert changes(world, since) == ["PATCH"]


def test_a_clone_with_an_id_of_its_own_leaves_production_alone(new_world: WorldMaker) -> None:
    """Same objects, same uids, same status: with another cluster id no endpoint is this cluster's to change."""
    world = new_world(settings={"CLUSTER_ID": "production"})
    seen = world.created("subject")
    world.operator.kill()
    since = world.now()
    world.operator.configure(CLUSTER_ID="clone")
    world.operator.start()
    world.until_stalled("subject", "OwnershipConflict")
    world.edit("subject", displayName="changed in the clone")
    world.after_lists()
    world.delete("subject")
    world.until_gone("subject")
    event = world.until_event("subject", "OwnershipConflict")
    assert seen.endpoint_id in event["message"]
    assert changes(world, since) == []
    assert world.endpoint("subject")["id"] == seen.endpoint_id


def test_a_clone_with_the_same_id_is_the_same_cluster(new_world: WorldMaker) -> None:
    """What no operator can know, as the page warns: uid, id and status were copied, so a deletion there is real."""
    world = new_world(settings={"CLUSTER_ID": "production"})
    world.created("subject")
    world.operator.kill()
    world.operator.start()
    world.delete("subject")
    world.until_gone("subject")
    assert world.endpoints("subject") == []

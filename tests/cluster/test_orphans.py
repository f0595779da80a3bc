"""Endpoints whose object is gone: told of where operators of the cluster look, and never deleted."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.support.eventually import eventually
from cluster.support.world import World
from cluster.support.worlds import SYSTEM, WorldMaker
from tokenfactory_operator.api import v1alpha1 as api

pytestmark = pytest.mark.cluster

LABEL = {"shard": "a"}


def reported(world: World, endpoint_id: str) -> list[dict[str, Any]]:
    """Events in the operator's own namespace that name the endpoint."""
    found = [item for item in world.kube.events(SYSTEM) if item["reason"] == "OrphanedEndpoint"]
    return [item for item in found if endpoint_id in item["message"]]


def orphans(world: World) -> float:
    """The gauge, over all credentials."""
    samples = world.operator.metrics().items()
    return sum(value for (name, _), value in samples if name == "tokenfactory_orphaned_endpoints")


def until_orphaned(world: World, endpoint_id: str) -> dict[str, Any]:
    """Counted and told of; answers the one Event."""

    def check() -> dict[str, Any]:
        assert orphans(world) == 1
        events = reported(world, endpoint_id)
        assert len(events) == 1, f"{len(events)} Events"
        return events[0]

    return eventually(check)


def abandoned(world: World, name: str) -> str:
    """An object that goes without its finalizer being heeded, while the operator is away; answers its endpoint."""
    seen = world.created(name)
    world.operator.kill()
    world.delete(name)
    world.kube.patch(world.namespace, name, {"metadata": {"finalizers": None}})
    world.until_gone(name)
    return seen.endpoint_id


def unselected_lists(world: World) -> int:
    """LISTs of all objects of the namespace, whatever their labels, that the operator has made."""
    return sum(
        event["user"]["username"] == world.account
        and (event["verb"], event["stage"]) == ("list", "ResponseComplete")
        and f"/namespaces/{world.namespace}/{api.PLURAL}?" in event["requestURI"]
        and "labelSelector" not in event["requestURI"]
        for event in world.cluster.audit()
    )


@pytest.mark.rule("O4", "O5")
def test_after_a_forced_release(new_world: WorldMaker) -> None:
    """It is counted and told of once, is not deleted, and is none any more once an object takes it over."""
    world = new_world()
    seen = world.created("subject")
    world.faulty("subject", "DELETE", effect="status", code=500)
    world.delete("subject")
    world.until_called("subject", "DELETE")
    world.annotate("subject", api.FORCE_RELEASE, "true")
    world.until_gone("subject")
    since = world.now()
    event = until_orphaned(world, seen.endpoint_id)
    assert event["type"] == "Warning"
    assert (event["involvedObject"]["kind"], event["involvedObject"]["name"]) == ("Namespace", SYSTEM)
    assert f"{world.namespace}/subject" in event["message"]
    assert seen.uid in event["message"]
    world.after_lists(5)
    assert [call["method"] for call in world.cloud.calls(since=since) if call["method"] != "GET"] == []
    world.create("subject", endpointId=seen.endpoint_id)
    world.until_ready("subject")
    eventually(lambda: orphans(world) == 0, what="the end of the orphan")
    assert len(reported(world, seen.endpoint_id)) == 1


def test_found_after_a_restart(new_world: WorldMaker) -> None:
    """What went while the operator was away is found by the next one, from the mark alone; living ones are not."""
    world = new_world()
    world.created("other")
    endpoint_id = abandoned(world, "subject")
    world.operator.start()
    until_orphaned(world, endpoint_id)
    since = world.now()
    world.after_lists(5)
    assert [call["method"] for call in world.cloud.calls(since=since) if call["method"] != "GET"] == []
    world.cloud.console_delete(endpoint_id)
    eventually(lambda: orphans(world) == 0, what="the end of the orphan")


def test_namesake(new_world: WorldMaker) -> None:
    """While the object that took the name has no endpoint it reports the conflict; it is no orphan besides."""
    world = new_world()
    endpoint_id = abandoned(world, "subject")
    world.create("subject")
    world.operator.start()
    world.until_stalled("subject", "OwnershipConflict")
    lists = len(world.lists())
    eventually(lambda: len(world.lists()) > lists + 30, what="thirty more LISTs, many settle times")
    assert (orphans(world), reported(world, endpoint_id)) == (0, [])
    world.delete("subject")
    world.until_gone("subject")
    until_orphaned(world, endpoint_id)


def test_outside_the_selector(new_world: WorldMaker) -> None:
    """An object without the label lives all the same: asked without the selector, the API server says so."""
    world = new_world(settings={"OBJECT_SELECTOR": "shard=a"})
    world.create("subject", metadata={"labels": LABEL})
    seen = world.until_ready("subject")
    assert unselected_lists(world) == 0
    world.kube.patch(world.namespace, "subject", {"metadata": {"labels": {"shard": "b"}}})
    eventually(lambda: unselected_lists(world) == 1, what="a LIST without the selector")
    world.after_lists(5)
    assert (orphans(world), reported(world, seen.endpoint_id)) == (0, [])


def test_of_another_namespace(new_world: WorldMaker) -> None:
    """A mark of this cluster that names a namespace which this operator does not watch is another operator's."""
    world = new_world()
    world.created("other")
    mark = world.endpoint("other")["description"]
    stranger = mark.replace(f" {world.namespace}/other uid=", " elsewhere/theirs uid=0")
    here = mark.replace(f" {world.namespace}/other uid=", f" {world.namespace}/ours uid=0")
    ids = [world.cloud.console_create(description=text)["id"] for text in (stranger, here)]
    until_orphaned(world, ids[1])
    assert reported(world, ids[0]) == []


@pytest.mark.rule("O7")
@pytest.mark.parametrize("restarted", [False, True], ids=["while it runs", "found by the next process"])
def test_relabelled_out_of_the_selector_and_deleted(new_world: WorldMaker, *, restarted: bool) -> None:
    """The object says who must act; nothing is done in the cloud; with the label back it ends by itself."""
    world = new_world(settings={"OBJECT_SELECTOR": "shard=a"})
    world.create("subject", metadata={"labels": LABEL})
    seen = world.until_ready("subject")
    if restarted:
        world.operator.kill()
    since = world.now()
    world.kube.patch(world.namespace, "subject", {"metadata": {"labels": {"shard": "b"}}})
    if not restarted:
        world.until_event("subject", "NotSelected")
    world.delete("subject")
    if restarted:
        world.operator.start()

    def asked() -> bool:
        events = [item for item in world.kube.events(world.namespace) if item["reason"] == "NotSelected"]
        return any("being deleted" in item["message"] for item in events)

    eventually(asked, what="an Event that says who must act")
    assert [call["method"] for call in world.cloud.calls(since=since) if call["method"] != "GET"] == []
    assert world.endpoint("subject")["id"] == seen.endpoint_id
    world.kube.patch(world.namespace, "subject", {"metadata": {"labels": LABEL}})
    world.until_gone("subject")
    assert world.endpoints("subject") == []

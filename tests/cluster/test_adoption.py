"""Endpoints that somebody else made, taken over by `spec.endpointId`, on the real API server.

What was sent is read from the simulator's record. Sentences of the protocol: docs/protocol.md, Adopt and Delete 3.
"""

from __future__ import annotations

from typing import Any

import pytest

from cluster.support.eventually import eventually
from cluster.support.world import World
from cluster.support.worlds import WorldMaker
from tokenfactory_operator.api import v1alpha1 as api

pytestmark = pytest.mark.cluster

MUTATIONS = ("POST", "PATCH", "DELETE")
ALIKE: dict[str, Any] = {
    "model_name": "openai/gpt-oss-120b",
    "flavor_name": "base",
    "region": "eu-north1",
    "gpu_type": "gpu-h100-sxm",
    "gpu_count": 1,
    "scaling": {"min_replicas": 1, "max_replicas": 4},
}
"""What a valid spec says, in the vendor's words."""


@pytest.fixture
def world(new_world: WorldMaker) -> World:
    """A world whose namespace may adopt: every one may."""
    return new_world(settings={"ADOPTION_NAMESPACES": "*"})


def by_hand(world: World, **fields: object) -> str:
    """An endpoint made in the vendor's console; answers its id."""
    text: str = world.cloud.console_create(**{"name": "by hand", "description": "a note", **ALIKE, **fields})["id"]
    return text


def sent(world: World, since: int = 0) -> list[str]:
    """Everything that the operator sent to change the cloud."""
    return [f"{call['method']} {call['endpoint_id']}" for call in world.cloud.calls(since=since) if _mutates(call)]


def _mutates(call: dict[str, Any]) -> bool:
    return call["method"] in MUTATIONS


def test_adopted_and_let_go_and_adopted_again(world: World) -> None:
    """One PATCH takes it over, one gives it back with a released mark, and another object may have it then."""
    endpoint_id = by_hand(world)
    world.create("first", endpointId=endpoint_id)
    seen = world.until_ready("first")
    assert (seen.endpoint_id, seen.held) == (endpoint_id, True)
    assert seen.status["createAttempt"] == {"id": "adopted", "state": "Created"}
    world.after_lists()
    assert sent(world) == [f"PATCH {endpoint_id}"]
    (patch,) = world.cloud.calls(method="PATCH")
    assert set(patch["body"]) == {"description"}
    kept = world.cloud.endpoint(endpoint_id)
    assert kept["name"] == "by hand"
    assert kept["description"].startswith("a note [k8s ")
    assert f" {world.namespace}/first uid={seen.uid} try=adopted]" in kept["description"]

    world.delete("first")
    world.until_gone("first")
    left = world.cloud.endpoint(endpoint_id)
    assert left["alive"]
    assert left["description"].startswith("a note [k8s-released ")
    assert sent(world) == [f"PATCH {endpoint_id}"] * 2

    world.create("second", endpointId=endpoint_id)
    again = world.until_ready("second")
    world.after_lists()
    assert sent(world) == [f"PATCH {endpoint_id}"] * 3
    text = world.cloud.endpoint(endpoint_id)["description"]
    assert f" {world.namespace}/second uid={again.uid} try=adopted]" in text
    assert "k8s-released" not in text


def test_adopted_with_what_differs(world: World) -> None:
    """The PATCH that brings the mark brings what the spec says otherwise, and nothing that it leaves out."""
    endpoint_id = by_hand(world, scaling={"min_replicas": 1, "max_replicas": 2})
    world.create("subject", endpointId=endpoint_id, displayName="mine")
    world.until_ready("subject")
    world.after_lists()
    (patch,) = world.cloud.calls(method="PATCH")
    assert set(patch["body"]) == {"name", "description", "scaling"}
    assert sent(world) == [f"PATCH {endpoint_id}"]


def test_deleted_with_its_object_where_the_spec_says_so(world: World) -> None:
    """`deletionPolicy: Delete` counts for an adopted endpoint too."""
    endpoint_id = by_hand(world)
    world.create("subject", endpointId=endpoint_id, deletionPolicy="Delete")
    world.until_ready("subject")
    world.delete("subject")
    world.until_gone("subject")
    assert not world.cloud.endpoint(endpoint_id)["alive"]
    assert sent(world) == [f"PATCH {endpoint_id}", f"DELETE {endpoint_id}"]


@pytest.mark.parametrize("settings", [pytest.param({}, id="nowhere"), pytest.param({"other": "yes"}, id="elsewhere")])
def test_a_namespace_that_may_not_adopt(new_world: WorldMaker, settings: dict[str, str]) -> None:
    """The condition names the setting; nothing is sent, and the object goes without a trace."""
    world = new_world(settings={"ADOPTION_NAMESPACES": ",".join(settings)})
    endpoint_id = by_hand(world)
    world.create("subject", endpointId=endpoint_id)
    seen = world.until_stalled("subject", "Forbidden")
    assert "TOKENFACTORY_ADOPTION_NAMESPACES" in seen.said("Synced").message
    assert endpoint_id in seen.said("Synced").message
    world.after_lists()
    world.delete("subject")
    world.until_gone("subject")
    assert sent(world) == []
    assert world.cloud.endpoint(endpoint_id)["description"] == "a note"


def test_an_id_that_is_not_there(world: World) -> None:
    """Nothing is created in its place; the message names the id, and the object can be deleted at once."""
    world.create("subject", endpointId="ep-nowhere")
    seen = world.until_stalled("subject", "EndpointNotFound")
    assert "ep-nowhere" in seen.said("Synced").message
    world.after_lists()
    world.delete("subject")
    world.until_gone("subject")
    assert sent(world) == []


def test_immutable_fields_that_differ(world: World) -> None:
    """The message names what differs, and nothing is sent until the object describes the endpoint as it is."""
    endpoint_id = by_hand(world, region="us-central1")
    world.create("subject", endpointId=endpoint_id)
    seen = world.until_stalled("subject", "InvalidSpec")
    assert "region: the endpoint has us-central1" in seen.said("Synced").message
    world.after_lists()
    assert sent(world) == []
    world.create("right", endpointId=endpoint_id, region="us-central1")
    world.until_ready("right")
    assert sent(world) == [f"PATCH {endpoint_id}"]


def test_two_objects_for_one_endpoint(world: World) -> None:
    """Exactly one gets it, over a restart too; the other gets it when the first has let go."""
    endpoint_id = by_hand(world)
    names = {"one", "two"}
    for each in names:
        world.create(each, endpointId=endpoint_id)

    def decided() -> tuple[str, str]:
        ready = {each for each in names if world.get(each).ready}
        assert len(ready) == 1, ready
        (winner,) = ready
        (loser,) = names - ready
        said = world.get(loser).said("Stalled")
        assert (said.status, said.reason) == ("True", "OwnershipConflict"), world.get(loser).summary()
        return winner, loser

    winner, loser = eventually(decided)
    world.operator.restart()
    world.after_lists()
    assert decided() == (winner, loser)
    assert sent(world) == [f"PATCH {endpoint_id}"]
    assert not world.get(loser).endpoint_id
    world.delete(winner)
    world.until_gone(winner)
    assert world.until_ready(loser).endpoint_id == endpoint_id
    assert sent(world) == [f"PATCH {endpoint_id}"] * 3


def test_observed_only(world: World) -> None:
    """Observe reports the endpoint and what differs, and neither that nor its deletion sends a single mutation."""
    endpoint_id = by_hand(world)
    world.create("subject", endpointId=endpoint_id, managementPolicy="Observe")
    seen = world.until_ready("subject")
    assert seen.endpoint_id == endpoint_id
    assert seen.status["readiness"] == "Ready"
    world.edit("subject", displayName="mine")
    seen = world.until_reported("subject", "Synced", "Observing", status="False")
    assert "name: the cloud has by hand, the spec says mine" in seen.said("Synced").message
    world.after_lists()
    world.delete("subject")
    world.until_gone("subject")
    assert sent(world) == []
    assert world.cloud.endpoint(endpoint_id)["description"] == "a note"


@pytest.mark.parametrize("change", [pytest.param("ep-other", id="changed"), pytest.param(None, id="removed")], ids=None)
def test_the_id_stays(world: World, change: str | None) -> None:
    """The API server refuses another id, and no id, for an object that has adopted; the object stays Ready."""
    endpoint_id = by_hand(world)
    world.create("subject", endpointId=endpoint_id)
    before = world.until_ready("subject")
    with pytest.raises(AssertionError, match="endpointId is immutable once set"):
        world.edit("subject", endpointId=change)
    assert world.get("subject").version == before.version


def test_no_id_for_an_object_that_has_an_endpoint(world: World) -> None:
    """The API server refuses to turn an object to another endpoint, and allows to name the one it has."""
    seen = world.created("subject")
    other = by_hand(world)
    with pytest.raises(AssertionError, match="endpointId can be added only while this object has no endpoint"):
        world.edit("subject", endpointId=other)
    world.edit("subject", endpointId=seen.endpoint_id)
    world.until_ready("subject")
    world.after_lists()
    assert [call["method"] for call in world.cloud.calls() if _mutates(call)] == ["POST"]


def test_killed_between_the_id_and_the_mark(world: World) -> None:
    """A life that ends with its PATCH under way: the next one goes on, and the endpoint is marked once and kept."""
    endpoint_id = by_hand(world)
    world.cloud.fault(
        {"method": "PATCH", "count": 1, "path_regex": f"/{endpoint_id}$"}, effect="delay", seconds=1, when="before"
    )
    world.create("subject", endpointId=endpoint_id)
    eventually(lambda: world.cloud.calls(method="PATCH"), what="the PATCH of the mark")
    world.operator.kill()
    left = world.get("subject")
    assert (left.endpoint_id, left.held) == (endpoint_id, True)
    world.operator.start()
    seen = world.until_ready("subject")
    world.after_lists()
    assert set(sent(world)) == {f"PATCH {endpoint_id}"}
    assert world.cloud.endpoint(endpoint_id)["description"].endswith(f" uid={seen.uid} try=adopted]")


def test_a_recreated_object_takes_its_endpoint_over(new_world: WorldMaker) -> None:
    """`ADOPTION_RECREATED=Adopt`: an object applied again after a Retain gets its endpoint back, and retains it."""
    world = new_world(settings={"ADOPTION_RECREATED": "Adopt"})
    endpoint_id = world.created("subject", deletionPolicy="Retain").endpoint_id
    world.delete("subject")
    world.until_gone("subject")
    seen = world.created("subject")
    assert (seen.endpoint_id, seen.status["createAttempt"]["id"]) == (endpoint_id, "adopted")
    world.after_lists()
    assert [call["method"] for call in world.cloud.calls() if _mutates(call)] == ["POST", "PATCH", "PATCH"]
    world.delete("subject")
    world.until_gone("subject")
    assert world.cloud.endpoint(endpoint_id)["alive"]
    assert api.FINALIZER not in str(world.find("subject"))


def test_a_recreated_object_asks_first(new_world: WorldMaker) -> None:
    """By default its endpoint is a conflict that names the id; that id may be adopted wherever the object lives."""
    world = new_world()
    endpoint_id = world.created("subject", deletionPolicy="Retain").endpoint_id
    world.delete("subject")
    world.until_gone("subject")
    world.create("subject")
    seen = world.until_stalled("subject", "OwnershipConflict")
    assert endpoint_id in seen.said("Synced").message
    world.after_lists()
    world.edit("subject", endpointId=endpoint_id)
    assert world.until_ready("subject").endpoint_id == endpoint_id
    assert len(world.cloud.calls(method="POST")) == 1

"""A mark that is on two endpoints, or seems to be: which of them is the object's, and what is told of the other one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tokenfactory_operator.decision.actions import DeleteEndpoints, Nothing
from tokenfactory_operator.domain.attempt import State
from tokenfactory_operator.domain.observed import EndpointCreate, ObservedEndpoint
from unit.support.builders import KEY, an_endpoint
from unit.support.outcome import decided
from unit.support.scene import Scene
from unit.support.stage import Stage

COPY = an_endpoint("ep-2", routing_key="dedicated/theirs")


def answering(how: str, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A cloud whose answer to a POST has another id than its list."""
    stage = Stage()
    stage.cloud.makes_keys = True
    create = stage.cloud.create_endpoint

    async def answered(body: EndpointCreate) -> ObservedEndpoint:
        made = await create(body)
        return ObservedEndpoint("op-1") if how == "an-operation" else replace(made, id=made.id.upper())

    monkeypatch.setattr(stage.cloud, "create_endpoint", answered)
    return stage


@pytest.mark.rule("C43", "X33")
@pytest.mark.parametrize("how", ["an-operation", "another-spelling"])
async def test_the_id_in_the_answer_is_another_one_than_in_the_list(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No list ever shows the first id, so what the list shows is no copy of it: it becomes the object's."""
    stage = answering(how, monkeypatch)
    for _ in range(8):
        await stage.turn(61)
    assert (stage.status["endpointId"], stage.reported("Stalled")) == ("ep-1", None)
    assert (stage.journal("POST"), list(stage.cloud.endpoints)) == (["POST"], ["ep-1"])


@pytest.mark.rule("C43", "X33")
@pytest.mark.parametrize("how", ["an-operation", "another-spelling"])
async def test_its_deletion_takes_what_the_list_shows(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left behind for an id that never was."""
    stage = answering(how, monkeypatch)
    await stage.turn()
    stage.delete()
    for _ in range(4):
        await stage.turn(61)
    assert (stage.cloud.endpoints, KEY in stage.kube.objects) == ({}, False)


@pytest.mark.rule("C43", "X34")
async def test_the_state_of_a_copy_is_not_the_objects() -> None:
    """The original is not listed any more: that the copy takes traffic says nothing about it."""
    stage = Stage()
    stage.cloud.makes_keys = True
    stage = await stage.ready()
    stage.cloud.endpoints["ep-2"] = replace(stage.cloud.endpoints.pop("ep-1"), id="ep-2", routing_key="dedicated/x")
    for _ in range(3):
        await stage.turn(61)
    assert (stage.reported("Serving"), stage.reported("Ready")) == (
        "Unknown OwnershipConflict",
        "False OwnershipConflict",
    )
    assert stage.journal("DELETE", "PATCH ep-2") == []


@pytest.mark.rule("C43", "X35")
def test_what_this_process_made_is_no_copy_of_its_copy() -> None:
    """It was proven gone, so the status names nothing any more. Now it shows again, beside a copy."""
    scene = Scene().attempted(State.SUCCEEDED, endpoint_id="ep-1").gone("ep-1")
    scene = scene.attempted(State.REFUSED, attempt_id="a3").held().attempt_written("a3", "Refused")
    scene = scene.settles(an_endpoint(), COPY)
    found = decided(scene)
    assert (found.check, found.action, found.record) == ("copied", Nothing(), "ep-1")
    assert decided(scene.terminating()).action == DeleteEndpoints(("ep-1",))

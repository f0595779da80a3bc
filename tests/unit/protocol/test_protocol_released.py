"""What is to stay in the cloud is seen to be released before its object goes: an answer alone says nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tokenfactory_operator.domain.observed import EndpointPatch, ObservedEndpoint
from unit.support.builders import KEY, an_endpoint, mark, released
from unit.support.outcome import decided
from unit.support.scene import Scene
from unit.support.stage import Stage


async def retained(monkeypatch: pytest.MonkeyPatch, *, answers: str) -> Stage:
    """A deleted object whose endpoint stays, in a cloud that accepts each PATCH and carries out none."""
    stage = await Stage(deletionPolicy="Retain").ready(lasting=300)

    async def accepted(endpoint_id: str, patch: EndpointPatch) -> ObservedEndpoint:
        stage.script.journal.append(f"PATCH {endpoint_id}")
        there = stage.cloud.endpoints[endpoint_id]
        return replace(there, description=patch.description) if answers == "what-was-sent" else there

    monkeypatch.setattr(stage.cloud, "update_endpoint", accepted)
    stage.delete()
    return stage


@pytest.mark.rule("D10", "X41")
@pytest.mark.parametrize("answers", ["what-was-sent", "what-is-there"])
async def test_a_release_that_is_accepted_and_does_nothing(answers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The object is kept, says so, and the release is sent again, until a list shows it."""
    stage = await retained(monkeypatch, answers=answers)
    for _ in range(4):
        await stage.turn(61)
    assert KEY in stage.kube.objects
    assert len(stage.journal("PATCH")) > 1
    assert "no longer shows the owner mark" in stage.message("Reconciling")
    monkeypatch.undo()
    for _ in range(3):
        await stage.turn(61)
    assert KEY not in stage.kube.objects
    assert stage.cloud.endpoints["ep-1"].description == released()


@pytest.mark.rule("D10")
async def test_a_release_is_seen_in_the_next_list() -> None:
    """It is sent once, and the object goes with that list."""
    stage = await Stage(deletionPolicy="Retain").ready(lasting=300)
    stage.delete()
    await stage.turn(61)
    assert KEY in stage.kube.objects
    await stage.turn()
    assert KEY not in stage.kube.objects
    assert stage.journal("PATCH") == ["PATCH ep-1 description"]


@pytest.mark.rule("D10")
@pytest.mark.parametrize("text", [f"{released()} {mark()}", f"{mark()} {released()}"])
def test_a_released_mark_beside_the_objects_own_is_no_release(text: str) -> None:
    """Somebody has pasted one: the object's own mark has to go too."""
    scene = Scene().recorded().spec(deletionPolicy="Retain").terminating().settles(an_endpoint(description=text))
    assert decided(scene).check == "unreleased"

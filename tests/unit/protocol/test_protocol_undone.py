"""A PATCH that the cloud accepts and that does not last: it is tried a few times, and then a person is told."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import pytest

from tokenfactory_operator.domain.observed import EndpointPatch, ObservedEndpoint
from unit.support.stage import Stage


async def rewriting(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A cloud that gives a description back in another form, and each time in a longer one."""
    stage = await Stage().ready()
    update = stage.cloud.update_endpoint

    async def rewritten(endpoint_id: str, patch: EndpointPatch) -> ObservedEndpoint:
        done = await update(endpoint_id, patch)
        text = escape(done.description or "").replace("[", "&lsqb;")
        stage.cloud.endpoints[endpoint_id] = replace(done, description=text)
        return stage.cloud.endpoints[endpoint_id]

    monkeypatch.setattr(stage.cloud, "update_endpoint", rewritten)
    stage.cloud.endpoints["ep-1"] = replace(stage.cloud.endpoints["ep-1"], description="by hand")
    return stage


@pytest.mark.parametrize("seconds", [1, 31])
async def test_a_value_that_comes_back_in_another_form(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the same field, so it is the same PATCH that does not last."""
    stage = await rewriting(monkeypatch)
    for _ in range(90):
        await stage.turn(seconds)
    assert stage.reported("Stalled") == "True NotAccepted"
    assert len(stage.journal("PATCH")) == 3


async def test_a_change_by_hand_once_a_day_is_corrected_each_time() -> None:
    """What was corrected long ago, and lasted, counts for nothing."""
    stage = await Stage(displayName="chat").ready()
    for _ in range(5):
        stage.cloud.endpoints["ep-1"] = replace(stage.cloud.endpoints["ep-1"], name="by hand")
        await stage.turn(86_400)
        stage.cloud.endpoints["ep-1"] = replace(stage.cloud.endpoints["ep-1"], name="by hand")
        await stage.turn(2)
        assert stage.reported("Stalled") is None
        await stage.turn(31)
        await stage.turn(31)
    assert stage.reported("Ready") == "True Available"

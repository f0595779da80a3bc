"""A status that the API server will not take is written in its smallest form, and that is told."""

from __future__ import annotations

import pytest

from tokenfactory_operator.domain.errors import KubeRefused, LeaseLost
from unit.support.fakes import Turn
from unit.support.stage import Stage


async def test_the_smallest_status() -> None:
    """The id is recorded whatever the cloud's words were, and the object can be deleted."""
    stage = Stage()
    await stage.turn()
    stage.cloud.turn_up()
    stage.script.plan("patch_status", Turn(KubeRefused("status.state: Too long")))
    await stage.turn()
    assert stage.status["endpointId"] == "ep-1"
    assert stage.reported("Ready") == "True Available"
    assert "StatusReduced" in stage.witness.events


async def test_a_smallest_status_that_is_refused_too() -> None:
    """Then it is the API server's error like any other: tried again later."""
    stage = Stage()
    await stage.poll()
    stage.script.plan("patch_status", *[Turn(KubeRefused("no"))] * 2)
    with pytest.raises(KubeRefused):
        await stage.reconcile()
    assert "StatusReduced" not in stage.witness.events


@pytest.mark.rule("W2", "X56")
async def test_the_lease_is_lost_while_the_status_is_refused() -> None:
    """The smallest one is a write of its own: who does not lead any more does not send it."""
    stage = Stage()
    await stage.poll()

    def lost() -> None:
        stage.lease.left = 0

    stage.script.plan("patch_status", Turn(KubeRefused("no"), meanwhile=lost))
    before = stage.status
    with pytest.raises(LeaseLost):
        await stage.reconcile()
    assert stage.status == before

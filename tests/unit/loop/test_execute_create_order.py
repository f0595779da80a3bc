"""The moments around a POST: what is taken before it, what is seen just before it, and what is known while it runs."""

from __future__ import annotations

import pytest

from tokenfactory_operator.domain.errors import RateLimited
from tokenfactory_operator.domain.observed import EndpointList
from unit.support.builders import an_endpoint, mark
from unit.support.fakes import Turn
from unit.support.stage import Stage


async def test_the_turn_at_the_cloud_comes_before_the_attempt() -> None:
    """Create 2: rate-limit token and connection slot are taken first, so that an open attempt waits for neither."""
    stage = Stage()
    await stage.turn()
    journal = stage.script.journal
    assert journal.index("slot") < journal.index("finalizers 1") < journal.index("status Pending")


async def test_no_attempt_is_opened_while_the_credential_has_to_wait() -> None:
    """Create 2: where no slot is given nothing is written, and nothing is sent."""
    stage = Stage()
    await stage.poller.catalog.read()  # so that the turn is the create's
    stage.script.plan("slot", Turn(error=RateLimited("Retry-After", refused=True, retry_after=1.0)))
    await stage.turn()
    assert stage.journal() == []


async def test_an_endpoint_that_shows_up_while_the_attempt_is_opened() -> None:
    """Create 1: nothing is created for an object whose identity an endpoint carries, however late that is seen."""
    stage = Stage()

    def listed() -> None:
        earlier = an_endpoint("ep-9", description=mark("earlier"))
        stage.inventory.listed(stage.inventory.stamp(), EndpointList((earlier,)))

    stage.script.plan("patch_status", Turn(effect=True, meanwhile=listed))
    await stage.turn()
    assert stage.journal("POST") == []
    assert stage.status["endpointId"] == "ep-9"


async def test_a_call_that_fails_as_no_call_should_leaves_its_outcome_open() -> None:
    """Create 5: whatever ends the call without an answer, a defect of ours too, nobody knows what it has done."""
    stage = Stage()
    stage.script.plan("create", Turn(error=RuntimeError("a defect"), effect=True))
    stage.cloud.hidden.add("ep-1")
    with pytest.raises(RuntimeError):
        await stage.turn()
    await stage.turn()
    assert stage.journal("POST") == ["POST"]
    assert stage.reported("Synced") == "False CreateOutcomeUnknown"

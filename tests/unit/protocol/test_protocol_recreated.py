"""An object applied again while its predecessor's endpoint is there: said, and judged again with every change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tokenfactory_operator.domain.observed import ObservedEndpoint
from unit.support.builders import FOREIGN, KEY, OTHER_UID, an_endpoint, mark, released
from unit.support.stage import Stage

PREDECESSORS = an_endpoint("ep-9", description=mark(uid=OTHER_UID))


async def in_conflict(endpoint: ObservedEndpoint = PREDECESSORS) -> Stage:
    stage = Stage()
    stage.cloud.endpoints["ep-9"] = endpoint
    await stage.turn()
    assert (stage.reported("Stalled"), stage.journal("POST")) == ("True OwnershipConflict", [])
    assert "ep-9" in stage.witness.messages[-1]
    return stage


@pytest.mark.rule("A18")
@pytest.mark.parametrize("description", [mark(uid=OTHER_UID), released()], ids=["held", "released"])
@pytest.mark.parametrize(
    "becomes",
    [
        pytest.param(None, id="deleted"),
        pytest.param("", id="unmarked"),
        pytest.param(FOREIGN, id="another-objects"),
        pytest.param(mark(uid=OTHER_UID, cluster="c2"), id="another-clusters"),
    ],
)
async def test_the_conflict_ends_with_its_cause(description: str, becomes: str | None) -> None:
    """Adopt: deleted, or marked as somebody else's, in the console; the next LIST is enough to go on."""
    stage = await in_conflict(replace(PREDECESSORS, description=description))
    if becomes is None:
        stage.cloud.endpoints.clear()
    else:
        stage.cloud.endpoints["ep-9"] = replace(PREDECESSORS, description=becomes)
    stage.woken.clear()
    await stage.poll()
    assert stage.woken == [KEY]
    await stage.reconcile()
    assert stage.journal("POST", "PATCH", "DELETE") == ["POST"]
    assert stage.reported("Stalled") is None


@pytest.mark.rule("A18")
async def test_the_conflict_begins_again() -> None:
    """Adopt: what is marked as a predecessor's before this object has an endpoint is not doubled."""
    stage = Stage(enabled=False)
    await stage.turn()
    stage.cloud.endpoints["ep-9"] = PREDECESSORS
    stage.edit(enabled=True)
    await stage.turn()
    assert (stage.reported("Stalled"), stage.journal("POST")) == ("True OwnershipConflict", [])


@pytest.mark.rule("A16")
async def test_a_predecessors_endpoint_that_shows_up_later_is_nobodys_concern() -> None:
    """Adopt: once this object has an endpoint, that of an earlier one is an orphan; nothing is changed for it."""
    stage = await Stage().ready()
    stage.cloud.endpoints["ep-9"] = PREDECESSORS
    await stage.turn()
    assert stage.reported("Ready") == "True Available"
    assert stage.journal("POST", "PATCH", "DELETE") == []

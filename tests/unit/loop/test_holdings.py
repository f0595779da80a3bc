"""What is held of an object between two passes, when its credential changes or is missing."""

from __future__ import annotations

import pytest

from tokenfactory_operator.domain.memory import Memory
from tokenfactory_operator.domain.timing import NEVER
from tokenfactory_operator.loop.holdings import Holdings
from tokenfactory_operator.observe.poller import Poller
from tokenfactory_operator.state.cache import ObjectCache
from unit.support.builders import KEY, SCOPE
from unit.support.credentials import another
from unit.support.fakes import InMemoryCloud, Script
from unit.support.scene import Scene
from unit.support.stage import Stage


def held_with(poller: Poller, holdings: Holdings) -> Memory:
    """The memory of one object, worked on with this credential."""
    return holdings.hold(KEY, Scene().recorded().resource, poller)


@pytest.fixture
def holdings() -> Holdings:
    """With no object yet."""
    return Holdings(ObjectCache(), lambda _body: None)


@pytest.mark.rule("D34")
async def test_a_credential_that_is_missing_takes_nothing_with_it(holdings: Holdings) -> None:
    """What is known of the endpoint, and that it is expected, is so when the credential is back."""
    stage = await Stage().ready()
    stage.poller.inventory.expect("ep-1")
    held_with(stage.poller, holdings).endpoints.delete_answered("ep-1", 5.0)
    memory = held_with(another(stage, scope="", cloud=InMemoryCloud(Script())), holdings)
    assert memory.endpoints["ep-1"].deleted == 5.0
    record = stage.poller.inventory.record("ep-1")
    assert record is not None
    assert record.expected


@pytest.mark.rule("D34")
async def test_another_credential_begins_anew(holdings: Holdings) -> None:
    """What was known by id was known beside the lists of the other one."""
    stage = await Stage().ready()
    stage.poller.inventory.expect("ep-1")
    held_with(stage.poller, holdings).endpoints.delete_answered("ep-1", 5.0)
    memory = held_with(another(stage, scope=SCOPE), holdings)
    assert memory.endpoints["ep-1"].deleted == NEVER
    record = stage.poller.inventory.record("ep-1")
    assert record is not None
    assert not record.expected

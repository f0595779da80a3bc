"""Which scopes are of one project, and what is remembered of that."""

from __future__ import annotations

from typing import Any

import pytest

from tokenfactory_operator.domain.observed import EndpointList
from tokenfactory_operator.state.cache import ObjectCache
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.state.projects import REMEMBERED, Projects
from tokenfactory_operator.state.sequence import SequenceClock
from unit.support.builders import CLUSTER, SAME_SETTLE, UID, an_endpoint, an_object
from unit.support.clock import ManualClock

SHOWN = EndpointList((an_endpoint(),))


class Objects(ObjectCache):
    """One object, and how often its uid was looked up."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.looked = 0
        self.record(scope)

    def record(self, scope: str) -> None:
        """Its status names ep-1, in this scope."""
        body: dict[str, Any] = an_object()
        body["metadata"]["resourceVersion"] = str(len(self) + self.looked + 1)
        body["status"] = {"uid": UID, "scope": scope, "endpointId": "ep-1"}
        self.put(body)

    @property
    def uids(self) -> Any:  # noqa: ANN401  # as its base
        """Counted."""
        self.looked += 1
        return super().uids


def listed(scope: str, answer: EndpointList = SHOWN, clock: ManualClock | None = None) -> Inventory:
    """The inventory of a credential with this scope, after one LIST."""
    inventory = Inventory(
        scope=scope, cluster_id=CLUSTER, sequence=SequenceClock(clock or ManualClock()), timing=SAME_SETTLE
    )
    inventory.listed(inventory.stamp(), answer)
    return inventory


def compared(projects: Projects, written: str, inventory: Inventory) -> bool:
    """Whether the scopes count as of one project, once the inventory was looked at."""
    projects.compare(written, inventory)
    return projects.same(written, inventory.scope)


def test_what_was_shown_stays_known_over_several_rotations() -> None:
    """The object's own status names the new scope by then."""
    objects = Objects("one")
    projects = Projects(objects)
    assert compared(projects, "one", listed("two"))
    objects.record("two")
    assert compared(projects, "two", listed("three"))
    nothing = listed("three", EndpointList(()))
    assert compared(projects, "one", nothing)
    assert compared(projects, "two", nothing)
    assert not compared(projects, "four", nothing)


@pytest.mark.rule("I21")
def test_what_only_an_answer_shows_is_no_evidence() -> None:
    """A GET by id is answered for any project that the token may read, perhaps."""
    inventory = listed("two", EndpointList(()))
    inventory.take_answer(an_endpoint())
    assert not compared(Projects(Objects("one")), "one", inventory)


def test_each_list_is_compared_once() -> None:
    """However many objects ask."""
    objects = Objects("elsewhere")
    projects, inventory = Projects(objects), listed("two")
    for _ in range(100):
        assert not compared(projects, "one", inventory)
    assert objects.looked == 1
    inventory.listed(inventory.stamp(), SHOWN)
    assert not compared(projects, "one", inventory)
    assert objects.looked == 2


def test_it_is_bounded() -> None:
    """A token that is rotated in a loop leaves no more than that; the newest are kept."""
    objects = Objects("0")
    projects = Projects(objects)
    for number in range(REMEMBERED + 10):
        assert compared(projects, str(number), listed(str(number + 1)))
        objects.record(str(number + 1))
    nothing = listed(str(REMEMBERED + 10), EndpointList(()))
    assert compared(projects, str(REMEMBERED), nothing)
    assert not compared(projects, "1", nothing)

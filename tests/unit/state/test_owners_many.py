"""However many endpoints carry one mark, a LIST of them costs about what it costs without."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tokenfactory_operator.domain.observed import EndpointList
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.state.index import FEW, Index
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.state.sequence import SequenceClock
from unit.support.builders import CLUSTER, SCOPE, an_endpoint
from unit.support.clock import ManualClock

MANY = 10_000
MOST = 8
"""So many times as long may it take; it was thirty."""


def mark(number: int) -> str:
    return f"[k8s {CLUSTER} ml/a-{number} uid=11111111-2222-3333-4444-{number:012} try=a1]"


def taken(description: Callable[[int], str], *, nameless: tuple[str, ...] = ()) -> float:
    """Seconds of processor time for a LIST of that many, and for the next, in which there is none of them.

    It is the least of three, since a busy machine makes some of them long.
    """
    return min(_taken(description, nameless) for _ in range(3))


def _taken(description: Callable[[int], str], nameless: tuple[str, ...]) -> float:
    inventory = Inventory(scope=SCOPE, cluster_id=CLUSTER, sequence=SequenceClock(ManualClock()), timing=Timing())
    endpoints = tuple(an_endpoint(f"ep-{number}", description=description(number)) for number in range(MANY))
    begun = time.process_time()
    for answer in (endpoints, ()):
        inventory.listed(inventory.stamp(), EndpointList(answer, nameless=nameless))
    return time.process_time() - begun


def test_one_mark_on_all() -> None:
    """A cloud, or who may edit its endpoints, would else stop the process for a minute with one answer."""
    assert taken(lambda _: mark(0)) < MOST * taken(mark)


def test_one_mark_on_all_and_on_as_many_without_an_id() -> None:
    """Each of these may be any of those."""

    def listed(nameless: tuple[str, ...]) -> float:
        return taken(lambda _: mark(0), nameless=nameless)

    assert listed((mark(0),) * MANY) < MOST * listed((mark(0),))


def test_endpoints_that_come_and_go_are_not_all_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cloud may show other ones in each LIST. What an object names stays known."""
    monkeypatch.setattr("tokenfactory_operator.state.inventory.MOST_UNNAMED", 100)
    monkeypatch.setattr("tokenfactory_operator.state.owners.MOST_STRANGERS", 100)
    clock = ManualClock()
    inventory = Inventory(scope=SCOPE, cluster_id=CLUSTER, sequence=SequenceClock(clock), timing=Timing())
    for turn in range(10):
        endpoints = (an_endpoint(f"ep-{turn}-{n}", description=mark(100 * turn + n)) for n in range(60))
        inventory.listed(inventory.stamp(), EndpointList(tuple(endpoints)))
        if not turn:
            inventory.expect("ep-0-0")
        clock.seconds += 1
    own = "11111111-2222-3333-4444-000000000001"
    inventory.owners.forget_strangers({own: None})
    assert len(list(inventory.records())) <= 60 + 100 + 1
    assert inventory.record("ep-0-0") is not None
    assert inventory.record("ep-8-0") is not None
    assert inventory.untrusted()
    assert inventory.marked(own) == {"ep-0-1"}
    assert inventory.marked("11111111-2222-3333-4444-000000000002") == frozenset()
    assert inventory.marked("11111111-2222-3333-4444-000000000801") == {"ep-8-1"}


@pytest.mark.parametrize("count", [1, FEW, FEW + 1, 3 * FEW])
def test_ids_come_and_go(count: int) -> None:
    """In the order of their coming, each once, whatever holds them."""
    index, ids = Index[str, str](), [f"ep-{number}" for number in range(count)]
    for endpoint_id in (*ids, *ids):
        index.add("a", endpoint_id)
    assert index.get("a") == tuple(ids)
    index.discard("a", "ep-0")
    index.discard("a", "ep-0")
    index.discard("b", "ep-0")
    assert index.get("a") == tuple(ids[1:])
    assert [key for key, _ in index.items()] == (["a"] if count > 1 else [])
    for endpoint_id in ids:
        index.discard("a", endpoint_id)
    assert not list(index.items())

"""However many endpoints carry one mark, a LIST of them costs about what it costs without."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tokenfactory_operator.domain.observed import EndpointList
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.state.owners import FEW, Index
from tokenfactory_operator.state.sequence import SequenceClock
from unit.support.builders import CLUSTER, SCOPE, an_endpoint
from unit.support.clock import ManualClock

MANY = 10_000
MOST = 8
"""So many times as long may it take; it was thirty."""


def mark(number: int) -> str:
    return f"[k8s {CLUSTER} ml/a-{number} uid=11111111-2222-3333-4444-{number:012} try=a1]"


def taken(description: Callable[[int], str]) -> float:
    """Seconds of processor time for a LIST of that many, and for the next, in which there is none of them."""
    inventory = Inventory(scope=SCOPE, cluster_id=CLUSTER, sequence=SequenceClock(ManualClock()), timing=Timing())
    endpoints = tuple(an_endpoint(f"ep-{number}", description=description(number)) for number in range(MANY))
    begun = time.process_time()
    for answer in (endpoints, ()):
        inventory.listed(inventory.stamp(), EndpointList(answer))
    return time.process_time() - begun


def test_one_mark_on_all() -> None:
    """A cloud, or who may edit its endpoints, would else stop the process for a minute with one answer."""
    assert taken(lambda _: mark(0)) < MOST * taken(mark)


@pytest.mark.parametrize("count", [1, FEW, FEW + 1, 3 * FEW])
def test_ids_come_and_go(count: int) -> None:
    """In the order of their coming, each once, whatever holds them."""
    index, ids = Index(), [f"ep-{number}" for number in range(count)]
    for endpoint_id in (*ids, *ids):
        index.add("a", endpoint_id)
    assert index.get("a") == tuple(ids)
    index.discard("a", "ep-0")
    index.discard("a", "ep-0")
    index.discard("b", "ep-0")
    assert index.get("a") == tuple(ids[1:])
    assert ("a" in index) is (count > 1)
    for endpoint_id in ids:
        index.discard("a", endpoint_id)
    assert "a" not in index

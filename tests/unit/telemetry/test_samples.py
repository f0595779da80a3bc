"""What the gauges show of inventories is labelled by us: no object can choose a label, or make more series."""

from __future__ import annotations

import math

import pytest

from tokenfactory_operator.domain.observed import EndpointList
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.ports import JsonObject
from tokenfactory_operator.state.cache import ObjectCache
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.state.sequence import SequenceClock
from tokenfactory_operator.telemetry.gauges import InventorySample
from tokenfactory_operator.telemetry.samples import objects_by_ready, worst_by_credential
from unit.support.builders import CLUSTER, an_endpoint, an_object
from unit.support.clock import ManualClock


def an_inventory(clock: ManualClock, scope: str, namespace: str, *endpoints: str, listed: bool = True) -> Inventory:
    """Listed now, or never."""
    inventory = Inventory(
        scope=scope, cluster_id=CLUSTER, sequence=SequenceClock(clock), timing=Timing(), namespace=namespace
    )
    if listed:
        inventory.listed(inventory.stamp(), EndpointList(tuple(an_endpoint(each) for each in endpoints)))
    return inventory


def test_a_project_of_the_same_name_is_not_the_operators() -> None:
    """A tenant's bogus token for the operator's project, and a namespace with its name: both have a series apart."""
    clock = ManualClock()
    own = an_inventory(clock, "project-1", "", "ep-1")
    forged = an_inventory(clock, "project-1", "operator", listed=False)
    samples = {sample.credential: sample for sample in worst_by_credential([forged, own], clock.monotonic())}
    assert samples["operator"].endpoints == 1
    assert samples["operator"].age_seconds < 1
    assert samples["namespace/operator"] == InventorySample("namespace/operator", 0, math.inf)


def test_one_series_for_a_namespace() -> None:
    """However many projects it names: the greatest age, and each endpoint once, though two tokens show it."""
    clock = ManualClock()
    old = an_inventory(clock, "project-1", "team", "ep-1", "ep-2")
    clock.seconds += 60
    young = [an_inventory(clock, f"project-{number}", "team", "ep-2") for number in (1, 2, 3)]
    (sample,) = worst_by_credential([*young, old], clock.monotonic())
    assert (sample.credential, sample.endpoints) == ("namespace/team", 4)
    assert 60 <= sample.age_seconds < 61


def test_who_leads_has_an_age_of_the_operators_own_list() -> None:
    """Also while its token cannot be used, so that it has no account: what is not there raises no alert."""
    clock = ManualClock()
    tenant = an_inventory(clock, "project-1", "team", "ep-1")
    samples = {sample.credential: sample for sample in worst_by_credential([tenant], clock.monotonic(), leads=True)}
    assert samples["operator"] == InventorySample("operator", 0, math.inf)
    assert samples["namespace/team"].endpoints == 1
    (own,) = worst_by_credential([an_inventory(clock, "project-1", "", "ep-1")], clock.monotonic(), leads=True)
    assert (own.endpoints, own.age_seconds < 1) == (1, True)


@pytest.mark.parametrize(
    ("status", "counted_as"),
    [
        pytest.param(None, "Unknown", id="none yet"),
        pytest.param({"conditions": [{"type": "Ready", "status": "False"}]}, "False", id="as it says"),
        pytest.param({"conditions": [{"type": "Ready"}]}, "Unknown", id="without a status"),
        pytest.param({"conditions": [{"type": "Ready", "status": "Maybe"}]}, "Unknown", id="another word"),
    ],
)
def test_each_object_is_counted_once(status: JsonObject | None, counted_as: str) -> None:
    """Whatever somebody has put into a status: one object without a count would be missed, and fail the scrape."""
    cache = ObjectCache()
    cache.put(an_object() | {"status": status})
    assert objects_by_ready(cache) == {counted_as: 1}

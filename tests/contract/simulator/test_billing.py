"""The billing meter, to the second, on the manual clock; provisioning takes 8 s, a further replica 2, a rollout 4."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from contract.simulator.builders import ENDPOINTS, created, scaling
from tokenfactory_simulator.testing import RunningSimulator


def gpu_seconds(sim: RunningSimulator, endpoint_id: str) -> float:
    metered: float = sim.admin.endpoint(endpoint_id)["gpu_seconds"]
    return metered


@pytest.mark.parametrize(
    ("fields", "seconds", "expected"),
    [
        pytest.param({}, 8, 0, id="provisioning-is-free"),
        pytest.param({}, 18, 10, id="one-gpu"),
        pytest.param({"gpu_count": 4}, 18, 40, id="four-gpus"),
        pytest.param({"gpu_count": 2, "scaling": scaling(3, 5)}, 22, 2 * (14 + 12 + 10), id="replica-by-replica"),
    ],
)
def test_ready_replicas_are_billed(
    sim: RunningSimulator, http: httpx.Client, fields: dict[str, Any], seconds: float, expected: float
) -> None:
    """GPUs of each ready replica times the seconds it was ready."""
    endpoint = created(http, **fields)["id"]
    sim.admin.advance(seconds)
    assert gpu_seconds(sim, endpoint) == pytest.approx(expected)


def stop(sim: RunningSimulator, http: httpx.Client, endpoint_id: str) -> None:
    assert http.patch(f"{ENDPOINTS}/{endpoint_id}", json={"enabled": False}).status_code == 200
    sim.admin.advance(100)


def delete(sim: RunningSimulator, http: httpx.Client, endpoint_id: str) -> None:
    assert http.delete(f"{ENDPOINTS}/{endpoint_id}").status_code == 204
    sim.admin.advance(100)


def break_down(sim: RunningSimulator, _http: httpx.Client, endpoint_id: str) -> None:
    sim.admin.set_state(endpoint_id, status="running", readiness="not_ready")
    sim.admin.advance(100)
    sim.admin.clear_state(endpoint_id)


def grow(sim: RunningSimulator, http: httpx.Client, endpoint_id: str) -> None:
    assert http.patch(f"{ENDPOINTS}/{endpoint_id}", json={"gpu_count": 4}).status_code == 200
    sim.admin.advance(10)


def autoscale(sim: RunningSimulator, _http: httpx.Client, endpoint_id: str) -> None:
    sim.admin.autoscale(endpoint_id, 2)
    sim.admin.advance(10)


@pytest.mark.parametrize(
    ("change", "more"),
    [
        pytest.param(stop, 2 * 2, id="stopping-bills-until-drained"),
        pytest.param(delete, 0, id="deleted"),
        pytest.param(break_down, 0, id="outage-is-free"),
        pytest.param(grow, 4 * 2 + 6 * 4, id="rollout-bills-the-old-gpus"),
        pytest.param(autoscale, 10 * 2 + 2 * 2, id="autoscaled-replicas"),
    ],
)
def test_what_changes_the_bill(
    sim: RunningSimulator,
    http: httpx.Client,
    change: Callable[[RunningSimulator, httpx.Client, str], None],
    more: float,
) -> None:
    """After 10 s of one replica with 2 GPUs, the change adds exactly this."""
    endpoint = created(http, gpu_count=2, scaling=scaling(1, 2))["id"]
    sim.admin.advance(18)
    assert gpu_seconds(sim, endpoint) == pytest.approx(20)
    change(sim, http, endpoint)
    assert gpu_seconds(sim, endpoint) == pytest.approx(20 + more)


def test_the_total_includes_what_was_deleted(sim: RunningSimulator, http: httpx.Client) -> None:
    """A leak has a price, and so has what is gone."""
    gone, _leaked = created(http)["id"], created(http)["id"]
    sim.admin.advance(10)
    http.delete(f"{ENDPOINTS}/{gone}")
    sim.admin.advance(10)
    summary = sim.admin.summary()
    assert summary["gpu_seconds"] == pytest.approx(2 + 12)
    assert summary["alive"] == 1


def test_rounding_up_time_in_steps_changes_nothing(sim: RunningSimulator, http: httpx.Client) -> None:
    """A meter read often shows the same as one read once."""
    endpoint = created(http, scaling=scaling(2, 2))["id"]
    for _ in range(30):
        sim.admin.advance(0.7)
        http.patch(f"{ENDPOINTS}/{endpoint}", json={"name": "again"})
    assert gpu_seconds(sim, endpoint) == pytest.approx(13 + 11)

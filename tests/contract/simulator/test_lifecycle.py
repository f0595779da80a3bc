"""The states of an endpoint on the manual clock: provisioning takes 8 s, a further replica 2, a rollout 4."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from contract.simulator.builders import ENDPOINTS, created, deployment, listed, scaling
from tokenfactory_simulator.client import AdminClient
from tokenfactory_simulator.testing import RunningSimulator

State = tuple[str, str, int]
Course = list[tuple[float, State]]
"""Seconds since the change, and what LIST shows then."""

STARTING: State = ("starting", "not_ready", 0)
RUNNING_2: State = ("running", "ready", 2)
STOPPED: State = ("stopped", "not_ready", 0)


def assert_course(sim: RunningSimulator, http: httpx.Client, endpoint_id: str, course: Course) -> None:
    passed = 0.0
    for instant, state in course:
        sim.admin.advance(instant - passed)
        passed = instant
        assert deployment(http, endpoint_id) == state, f"after {instant} s"


@pytest.mark.parametrize(
    ("replicas", "course"),
    [
        pytest.param(1, [(0, STARTING), (7.9, STARTING), (8, ("running", "ready", 1))], id="one"),
        pytest.param(
            3,
            [
                (7.9, STARTING),
                (8, ("starting", "partially_ready", 1)),
                (10, ("starting", "partially_ready", 2)),
                (12, ("running", "ready", 3)),
            ],
            id="three",
        ),
    ],
)
def test_a_new_endpoint_starts(sim: RunningSimulator, http: httpx.Client, replicas: int, course: Course) -> None:
    """Not ready while provisioning, partially ready while scaling, then running."""
    assert_course(sim, http, created(http, scaling=scaling(replicas, 4))["id"], course)


@pytest.mark.parametrize(
    ("sent", "course"),
    [
        pytest.param({"name": "x", "description": "y"}, [(0, RUNNING_2)], id="text-only"),
        pytest.param({"enabled": True}, [(0, RUNNING_2)], id="enabled-already"),
        pytest.param(
            {"scaling": scaling(2, 9)},
            [(0, ("updating", "ready", 2)), (3.9, ("updating", "ready", 2)), (4, RUNNING_2)],
            id="maximum",
        ),
        pytest.param(
            {"scaling": scaling(1, 4)},
            [(0, ("updating", "ready", 1)), (4, ("running", "ready", 1))],
            id="scale-down",
        ),
        pytest.param(
            {"scaling": scaling(4, 4)},
            [
                (0, ("updating", "partially_ready", 2)),
                (8, ("updating", "partially_ready", 3)),
                (10, ("running", "ready", 4)),
            ],
            id="scale-up",
        ),
        pytest.param({"gpu_count": 2}, [(0, ("updating", "ready", 2)), (4, RUNNING_2)], id="gpu-count"),
        pytest.param({"gpu_type": "gpu-h200-sxm"}, [(0, ("updating", "ready", 2)), (4, RUNNING_2)], id="gpu-type"),
        pytest.param(
            {"custom_weights_id": "model-artifact_9"}, [(0, ("updating", "ready", 2)), (4, RUNNING_2)], id="weights"
        ),
        pytest.param(
            {"enabled": False},
            [
                (0, ("stopping", "partially_ready", 2)),
                (2, ("stopping", "not_ready", 0)),
                (4, STOPPED),
                (1000, STOPPED),
            ],
            id="stop",
        ),
    ],
)
def test_a_running_endpoint_serves_while_it_changes(
    sim: RunningSimulator, http: httpx.Client, sent: dict[str, Any], course: Course
) -> None:
    """A PATCH rolls out under `updating` without interrupting; one that replicas do not notice shows nothing."""
    endpoint = created(http, scaling=scaling(2, 4))["id"]
    sim.admin.advance(100)
    assert deployment(http, endpoint) == RUNNING_2
    http.patch(f"{ENDPOINTS}/{endpoint}", json=sent)
    assert_course(sim, http, endpoint, course)


@pytest.mark.parametrize(
    ("after", "course"),
    [
        pytest.param(100, [(0, STARTING), (8, ("running", "ready", 1))], id="stopped"),
        pytest.param(1, [(0, STARTING), (8, ("running", "ready", 1))], id="still-stopping"),
    ],
)
def test_an_enabled_endpoint_starts_anew(
    sim: RunningSimulator, http: httpx.Client, after: float, course: Course
) -> None:
    """Enabling provisions from the beginning, with the same id and routing key."""
    before = created(http)
    path = f"{ENDPOINTS}/{before['id']}"
    sim.admin.advance(8)
    http.patch(path, json={"enabled": False})
    sim.admin.advance(after)
    http.patch(path, json={"enabled": True})
    assert_course(sim, http, before["id"], course)
    (seen,) = listed(http)
    assert seen["routing_key"] == before["routing_key"]


def test_a_change_while_starting_starts_over_only_where_it_must(sim: RunningSimulator, http: httpx.Client) -> None:
    """Other GPUs are provisioned from the beginning; another name is not noticed."""
    renamed, moved = created(http)["id"], created(http)["id"]
    sim.admin.advance(5)
    http.patch(f"{ENDPOINTS}/{renamed}", json={"name": "x"})
    http.patch(f"{ENDPOINTS}/{moved}", json={"gpu_type": "gpu-h200-sxm"})
    sim.admin.advance(3)
    assert deployment(http, renamed) == ("running", "ready", 1)
    assert deployment(http, moved) == ("starting", "not_ready", 0)
    sim.admin.advance(5)
    assert deployment(http, moved) == ("running", "ready", 1)


def test_a_disabled_endpoint_can_be_changed_and_deleted(sim: RunningSimulator, http: httpx.Client) -> None:
    """What was changed meanwhile is what starts."""
    endpoint = created(http)["id"]
    path = f"{ENDPOINTS}/{endpoint}"
    http.patch(path, json={"enabled": False})
    sim.admin.advance(100)
    http.patch(path, json={"scaling": scaling(2, 2)})
    assert deployment(http, endpoint) == STOPPED
    http.patch(path, json={"enabled": True})
    sim.admin.advance(100)
    assert deployment(http, endpoint) == RUNNING_2
    assert http.delete(path).status_code == 204


def error(admin: AdminClient, endpoint_id: str) -> None:
    admin.set_state(endpoint_id)


def error_while_serving(admin: AdminClient, endpoint_id: str) -> None:
    admin.set_state(endpoint_id, readiness="ready")


def outage(admin: AdminClient, endpoint_id: str) -> None:
    admin.set_state(endpoint_id, status="running")


def degraded(admin: AdminClient, endpoint_id: str) -> None:
    admin.set_state(endpoint_id, status="running", readiness="partially_ready", ready_replicas=1)


@pytest.mark.parametrize(
    ("by_hand", "state"),
    [
        pytest.param(error, ("error", "not_ready", 0), id="error"),
        pytest.param(error_while_serving, ("error", "ready", 2), id="error-while-serving"),
        pytest.param(outage, ("running", "not_ready", 0), id="outage"),
        pytest.param(degraded, ("running", "partially_ready", 1), id="degraded"),
    ],
)
def test_a_state_can_be_set_by_hand(
    sim: RunningSimulator, http: httpx.Client, by_hand: Callable[[AdminClient, str], None], state: State
) -> None:
    """It is shown until it is taken back, whatever time passes."""
    endpoint = created(http, scaling=scaling(2, 2))["id"]
    sim.admin.advance(100)
    by_hand(sim.admin, endpoint)
    assert_course(sim, http, endpoint, [(0, state), (1000, state)])
    sim.admin.clear_state(endpoint)
    assert deployment(http, endpoint) == RUNNING_2


def test_the_autoscaler_works_between_minimum_and_maximum(sim: RunningSimulator, http: httpx.Client) -> None:
    """Above the minimum it is updating and partially ready until the replicas are there; never above the maximum."""
    endpoint = created(http, scaling=scaling(1, 3))["id"]
    sim.admin.advance(8)
    sim.admin.autoscale(endpoint, 9)
    course: Course = [
        (0, ("updating", "partially_ready", 1)),
        (8, ("updating", "partially_ready", 2)),
        (10, ("running", "ready", 3)),
    ]
    assert_course(sim, http, endpoint, course)
    sim.admin.autoscale(endpoint, 0)
    assert deployment(http, endpoint) == ("running", "ready", 1)
    (seen,) = listed(http)
    assert seen["scaling"] == scaling(1, 3)


def test_autoscaling_is_best_effort(sim: RunningSimulator, http: httpx.Client) -> None:
    """Replicas above the minimum that find no GPU are not waited for."""
    sim.admin.set_capacity("eu-north1/gpu-h100-sxm", 2)
    endpoint = created(http, scaling=scaling(1, 4))["id"]
    sim.admin.advance(8)
    sim.admin.autoscale(endpoint, 4)
    sim.admin.advance(100)
    assert deployment(http, endpoint) == RUNNING_2
    assert not sim.admin.endpoint(endpoint)["waiting_for_gpus"]


def test_a_rollout_to_gpus_that_are_taken_waits_and_serves(sim: RunningSimulator, http: httpx.Client) -> None:
    """The old replicas serve until the new GPUs are free and the rollout is through."""
    sim.admin.set_capacity("eu-north1/gpu-h200-sxm", 0)
    endpoint = created(http)["id"]
    sim.admin.advance(8)
    http.patch(f"{ENDPOINTS}/{endpoint}", json={"gpu_type": "gpu-h200-sxm"})
    assert_course(sim, http, endpoint, [(1000, ("updating", "ready", 1))])
    sim.admin.set_capacity("eu-north1/gpu-h200-sxm", 1)
    assert_course(sim, http, endpoint, [(3.9, ("updating", "ready", 1)), (4, ("running", "ready", 1))])
    assert sim.admin.summary()["gpus_taken"] == {"eu-north1/gpu-h200-sxm": 1}

"""Quota, GPU capacity and the rate of requests."""

from typing import Any

import httpx
import pytest

from contract.simulator.builders import ENDPOINTS, caller, create_body, created, deployment, listed, scaling
from tokenfactory_simulator.testing import RunningSimulator

H100 = "eu-north1/gpu-h100-sxm"
WAITING = ("starting", "not_ready", 0)
RUNNING = ("running", "ready", 1)


@pytest.mark.parametrize("status", [403, 409, 429])
def test_a_quota_refuses_what_exceeds_it(sim: RunningSimulator, http: httpx.Client, status: int) -> None:
    """Reserved GPUs (count times minimum) count; the refusal has the configured code and says quota."""
    sim.admin.configure(quotas={"project-a": 4, "*": 0}, quota_status=status)
    endpoint = created(http, gpu_count=2)
    path = f"{ENDPOINTS}/{endpoint['id']}"
    refused = (
        http.post(ENDPOINTS, json=create_body(gpu_count=4)),
        http.patch(path, json={"scaling": scaling(3, 3)}),
    )

    assert [answer.status_code for answer in refused] == [status, status]
    assert all("quota" in answer.json()["detail"] for answer in refused)
    assert listed(http) == [endpoint]
    assert http.patch(path, json={"scaling": scaling(2, 2)}).status_code == 200
    with caller(sim, "tok-b") as other:
        assert other.post(ENDPOINTS, json=create_body()).status_code == status


def test_a_stopped_endpoint_leaves_its_quota(sim: RunningSimulator, http: httpx.Client) -> None:
    """Disabling frees what it reserved, and enabling needs it again."""
    sim.admin.configure(quotas={"project-a": 1})
    first = created(http)
    http.patch(f"{ENDPOINTS}/{first['id']}", json={"enabled": False})
    created(http)
    assert http.patch(f"{ENDPOINTS}/{first['id']}", json={"enabled": True}).status_code == 403


@pytest.mark.parametrize(
    "release",
    [
        pytest.param(lambda admin, _first: admin.set_capacity(H100, 2), id="more-gpus"),
        pytest.param(lambda admin, _first: admin.set_capacity(H100, None), id="no-limit"),
        pytest.param(lambda admin, first: admin.console_delete(first), id="the-other-deleted"),
        pytest.param(lambda admin, first: (admin.console_patch(first, enabled=False), admin.advance(4)), id="stopped"),
        pytest.param(lambda admin, first: admin.console_patch(first, gpu_type="gpu-h200-sxm"), id="moved-to-another"),
    ],
)
def test_an_endpoint_waits_for_free_gpus(sim: RunningSimulator, http: httpx.Client, release: Any) -> None:  # noqa: ANN401 - a lambda of the table
    """It is accepted and stays starting as long as it takes; provisioning counts from when GPUs are free."""
    sim.admin.set_capacity(H100, 1)
    first, second = created(http)["id"], created(http)["id"]
    sim.admin.advance(1000)
    assert deployment(http, first) == RUNNING
    assert deployment(http, second) == WAITING

    release(sim.admin, first)
    sim.admin.advance(7.9)
    assert deployment(http, second) == WAITING
    sim.admin.advance(0.2)
    assert deployment(http, second) == RUNNING


def test_scaling_up_without_gpus_is_partial(sim: RunningSimulator, http: httpx.Client) -> None:
    """What serves goes on serving while the rest waits."""
    sim.admin.set_capacity(H100, 1)
    endpoint = created(http)["id"]
    sim.admin.advance(8)
    http.patch(f"{ENDPOINTS}/{endpoint}", json={"scaling": scaling(2, 2)})
    sim.admin.advance(1000)
    assert deployment(http, endpoint) == ("updating", "partially_ready", 1)
    assert sim.admin.endpoint(endpoint)["waiting_for_gpus"]


def test_the_longest_waiting_is_served_first(sim: RunningSimulator, http: httpx.Client) -> None:
    """GPUs go in the order of the requests."""
    sim.admin.set_capacity(H100, 0)
    ids = [created(http)["id"] for _ in range(3)]
    sim.admin.set_capacity(H100, 2)
    sim.admin.advance(8)
    assert [deployment(http, endpoint) for endpoint in ids] == [RUNNING, RUNNING, WAITING]


def test_the_rate_of_a_token_is_limited(sim: RunningSimulator, http: httpx.Client) -> None:
    """Beyond the rate 429 with `Retry-After`, after which there is room again; other tokens are free."""
    sim.admin.configure(rate_limit=0.5, rate_burst=2)
    answers = [http.get(ENDPOINTS) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["x-ratelimit-remaining-requests"] for answer in answers] == ["1", "0", "0"]
    assert answers[-1].headers["retry-after"] == "2"
    with caller(sim, "tok-b") as other:
        assert other.get(ENDPOINTS).status_code == 200
    sim.admin.advance(2)
    assert http.get(ENDPOINTS).status_code == 200
    assert http.get(ENDPOINTS).status_code == 429


def test_routing_keys_can_be_unique(sim: RunningSimulator, http: httpx.Client) -> None:
    """By setting, a key in use is a conflict until its endpoint is deleted."""
    sim.admin.configure(unique_routing_keys=True)
    first = created(http, routing_key="dedicated/mine")
    assert http.post(ENDPOINTS, json=create_body(routing_key="dedicated/mine")).status_code == 409
    http.delete(f"{ENDPOINTS}/{first['id']}")
    created(http, routing_key="dedicated/mine")

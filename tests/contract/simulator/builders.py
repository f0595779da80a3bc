"""Requests as a client of the vendor would send them."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tokenfactory_simulator.testing import RunningSimulator

ENDPOINTS = "/v0/dedicated_endpoints"
TOKENS = {"tok-a": ["project-a", "project-shared"], "tok-b": "project-b"}
GOOD = "tok-a"
PROVISIONING = 8.0
"""Seconds of the manual clock; replicas follow every 2, a rollout and stopping take 4."""


def create_body(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON of any kind, wrong ones too
    """A valid body of POST; a change to `None` leaves the field out."""
    body = {
        "name": "one",
        "model_name": "openai/gpt-oss-120b",
        "flavor_name": "base",
        "gpu_type": "gpu-h100-sxm",
        "gpu_count": 1,
        "region": "eu-north1",
        "scaling": {"min_replicas": 1, "max_replicas": 1},
    } | changes
    return {name: value for name, value in body.items() if value is not None}


def scaling(low: int, high: int) -> dict[str, int]:
    return {"min_replicas": low, "max_replicas": high}


@contextmanager
def caller(sim: RunningSimulator, token: str = GOOD) -> Iterator[httpx.Client]:
    """A raw client with a token; an empty one sends none."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # as in AdminClient
    with httpx.Client(base_url=sim.url, headers=headers, timeout=20, trust_env=False, verify=nobody) as http:
        yield http


def created(http: httpx.Client, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - as create_body
    """An endpoint made by POST."""
    answer = http.post(ENDPOINTS, json=create_body(**changes))
    assert answer.status_code == 201, answer.text
    endpoint: dict[str, Any] = answer.json()["endpoint"]
    return endpoint


def listed(http: httpx.Client) -> list[dict[str, Any]]:
    """What LIST shows."""
    answer = http.get(ENDPOINTS)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def deployment(http: httpx.Client, endpoint_id: str) -> tuple[str, str, int]:
    """Status, readiness and ready replicas of a listed endpoint."""
    found = {endpoint["id"]: endpoint["deployment"] for endpoint in listed(http)}[endpoint_id]
    return found["status"], found["readiness"], found["ready_replicas"]


def eventually(condition: Callable[[], object], *, within: float = 30) -> None:
    """Wait until the condition holds, at most so many seconds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.005)

"""Builders for contract tests of the cloud client: a client before a running simulator, on real time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from pydantic import SecretStr

from tokenfactory_operator.cloud.client import HttpCloud
from tokenfactory_operator.cloud.transport import CloudSettings
from tokenfactory_operator.domain.observed import EndpointCreate
from tokenfactory_simulator.testing import RunningSimulator

TOKEN: Final = "contract-token"
PROJECTS: Final = ("project-a", "project-b")

CREATE: Final = EndpointCreate(
    name="ml/llm",
    description="hello [k8s c1 ml/llm uid=u1 try=a1]",
    model_name="openai/gpt-oss-120b",
    flavor_name="base",
    gpu_type="gpu-h100-sxm",
    gpu_count=1,
    region="eu-north1",
    min_replicas=1,
    max_replicas=2,
)


class SystemClock:
    """`ports.Clock` on this machine's clocks."""

    def monotonic(self) -> float:
        """Seconds."""
        return time.monotonic()

    def now(self) -> datetime:
        """UTC."""
        return datetime.now(UTC)


class Served(Protocol):
    """A cloud at an address."""

    @property
    def url(self) -> str:
        """Of its API."""


def client_of(
    sim: Served,
    *,
    token: str = TOKEN,
    project_id: str | None = None,
    request_timeout: float = 30.0,
    max_connections: int = 10,
) -> HttpCloud:
    """A client before the simulator, or another server."""
    return HttpCloud(
        CloudSettings(
            base_url=sim.url, trust_env=False, request_timeout=request_timeout, max_connections=max_connections
        ),
        token=lambda: SecretStr(token),
        clock=SystemClock(),
        project_id=project_id,
    )


def sent(sim: RunningSimulator, operation: str) -> list[dict[str, Any]]:
    """The calls of one operation that reached the simulator."""
    return [call for call in sim.admin.calls() if call["operation"] == operation]

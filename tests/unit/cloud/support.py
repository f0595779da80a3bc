"""Builders for tests of the cloud client: a clock set by hand, bodies, and clients before a scripted cloud."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import pytest
from pydantic import SecretStr

from tokenfactory_operator.cloud.client import HttpCloud
from tokenfactory_operator.cloud.transport import CloudSettings
from tokenfactory_operator.domain.observed import EndpointCreate, EndpointPatch

TOKEN: Final = "canary-7f3e9b1c5d"
EPOCH: Final = datetime(2025, 1, 1, 12, 0, tzinfo=UTC)
URL: Final = "http://cloud.test"

CREATE: Final = EndpointCreate(
    name="ml/llm",
    description="[k8s c1 ml/llm uid=u1 try=a1]",
    model_name="openai/gpt-oss-120b",
    flavor_name="base",
    gpu_type="gpu-h100-sxm",
    gpu_count=1,
    region="eu-north1",
    min_replicas=1,
    max_replicas=2,
)

Handler = Callable[[httpx.Request], httpx.Response] | Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


@dataclass
class ManualClock:
    """`ports.Clock` that moves when told."""

    seconds: float = 1000.0

    def monotonic(self) -> float:
        """Seconds, as set."""
        return self.seconds

    def now(self) -> datetime:
        """A wall clock in step with it."""
        return EPOCH + timedelta(seconds=self.seconds - 1000.0)


@dataclass
class Script:
    """Answers in order, the last one for ever; remembers the requests. An exception is raised instead."""

    answers: list[httpx.Response | Exception]
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """The next answer."""
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def scripted(*answers: httpx.Response | Exception) -> Script:
    """A scripted cloud."""
    return Script(list(answers))


def reply(status: int, body: object, **headers: str) -> httpx.Response:
    """A JSON answer; underscores in header names are dashes."""
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def page(status: int, html: str, **headers: str) -> httpx.Response:
    """A gateway's page."""
    return httpx.Response(status, html=html, headers={name.replace("_", "-"): value for name, value in headers.items()})


@asynccontextmanager
async def cloud_before(
    handler: Handler,
    *,
    clock: ManualClock | None = None,
    project_id: str | None = None,
    token: str = TOKEN,
    settings: CloudSettings | None = None,
) -> AsyncIterator[HttpCloud]:
    """A client whose requests `handler` answers."""
    client = HttpCloud(
        settings or CloudSettings(base_url=URL),
        token=lambda: SecretStr(token),
        clock=clock or ManualClock(),
        project_id=project_id,
        transport=httpx.MockTransport(handler),
    )
    async with client:
        yield client


def endpoint_json(endpoint_id: str = "ep-1", /, **changes: object) -> dict[str, Any]:
    """A whole endpoint as the vendor answers it."""
    return {
        "id": endpoint_id,
        "name": "ml/llm",
        "description": "text",
        "enabled": True,
        "routing_key": "dedicated/gpt-oss-1",
        "model_name": "openai/gpt-oss-120b",
        "flavor_name": "base",
        "region": "eu-north1",
        "gpu_type": "gpu-h100-sxm",
        "gpu_count": 2,
        "custom_weights_id": None,
        "scaling": {"min_replicas": 1, "max_replicas": 4},
        "deployment": {"ready_replicas": 1, "status": "running", "readiness": "ready"},
        "created_at": "2025-01-01T00:00:00Z",
        **changes,
    }


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and everything that hangs on it."""
    while error is not None:
        yield error
        yield from chain(error.__cause__)
        error = error.__context__


PATCH = EndpointPatch(description="new")
Operation = Callable[[HttpCloud], Awaitable[object]]

OPERATIONS: dict[str, Operation] = {
    "list": lambda cloud: cloud.list_endpoints(),
    "templates": lambda cloud: cloud.list_templates(),
    "get": lambda cloud: cloud.get_endpoint("ep-1"),
    "create": lambda cloud: cloud.create_endpoint(CREATE),
    "update": lambda cloud: cloud.update_endpoint("ep-1", PATCH),
    "delete": lambda cloud: cloud.delete_endpoint("ep-1"),
}
every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)

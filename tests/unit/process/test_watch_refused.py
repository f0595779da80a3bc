"""What kopf does while the API server, or a proxy in its place, does not accept its credentials."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.errors import SetupError
from tokenfactory_operator.kube.login import Connection
from tokenfactory_operator.process import handlers
from unit.kube.loopback import Request, answer, client_of, loopback, status_answer
from unit.process.discovery import SERVED

REFUSED, WELL = (f"/apis/{api.API_VERSION}/namespaces/{name}/{api.PLURAL}" for name in ("refused", "well"))


async def settled(_body: Mapping[str, Any]) -> None:
    """Nothing is under way."""


async def watch_for(seconds: float, client: KubeClient) -> None:
    """Let kopf watch two namespaces, and end it."""
    settings = handlers.build_settings("")
    registry = handlers.build_registry(
        client, settings, lambda _kind, _body: None, None, is_known=lambda _: False, settled=settled
    )
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await handlers.watch(
                registry, settings, namespaces=("refused", "well"), ready=asyncio.Event(), spawned=lambda: None
            )


async def test_a_401_on_one_path_only() -> None:
    """It is tried again at the pace of other failed calls, and no other watch is disturbed."""

    def respond(request: Request) -> bytes | None:
        path, _, query = request.target.partition("?")
        if path == REFUSED:
            return status_answer(401, "Unauthorized")
        if path in SERVED:
            return answer(SERVED[path])
        return None if "watch=true" in query else answer({"metadata": {"resourceVersion": "9"}, "items": []})

    async with loopback(respond) as server, client_of(server) as client:
        await watch_for(4.0, client)
    asked = [request.target.partition("?")[0] for request in server.requests]
    assert asked.count(REFUSED) == 3
    assert asked.count(WELL) == 2


async def test_credentials_that_are_being_replaced() -> None:
    """They are read again soon, and the watch goes on with the new ones."""
    answers = {**SERVED, REFUSED: {"metadata": {"resourceVersion": "9"}, "items": []}}

    def respond(request: Request) -> bytes | None:
        path, _, query = request.target.partition("?")
        if request.headers["Authorization"] != "Bearer new":
            return status_answer(401, "Unauthorized")
        return None if "watch=true" in query else answer(answers[path.replace("well", "refused")])

    async with loopback(respond) as server:
        failures = [SetupError("empty")]

        async def load() -> Connection:
            if failures:
                raise failures.pop()
            return server.connection(token="new")

        async with KubeClient(server.connection(token="old"), load) as client:
            await watch_for(6.0, client)
    tokens = [request.headers["Authorization"] for request in server.requests]
    assert tokens.count("Bearer old") == 2, "two documents of discovery are asked for at once"
    watched = [request.target for request in server.requests if "watch=" in request.target]
    assert {target.partition("?")[0] for target in watched} == {REFUSED, WELL}

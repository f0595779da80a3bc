"""What kopf does while the API server, or a proxy in its place, does not accept its credentials."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.errors import SetupError
from tokenfactory_operator.kube.login import Connection
from tokenfactory_operator.kube.supervision import LONGEST_PAUSE, Backoffs
from tokenfactory_operator.process import handlers
from unit.kube.loopback import Request, answer, client_of, loopback, status_answer
from unit.process.discovery import SERVED
from unit.support.waiting import until

REFUSED, WELL = (f"/apis/{api.API_VERSION}/namespaces/{name}/{api.PLURAL}" for name in ("refused", "well"))


async def settled(_body: Mapping[str, Any]) -> None:
    """Nothing is under way."""


async def watch_until(check: Callable[[], bool], client: KubeClient) -> float:
    """Let kopf watch two namespaces, and end it when that holds; answers the seconds that it has taken."""
    settings = handlers.build_settings("")
    registry = handlers.build_registry(
        client, settings, lambda _kind, _body: None, None, is_known=lambda _: False, settled=settled
    )
    loop = asyncio.get_running_loop()
    begun, names = loop.time(), ("refused", "well")
    watch = handlers.watch(registry, settings, namespaces=names, ready=asyncio.Event(), spawned=lambda: None)
    watching = asyncio.create_task(watch)
    try:
        await until(lambda: check() or watching.done(), within=60.0)
        return loop.time() - begun
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_a_401_on_one_path_only() -> None:
    """It is tried again at the pace of other failed calls, and no other watch is disturbed."""

    def respond(request: Request) -> bytes | None:
        path, _, query = request.target.partition("?")
        if path == REFUSED:
            return status_answer(401, "Unauthorized")
        if path in SERVED:
            return answer(SERVED[path])
        return None if "watch=true" in query else answer({"metadata": {"resourceVersion": "9"}, "items": []})

    def asked(path: str) -> int:
        return [request.target.partition("?")[0] for request in server.requests].count(path)

    async with loopback(respond) as server, client_of(server) as client:
        took = await watch_until(lambda: asked(REFUSED) >= 3 and asked(WELL) >= 2, client)
    assert (asked(REFUSED), asked(WELL)) == (3, 2)
    pauses = iter(Backoffs())
    assert took >= next(pauses) + next(pauses)


async def test_credentials_that_are_being_replaced() -> None:
    """They are read again soon, and the watch goes on with the new ones."""
    answers = {**SERVED, REFUSED: {"metadata": {"resourceVersion": "9"}, "items": []}}

    def respond(request: Request) -> bytes | None:
        path, _, query = request.target.partition("?")
        if request.headers["Authorization"] != "Bearer new":
            return status_answer(401, "Unauthorized")
        return None if "watch=true" in query else answer(answers[path.replace("well", "refused")])

    def watched() -> set[str]:
        targets = [request.target for request in server.requests if "watch=" in request.target]
        return {target.partition("?")[0] for target in targets}

    async with loopback(respond) as server:
        failures = [SetupError("empty")]

        async def load() -> Connection:
            if failures:
                raise failures.pop()
            return server.connection(token="new")

        async with KubeClient(server.connection(token="old"), load) as client:
            took = await watch_until(lambda: watched() == {REFUSED, WELL}, client)
    tokens = [request.headers["Authorization"] for request in server.requests]
    assert tokens.count("Bearer old") == 2, "two documents of discovery are asked for at once"
    assert watched() == {REFUSED, WELL}
    assert took < LONGEST_PAUSE

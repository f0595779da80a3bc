"""The Lease at an API server: what an election is told of a place where there can be none."""

from __future__ import annotations

import asyncio
import contextlib

from pydantic import SecretStr

from tokenfactory_operator.kube.leases import KubeLeases
from tokenfactory_operator.leader.election import Elector
from tokenfactory_operator.process.leadership import SystemClock
from tokenfactory_operator.settings import Settings
from unit.kube.loopback import client_of, loopback, status_answer


async def test_a_namespace_that_is_not_there_is_a_problem() -> None:
    """Nobody is quicker there: without a message the process would look ready, and nobody would ever lead."""
    terms = Settings(token=SecretStr("any-token")).lease_terms()
    async with loopback(lambda _: status_answer(404, "NotFound")) as server, client_of(server) as client:
        elector = Elector(KubeLeases(client, namespace="gone", name="it"), SystemClock(), terms, identity="a")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await elector.acquire()
    problem = elector.problem() or ""
    assert problem.startswith("the Lease gone/it cannot be read or written: ")
    assert "There is no namespace gone: create it, or correct TOKENFACTORY_LEASE_NAMESPACE." in problem

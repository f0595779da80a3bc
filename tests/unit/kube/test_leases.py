"""The Lease at an API server: what an election is told of a place where there can be none."""

from __future__ import annotations

import asyncio

from pydantic import SecretStr

from tokenfactory_operator.kube.leases import KubeLeases
from tokenfactory_operator.leader.election import Elector
from tokenfactory_operator.process.leadership import SystemClock
from tokenfactory_operator.settings import Settings
from unit.kube.loopback import client_of, loopback, status_answer
from unit.support.waiting import until


async def test_a_namespace_that_is_not_there_is_a_problem() -> None:
    """Nobody is quicker there: without a message the process would look ready, and nobody would ever lead."""
    terms = Settings(token=SecretStr("any-token")).lease_terms()
    async with loopback(lambda _: status_answer(404, "NotFound")) as server, client_of(server) as client:
        elector = Elector(KubeLeases(client, namespace="gone", name="it"), SystemClock(), terms, identity="a")
        acquiring = asyncio.create_task(elector.acquire())
        await until(lambda: "There is no namespace" in (elector.problem() or "") or acquiring.done())
        acquiring.cancel()
        await asyncio.gather(acquiring, return_exceptions=True)
    problem = elector.problem() or ""
    assert problem.startswith("the Lease gone/it cannot be read or written: ")
    assert "There is no namespace gone: create it, or correct TOKENFACTORY_LEASE_NAMESPACE." in problem

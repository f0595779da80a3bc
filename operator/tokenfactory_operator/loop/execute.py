"""What did it do, and in which order? Carries out the one action of a decision.

Each mutation checks the lease just before it is sent. Nothing is decided here, and nothing is retried.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from tokenfactory_operator.decision import actions
from tokenfactory_operator.domain.decision_input import DecisionInput
from tokenfactory_operator.loop.changing import Changes
from tokenfactory_operator.loop.creating import Creation
from tokenfactory_operator.loop.finalizers import Finalizers
from tokenfactory_operator.loop.ports import Ports
from tokenfactory_operator.observe.poller import Poller
from tokenfactory_operator.report import status


class Executor:
    """One case for each action."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._finalizers = Finalizers(ports)
        self._creation = Creation(ports, self._finalizers)
        self._changes = Changes(ports)

    async def execute(self, s: DecisionInput, decision: actions.Decision, poller: Poller) -> None:
        """Carry out `decision.action`; raises `CloudError`, `KubeError` or `LeaseLost`."""
        match decision.action:
            case actions.Nothing():
                pass
            case actions.AddFinalizer():
                await self._finalizers.put(s)
            case actions.RemoveFinalizer() as action:
                await self._finalizers.remove(s, action)
            case actions.Rescope(scope):
                resource = await self._ports.write_status(s.resource, status.rescoped(s, scope))
                self._ports.check_stored(resource, "its scope", stored=resource.status.scope == scope)
            case actions.Create() as action:
                await self._creation.create(s, decision, action, poller)
            case actions.ReadCatalog():
                await poller.catalog.refresh(since=s.catalog.tried)
            case _ as action:
                await self._change(s, action, poller)

    async def _change(self, s: DecisionInput, action: actions.Change, poller: Poller) -> None:
        match action:
            case actions.Update():
                await self._changes.update(s, action, poller)
            case actions.DeleteEndpoints():
                await self._changes.delete(s, action, poller)
            case actions.DeleteDuplicate():
                await self._changes.delete_duplicate(s, action, poller)
            case actions.Release():
                await self._changes.release(s, action, poller)
            case actions.ProbeGone():
                await self._changes.probe(s, action, poller)
            case _:
                assert_never(action)

    async def abandon(self, body: Mapping[str, Any], endpoint_id: str, poller: Poller) -> None:
        """DELETE what this process has just made for an object that is gone (docs/protocol.md, Create 5)."""
        await self._changes.abandon(body, endpoint_id, poller)

"""Holding an object by our finalizer, and letting it go."""

from __future__ import annotations

from typing import Final

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.decision import actions
from tokenfactory_operator.domain.decision_input import DecisionInput
from tokenfactory_operator.domain.errors import KubeConflict, KubeNotStored
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.resource import Resource
from tokenfactory_operator.loop.ports import Ports
from tokenfactory_operator.ports import Key, about_namespace
from tokenfactory_operator.state.cache import FOR_EVER

FORCE_RELEASED: Final = "ForceReleased"
"""Event of an object that a person has let go; told in the operator's own namespace too."""


class Finalizers:
    """Writes the list of finalizers whole, under the precondition that nobody wrote in between."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def put(self, s: DecisionInput) -> Resource:
        """Hold the object; answers it as it is then. Raises `KubeError`, also where it is not held after all."""
        resource = await self._ports.write_finalizers(s.resource, (*s.resource.finalizers, api.FINALIZER))
        s.memory.hold.put()
        return resource

    async def remove(self, s: DecisionInput, action: actions.RemoveFinalizer) -> None:
        """Let the object go, and tell people what there is to tell."""
        left = tuple(name for name in s.resource.finalizers if name != api.FINALIZER)
        await self._let_go(s, left)
        if not left and s.resource.terminating:
            # The API server deletes it in the same step, and its answer carries no newer version to tell that by.
            # An echo of an earlier write that comes late must not bring it back, or it would be deleted once more.
            self._ports.cache.remove(Key(s.resource.namespace, s.resource.name), s.resource.uid, FOR_EVER)
        if action.event:
            warning = action.event in (FORCE_RELEASED, Reason.OWNERSHIP_CONFLICT)
            self._ports.emit(s.resource, action.event, action.message, warning=warning)
        if action.event == FORCE_RELEASED:
            text = f"{s.resource.namespace}/{s.resource.name}: {action.message}"
            home = about_namespace(self._ports.namespace)
            self._ports.recorder.event(home, reason=FORCE_RELEASED, message=text, warning=True)

    async def _let_go(self, s: DecisionInput, left: tuple[str, ...]) -> None:
        s.memory.hold.letting_go()  # before the write, whose answer may be lost
        try:
            await self._ports.write_finalizers(s.resource, left)
        except (KubeConflict, KubeNotStored):
            s.memory.hold.kept()
            raise

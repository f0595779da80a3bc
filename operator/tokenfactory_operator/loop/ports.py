"""What acting needs of the world: the ports, and the writes to an object, each under the lease and a precondition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.errors import KubeNotStored, KubeRefused, LeaseLost
from tokenfactory_operator.domain.resource import Resource, parse
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.observe.poller import Poller
from tokenfactory_operator.ports import Clock, JsonObject, Key, Kube, Lease, Recorder, Telemetry
from tokenfactory_operator.report import status
from tokenfactory_operator.report.transitions import Change, changes
from tokenfactory_operator.state.cache import ObjectCache


def nobody(_resource: Resource, _change: Change) -> None:
    """Nobody listens to changes of state."""


class SecretHolder(Protocol):
    """Who keeps the Secrets that objects need (`secret_keeper`)."""

    async def read(self, body: JsonObject) -> bool:
        """Have the object's credentials read; answers whether they are others now. Raises `KubeError`."""
        ...

    async def hold(self, body: JsonObject) -> bool:
        """See to it that the object's Secret stays; answers whether all has to be decided anew. Raises `KubeError`."""
        ...

    def left(self, body: JsonObject) -> None:
        """The object is gone, or has another Secret now."""
        ...


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the core is given, and acting needs as it is."""

    kube: Kube
    recorder: Recorder
    telemetry: Telemetry
    lease: Lease
    clock: Clock
    timing: Timing
    new_attempt: Callable[[], str]
    """A fresh random attempt id of 8 hex digits."""
    namespace: str = ""
    """The operator's own: what must be told though the object's namespace takes no Events is told there."""
    reported: Callable[[Resource, Change], None] = nobody
    """Told of each change of state, once its status is written."""


@dataclass(frozen=True, kw_only=True)
class Ports(Surroundings):
    """Those that acting needs, and the writes that all of it shares."""

    cache: ObjectCache
    wrote: Callable[[JsonObject], None]
    """Told of each object as written: the watch has to bring it back."""

    def lead(self) -> None:
        """Raises `LeaseLost` unless this process may act now."""
        if not self.lease.held():
            raise LeaseLost("This process does not hold the lease.")

    def timestamp(self) -> str:
        """RFC 3339, for status and conditions."""
        return rfc3339(self.clock.now())

    async def write_status(self, resource: Resource, wanted: api.Status) -> Resource:
        """Bring the stored status to `wanted` if it differs, and tell what that changes; answers the object then."""
        if wanted == resource.status:
            return resource
        patch = status.merge_patch(resource.body.get("status") or {}, wanted.to_dict())
        if not patch:
            return resource
        try:
            body = await self._patch_status(resource, patch)
        except KubeRefused as error:
            smallest = status.smallest(resource.status, wanted)
            patch = status.merge_patch(resource.body.get("status") or {}, smallest.to_dict())
            body = await self._patch_status(resource, patch)
            text = f"The status could not be written in full, only what is needed to go on: {error.message}"
            self.recorder.event(resource.body, reason="StatusReduced", message=text, warning=True)
        self._tell(resource, wanted)
        return self._written(body)

    async def _patch_status(self, resource: Resource, patch: JsonObject) -> JsonObject:
        self.lead()
        key, version = Key(resource.namespace, resource.name), resource.resource_version
        return await self.kube.patch_status(key, patch, uid=resource.uid, resource_version=version)

    def _tell(self, resource: Resource, wanted: api.Status) -> None:
        edited = wanted.observed_generation != resource.status.observed_generation
        for change in changes(resource.status, wanted, asked=edited or resource.terminating):
            self.recorder.event(
                resource.body, reason=str(change.reason), message=change.message, warning=change.warning
            )
            self.reported(resource, change)

    async def write_finalizers(self, resource: Resource, finalizers: tuple[str, ...]) -> Resource:
        """Write the whole list, under the precondition that nobody wrote in between; answers the object then.

        Raises `KubeNotStored` where ours was put or removed, and the answer does not show that.
        """
        key, version = Key(resource.namespace, resource.name), resource.resource_version
        body = await self.kube.set_finalizers(key, finalizers, resource_version=version, lead=self.lead)
        written, held = self._written(body), api.FINALIZER in finalizers
        what = "its finalizer" if held else "the removal of its finalizer"
        self.check_stored(written, what, stored=written.has_finalizer == held)
        return written

    def check_stored(self, resource: Resource, what: str, *, stored: bool) -> None:
        """Say so on the object, and raise `KubeNotStored`, where a write was accepted and is not in its answer."""
        if stored:
            return
        text = (
            f"The API server accepted {what} and did not store it. A mutating webhook undoes it, or the CRD is old. "
            "It is tried again. No endpoint is created before."
        )
        self.recorder.event(resource.body, reason="WriteNotStored", message=text, warning=True)
        raise KubeNotStored(text)

    def _written(self, body: JsonObject) -> Resource:
        self.cache.put(body)
        self.wrote(body)
        return parse(body)

    def mutated(self, operation: str, poller: Poller) -> None:
        """A call has changed the cloud."""
        self.telemetry.mutated(operation)
        poller.mutated()

    def emit(self, resource: Resource, reason: str, message: str, *, warning: bool = False) -> None:
        """An Event about an object."""
        self.recorder.event(resource.body, reason=str(reason), message=message, warning=warning)


def rfc3339(moment: datetime) -> str:
    """UTC with seconds, as Kubernetes writes it."""
    return f"{moment.replace(tzinfo=None).isoformat(timespec='seconds')}Z"

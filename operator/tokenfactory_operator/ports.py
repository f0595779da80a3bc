"""What the decision needs from the world: the cloud, Kubernetes, time and the right to act.

The adapters in `cloud` and `kube` and the in-memory worlds of the tests implement these. Nothing here imports a
transport or a framework.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from tokenfactory_operator.domain.catalog import Template
from tokenfactory_operator.domain.observed import EndpointCreate, EndpointList, EndpointPatch, ObservedEndpoint
from tokenfactory_operator.domain.timing import Timing

__all__ = [
    "Clock",
    "Cloud",
    "ConfigMaps",
    "JsonObject",
    "Key",
    "Kube",
    "Lead",
    "Lease",
    "Recorder",
    "Secrets",
    "Telemetry",
    "Timing",
    "about_namespace",
    "anybody",
]

JsonObject = Mapping[str, Any]
"""A Kubernetes object, or a part of one, as it stands on the wire."""


class Key(NamedTuple):
    """What the work queue orders: one object's place. A new object may take the same one (see `uid`)."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def about_namespace(name: str) -> JsonObject:
    """The subject of an Event that concerns no object any more, or one whose namespace takes none."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"namespace": name, "name": name}}


class Clock(Protocol):
    """Two clocks: one to decide by, one to show to people."""

    def monotonic(self) -> float:
        """Seconds that only grow; the only time that decisions are made with."""
        ...

    def now(self) -> datetime:
        """Aware UTC wall-clock time, for time stamps in objects."""
        ...


class Cloud(Protocol):
    """The dedicated-endpoints API with one credential. Every method raises `CloudError` and nothing else."""

    def blocked_for(self) -> float:
        """Seconds until this credential may call again (`Retry-After` of any earlier answer); 0 when it may."""
        ...

    def slot(self, namespace: str = "") -> AbstractAsyncContextManager[None]:
        """Hold a rate-limit token and a connection: taken *before* a create attempt is opened, so that it cannot wait.

        Namespaces take turns where several wait.
        Raises `RateLimited` at once where the credential is blocked. A call made inside takes no second slot.
        """
        ...

    async def list_endpoints(self) -> EndpointList:
        """Every page of LIST. Incomplete rather than failed where some pages or items could not be read."""
        ...

    async def list_templates(self) -> tuple[Template, ...]:
        """The catalog: what can be deployed."""
        ...

    async def get_endpoint(self, endpoint_id: str) -> ObservedEndpoint | None:
        """GET by id: undocumented by the vendor, so 404 and 405 (in any form) are `None`."""
        ...

    async def create_endpoint(self, body: EndpointCreate) -> ObservedEndpoint:
        """POST, once, never repeated; `CloudError.refused` tells whether it surely had no effect.

        The whole request, from its first byte to the last of its answer, is bounded by the request time-out.
        """
        ...

    async def update_endpoint(self, endpoint_id: str, patch: EndpointPatch) -> ObservedEndpoint:
        """PATCH. Raises `EndpointNotFound` only for a 404 in the API's own error form."""
        ...

    async def delete_endpoint(self, endpoint_id: str) -> bool:
        """DELETE; False for a 404 in the API's own error form. True: it was there, and may be for some time."""
        ...


Lead = Callable[[], None]
"""Raises `LeaseLost` unless this process may act now."""


def anybody() -> None:
    """May act: a `Lead` where nobody is elected."""


class Kube(Protocol):
    """The Kubernetes API for `DedicatedEndpoint` objects. Every method raises `KubeError` and nothing else."""

    async def get(self, key: Key) -> JsonObject | None:
        """The object as the API server has it now; `None` when there is none."""
        ...

    async def set_finalizers(
        self, key: Key, finalizers: tuple[str, ...], *, resource_version: str, lead: Lead = anybody
    ) -> JsonObject:
        """Write the whole list under the precondition; answers the object as written.

        `lead` is called just before the write, which may come after a read. What it raises is raised.
        """
        ...

    async def patch_status(self, key: Key, patch: JsonObject, *, uid: str, resource_version: str) -> JsonObject:
        """Merge `patch` into `.status` under the precondition of the version; answers the object as written.

        `uid` is checked in the answer: a successor of the same name has other versions, so it answers `KubeConflict`.
        """
        ...


class Secrets(Protocol):
    """The Kubernetes API for labelled Secrets: their metadata, and single values. Raises `KubeError` only."""

    async def get(self, key: Key) -> JsonObject | None:
        """The metadata as the API server has it now; `None` when there is no such Secret, or none with the label."""
        ...

    async def read(self, key: Key, names: Collection[str]) -> JsonObject | None:
        """As `get`, with the values of these keys under `data`, as `SecretStr`; those it has not are left out."""
        ...

    async def set_finalizers(
        self, key: Key, finalizers: tuple[str, ...], *, resource_version: str, lead: Lead = anybody
    ) -> JsonObject:
        """As that of `Kube`; answers its metadata as written."""
        ...


class ConfigMaps(Protocol):
    """The Kubernetes API for single ConfigMaps. Every method raises `KubeError` and nothing else."""

    async def get(self, key: Key) -> JsonObject | None:
        """The ConfigMap as the API server has it now; `None` when there is none."""
        ...

    async def create(self, key: Key, body: JsonObject) -> None:
        """Make it; `KubeConflict` where there is one."""
        ...

    async def write_data(self, key: Key, data: Mapping[str, str], *, resource_version: str) -> None:
        """Set these keys under the precondition, and leave the others."""
        ...


class Recorder(Protocol):
    """Kubernetes Events: told once a thing has happened, best effort, never awaited."""

    def event(self, subject: JsonObject, *, reason: str, message: str, warning: bool = False) -> None:
        """Record an event on the object `subject` (its metadata suffice)."""
        ...


class Telemetry(Protocol):
    """What is counted; the names are those of the metrics."""

    def reconciled(self, *, outcome: str, seconds: float) -> None:
        """One pass over one object ended; `outcome` is the action's name or the error's reason."""
        ...

    def mutated(self, operation: str) -> None:
        """The cloud accepted a create, update, delete or release."""
        ...

    def listed(self, result: str) -> None:
        """A LIST of the cloud ended: `complete`, `incomplete` or `failed`."""
        ...

    def counted(self, event: str) -> None:
        """Something rare that people alert on: corrected drift, a deleted duplicate, a lost endpoint."""
        ...


class Lease(Protocol):
    """The right to act. Checked just before each cloud mutation, finalizer removal and status write."""

    def held(self) -> bool:
        """Whether this process may act at this very moment."""
        ...

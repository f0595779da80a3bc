"""The world of a rehearsal, behind the operator's own ports: what would be written or sent is kept here instead.

Reads reach the real world, once. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tokenfactory_operator.domain.catalog import Template
from tokenfactory_operator.domain.errors import (
    CloudError,
    CloudUnavailable,
    KubeConflict,
    KubeNotFound,
)
from tokenfactory_operator.domain.observed import EndpointCreate, EndpointList, EndpointPatch, ObservedEndpoint
from tokenfactory_operator.kube.merge_patch import merged
from tokenfactory_operator.ports import Cloud, JsonObject, Key, Lead, anybody
from tokenfactory_operator.state.cache import key_of


@dataclass(frozen=True)
class Sent:
    """One call that would change the cloud."""

    method: str
    """POST, PATCH or DELETE."""
    before: ObservedEndpoint | None
    after: ObservedEndpoint | None
    fields: tuple[str, ...] = ()
    """Names of what a PATCH would send."""


class KeptObjects:
    """`ports.Kube` whose writes stay here. The objects are those of the cluster, and those that would be applied."""

    def __init__(self) -> None:
        self._objects: dict[Key, dict[str, Any]] = {}
        self._version = 0

    def put(self, body: JsonObject) -> JsonObject:
        """Have an object; it gets a version that is newer than every other."""
        self._version += 1
        kept = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self._version)}}
        self._objects[key_of(kept)] = kept
        return kept

    async def get(self, key: Key) -> JsonObject | None:
        """See `ports.Kube`."""
        return self._objects.get(key)

    async def list_in(self, namespace: str) -> list[JsonObject]:
        """The objects of a namespace."""
        return [body for key, body in self._objects.items() if key.namespace == namespace]

    async def set_finalizers(
        self, key: Key, finalizers: tuple[str, ...], *, resource_version: str, lead: Lead = anybody
    ) -> JsonObject:
        """See `ports.Kube`."""
        lead()
        held = self._checked(key, resource_version)
        return self.put({**held, "metadata": {**held["metadata"], "finalizers": list(finalizers)}})

    async def patch_status(self, key: Key, patch: JsonObject, *, uid: str, resource_version: str) -> JsonObject:
        """See `ports.Kube`."""
        held = self._checked(key, resource_version)
        if held["metadata"]["uid"] != uid:
            raise KubeNotFound(f"{key} is another object now.")
        return self.put({**held, "status": merged(held.get("status"), patch)})

    def _checked(self, key: Key, resource_version: str) -> dict[str, Any]:
        held = self._objects.get(key)
        if held is None:
            raise KubeNotFound(f"There is no {key}.")
        if held["metadata"]["resourceVersion"] != resource_version:
            raise KubeConflict(f"{key} has changed.")
        return held


class RehearsedCloud:
    """`ports.Cloud` that lists the real one once, and answers what would change it as that one would."""

    def __init__(self, real: Cloud) -> None:
        self.real = real
        self._listed: EndpointList | None = None
        self._made = 0
        self.endpoints: dict[str, ObservedEndpoint] = {}
        """As they would be now."""
        self.found: dict[str, ObservedEndpoint] = {}
        """As they are."""
        self.sent: list[Sent] = []
        self.failure: CloudError | None = None
        """Why the real one cannot be listed."""

    async def aclose(self) -> None:
        """Whoever has opened the real one closes it."""

    def blocked_for(self) -> float:
        """Never: nothing is sent."""
        return 0.0

    def slot(self, namespace: str = "") -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - the port's
        """At once."""
        return _at_once()

    async def list_endpoints(self) -> EndpointList:
        """See `ports.Cloud`."""
        if self._listed is None:
            self._listed = await self._list()
            self.found = {endpoint.id: endpoint for endpoint in self._listed.endpoints}
            self.endpoints = dict(self.found)
        return replace(self._listed, endpoints=tuple(self.endpoints.values()))

    async def _list(self) -> EndpointList:
        try:
            answer = await self.real.list_endpoints()
        except CloudError as error:
            self.failure = error
            raise
        if not answer.view:
            self.failure = CloudUnavailable(f"The cloud's list is not complete: {answer.problem}")
        return answer

    async def list_templates(self) -> tuple[Template, ...]:
        """See `ports.Cloud`."""
        return await self.real.list_templates()

    async def get_endpoint(self, endpoint_id: str) -> ObservedEndpoint | None:
        """See `ports.Cloud`."""
        return self.endpoints.get(endpoint_id) or await self.real.get_endpoint(endpoint_id)

    async def create_endpoint(self, body: EndpointCreate) -> ObservedEndpoint:
        """Kept here."""
        self._made += 1
        made = ObservedEndpoint(
            f"new-{self._made}",
            **vars(body),
            enabled=True,
            ready_replicas=0,
            status="starting",
            readiness="not_ready",
        )
        self.endpoints[made.id] = made
        self.sent.append(Sent("POST", None, made))
        return made

    async def update_endpoint(self, endpoint_id: str, patch: EndpointPatch) -> ObservedEndpoint:
        """Kept here. Raises `CloudUnavailable` for one that is not listed: only a PATCH could tell whether it is."""
        before = self.endpoints.get(endpoint_id)
        if before is None:
            raise CloudUnavailable(f"Whether endpoint {endpoint_id} is gone is only known after a PATCH.")
        reported = {name: getattr(patch, name) for name in patch.fields}
        if "scaling" in reported:
            reported["min_replicas"], reported["max_replicas"] = reported.pop("scaling")
        after = replace(before, **reported)
        self.endpoints[endpoint_id] = after
        self.sent.append(Sent("PATCH", before, after, patch.fields))
        return after

    async def delete_endpoint(self, endpoint_id: str) -> bool:
        """Kept here."""
        before = self.endpoints.pop(endpoint_id, None)
        self.sent.append(Sent("DELETE", before, None))
        return before is not None


@asynccontextmanager
async def _at_once() -> AsyncIterator[None]:
    yield


class NobodyElse:
    """`ports.Lease`: a rehearsal has nobody beside it."""

    def held(self) -> bool:
        """Always."""
        return True


class Unmeasured:
    """`ports.Telemetry`: nothing is counted."""

    def reconciled(self, *, outcome: str, seconds: float) -> None:
        """See the port."""

    def mutated(self, operation: str) -> None:
        """See the port."""

    def listed(self, result: str) -> None:
        """See the port."""

    def counted(self, event: str) -> None:
        """See the port."""


@dataclass
class Events:
    """`ports.Recorder` that keeps what would be told."""

    reasons: list[str] = field(default_factory=list)

    def event(self, subject: JsonObject, *, reason: str, message: str, warning: bool = False) -> None:  # noqa: ARG002 - the port's
        """See the port."""
        self.reasons.append(reason)


class NoSecrets:
    """`loop.ports.SecretHolder`: what Secrets say was read before, and none is held."""

    async def read(self, body: JsonObject) -> bool:  # noqa: ARG002 - the protocol's
        """It is read already."""
        return False

    async def hold(self, body: JsonObject) -> bool:  # noqa: ARG002 - the protocol's
        """Nothing is written."""
        return False

    def left(self, body: JsonObject) -> None:
        """Nothing to let go."""


class Silent:
    """A logger that says nothing."""

    def info(self, event: str, **fields: object) -> None:
        """Nothing."""

    def warning(self, event: str, **fields: object) -> None:
        """Nothing."""

    def exception(self, event: str, **fields: object) -> None:
        """Nothing."""

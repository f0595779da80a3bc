"""Writes the ConfigMaps that tell applications how to call an endpoint, and what the status says of them.

Nothing of the endpoint depends on this: whatever fails here is told in `status.connection` and tried again later. A
ConfigMap that the object does not own is never changed. It is read when what it should say is another thing, when a
person asks, and once an hour, because it is not watched.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.errors import KubeConflict, KubeError, KubeNotFound, LeaseLost, bounded, visible
from tokenfactory_operator.domain.resource import Resource
from tokenfactory_operator.loop.ports import Ports
from tokenfactory_operator.ports import ConfigMaps, Key
from tokenfactory_operator.report import connection

RESYNC: Final = 3600.0
"""Seconds between two reads of a ConfigMap that is in order, so that an edit of somebody's is put back."""
RETRY: Final = 60.0
"""Seconds between two tries where it could not be written."""
SOON: Final = 5.0
"""Seconds between two looks at one that Kubernetes is about to delete, at first."""
MOVED: Final = "ConnectionNotKept"
"""Event: the ConfigMap is not kept up to date any more."""
NOT_WRITTEN: Final = "ConnectionNotWritten"
"""Event: something is newly in its way."""

DISABLED: Final = api.ConnectionStatus(
    reason="Disabled",
    message="This operator writes no ConfigMaps. Set TOKENFACTORY_CONNECTION_CONFIG_MAPS to true (in the chart: "
    "connectionConfigMaps), or remove spec.connection.",
)
_TRIES: Final = 3


@dataclass(frozen=True)
class _Known:
    """What the last look has found."""

    name: str
    data: Mapping[str, str]
    said: api.ConnectionStatus
    requested_at: str
    until: float
    wait: float
    """Seconds from that look to `until`, before they are spread."""


class Connections:
    """The ConfigMap of one object at a time."""

    def __init__(self, kube: ConfigMaps | None, ports: Ports, defects: Defects, rng: random.Random) -> None:
        """`kube`: `None` where the operator has no right to ConfigMaps."""
        self._defects = defects
        self._kube = kube
        self._ports = ports
        self._rng = rng
        self._known: dict[str, _Known] = {}

    def forget(self, uid: str) -> None:
        """The object is gone; its ConfigMap goes with it."""
        self._known.pop(uid, None)

    def due(self, uid: str) -> float | None:
        """Seconds until the next look is due; `None` where there is nothing to look at. Asked after a pass.

        Where it was due and the pass has not looked, since it had nothing to tell, neither would the next one at once.
        """
        known = self._known.get(uid)
        if known is None:
            return None
        left = known.until - self._ports.clock.monotonic()
        return left if left > 0.0 else RETRY

    async def publish(self, resource: Resource, wanted: api.Status) -> api.Status:
        """`wanted` with what became of the ConfigMap, which is written first where it differs. Raises `LeaseLost`."""
        before = resource.status.connection
        if resource.spec is None or resource.terminating:
            return wanted
        name = connection.name_of(resource)
        after: api.ConnectionStatus | None = None
        try:
            after = await self._said(resource, name, wanted)
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the endpoint's status is told
            failure = self._defects.note(error, f"The ConfigMap {name} of {resource.namespace}/{resource.name}")
            after = api.ConnectionStatus(reason="NotWritten", message=failure.message)
        self._note_change(resource, before, after, name)
        return wanted if after == wanted.connection else wanted.model_copy(update={"connection": after})

    async def _said(self, resource: Resource, name: str, wanted: api.Status) -> api.ConnectionStatus | None:
        if not name:
            self._known.pop(resource.uid, None)
            return None
        if self._kube is None:
            return DISABLED
        data = connection.data_of(resource, wanted)
        if data is None and connection.without_address(wanted):
            return _no_address(resource)
        if data is None:  # there is no endpoint yet, or no other one yet: what was written stays
            before = resource.status.connection
            return before if before is not None and before.config_map_name == name else None
        known = self._known.get(resource.uid) or self._from_status(resource, name, data)
        if known is None or self._is_due(known, resource, name, data):
            known = await self._looked(self._kube, resource, name, data, known)
        self._known[resource.uid] = known
        return known.said

    def _from_status(self, resource: Resource, name: str, data: Mapping[str, str]) -> _Known | None:
        """After a restart: the status is written after the ConfigMap, so what it says of that was so."""
        said = resource.status.connection
        same = connection.data_of(resource, resource.status) == data
        if said is None or said.config_map_name != name or not same or resource.request_pending:
            return None
        until = self._ports.clock.monotonic() + self._rng.uniform(0.0, RESYNC)
        return _Known(name, data, said, resource.requested_at, until, RESYNC)

    def _is_due(self, known: _Known, resource: Resource, name: str, data: Mapping[str, str]) -> bool:
        asked = resource.requested_at != known.requested_at
        return (known.name, known.data) != (name, data) or asked or self._ports.clock.monotonic() >= known.until

    async def _looked(
        self, kube: ConfigMaps, resource: Resource, name: str, data: Mapping[str, str], before: _Known | None
    ) -> _Known:
        try:
            said, wait = await self._brought(kube, resource, name, data)
        except KubeError as error:
            said, wait = api.ConnectionStatus(reason="NotWritten", message=visible(bounded(error.message))), RETRY
        if wait == SOON and before is not None and before.said == said:
            wait = min(RETRY, 2.0 * before.wait)  # what should delete it may be out of order, for all objects at once
        until = self._ports.clock.monotonic() + wait * self._rng.uniform(0.9, 1.1)
        return _Known(name, data, said, resource.requested_at, until, wait)

    async def _brought(
        self, kube: ConfigMaps, resource: Resource, name: str, data: Mapping[str, str]
    ) -> tuple[api.ConnectionStatus, float]:
        """Bring the ConfigMap to `data`, if it is the object's own or there is none: what to say, and until when.

        Raises `KubeError`.
        """
        key = Key(resource.namespace, name)
        for _ in range(_TRIES):
            found = await kube.get(key)
            if found is not None and not connection.owned(found, resource.uid):
                return _earlier(name) if connection.of_earlier(found, resource) else _conflict(name)
            try:
                if found is None:
                    self._ports.lead()
                    await kube.create(key, connection.config_map(resource, name, data))
                elif connection.differs(found, data):
                    self._ports.lead()
                    version = found["metadata"]["resourceVersion"]
                    await kube.write_data(key, data, resource_version=version)
            except (KubeConflict, KubeNotFound):
                continue  # somebody was quicker: look whose it is now
            return api.ConnectionStatus(config_map_name=name), RESYNC
        raise KubeError("The ConfigMap is written by somebody else all the time.")

    def _note_change(
        self, resource: Resource, before: api.ConnectionStatus | None, after: api.ConnectionStatus | None, name: str
    ) -> None:
        """One Event for each change."""
        left = before.config_map_name if before is not None else None
        if left and left != name:
            text = f"The ConfigMap {left} is not kept up to date any more. Delete it when nothing uses it."
            self._ports.recorder.event(resource.body, reason=MOVED, message=text)
        if after is not None and after.reason and (before is None or before.reason != after.reason):
            text = after.message or ""
            self._ports.recorder.event(resource.body, reason=NOT_WRITTEN, message=text, warning=True)


def _earlier(name: str) -> tuple[api.ConnectionStatus, float]:
    text = (
        f"The ConfigMap {name} is that of an earlier object of this name. It is written when Kubernetes has deleted it."
    )
    return api.ConnectionStatus(reason="NotWritten", message=text), SOON


def _conflict(name: str) -> tuple[api.ConnectionStatus, float]:
    text = (
        f"There is a ConfigMap {name} that this object does not own, and it is left as it is. Delete it, or name "
        "another one in spec.connection.configMapName."
    )
    return api.ConnectionStatus(reason="Conflict", message=text), RETRY


def _no_address(resource: Resource) -> api.ConnectionStatus:
    region = resource.spec.region if resource.spec is not None else ""
    text = (
        f"The address of the region {region} is not known, so that the ConfigMap is not written. Add it to "
        "TOKENFACTORY_INFERENCE_HOSTS."
    )
    return api.ConnectionStatus(reason="NoAddress", message=text)

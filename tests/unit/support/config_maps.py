"""ConfigMaps in memory, with resource versions; each call can be made to fail."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from tokenfactory_operator.domain.errors import KubeConflict, KubeNotFound
from tokenfactory_operator.ports import JsonObject, Key


class StoredConfigMaps:
    """`ports.ConfigMaps`."""

    def __init__(self) -> None:
        self.stored: dict[Key, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.failure: Exception | None = None
        """What each call fails with."""
        self.meanwhile: Callable[[], None] = lambda: None
        """What happens elsewhere after a read."""
        self._version = 0

    def store(self, key: Key, body: Mapping[str, Any]) -> None:
        """A write by anybody."""
        self._version += 1
        kept = copy.deepcopy(dict(body))
        kept["metadata"] = {**(kept.get("metadata") or {}), "resourceVersion": str(self._version)}
        self.stored[key] = kept

    async def get(self, key: Key) -> JsonObject | None:
        """See `ports.ConfigMaps`."""
        self._call("get")
        found = copy.deepcopy(self.stored.get(key))
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return found

    async def create(self, key: Key, body: JsonObject) -> None:
        """See `ports.ConfigMaps`."""
        self._call("create")
        if key in self.stored:
            raise KubeConflict("already exists")
        self.store(key, body)

    async def write_data(self, key: Key, data: Mapping[str, str], *, resource_version: str) -> None:
        """See `ports.ConfigMaps`."""
        self._call("write")
        if key not in self.stored:
            raise KubeNotFound("no such ConfigMap")
        body = self.stored[key]
        if body["metadata"]["resourceVersion"] != resource_version:
            raise KubeConflict("modified")
        self.store(key, {**body, "data": {**(body.get("data") or {}), **data}})

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.failure is not None:
            raise self.failure

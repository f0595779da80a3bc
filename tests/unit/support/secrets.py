"""Secrets in memory: as the API server has them, and as they were read."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import Any

from tokenfactory_operator.credentials.secret_values import SecretValues
from tokenfactory_operator.domain.errors import KubeConflict, KubeError, KubeNotFound
from tokenfactory_operator.ports import JsonObject, Key, Lead, anybody
from tokenfactory_operator.state.cache import ObjectCache, key_of


def metadata_of(body: JsonObject) -> dict[str, Any]:
    """As the watch brings it."""
    return {name: part for name, part in body.items() if name != "data"}


class StoredSecrets:
    """`ports.Secrets` with resource versions."""

    def __init__(self) -> None:
        self.stored: dict[Key, dict[str, Any]] = {}
        self.writes: list[tuple[str, ...]] = []
        self.reads: list[tuple[str, ...]] = []
        self.failure: KubeError | None = None
        """What a read fails with."""
        self.removed: frozenset[str] = frozenset()
        """Finalizers that a mutating webhook takes out of each write."""
        self.put_back: frozenset[str] = frozenset()
        """Those that it puts into each write."""
        self.refuses = False
        """A webhook answers each write with 409."""

    def store(self, body: dict[str, Any]) -> dict[str, Any]:
        """A write by anybody; a terminating Secret without finalizers goes."""
        kept = copy.deepcopy(body)
        kept["metadata"]["resourceVersion"] = str(int(body["metadata"]["resourceVersion"]) + 1)
        self.stored[key_of(body)] = kept
        if kept["metadata"].get("deletionTimestamp") and not kept["metadata"]["finalizers"]:
            del self.stored[key_of(body)]
        return kept

    async def get(self, key: Key) -> JsonObject | None:
        """See `ports.Secrets`."""
        body = self.stored.get(key)
        return metadata_of(body) if body is not None else None

    async def read(self, key: Key, names: Collection[str]) -> JsonObject | None:
        """See `ports.Secrets`."""
        self.reads.append(tuple(sorted(names)))
        if self.failure is not None:
            raise self.failure
        body = self.stored.get(key)
        if body is None:
            return None
        return {**body, "data": {name: value for name, value in body["data"].items() if name in names}}

    async def set_finalizers(
        self, key: Key, finalizers: tuple[str, ...], *, resource_version: str, lead: Lead = anybody
    ) -> JsonObject:
        """See `ports.Secrets`."""
        lead()
        if key not in self.stored:
            raise KubeNotFound("no such Secret")
        body = copy.deepcopy(self.stored[key])
        if body["metadata"]["resourceVersion"] != resource_version:
            raise KubeConflict("modified")
        self.writes.append(finalizers)
        if self.refuses:
            raise KubeConflict("not now")
        body["metadata"]["finalizers"] = sorted({*finalizers, *self.put_back} - self.removed)
        return metadata_of(self.store(body))


def read_through(values: SecretValues, body: Mapping[str, Any], *names: str) -> None:
    """The Secret was seen and read: all the keys it has, and these."""
    values.taken(key_of(body), body, frozenset({*body["data"], *names}))


def values_of(*bodies: Mapping[str, Any], objects: ObjectCache | None = None) -> SecretValues:
    """With these Secrets seen and read."""
    values = SecretValues(ObjectCache(), objects or ObjectCache(), kube=StoredSecrets())
    for body in bodies:
        read_through(values, body, "token")
    return values

"""The objects as last seen: what kopf's watch, our relists and our own writes agree on.

Newest resourceVersion wins, whoever brings it, since events of a deleted object may come after those of the one that
took its name. Nothing is concluded here; `reconcile` reads an object by GET before it believes that it is gone.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.attempt import CREATED, is_pending
from tokenfactory_operator.ports import JsonObject, Key
from tokenfactory_operator.state.index import Index

FOR_EVER: Final = sys.maxsize
"""In place of the version of a deletion that is sure but has not been seen yet: no version of that uid comes back."""


def key_of(body: JsonObject) -> Key:
    """The place of an object."""
    metadata = body["metadata"]
    return Key(metadata.get("namespace", ""), metadata["name"])


def version_of(body: JsonObject) -> int:
    """The resourceVersion as a number: comparable within one kind (Kubernetes 1.35, API concepts); 0 if absent."""
    text = body["metadata"].get("resourceVersion", "")
    return int(text) if text.isdecimal() else 0


def secret_of(body: JsonObject) -> Key | None:
    """The Secret with an object's credentials; `None` where it uses the operator's own."""
    reference = ((body.get("spec") or {}).get("credentials") or {}).get("secretRef") or {}
    name = reference.get("name")
    return Key(body["metadata"].get("namespace", ""), name) if name else None


def is_bound(body: JsonObject) -> bool:
    """Whether the object has, or may have, an endpoint, that only its credentials reach."""
    status = body.get("status") or {}
    held = api.FINALIZER in (body["metadata"].get("finalizers") or ())
    return held or bool(status.get("endpointId")) or is_pending(status)


class ObjectCache:
    """One entry per key, indexed by uid, by the endpoints that status and spec name, and by the Secret it needs."""

    def __init__(self) -> None:
        self._objects: dict[Key, JsonObject] = {}
        self._by_uid: dict[str, Key] = {}
        self._by_endpoint = Index[str, Key]()
        self._by_secret = Index[Key, Key]()
        self._gone: dict[Key, tuple[str, int]] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[Key]:
        return iter(tuple(self._objects))

    def get(self, key: Key) -> JsonObject | None:
        """The object as last seen."""
        return self._objects.get(key)

    def put(self, body: JsonObject) -> bool:
        """Take in a version of an object; False when it is not newer than what is held, or older than its deletion."""
        key = key_of(body)
        held = self._objects.get(key)
        uid, gone = self._gone.get(key, ("", 0))
        if held is not None and version_of(body) <= version_of(held):
            return False
        if body["metadata"]["uid"] == uid and version_of(body) < gone:
            return False
        if held is not None:
            self._unindex(key, held)
        self._objects[key] = body
        self._by_uid[body["metadata"]["uid"]] = key
        for endpoint_id in _endpoint_ids(body):
            self._by_endpoint.add(endpoint_id, key)
        secret = secret_of(body)
        if secret is not None:
            self._by_secret.add(secret, key)
        return True

    def remove(self, key: Key, uid: str, version: int = 0) -> bool:
        """Drop the object, if it is still this uid's: a newer object of the same name stays.

        After a deletion at `version` an answer to an earlier write of ours does not bring it back.
        """
        held = self._objects.get(key)
        if held is not None and held["metadata"]["uid"] != uid:
            return False
        if version:
            self._gone[key] = uid, version
        if held is None:
            return False
        self._unindex(key, held)
        del self._objects[key]
        return True

    def replace(
        self, bodies: Iterable[JsonObject], resource_version: str, listed_in: Collection[str] | None = None
    ) -> set[Key]:
        """Take in a relist made at `resource_version`; answers the keys that are new, newer or vanished.

        An entry newer than the relist came through the watch meanwhile, and stays. So does one of a namespace that was
        not listed: `listed_in` names those that were, `None` all.
        """
        listed, changed = set[Key](), set[Key]()
        for body in bodies:  # the same object may stand there twice
            listed.add(key_of(body))
            if self.put(body):
                changed.add(key_of(body))
        limit = int(resource_version) if resource_version.isdecimal() else 0
        vanished = [
            key
            for key in self._objects
            if key not in listed
            and (listed_in is None or key.namespace in listed_in)
            and version_of(self._objects[key]) <= limit
        ]
        for key in vanished:
            self.remove(key, self._objects[key]["metadata"]["uid"])
        self._gone.clear()  # answers that were under way at those deletions have long come
        return changed | set(vanished)

    def newest(self) -> int:
        """The highest version that is held."""
        return max(map(version_of, self._objects.values()), default=0)

    @property
    def uids(self) -> Mapping[str, Key]:
        """Where the object of each uid is."""
        return MappingProxyType(self._by_uid)

    def keys_of(self, *, uids: Iterable[str], endpoint_ids: Iterable[str]) -> set[Key]:
        """The objects that a change of these endpoints concerns."""
        by_uid = {self._by_uid[uid] for uid in uids if uid in self._by_uid}
        return by_uid.union(*(self._by_endpoint.get(endpoint_id) for endpoint_id in endpoint_ids))

    def users_of(self, secret: Key) -> frozenset[Key]:
        """The objects whose credentials are in this Secret."""
        return frozenset(self._by_secret.get(secret))

    def holder(self, endpoint_id: str, *, besides: Key) -> Key | None:
        """Another object whose status names this endpoint, and that does more than observe it.

        A status of another uid (restored) names nothing.
        """
        holders = (
            key
            for key in self._by_endpoint.get(endpoint_id)
            if key != besides and _names(self._objects[key], endpoint_id) and not _observes(self._objects[key])
        )
        return min(holders, default=None)

    def _unindex(self, key: Key, body: JsonObject) -> None:
        self._by_uid.pop(body["metadata"]["uid"], None)
        for endpoint_id in _endpoint_ids(body):
            self._by_endpoint.discard(endpoint_id, key)
        secret = secret_of(body)
        if secret is not None:
            self._by_secret.discard(secret, key)


def _names(body: JsonObject, endpoint_id: str) -> bool:
    status = body.get("status") or {}
    return (status.get("endpointId"), status.get("uid")) == (endpoint_id, body["metadata"]["uid"])


def _observes(body: JsonObject) -> bool:
    """Whether it only looks on; one whose endpoint was made or marked for it before has not given that up."""
    status = body.get("status") or {}
    known = status.get("endpointOrigin") or (status.get("createAttempt") or {}).get("state") == CREATED
    policy = (body.get("spec") or {}).get("managementPolicy")
    return bool(policy == api.ManagementPolicy.OBSERVE) and not known


def _endpoint_ids(body: JsonObject) -> set[str]:
    """The endpoints that an object has, or asks for."""
    return {str((body.get(part) or {}).get("endpointId") or "") for part in ("status", "spec")} - {""}

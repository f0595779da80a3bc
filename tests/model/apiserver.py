"""Kubernetes in memory: one kind of object, with the semantics that the operator relies on.

One revision counter; a change of the spec and the first delete raise the generation; an object goes with its last
finalizer, and the answer to that write carries no newer version; writes carry preconditions; a write that changes
nothing raises no version. Bodies are never changed in place, so readers may keep them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.errors import KubeConflict, KubeError, KubeNotFound
from tokenfactory_operator.kube.merge_patch import merged
from tokenfactory_operator.ports import Key

NEW_STATUS: Final[Mapping[str, Any]] = {"observedGeneration": -1}
"""The schema's default."""

Body = dict[str, Any]
Listener = Callable[[str, Body], None]
"""Told of each event: ADDED, MODIFIED or DELETED, and the object."""
Writer = Callable[[Body, Body], None]
"""Told of each write of the operator: the object before and after."""

WRITABLE: Final = ("labels", "annotations", "finalizers")
"""What a patch may change of the metadata."""
OURS: Final = frozenset({api.FINALIZER, api.IN_USE})
"""The operator's own finalizers."""


class Invalid(KubeError):
    """What was sent is not valid, says the API server: 422."""


class ApiServer:
    """Objects by place, and who listens to their changes."""

    def __init__(self, time: Callable[[], float], *, kind: str = "u") -> None:
        """`kind`: with what the uids begin."""
        self.objects: dict[Key, Body] = {}
        self.gone: dict[str, Body] = {}
        """Objects that were deleted, by uid, as they last were."""
        self.spec_since: dict[tuple[str, int], float] = {}
        """When a generation of an object (uid, generation) came to be."""
        self.operator_writes = 0
        self.on_release: Callable[[Body], None] = lambda _: None
        """Told of an object that goes since the operator has removed its finalizer."""
        self._listeners: list[Listener] = []
        self._on_status: list[Writer] = []
        self.admission: Callable[[Body, Body], Body] = lambda _before, after: after
        """What becomes of what the operator writes over HTTP, from before and after; raises what refuses it."""
        self.on_patch: Writer = lambda _before, _after: None
        """Told of each write over HTTP of all but the status, as it was asked for."""
        self._revision = 1000
        self._uids = 0
        self._kind = kind
        self._time = time

    def listen(self, listener: Listener) -> None:
        """Tell of every event from now on."""
        self._listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        """Tell no more."""
        self._listeners.remove(listener)

    def on_status(self, writer: Writer) -> None:
        """Tell of every status write of the operator."""
        self._on_status.append(writer)

    @property
    def revision(self) -> str:
        """The version of a list made now."""
        return str(self._revision)

    # What the operator does

    def read(self, key: Key) -> Body | None:
        """GET."""
        return self.objects.get(key)

    def put_finalizers(self, key: Key, finalizers: tuple[str, ...], resource_version: str) -> Body:
        """PATCH of the metadata."""
        body = self._checked(key, resource_version)
        return self._put(key, body, {**body, "metadata": {**body["metadata"], "finalizers": list(finalizers)}})

    def patch_status(self, key: Key, patch: Mapping[str, Any], resource_version: str) -> Body:
        """PATCH of the subresource `status`."""
        body = self._checked(key, resource_version)
        return self._put_status(key, body, {**body, "status": merged(body.get("status"), patch)})

    def patch(self, key: Key, change: Mapping[str, Any], *, status: bool = False) -> Body:
        """A merge patch as HTTP brings it: of the status and nothing else, or of all but the status."""
        metadata = change.get("metadata") or {}
        body = self._checked(key, metadata.get("resourceVersion"))
        if status:
            after = {**body, "status": merged(body.get("status"), change.get("status") or {})}
            return self._put_status(key, body, self.admission(body, after), said=after)
        if metadata.get("uid", body["metadata"]["uid"]) != body["metadata"]["uid"]:
            raise KubeConflict(f"{key}: the precondition of the uid has failed")
        given = {name: metadata[name] for name in WRITABLE if name in metadata}
        after = merged(body, {"metadata": given, "spec": change.get("spec") or {}})
        self.on_patch(body, after)
        return self._put(key, body, self.admission(body, after))

    def _put(self, key: Key, before: Body, after: Body) -> Body:
        old, new = (set(body["metadata"].get("finalizers") or ()) for body in (before, after))
        if before["metadata"].get("deletionTimestamp") and new - old:
            raise Invalid("no new finalizers can be added if the object is being deleted")
        self.operator_writes += 1
        written = self._store(key, after)
        if key not in self.objects or (after["metadata"].get("deletionTimestamp") and old & OURS - new):
            self.on_release(written)
        return written

    def _put_status(self, key: Key, before: Body, after: Body, *, said: Body | None = None) -> Body:
        """`said`: what the operator has written, where that is not what is stored."""
        self.operator_writes += 1
        written = self._store(key, after)
        for writer in self._on_status:
            writer(before, said or written)
        return written

    def _checked(self, key: Key, resource_version: str | None) -> Body:
        """`None`: whatever version there is, as HTTP allows it."""
        body = self.objects.get(key)
        if body is None:
            raise KubeNotFound(f"{key} not found")
        if resource_version not in (None, body["metadata"]["resourceVersion"]):
            raise KubeConflict(f"{key}: the object has been modified")
        return body

    # What users do

    def create(self, key: Key, spec: Mapping[str, Any], **given: Any) -> str:  # noqa: ANN401  # JSON
        """POST, with what is `given` of the metadata; answers the uid, or "" where the name is taken."""
        if key in self.objects:
            return ""
        self._uids += 1
        uid = f"{self._kind}{self._uids}"
        metadata = {
            "namespace": key.namespace,
            "name": key.name,
            "uid": uid,
            "generation": 1,
            "annotations": {},
            **given,
        }
        self.spec_since[uid, 1] = self._time()
        self._publish("ADDED", key, {"metadata": metadata, "spec": dict(spec), "status": dict(NEW_STATUS)})
        return uid

    def edit(self, key: Key, change: Mapping[str, Any]) -> None:
        """A merge patch of everything but the status, without precondition."""
        body = self.objects[key]
        self._store(key, {**merged(body, change), "status": body["status"]})

    def replace_status(self, key: Key, status: Mapping[str, Any]) -> None:
        """Somebody with the right to it writes the status."""
        self._store(key, {**self.objects[key], "status": dict(status)})

    def delete(self, key: Key) -> None:
        """DELETE."""
        body = self.objects[key]
        metadata = body["metadata"]
        if metadata.get("deletionTimestamp"):
            return
        stamp = {"deletionTimestamp": f"{self._time():.3f}", "generation": metadata["generation"] + 1}
        self.spec_since[metadata["uid"], stamp["generation"]] = self._time()
        self._store(key, {**body, "metadata": {**metadata, **stamp}})

    # What an administrator does

    def restore(self, backup: Mapping[Key, Body]) -> set[str]:
        """Go back to a backup, with revisions that go on growing; answers the uids that nobody knows any more.

        Nobody may be watching: what was shown before is not taken back.
        """
        kept = {body["metadata"]["uid"] for body in backup.values()}
        lost = {uid: body for body in self.objects.values() if (uid := body["metadata"]["uid"]) not in kept}
        self.gone.update(lost)
        self.objects = dict(backup)
        self._revision += 1000
        for body in backup.values():
            self.gone.pop(body["metadata"]["uid"], None)
            self.spec_since[body["metadata"]["uid"], body["metadata"]["generation"]] = self._time()
        return set(lost)

    # Storage

    def _store(self, key: Key, body: Body) -> Body:
        before = self.objects[key]
        metadata = body["metadata"]
        if body["spec"] != before["spec"]:
            generation = metadata["generation"] + 1
            self.spec_since[metadata["uid"], generation] = self._time()
            body = {**body, "metadata": {**metadata, "generation": generation}}
        if body["metadata"].get("deletionTimestamp") and not body["metadata"].get("finalizers"):
            del self.objects[key]
            self.gone[body["metadata"]["uid"]] = body
            self._revision += 1
            last = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self._revision)}}
            self._tell("DELETED", last)
            return body
        if body == before:
            return before
        return self._publish("MODIFIED", key, body)

    def _publish(self, kind: str, key: Key, body: Body) -> Body:
        self._revision += 1
        stored = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self._revision)}}
        self.objects[key] = stored
        self._tell(kind, stored)
        return stored

    def _tell(self, kind: str, body: Body) -> None:
        for listener in tuple(self._listeners):
            listener(kind, body)

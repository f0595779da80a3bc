"""What would the API server store, were this manifest applied? Asked with `dryRun=All`: nothing is written.

So defaults, the CRD's rules and admission policies are the API server's own. The apply is of the kind that the object
was applied with before: `kubectl apply` merges three versions, server-side apply has a manager.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.cli.manifests import Manifest
from tokenfactory_operator.domain.errors import KubeError, KubeNotFound
from tokenfactory_operator.kube.client import DRY_RUN, MERGE_PATCH, KubeClient
from tokenfactory_operator.kube.errors import RefusedByServer
from tokenfactory_operator.kube.paths import OBJECTS
from tokenfactory_operator.ports import JsonObject, Key

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
"""Where `kubectl apply` keeps what it applied (Kubernetes: declarative management of objects)."""
APPLY_PATCH: Final = "application/apply-patch+yaml"
STRICT: Final = ("fieldValidation", "Strict")
"""A field that the API server does not know is refused, as `kubectl apply` has it refused."""
KUBECTL: Final = "kubectl"
"""The manager of `kubectl apply --server-side`."""


@dataclass(frozen=True)
class Applied:
    """One manifest, and what would become of it."""

    key: Key
    manifest: Manifest
    before: JsonObject | None
    """The object as it is now, with all of its metadata; None where there is none."""
    after: JsonObject | None
    """The object as it would be stored; None where the API server does not say so."""
    failure: KubeError | None = None
    """What it says instead, or why it says nothing."""


async def apply_dry(client: KubeClient, manifest: Manifest, *, namespace: str) -> Applied:
    """Ask what an apply would store. Raises `KubeError` only where the object cannot be read."""
    metadata = manifest["metadata"]
    key = Key(metadata.get("namespace") or namespace, metadata["name"])
    try:
        before = await client.request("GET", OBJECTS.at(key))
    except KubeNotFound:
        before = None
    asked = _Asked(client, key, {**manifest, "metadata": {**metadata, "namespace": key.namespace}}, before)
    try:
        return Applied(key, manifest, before, await asked.stored(STRICT))
    except KubeError as error:
        return Applied(key, manifest, before, None, await asked.in_words(error))


@dataclass(frozen=True)
class _Asked:
    """One manifest, and the object that it would be applied to."""

    client: KubeClient
    key: Key
    manifest: Manifest
    before: JsonObject | None

    async def stored(self, *further: tuple[str, str]) -> JsonObject:
        """What the API server would store. Raises `KubeError`."""
        body, dry = {**_given(self.manifest), "apiVersion": api.API_VERSION, "kind": api.KIND}, (DRY_RUN, *further)
        if self.before is None:
            query = [*dry, ("fieldManager", "kubectl-client-side-apply")]
            return await self.client.request("POST", OBJECTS.within(self.key.namespace), query=query, body=body)
        path, before_that = OBJECTS.at(self.key), last_applied(self.before)
        if before_that is None:
            query = [*dry, ("fieldManager", manager_of(self.before)), ("force", "true")]
            return await self.client.request("PATCH", path, query=query, body=body, content_type=APPLY_PATCH)
        patch = three_way(before_that, _given(self.manifest), self.before)
        query = [*dry, ("fieldManager", "kubectl-client-side-apply")]
        return await self.client.request("PATCH", path, query=query, body=patch, content_type=MERGE_PATCH)

    async def in_words(self, error: KubeError) -> KubeError:
        """A merge patch with an unknown field is refused with all of the object in the message, which is cut."""
        if not isinstance(error, RefusedByServer) or all(cause.field != "patch" for cause in error.causes):
            return error
        try:
            after = await self.stored()
        except KubeError as clearer:
            return clearer
        unknown = ", ".join(_left_out(self.manifest.get("spec"), after.get("spec"), "spec"))
        return RefusedByServer(f"unknown field: {unknown}", status=error.status) if unknown else error


def _left_out(given: Any, stored: Any, path: str) -> Iterator[str]:  # noqa: ANN401  # JSON
    """Each field that was given and is not stored."""
    if isinstance(given, Mapping) and isinstance(stored, Mapping):
        for name, value in given.items():
            if name in stored:
                yield from _left_out(value, stored[name], f"{path}.{name}")
            elif value is not None:
                yield f"{path}.{name}"


def _given(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What an apply sends of a manifest: it may be a dump, with what only the API server writes."""
    kept = ("name", "namespace", "labels", "finalizers", "ownerReferences")
    metadata = {name: value for name, value in _inner(manifest, "metadata").items() if name in kept}
    return {"metadata": {**metadata, "annotations": own_annotations(manifest)}, "spec": manifest.get("spec")}


def own_annotations(body: Mapping[str, Any]) -> dict[str, Any]:
    """The annotations without what `kubectl apply` keeps there for itself."""
    given = _inner(_inner(body, "metadata"), "annotations")
    return {name: text for name, text in given.items() if name != LAST_APPLIED}


def _inner(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The fields of a field; none where it has none."""
    value = fields.get(name)
    return value if isinstance(value, Mapping) else {}


def last_applied(before: JsonObject | None) -> dict[str, Any] | None:
    """What `kubectl apply` has applied last; None where the object was not made by it."""
    text = ((before or {}).get("metadata", {}).get("annotations") or {}).get(LAST_APPLIED)
    try:
        document = json.loads(text) if text else None
    except ValueError:
        return None
    return _given(document) if isinstance(document, dict) else None


def manager_of(before: JsonObject | None) -> str:
    """Who has applied the object last on the server's side; kubectl where nobody has."""
    entries = (before or {}).get("metadata", {}).get("managedFields") or ()
    applied = [entry for entry in entries if entry.get("operation") == "Apply" and not entry.get("subresource")]
    return str(max(applied, key=lambda entry: str(entry.get("time")))["manager"]) if applied else KUBECTL


def three_way(original: Mapping[str, Any], modified: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON merge patch of `kubectl apply` for a custom resource: what changes, and what it had set before."""
    patch: dict[str, Any] = {}
    for name, value in modified.items():
        now = current.get(name)
        if isinstance(value, Mapping):
            inner = three_way(_inner(original, name), value, _inner(current, name))
            if inner or not isinstance(now, Mapping):
                patch[name] = inner
        elif now != value:
            patch[name] = value
    return patch | {name: None for name in original if name not in modified and name in current}


def changes(before: Any, after: Any, path: str = "") -> list[tuple[str, Any, Any]]:  # noqa: ANN401  # JSON
    """Each field that differs: its path, and both values (None: it is not there)."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = dict.fromkeys([*before, *after])
        found = (changes(before.get(name), after.get(name), f"{path}.{name}" if path else name) for name in names)
        return [change for part in found for change in part]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [change for at, pair in pairs for change in changes(*pair, f"{path}[{at}]")]
    return [] if before == after else [(path, before, after)]

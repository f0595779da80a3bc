"""Labelled Secrets in a world, as their owners write them."""

from __future__ import annotations

import json
from typing import Any, Final

from cluster.support.eventually import eventually
from cluster.support.world import World
from tokenfactory_operator.api import v1alpha1 as api

LABEL: Final = {api.CREDENTIALS_LABEL: "true"}
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


def apply_secret(
    world: World, name: str, token: str, *, labels: dict[str, str] | None = None, key: str = "token"
) -> None:
    """What `kubectl apply` of a Secret with one key leaves: the key, and an annotation with the token in it."""
    metadata = {"name": name, "labels": LABEL if labels is None else labels}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {key: token}}
    annotated = {**metadata, "annotations": {_LAST_APPLIED: json.dumps(body)}}
    path = f"{_path(world, name)}?fieldManager=tests&force=true"
    world.kube.ask("PATCH", path, {**body, "metadata": annotated}, kind="application/apply-patch+yaml")


def delete_secret(world: World, name: str) -> None:
    """Begin its deletion."""
    world.kube.ask("DELETE", _path(world, name))


def find_secret(world: World, name: str) -> dict[str, Any] | None:
    """The Secret, if it is there."""
    return world.kube.find(_path(world, name))


def _path(world: World, name: str) -> str:
    return f"/api/v1/namespaces/{world.namespace}/secrets/{name}"


def in_use(world: World, name: str) -> bool:
    """Whether the operator holds it."""
    body = find_secret(world, name)
    return body is not None and api.IN_USE in body["metadata"].get("finalizers", [])


def until_secret_gone(world: World, name: str) -> None:
    """The API server has let it go."""
    eventually(lambda: find_secret(world, name) is None, what=f"the end of Secret {name}")


def credentials(name: str, **more: str) -> dict[str, Any]:
    """`spec.credentials` that name a Secret."""
    return {"secretRef": {"name": name}, **more}

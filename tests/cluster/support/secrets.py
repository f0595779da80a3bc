"""Labelled Secrets in a world, as their owners write them."""

from __future__ import annotations

import json
from typing import Any, Final

from cluster.support.eventually import eventually
from cluster.support.world import World
from tokenfactory_operator.api import v1alpha1 as api

LABEL: Final = {api.CREDENTIALS_LABEL: "true"}


def apply_secret(
    world: World, name: str, token: str, *, labels: dict[str, str] | None = None, key: str = "token"
) -> None:
    """`kubectl apply` of a Secret with one key."""
    metadata = {"name": name, "labels": LABEL if labels is None else labels}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {key: token}}
    world.cluster.kubectl("apply", "--namespace", world.namespace, "-f", "-", input=json.dumps(body))


def delete_secret(world: World, name: str) -> None:
    """Begin its deletion."""
    world.cluster.kubectl("delete", "secret", name, "--namespace", world.namespace, "--wait=false")


def find_secret(world: World, name: str) -> dict[str, Any] | None:
    """The Secret, if it is there."""
    text = world.cluster.kubectl(
        "get", "secret", name, "--namespace", world.namespace, "--ignore-not-found", "-o", "json"
    ).stdout
    return json.loads(text) if text.strip() else None


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

"""What an application needs to call the endpoint of an object, as a ConfigMap (`spec.connection`).

The names are those that OpenAI's clients read, so that `envFrom` is enough. There is no ConfigMap without an address: a
client that is given none would send its key to the one that is built into it. Nothing is read or written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.resource import Resource

SUFFIX: Final = "-connection"
"""Of the default name, after that of the object."""
MANAGED_BY: Final = "app.kubernetes.io/managed-by"


def name_of(resource: Resource) -> str:
    """The ConfigMap that the spec asks for; empty where it asks for none."""
    wanted = resource.spec.connection if resource.spec is not None else None
    if wanted is None:
        return ""
    return wanted.config_map_name or f"{resource.name}{SUFFIX}"


def data_of(resource: Resource, status: api.Status) -> dict[str, str] | None:
    """The ConfigMap's data, by what a status tells of the endpoint; `None` while something of it is not known."""
    if resource.spec is None:
        return None
    data = {
        "OPENAI_BASE_URL": status.inference_url,
        "OPENAI_MODEL": status.routing_key,
        "DEDICATED_ENDPOINT_ID": status.endpoint_id,
        "DEDICATED_ENDPOINT_REGION": resource.spec.region,
    }
    known = {name: value for name, value in data.items() if value}
    return known if len(known) == len(data) else None


def without_address(status: api.Status) -> bool:
    """Whether the region's address is all that is not known."""
    return bool(status.endpoint_id and status.routing_key and not status.inference_url)


def config_map(resource: Resource, name: str, data: Mapping[str, str]) -> dict[str, Any]:
    """The whole object, as it is created; it goes with its owner (Kubernetes: garbage collection).

    `blockOwnerDeletion` is left out: some clusters want the right to change the owner's finalizers for it.
    """
    owner = {
        "apiVersion": f"{api.GROUP}/{api.VERSION}",
        "kind": api.KIND,
        "name": resource.name,
        "uid": resource.uid,
        "controller": True,
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "labels": {MANAGED_BY: "tokenfactory-operator"},
            "ownerReferences": [owner],
        },
        "data": dict(data),
    }


def owned(body: Mapping[str, Any], uid: str) -> bool:
    """Whether the object of this uid is the ConfigMap's controller."""
    references = body["metadata"].get("ownerReferences") or ()
    return any(item.get("uid") == uid and item.get("controller") for item in references)


def of_earlier(body: Mapping[str, Any], resource: Resource) -> bool:
    """Whether an object of the same name was its controller, and is gone: Kubernetes deletes what that one owned."""
    references = body["metadata"].get("ownerReferences") or ()
    wanted = (f"{api.GROUP}/{api.VERSION}", api.KIND, resource.name, True)
    return any(
        tuple(item.get(name) for name in ("apiVersion", "kind", "name", "controller")) == wanted
        and item.get("uid") != resource.uid
        for item in references
    )


def differs(body: Mapping[str, Any], data: Mapping[str, str]) -> bool:
    """Whether one of our keys has another value; those of others are theirs."""
    there = body.get("data") or {}
    return any(there.get(name) != value for name, value in data.items())

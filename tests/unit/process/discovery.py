"""What an API server says that it serves."""

from __future__ import annotations

from typing import Any

from tokenfactory_operator.api import v1alpha1 as api


def served(plural: str, **parts: object) -> dict[str, Any]:
    """What discovery says of a resource."""
    names = {"name": plural, "singularName": "", "kind": plural.title(), "namespaced": True}
    return {**names, "verbs": ["list", "watch"], **parts}


def group(**parts: object) -> dict[str, Any]:
    """What discovery says of our group."""
    version = {"groupVersion": api.API_VERSION, "version": api.VERSION}
    return {"name": api.GROUP, "versions": [version], "preferredVersion": version, **parts}


OURS = f"/apis/{api.GROUP}/{api.VERSION}"
SERVED: dict[str, dict[str, list[Any]]] = {
    "/api": {"versions": ["v1"]},
    "/apis": {"groups": [{**group(), "name": "apps"}, group()]},
    "/api/v1": {"resources": [served("secrets"), served("namespaces", namespaced=False)]},
    OURS: {"resources": [served(api.PLURAL), served(f"{api.PLURAL}/status")]},
}

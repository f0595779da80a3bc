"""Whether this API server serves the `DedicatedEndpoint` that this operator was built for; asked once, at the start.

Without the CRD kopf would warn once and wait for ever; with an older one the API server would prune fields of the
status without a word, the open create attempt among them, and a second endpoint could be bought. Discovery and OpenAPI
are read, which every account may read, so no right on CustomResourceDefinitions is needed. Nothing is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.kube import forms
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.errors import ApiServerError, SetupError, reading
from tokenfactory_operator.kube.server import check_version
from tokenfactory_operator.ports import JsonObject

SETTLE: Final = 10.0
"""Seconds to wait for the schema of a CRD that was applied just now: OpenAPI follows discovery 0.7 s later on 1.37."""

_POLL: Final = 0.25
_HTTP_NOT_FOUND: Final = 404
_ROOT: Final = f"/apis/{api.API_VERSION}"
_OPENAPI: Final = f"/openapi/v3{_ROOT}"
_VERBS: Final = frozenset({"get", "list", "watch", "patch"})
_APPLY: Final = (
    f"`kubectl apply --server-side --force-conflicts -f crds/{api.GROUP}_{api.PLURAL}.yaml` (crds.yaml of a release)"
    " or with the Helm chart"
)
"""Works on a CRD of any origin; without these flags a CRD that Helm and kubectl both have written is a conflict."""
_SHOWN: Final = 6


async def check_crd(client: KubeClient, *, settle: float = SETTLE) -> None:
    """Return when the served resource has all that the operator needs.

    Raises:
        SetupError: the CRD is missing or too old; the message says what to do.
        KubeError: the API server cannot be asked.
    """
    served = await _served(client)
    with reading(f"GET {_ROOT}"):
        lacking = _lacking_resources(served)
    if lacking:
        raise _too_old(lacking)
    deadline = asyncio.get_running_loop().time() + settle
    while lacking := await _lacking(client):
        if asyncio.get_running_loop().time() >= deadline:
            raise _too_old(lacking)
        await asyncio.sleep(_POLL)


async def _served(client: KubeClient) -> JsonObject:
    try:
        return await client.request("GET", _ROOT)
    except ApiServerError as error:
        if error.status != _HTTP_NOT_FOUND:
            raise
        await check_version(client)  # a proxy that answers in place of the API server has none
        raise SetupError(
            f"This cluster has no {api.KIND} ({api.API_VERSION} is not served): install the CRD with {_APPLY}."
        ) from error


async def _schemas(client: KubeClient) -> JsonObject:
    try:
        document = await client.request("GET", _OPENAPI)
    except ApiServerError as error:
        if error.status != _HTTP_NOT_FOUND:
            raise
        return {}
    with reading(f"GET {_OPENAPI}"):
        schemas: JsonObject = document["components"]["schemas"]
        return schemas


async def _lacking(client: KubeClient) -> list[str]:
    schemas = await _schemas(client)
    with reading(f"GET {_OPENAPI}"):
        return _lacking_fields(schemas)


def _lacking_resources(discovery: JsonObject) -> list[str]:
    verbs = {item["name"]: frozenset(item.get("verbs") or ()) for item in forms.discovered(_ROOT, discovery) or ()}
    lacking = [f"the subresource {name}" for name in ("status", "scale") if f"{api.PLURAL}/{name}" not in verbs]
    missing = _VERBS - verbs.get(api.PLURAL, frozenset())
    return [*lacking, *(f"the verb {verb}" for verb in sorted(missing))]


def _lacking_fields(schemas: JsonObject) -> list[str]:
    served: JsonObject = next((schema for name, schema in schemas.items() if name.endswith(f".{api.KIND}")), {})
    known = set(_served_fields(served, ""))
    expected = (*_fields(api.Spec, ".spec"), *_fields(api.Status, ".status"))
    return [path for path in expected if path not in known]


def _served_fields(schema: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Every path of a structural schema; the items of a list share their list's path."""
    for name, child in schema.get("properties", {}).items():
        path = f"{prefix}.{name}"
        yield path
        yield from _served_fields(child.get("items", child), path)


def _fields(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Every path that the models read or write, on the wire's names."""
    for name, field in model.model_fields.items():
        path = f"{prefix}.{field.alias or name}"
        yield path
        for nested in _models(field.annotation):
            yield from _fields(nested, path)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _too_old(lacking: list[str]) -> SetupError:
    shown = ", ".join(lacking[:_SHOWN]) + (f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else "")
    return SetupError(
        f"The {api.KIND} CRD on this cluster is older than this operator: update it with {_APPLY}. It lacks {shown}."
    )

"""Labelled Secrets on the Kubernetes API server: the adapter behind the `Secrets` port.

Only Secrets with the label `tokenfactory.nebius.com/credentials: "true"` are ever listed: nobody can point the operator
at a stranger's, and there is no cluster-wide copy of all Secrets in memory. Values leave this module as `SecretStr`, so
that no log line, repr or traceback of a body shows them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from pydantic import SecretStr

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.errors import KubeNotFound
from tokenfactory_operator.kube.client import MANAGER, MERGE_PATCH, KubeClient
from tokenfactory_operator.kube.listing import list_pages
from tokenfactory_operator.ports import JsonObject, Key

SELECTOR: Final = f"{api.CREDENTIALS_LABEL}=true"
_FIELD_MANAGER: Final = (("fieldManager", MANAGER),)


def _collection(namespace: str | None) -> str:
    return "/api/v1/secrets" if namespace is None else f"/api/v1/namespaces/{quote(namespace)}/secrets"


def _path(key: Key) -> str:
    return f"{_collection(key.namespace)}/{quote(key.name)}"


def labelled(body: Mapping[str, Any]) -> bool:
    """Whether its owner has marked the Secret as a credential of this operator."""
    return (body["metadata"].get("labels") or {}).get(api.CREDENTIALS_LABEL) == "true"


def sealed(body: Mapping[str, Any]) -> dict[str, Any]:
    """The Secret with its values decoded and wrapped, and without copies of them elsewhere in its metadata.

    A value that is not base64 of UTF-8 becomes an empty one: it is no token.
    """
    names = ("namespace", "name", "uid", "resourceVersion", "deletionTimestamp", "finalizers", "labels")
    metadata = {name: body["metadata"][name] for name in names if name in body["metadata"]}
    data = {name: SecretStr(_decoded(value)) for name, value in (body.get("data") or {}).items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, TypeError):
        return ""


class KubeSecrets:
    """Reads labelled Secrets and writes their finalizers. Every method raises `KubeError` and nothing else."""

    def __init__(self, client: KubeClient) -> None:
        """`client` stays its owner's to close."""
        self._client = client

    async def get(self, key: Key) -> JsonObject | None:
        """The Secret, sealed; `None` when there is none, or none with the label."""
        try:
            body = await self._client.request("GET", _path(key))
        except KubeNotFound:
            return None
        return sealed(body) if labelled(body) else None

    async def set_finalizers(self, key: Key, finalizers: tuple[str, ...], *, resource_version: str) -> JsonObject:
        """Write the whole list of finalizers under the precondition; answers the Secret, sealed.

        Raises:
            KubeConflict: the Secret has changed since `resource_version`.
            KubeNotFound: it is gone.
            KubeError: anything else; 422 where a finalizer is added to a terminating Secret.
        """
        metadata = {"resourceVersion": resource_version, "finalizers": list(finalizers)}
        body = {"metadata": metadata}
        answer = await self._client.request(
            "PATCH", _path(key), query=_FIELD_MANAGER, body=body, content_type=MERGE_PATCH
        )
        return sealed(answer)

    async def list_all(self, namespaces: Sequence[str] | None = None) -> tuple[list[JsonObject], str]:
        """Every labelled Secret of `namespaces` (`None`: of the cluster), sealed, and a resourceVersion."""
        found, version = await list_pages(
            self._client, [_collection(name) for name in ((None,) if namespaces is None else namespaces)], SELECTOR
        )
        return [sealed(body) for body in found], version

"""Labelled Secrets on the Kubernetes API server: the adapter behind the `Secrets` port.

Only Secrets with the label `tokenfactory.nebius.com/credentials: "true"` are ever listed, and by their metadata alone:
nobody can point the operator at a stranger's, and there is no copy of all Secrets in memory. A Secret is read by its
name, and of it only the keys that are asked for leave this module, as `SecretStr`, so that no log line, repr or
traceback of a body shows them.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from pydantic import SecretStr

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.errors import KubeNotFound
from tokenfactory_operator.domain.identity import MAX_TOKEN
from tokenfactory_operator.kube.client import AS_MANAGER, JSON, MERGE_PATCH, KubeClient
from tokenfactory_operator.kube.finalizers import whole
from tokenfactory_operator.kube.lean import METADATA, METADATA_LIST, lean
from tokenfactory_operator.kube.listing import list_pages
from tokenfactory_operator.kube.paths import SECRETS, target_of
from tokenfactory_operator.ports import JsonObject, Key, Lead, anybody

SELECTOR: Final = f"{api.CREDENTIALS_LABEL}=true"


def is_collection(path: str) -> bool:
    """Whether Secrets are listed or watched at this path."""
    target = target_of(path)
    return path == SECRETS.within(target.namespace or None)


def labelled(body: Mapping[str, Any]) -> bool:
    """Whether its owner has marked the Secret as a credential of this operator."""
    return (body["metadata"].get("labels") or {}).get(api.CREDENTIALS_LABEL) == "true"


def sealed(body: Mapping[str, Any], names: Collection[str] = ()) -> dict[str, Any]:
    """The Secret's metadata, without copies of its values in it, and the values of these keys, decoded and wrapped.

    A value that is not base64 becomes an empty one. In one that is not UTF-8 something stands that no token has.
    """
    given = body.get("data") or {}
    known = {"apiVersion": "v1", "kind": "Secret", "metadata": lean(body)["metadata"]}
    return known if not names else {**known, "data": {name: _decoded(given[name]) for name in names if name in given}}


def _decoded(value: str) -> SecretStr:
    """Cut behind the length that a token may have: what is longer is none, however long it is."""
    try:
        return SecretStr(base64.b64decode(value, validate=True).decode(errors="replace").strip()[: MAX_TOKEN + 1])
    except (ValueError, TypeError):  # binascii's own error, and that of a text that is not ASCII
        return SecretStr("")


class KubeSecrets:
    """Reads labelled Secrets and writes their finalizers. Every method raises `KubeError` and nothing else."""

    def __init__(self, client: KubeClient) -> None:
        """`client` stays its owner's to close."""
        self._client = client

    async def get(self, key: Key) -> JsonObject | None:
        """The Secret's metadata; `None` when there is none, or none with the label."""
        return await self._get(key, METADATA, ())

    async def read(self, key: Key, names: Collection[str]) -> JsonObject | None:
        """The Secret with the values of these keys, sealed; `None` when there is none, or none with the label."""
        return await self._get(key, JSON, names)

    async def _get(self, key: Key, accept: str, names: Collection[str]) -> JsonObject | None:
        try:
            body = await self._client.object("GET", SECRETS.at(key), accept=accept)
        except KubeNotFound:
            return None
        return sealed(body, names) if labelled(body) else None

    async def set_finalizers(
        self, key: Key, finalizers: tuple[str, ...], *, resource_version: str, lead: Lead = anybody
    ) -> JsonObject:
        """Write the whole list of finalizers under the precondition; answers the Secret's metadata.

        Raises:
            KubeConflict: the Secret has changed since `resource_version`.
            KubeNotFound: it is gone.
            KubeError: anything else; 422 where a finalizer is added to a terminating Secret.
        """
        names = await whole(self._client, SECRETS.at(key), finalizers, resource_version=resource_version)
        lead()
        body = {"metadata": {"resourceVersion": resource_version, "finalizers": names}}
        answer = await self._client.object(
            "PATCH",
            SECRETS.at(key),
            query=AS_MANAGER,
            body=body,
            content_type=MERGE_PATCH,
            accept=METADATA,
        )
        return sealed(answer)

    async def list_all(self, namespaces: Sequence[str] | None = None) -> tuple[list[JsonObject], str]:
        """The metadata of every labelled Secret of `namespaces` (`None`: of the cluster), and a resourceVersion."""
        paths = [SECRETS.within(name) for name in ((None,) if namespaces is None else namespaces)]
        found, version = await list_pages(self._client, paths, SELECTOR, accept=METADATA_LIST)
        return [sealed(body) for body in found], version

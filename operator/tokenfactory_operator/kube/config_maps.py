"""ConfigMaps of single objects on the Kubernetes API server: the adapter behind the `ConfigMaps` port.

They are read and written by their names, never listed or watched: that needs no right to all ConfigMaps of a namespace,
and no memory. Whose a ConfigMap is, and what it should say, is not decided here.
"""

from __future__ import annotations

from collections.abc import Mapping

from tokenfactory_operator.domain.errors import KubeNotFound
from tokenfactory_operator.kube.client import AS_MANAGER, MERGE_PATCH, KubeClient
from tokenfactory_operator.kube.paths import CONFIG_MAPS
from tokenfactory_operator.ports import JsonObject, Key


class KubeConfigMaps:
    """Every method raises `KubeError` and nothing else."""

    def __init__(self, client: KubeClient) -> None:
        """`client` stays its owner's to close."""
        self._client = client

    async def get(self, key: Key) -> JsonObject | None:
        """The ConfigMap; `None` only when the API server says that there is none."""
        try:
            return await self._client.object("GET", CONFIG_MAPS.at(key))
        except KubeNotFound:
            return None

    async def create(self, key: Key, body: JsonObject) -> None:
        """Make it; raises `KubeConflict` where there is one of that name."""
        await self._client.object("POST", CONFIG_MAPS.within(key.namespace), query=AS_MANAGER, body=body)

    async def write_data(self, key: Key, data: Mapping[str, str], *, resource_version: str) -> None:
        """Set these keys of its data, and leave the others.

        Raises:
            KubeConflict: it has changed since `resource_version`, or was deleted and made anew.
            KubeNotFound: it is gone.
        """
        body = {"metadata": {"resourceVersion": resource_version}, "data": data}
        await self._client.object("PATCH", CONFIG_MAPS.at(key), query=AS_MANAGER, body=body, content_type=MERGE_PATCH)

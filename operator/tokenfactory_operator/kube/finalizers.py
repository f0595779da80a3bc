"""The finalizers of an object as they are written: all of them, also those that are not kept (see `lean`)."""

from __future__ import annotations

from collections.abc import Sequence

from tokenfactory_operator.domain.errors import KubeConflict
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.lean import METADATA, OTHERS, OURS


async def whole(client: KubeClient, path: str, names: Sequence[str], *, resource_version: str) -> list[str]:
    """`names` with what the object at `path` has in place of `OTHERS`; it is read only where that is among them.

    Raises:
        KubeConflict: the object has changed since `resource_version`.
        KubeNotFound, KubeError: it cannot be read.
    """
    if OTHERS not in names:
        return list(names)
    metadata = (await client.object("GET", path, accept=METADATA))["metadata"]
    if metadata["resourceVersion"] != resource_version:
        raise KubeConflict(f"{path} has changed since its version {resource_version}")
    return [*(name for name in metadata.get("finalizers") or () if name not in OURS), *OURS.intersection(names)]

"""`DedicatedEndpoint` objects on the Kubernetes API server: the adapter behind the `Kube` port.

Each method is one request (a listing: one a page; see `finalizers`) and nothing is cached or repeated. Writes carry
the resourceVersion that was decided upon. That is the whole guard against a recreated object too: versions are etcd
revisions, so those of a successor under the same name differ, while a `metadata.uid` in a patch of `/status` is
*ignored* for custom resources (seen on 1.37: a wrong uid beside the right resourceVersion answers 200).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tokenfactory_operator.domain.errors import KubeError, KubeNotFound
from tokenfactory_operator.kube.client import AS_MANAGER, MERGE_PATCH, KubeClient
from tokenfactory_operator.kube.finalizers import whole
from tokenfactory_operator.kube.lean import lean
from tokenfactory_operator.kube.listing import list_pages
from tokenfactory_operator.kube.paths import NAMESPACES, OBJECTS
from tokenfactory_operator.kube.sharing import Sharing
from tokenfactory_operator.ports import JsonObject, Key, Lead, anybody

CLUSTER_ID_LENGTH: Final = 8
"""Hex digits of the uid of `kube-system` that name a cluster (docs/protocol.md, Identity)."""


class KubeObjects:
    """Reads and writes `DedicatedEndpoint` objects. Every method raises `KubeError` and nothing else."""

    def __init__(self, client: KubeClient) -> None:
        """`client` stays its owner's to close."""
        self._client = client
        self._sharing = Sharing()

    async def get(self, key: Key) -> JsonObject | None:
        """The object as it is now; `None` only when the API server says that this object does not exist."""
        try:
            return self._sharing.of(lean(await self._client.object("GET", OBJECTS.at(key))))
        except KubeNotFound:
            return None

    async def set_finalizers(
        self, key: Key, finalizers: tuple[str, ...], *, resource_version: str, lead: Lead = anybody
    ) -> JsonObject:
        """Write the whole list of finalizers.

        Raises:
            KubeConflict: the object has changed since `resource_version`.
            KubeNotFound: it is gone.
            KubeError: anything else; 422 where a finalizer is added to a terminating object.
        """
        names = await whole(self._client, OBJECTS.at(key), finalizers, resource_version=resource_version)
        lead()
        metadata = {"resourceVersion": resource_version, "finalizers": names}
        return await self._patch(key, {"metadata": metadata})

    async def patch_status(self, key: Key, patch: JsonObject, *, uid: str, resource_version: str) -> JsonObject:
        """Merge `patch` into `.status`: a `None` removes a field, a list is replaced whole.

        Raises:
            KubeConflict: the object has changed since `resource_version`, or was deleted and made anew.
            KubeNotFound: it is gone, or the answer is another object's.
            KubeError: anything else; 422 where the schema refuses the status.
        """
        body = {"metadata": {"resourceVersion": resource_version}, "status": patch}
        written = await self._patch(key, body, "/status")
        if written["metadata"]["uid"] != uid:
            # Only a restored etcd can repeat a revision; the caller must not take the answer for its own object.
            raise KubeNotFound(f"{key} is another object now: uid {written['metadata']['uid']} in place of {uid}")
        return written

    async def list_all(
        self, namespaces: Sequence[str] | None = None, selector: str = ""
    ) -> tuple[list[JsonObject], str]:
        """Every object of `namespaces` (`None`: of the cluster) that the label selector takes, and a resourceVersion.

        What is newer than that version may be missing: with several namespaces it is the oldest of their listings.

        Raises:
            KubeError: a page failed; a 410 when the listing took so long that its snapshot was compacted.
        """
        paths = [OBJECTS.within(name) for name in ((None,) if namespaces is None else namespaces)]
        return await list_pages(self._client, paths, selector, keep=lambda item: self._sharing.of(lean(item)))

    async def list_in(self, namespace: str) -> list[JsonObject]:
        """Every object of one namespace. Raises `KubeError`."""
        return (await self.list_all((namespace,)))[0]

    async def cluster_id(self) -> str:
        """The first hex digits of the uid of the namespace `kube-system`, which lives as long as the cluster.

        Raises:
            KubeError: it cannot be read; the chart grants this one `get`.
        """
        namespace = await self._client.object("GET", NAMESPACES.named("kube-system"))
        uid: str = namespace["metadata"]["uid"]
        digits = uid.replace("-", "")[:CLUSTER_ID_LENGTH]
        if len(digits) < CLUSTER_ID_LENGTH:
            raise KubeError("the namespace kube-system has no usable uid: set CLUSTER_ID")
        return digits

    async def settled(self, key: Key) -> None:
        """Return when no write to the object is under way, or when the one that is began a second ago."""
        await self._client.under_way.over(OBJECTS.at(key))

    async def _patch(self, key: Key, body: JsonObject, subresource: str = "") -> JsonObject:
        path = OBJECTS.at(key)
        with self._client.under_way.write(path):
            answer = await self._client.object(
                "PATCH", f"{path}{subresource}", query=AS_MANAGER, body=body, content_type=MERGE_PATCH
            )
        return self._sharing.of(lean(answer))

"""What is kept of an object of the API server: what the operator needs of it, and nothing that others put there.

Other people's annotations may be 256 KiB of each object, its finalizers and a Secret's values 1 MiB. They are dropped
page by page before anything is held, Secrets are listed and watched by their metadata alone, and a page that is too
large is not read to its end but asked for again with fewer objects.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
from multidict import CIMultiDict

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.resource import known_annotations
from tokenfactory_operator.kube.echoes import Settled, without_echoes
from tokenfactory_operator.kube.watch_pace import WatchPace

PAGE_SIZE: Final = 500
"""Objects that a page of a listing holds at most."""
PAGE_BYTES: Final = 8 * 2**20
"""Bytes of a page from which on the same is asked for again with fewer objects."""
FEWER: Final = 4
"""A page that is too large is divided by this."""
SMALLEST: Final = 8
"""Objects in a page of kopf's at least: all its pages have one size, and ten thousand of one object take a minute."""

METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""Media type of one object, or of each event of a watch, without all but its metadata (Kubernetes: API concepts)."""
METADATA_LIST: Final = METADATA.replace("Metadata;", "MetadataList;")
"""The same of a listing. A watch that asks for this brings no event, and is no failure (seen on 1.37)."""
NEEDED: Final = (
    "namespace",
    "name",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "finalizers",
)
"""Fields of the metadata that something is decided by, or that an Event names its object with."""
MOST_FINALIZERS: Final = 1000
"""Characters of an object's finalizers; the API server takes 1.5 MB of them. Of more only ours are kept."""
OURS: Final = frozenset({api.FINALIZER, api.IN_USE})
OTHERS: Final = "…"
"""Stands in place of the other ones; no finalizer can have this name."""


def lean(body: Mapping[str, Any]) -> dict[str, Any]:
    """The object without what no decision needs; one that is lean already stays as it is."""
    given = body["metadata"]
    metadata = {name: given[name] for name in NEEDED if name in given}
    if "finalizers" in metadata:
        metadata["finalizers"] = _finalizers(metadata["finalizers"])
    annotations = known_annotations(given.get("annotations") or {})
    return {**body, "metadata": {**metadata, "annotations": annotations} if annotations else metadata}


def _finalizers(names: Sequence[str]) -> Sequence[str]:
    if sum(map(len, names)) <= MOST_FINALIZERS:
        return names
    return [*(name for name in names if name in OURS), OTHERS]


def items_of(page: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The objects of a page. By their metadata alone none is `null` and no empty list (seen on 1.37)."""
    return page.get("items") or ()


def fewer(limit: int, least: int = 1) -> int:
    """The size of a page after one of `limit` objects was too large; so many as `least` are always read."""
    return max(least, limit // FEWER)


def fitting(limit: int, size: int) -> int:
    """The size of the next page after one of `limit` objects had `size` bytes: it should have half of what it may.

    So a few large objects make no page small but their own.
    """
    return max(1, min(PAGE_SIZE, limit * (PAGE_BYTES // 2) // max(size, 1)))


def session_options(
    is_metadata_only: Callable[[str], bool],
    too_large: Callable[[], bool],
    is_known: Callable[[Mapping[str, Any]], bool],
    settled: Settled,
) -> dict[str, Any]:
    """Arguments of an `aiohttp.ClientSession` whose JSON answers are lean, and whose watches have a pace.

    `is_metadata_only` says for which paths the metadata suffice. `too_large` is told of a listing's page over
    `PAGE_BYTES`: if it answers True, the page is given up, as if the connection had broken. `is_known` is asked about
    each object that a listing or a watch brings: what is held already is left out. `settled`: see `echoes`.
    """

    async def ask_for_metadata(
        _session: aiohttp.ClientSession, _context: SimpleNamespace, start: aiohttp.TraceRequestStartParams
    ) -> None:
        if is_metadata_only(start.url.path):
            headers: CIMultiDict[str] = start.headers  # aiohttp documents that these may be changed here
            headers["Accept"] = METADATA if start.url.query.get("watch") else METADATA_LIST

    tracing = aiohttp.TraceConfig()
    tracing.on_request_start.extend((WatchPace().wait, ask_for_metadata))

    class LeanResponse(aiohttp.ClientResponse):
        """Drops what is not needed of each item before anybody holds it."""

        async def start(self, connection: Any) -> aiohttp.ClientResponse:  # noqa: ANN401  # as aiohttp's
            await super().start(connection)
            self.content = without_echoes(self.url, self.content, is_metadata_only, is_known, settled)
            return self

        async def json(self, **_options: Any) -> Any:  # noqa: ANN401  # as aiohttp's
            document = json.loads(await self._bounded())
            if isinstance(document, dict) and "items" in document:
                document["items"] = [lean(item) for item in items_of(document) if not is_known(item)]
            return document

        async def _bounded(self) -> bytearray:
            read, given_up = bytearray(), False
            async for part in self.content.iter_any():
                read += part
                if len(read) > PAGE_BYTES and not given_up:
                    if too_large():
                        self.close()
                        raise aiohttp.ClientPayloadError("a page of the listing is too large")
                    given_up = True
            return read

    return {"response_class": LeanResponse, "trace_configs": [tracing]}

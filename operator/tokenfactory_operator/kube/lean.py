"""What is kept of an object of the API server: what the operator needs of it, and nothing that others put there.

Other people's annotations may be 256 KiB of each object, its finalizers and a Secret's values 1 MiB. They are dropped
page by page before anything is held, Secrets are listed and watched by their metadata alone, and a page that is too
large is not read to its end but asked for again with fewer objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.resource import known_annotations

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


def fewer(limit: int, least: int = 1) -> int:
    """The size of a page after one of `limit` objects was too large; so many as `least` are always read."""
    return max(least, limit // FEWER)


def fitting(limit: int, size: int) -> int:
    """The size of the next page after one of `limit` objects had `size` bytes: it should have half of what it may.

    So a few large objects make no page small but their own.
    """
    return max(1, min(PAGE_SIZE, limit * (PAGE_BYTES // 2) // max(size, 1)))

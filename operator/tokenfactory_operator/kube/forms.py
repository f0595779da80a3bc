"""The form that an answer of the API server must have: what has another one is no answer, whoever sent it.

A proxy may answer in place of the API server, and cut or repeat what it says. So nothing is concluded from an answer
that does not say all that is needed of it: a page without `items` is no empty page. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from tokenfactory_operator.ports import JsonObject

LONGEST_VERSION: Final = 20
"""Digits of a resourceVersion: etcd counts with 64 bits."""
ERROR: Final = "ERROR"
"""The type of the event that ends a watch."""
EVENTS: Final = frozenset({"ADDED", "MODIFIED", "DELETED"})
"""Types of the events that bring an object."""
BOOKMARK: Final = "BOOKMARK"

_METADATA_LIST: Final = "PartialObjectMetadataList"
_DISCOVERY: Final[Mapping[tuple[str, int], str]] = {
    ("api", 1): "versions",
    ("apis", 1): "groups",
    ("api", 2): "resources",
    ("apis", 3): "resources",
}
"""What a document of discovery lists, by the first part of its path and the number of parts."""


class Malformed(ValueError):
    """What is wrong with an answer's form."""


def object_of(document: object) -> JsonObject:
    """An object, as it is. Raises `Malformed`."""
    body = _mapping(document, "the object")
    metadata = _mapping(body.get("metadata"), "metadata")
    for name in ("name", "uid"):
        if not isinstance(metadata.get(name), str) or not metadata[name]:
            raise Malformed(f"there is no metadata.{name}")
    version_of(metadata)
    if not isinstance(metadata.get("namespace", ""), str):
        raise Malformed("metadata.namespace is no text")
    for name in ("labels", "annotations"):
        _mapping(metadata.get(name) or {}, f"metadata.{name}")
    finalizers = _sequence(metadata.get("finalizers") or (), "metadata.finalizers")
    if not all(isinstance(name, str) for name in finalizers):
        raise Malformed("metadata.finalizers holds what is no text")
    for name in ("spec", "status", "data"):
        _mapping(body.get(name) or {}, name)
    return body


class Page(NamedTuple):
    """A page of a listing."""

    items: Sequence[JsonObject]
    version: str
    """The resourceVersion of the listing."""
    token: str
    """What to go on with; empty on the last page."""


def page_of(document: object) -> Page:
    """A page. By their metadata alone no objects are `null` and no empty list (seen on 1.37). Raises `Malformed`."""
    page = _mapping(document, "the page")
    metadata = _mapping(page.get("metadata"), "metadata")
    token = metadata.get("continue") or ""
    if not isinstance(token, str):
        raise Malformed("metadata.continue is no text")
    items = page.get("items")
    if items is None and page.get("kind") == _METADATA_LIST:
        items = ()
    return Page([object_of(item) for item in _sequence(items, "items")], version_of(metadata), token)


def version_of(metadata: JsonObject) -> str:
    """The resourceVersion, a number in decimal digits. Raises `Malformed`."""
    version = metadata.get("resourceVersion")
    if isinstance(version, str) and version.isdecimal() and version.isascii() and len(version) <= LONGEST_VERSION:
        return version
    raise Malformed("metadata.resourceVersion is no number")


def event_of(document: object) -> tuple[str, JsonObject]:
    """The type of a watch's event, and its object. Raises `Malformed`."""
    event = _mapping(document, "the event")
    kind, body = event.get("type"), _mapping(event.get("object"), "the event's object")
    if not isinstance(kind, str):
        raise Malformed("the event has no type")
    if kind in EVENTS:
        object_of(body)
    elif kind == BOOKMARK:
        version_of(_mapping(body.get("metadata"), "metadata"))
    return kind, body


def discovered(path: str, document: object) -> Sequence[Any] | None:
    """What a document of discovery lists; `None` where `path` is none of discovery. Raises `Malformed`."""
    first, *more = path.strip("/").split("/")
    name = _DISCOVERY.get((first, 1 + len(more)))
    return None if name is None else _sequence(_mapping(document, "the document").get(name), name)


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Malformed(f"{what} is no JSON object")
    return value


def _sequence(value: object, what: str) -> Sequence[Any]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise Malformed(f"{what} is no list")
    return value

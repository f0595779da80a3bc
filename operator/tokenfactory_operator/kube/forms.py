"""The form that an answer of the API server must have: what has another one is no answer, whoever sent it.

A proxy may answer in place of the API server, and cut or repeat what it says. So nothing is concluded from an answer
that does not say all that is needed of it: a page without `items` is no empty page. Nor from one that says that it is
about something else than was asked for. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from tokenfactory_operator.kube.paths import ANYTHING, Target
from tokenfactory_operator.ports import JsonObject

LONGEST_VERSION: Final = 20
"""Digits of a resourceVersion: etcd counts with 64 bits."""
ERROR: Final = "ERROR"
"""The type of the event that ends a watch."""
EVENTS: Final = frozenset({"ADDED", "MODIFIED", "DELETED"})
"""Types of the events that bring an object."""
BOOKMARK: Final = "BOOKMARK"

_METADATA: Final = "PartialObjectMetadata"
_METADATA_LIST: Final = f"{_METADATA}List"


class Malformed(ValueError):
    """What is wrong with an answer's form."""


def object_of(document: object, asked: Target = ANYTHING, *, bare: bool = True) -> JsonObject:
    """The object that was asked for, as it is. `bare`: it may have its metadata alone. Raises `Malformed`."""
    body = _mapping(document, "the object")
    metadata = _mapping(body.get("metadata"), "metadata")
    for name in ("name", "uid"):
        _text(metadata.get(name), f"metadata.{name}")
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
    _check_kind(body, asked.kind, _METADATA if bare else "")
    for name, wanted in (("name", asked.name), ("namespace", asked.namespace)):
        if wanted and metadata.get(name, wanted) != wanted:
            raise Malformed(f"metadata.{name} is not {wanted}: it is about another object")
    return body


def _check_kind(document: JsonObject, *kinds: str) -> None:
    """What says nothing of its kind may be of any, such as an item of a page. Where the first is empty, any may be."""
    if kinds[0] and document.get("kind", kinds[0]) not in kinds:
        raise Malformed(f"the kind is not {kinds[0]}")


class Page(NamedTuple):
    """A page of a listing."""

    items: Sequence[JsonObject]
    version: str
    """The resourceVersion of the listing."""
    token: str
    """What to go on with; empty on the last page."""


def page_of(document: object, asked: Target = ANYTHING, *, bare: bool = True) -> Page:
    """A page of what was asked for; `bare` as for an object. Raises `Malformed`.

    By their metadata alone no objects are `null` and no empty list (seen on 1.37).
    """
    page = _mapping(document, "the page")
    _check_kind(page, asked.kind and f"{asked.kind}List", _METADATA_LIST if bare else "")
    metadata = _mapping(page.get("metadata"), "metadata")
    token = metadata.get("continue") or ""
    if not isinstance(token, str):
        raise Malformed("metadata.continue is no text")
    items = page.get("items")
    if items is None and page.get("kind") == _METADATA_LIST:
        items = ()
    return Page([object_of(item, asked, bare=bare) for item in _sequence(items, "items")], version_of(metadata), token)


def version_of(metadata: JsonObject) -> str:
    """The resourceVersion, a number in decimal digits. Raises `Malformed`."""
    version = metadata.get("resourceVersion")
    if isinstance(version, str) and version.isdecimal() and version.isascii() and len(version) <= LONGEST_VERSION:
        return version
    raise Malformed("metadata.resourceVersion is no number")


def event_of(document: object, asked: Target = ANYTHING, *, bare: bool = True) -> tuple[str, JsonObject]:
    """The type of a watch's event, and its object; `asked` and `bare` as for an object. Raises `Malformed`."""
    event = _mapping(document, "the event")
    kind, body = event.get("type"), _mapping(event.get("object"), "the event's object")
    if not isinstance(kind, str):
        raise Malformed("the event has no type")
    if kind in EVENTS:
        object_of(body, asked, bare=bare)
    elif kind == BOOKMARK:
        version_of(_mapping(body.get("metadata"), "metadata"))
    return kind, body


def discovered(path: str, document: object, needed: Collection[str] = ()) -> Sequence[Any] | None:
    """What a document of discovery lists; `None` where `path` is none of discovery. Raises `Malformed`.

    `needed`: names that have to be among them. A server that is just starting may leave some out.
    """
    first, *more = path.strip("/").split("/")
    if (first, len(more)) not in _DISCOVERY:
        return None
    what, name_of = _DISCOVERY[first, len(more)]
    listed = _sequence(_mapping(document, "the document").get(what), what)
    lacking = sorted(set(needed) - {name_of(item) for item in listed})
    if lacking:
        raise Malformed(f"{what} has no {' and no '.join(lacking)}")
    return listed


def _version_name(value: object) -> str:
    return _text(value, "a version")


def _group_name(value: object) -> str:
    group = _mapping(value, "a group")
    versions = _sequence(group.get("versions"), "versions")
    for each in (*versions, group.get("preferredVersion")):
        _text(_mapping(each, "a group's version").get("version"), "a group's version")
    return _text(group.get("name"), "a group's name")


def _resource_name(value: object) -> str:
    resource = _mapping(value, "a resource")
    _text(resource.get("kind"), "a resource's kind")
    if not isinstance(resource.get("singularName"), str):  # an empty one for those that are built in
        raise Malformed("a resource's singularName is no text")
    if not isinstance(resource.get("namespaced"), bool):
        raise Malformed("a resource does not say whether it is namespaced")
    for name in ("verbs", "shortNames", "categories"):
        for each in _sequence(resource.get(name) or (), name):
            _text(each, f"one of {name}")
    return _text(resource.get("name"), "a resource's name")


_DISCOVERY: Final[Mapping[tuple[str, int], tuple[str, Callable[[object], str]]]] = {
    ("api", 0): ("versions", _version_name),
    ("apis", 0): ("groups", _group_name),
    ("api", 1): ("resources", _resource_name),
    ("apis", 2): ("resources", _resource_name),
}
"""What a document of discovery lists, by the first part of its path and the number of further parts."""


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise Malformed(f"{what} is no text, or empty")
    return value


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Malformed(f"{what} is no JSON object")
    return value


def _sequence(value: object, what: str) -> Sequence[Any]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise Malformed(f"{what} is no list")
    return value

"""A request to the API server, taken apart, and what is said to it, before either has the form of HTTP."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from yarl import URL

from model.apiserver import Body
from model.kube_forms import KINDS
from tokenfactory_operator.domain.errors import KubeError
from tokenfactory_operator.ports import Key

LABEL: Final = "tokenfactory.nebius.com/credentials"
_PATH: Final = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)"
    r"(?:/(?P<name>[^/]+))?(?P<status>/status)?"
)
_METADATA: Final = re.compile(r"application/json;as=PartialObjectMetadata(List)?;g=meta\.k8s\.io;v=v1")


@dataclass(frozen=True)
class Asked:
    """A request, as the API server reads it."""

    method: str
    plural: str
    key: Key
    """Without a name: those of a namespace, or of all."""
    query: Mapping[str, str]
    body: Mapping[str, Any]
    metadata_only: bool
    status: bool
    """It is about the subresource."""

    @property
    def verb(self) -> str:
        """As roles name it."""
        if self.method == "GET":
            return "get" if self.key.name else "list"
        return {"POST": "create", "PATCH": "patch"}.get(self.method, self.method.lower())

    def __str__(self) -> str:
        if self.plural == "events":  # their names are random, whatever the seed
            return f"{self.method} event {self.body.get('reason', '')} in {self.key.namespace}"
        text = f"{self.method} {self.plural} {self.key}{'/status' if self.status else ''}"
        version = (self.body.get("metadata") or {}).get("resourceVersion")
        return f"{text} {_brief(self.body)}{f' if v{version}' if version else ''}" if self.body else text


@dataclass(frozen=True)
class Listed:
    """A page of a listing, as it was said."""

    bodies: Sequence[Body]
    version: str
    rest: str


Said = Body | Listed | KubeError


def read(method: str, url: URL, data: bytes | None, headers: Mapping[str, str]) -> Asked | None:
    """The request; `None` where nothing is served at its path. Raises `AssertionError` for what no client may send."""
    found = _PATH.fullmatch(url.raw_path)
    if found is None:
        return None
    plural, group = found["plural"], "/".join(filter(None, (found["group"], found["version"])))
    if KINDS.get(plural, ("", ""))[0] != group:
        return None
    if method == "PATCH":
        assert headers["Content-Type"] == "application/merge-patch+json", "415"
    query = {name: values[-1] for name, values in parse_qs(url.raw_query_string).items()}
    place, name = (unquote(found[part] or "") for part in ("namespace", "name"))
    metadata_only = _METADATA.fullmatch(headers["Accept"]) is not None
    body = json.loads(data) if data else {}
    return Asked(method, plural, Key(place, name), query, body, metadata_only, bool(found["status"]))


def as_stored(body: Mapping[str, Any]) -> dict[str, Any]:
    """Of a Secret or a ConfigMap the spec has the data."""
    return {"metadata": body.get("metadata") or {}, "spec": body.get("data") or {}}


def rendered(plural: str, body: Body) -> Body:
    """As the API server shows it."""
    if plural == "dedicatedendpoints":
        return body
    metadata = {name: value for name, value in body["metadata"].items() if name != "generation"}
    if plural == "configmaps":
        return {"metadata": metadata, "data": body["spec"]}
    metadata.setdefault("labels", {LABEL: "true"})
    values = {name: base64.b64encode(value.encode()).decode() for name, value in body["spec"].items()}
    return {"metadata": metadata, "data": values, "type": "Opaque"}


def shown(said: Body | Listed) -> str:
    if isinstance(said, Listed):
        return f"{len(said.bodies)} at v{said.version}{' and more' if said.rest else ''}"
    return f"v{said['metadata'].get('resourceVersion')}"


def _brief(body: Mapping[str, Any]) -> str:
    brief = {name: part for name, part in body.items() if name != "metadata"}
    metadata = {name: part for name, part in (body.get("metadata") or {}).items() if name != "resourceVersion"}
    conditions = (body.get("status") or {}).get("conditions")
    if conditions is not None:
        short = " ".join(f"{item['type']}={item['status']}:{item['reason']}" for item in conditions)
        brief["status"] = {**body["status"], "conditions": short}
    return f"{metadata or ''}{brief or ''}"

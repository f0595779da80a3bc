"""Paths of the API server: how one is made, and what one is about.

The form is that of Kubernetes (API Concepts, Resource URIs): `/api/v1` or `/apis/GROUP/VERSION`, then the namespace, if
it has one, the resource in the plural, the name and the subresource.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.ports import Key


@dataclass(frozen=True)
class Collection:
    """All objects of one resource."""

    api_version: str
    plural: str
    kind: str

    def within(self, namespace: str | None = None) -> str:
        """The path of those of a namespace; `None`: of the whole cluster."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        place = "" if namespace is None else f"/namespaces/{_segment(namespace)}"
        return f"{root}{place}/{self.plural}"

    def named(self, name: str, namespace: str | None = None) -> str:
        """The path of one of them."""
        return f"{self.within(namespace)}/{_segment(name)}"

    def at(self, key: Key) -> str:
        """The path of one that has a namespace."""
        return self.named(key.name, key.namespace)


OBJECTS: Final = Collection(api.API_VERSION, api.PLURAL, api.KIND)
SECRETS: Final = Collection("v1", "secrets", "Secret")
CONFIG_MAPS: Final = Collection("v1", "configmaps", "ConfigMap")
EVENTS: Final = Collection("v1", "events", "Event")
NAMESPACES: Final = Collection("v1", "namespaces", "Namespace")
PODS: Final = Collection("v1", "pods", "Pod")
LEASES: Final = Collection("coordination.k8s.io/v1", "leases", "Lease")
DEPLOYMENTS: Final = Collection("apps/v1", "deployments", "Deployment")
REVIEWS: Final = Collection("authorization.k8s.io/v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview")
"""Where an account asks what it may do: a POST that writes nothing."""
REVIEWS_OF_OTHERS: Final = Collection("authorization.k8s.io/v1", "subjectaccessreviews", "SubjectAccessReview")
"""Where somebody asks what another account may do."""


KINDS: Final = {each.plural: each.kind for each in tuple(globals().values()) if isinstance(each, Collection)}
"""By the plural of a resource, the kind of its objects."""


class Target(NamedTuple):
    """What a request is about; what its path does not have is empty."""

    plural: str
    namespace: str
    name: str
    subresource: str

    @property
    def kind(self) -> str:
        """Of the objects that an answer has; empty where that is not known."""
        return KINDS.get(self.plural, "")

    @property
    def asks(self) -> bool:
        """Whether a POST is a question about rights, which writes nothing."""
        return self.plural in {REVIEWS.plural, REVIEWS_OF_OTHERS.plural}


ANYTHING: Final = Target("", "", "", "")
"""In place of what was asked for, where that is not known."""


def target_of(path: str) -> Target:
    """What is at `path`, which is one of a resource."""
    first, *parts = (unquote(part) for part in path.strip("/").split("/"))
    rest = parts[2 if first == "apis" else 1 :]
    namespace = ""
    if rest[:1] == [NAMESPACES.plural] and len(rest) > 2:  # noqa: PLR2004  # else the namespace itself is meant
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = [*rest, "", "", ""][:3]
    if subresource == "proxy":
        name = name.partition(":")[0]  # the port follows (Kubernetes: access services running on clusters)
    return Target(plural, namespace, name, subresource)


def kind_of(path: str) -> str:
    """What a write to `path` writes, as the metrics name it; empty for a question about rights."""
    target = target_of(path)
    if target.asks:
        return ""
    if target.plural == EVENTS.plural:
        return "event"
    if target.plural == CONFIG_MAPS.plural:
        return "configmap"
    return "status" if target.subresource == "status" else "metadata"


def _segment(name: str) -> str:
    """A name with a slash or a question mark in it stays one name, which nothing has."""
    return quote(name, safe=":")

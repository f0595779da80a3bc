"""Which rights the operator needs, and which of them the API server says it has not (SelfSubjectAccessReview).

One table: what stands in it is asked for. Every account may ask about itself (`system:basic-user`), and asking writes
nothing. What a missing right means for the process is not decided here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.errors import reading
from tokenfactory_operator.kube.paths import REVIEWS, REVIEWS_OF_OTHERS
from tokenfactory_operator.ports import JsonObject

AT_ONCE: Final = 10
"""Questions that are under way together: one watched namespace has about ten."""


@dataclass(frozen=True)
class ServiceAccount:
    """An account of a pod (Kubernetes: "Authenticating", service account tokens)."""

    namespace: str
    name: str

    @property
    def user(self) -> str:
        """Its user name."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    @property
    def groups(self) -> tuple[str, ...]:
        """Those that it is in."""
        return "system:serviceaccounts", f"system:serviceaccounts:{self.namespace}", "system:authenticated"


@dataclass(frozen=True)
class Right:
    """One verb on one resource; an empty `namespace` means the whole cluster."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def what(self) -> str:
        """The resource in words, without its group: no two here have the same name."""
        return "/".join(filter(None, (self.resource, self.subresource))) + (f" {self.name}" if self.name else "")

    def review(self, account: ServiceAccount | None = None) -> JsonObject:
        """The question, as the API server wants it: about oneself, or about another account."""
        fields = {
            "verb": self.verb,
            "group": self.group,
            "resource": self.resource,
            "subresource": self.subresource,
            "namespace": self.namespace,
            "name": self.name,
        }
        attributes = {name: value for name, value in fields.items() if value}
        subject = {} if account is None else {"user": account.user, "groups": list(account.groups)}
        return {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": f"{'Self' if account is None else ''}SubjectAccessReview",
            "spec": {"resourceAttributes": attributes, **subject},
        }


def object_rights(namespace: str) -> tuple[Right, ...]:
    """Without one of these the objects of the namespace (none: of the cluster) cannot be served."""
    return (
        *(Right(verb, api.PLURAL, api.GROUP, namespace=namespace) for verb in ("get", "list", "watch", "patch")),
        Right("patch", api.PLURAL, api.GROUP, "status", namespace=namespace),
    )


def event_rights(namespace: str) -> tuple[Right, ...]:
    """To say on an object what has happened to it."""
    return tuple(Right(verb, "events", namespace=namespace) for verb in ("create", "patch"))


def secret_rights(namespace: str) -> tuple[Right, ...]:
    """For credentials of the objects' own namespace."""
    return tuple(Right(verb, "secrets", namespace=namespace) for verb in ("get", "list", "watch", "patch"))


def config_map_rights(namespace: str) -> tuple[Right, ...]:
    """To tell applications how to call an endpoint."""
    return tuple(Right(verb, "configmaps", namespace=namespace) for verb in ("get", "create", "patch"))


def named_secret_rights(names: Iterable[str]) -> tuple[Right, ...]:
    """For Secrets of these names in all namespaces: what is left of the rights when a namespace's Role is gone."""
    return tuple(Right(verb, "secrets", name=name) for name in names for verb in ("get", "patch"))


def lease_rights(namespace: str, name: str) -> tuple[Right, ...]:
    """For leader election by the Lease of that name; a right to create cannot be limited to a name."""
    group = "coordination.k8s.io"
    return (
        Right("create", "leases", group, namespace=namespace),
        *(Right(verb, "leases", group, namespace=namespace, name=name) for verb in ("get", "patch")),
    )


CLUSTER_ID_RIGHT: Final = Right("get", "namespaces", name="kube-system")
"""Names the cluster, where no setting does."""


async def missing(
    client: KubeClient, rights: Iterable[Right], account: ServiceAccount | None = None
) -> tuple[Right, ...]:
    """Those that the API server does not allow, in the order of `rights`; to oneself, or to another account.

    Raises:
        KubeError: a question was not answered.
    """
    asked: Sequence[Right] = tuple(rights)
    bound = asyncio.Semaphore(AT_ONCE)

    async def allowed(right: Right) -> bool:
        async with bound:
            path = (REVIEWS if account is None else REVIEWS_OF_OTHERS).within()
            answer = await client.request("POST", path, body=right.review(account))
        with reading(f"POST {path}"):
            return bool(answer["status"]["allowed"])

    answers = await asyncio.gather(*(allowed(right) for right in asked))
    return tuple(right for right, granted in zip(asked, answers, strict=True) if not granted)


def named(rights: Iterable[Right]) -> str:
    """Verbs and resources in words: `get and list secrets, create events`."""
    verbs: dict[str, list[str]] = {}
    for right in rights:
        verbs.setdefault(right.what, []).append(right.verb)
    return ", ".join(f"{_all(each)} {what}" for what, each in verbs.items())


def named_by_place(rights: Iterable[Right]) -> str:
    """Likewise, with the namespace of each."""
    places: dict[str, list[Right]] = {}
    for right in rights:
        places.setdefault(right.namespace, []).append(right)
    return "; ".join(
        f"{named(each)} {f'in namespace {place}' if place else 'in the whole cluster'}"
        for place, each in places.items()
    )


def _all(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last

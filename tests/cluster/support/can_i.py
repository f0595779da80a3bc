"""What `kubectl auth can-i --as` asks, in one request: a kubectl process for each of many questions is too slow."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, Final

from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from tokenfactory_operator.api import v1alpha1 as api

_REVIEW: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_GROUPS: Final = {api.PLURAL: api.GROUP}
"""Of kinds that a question names without their group; those of the core have none."""


def _parser() -> ArgumentParser:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("verb")
    parser.add_argument("target")
    parser.add_argument("--subresource", default="")
    parser.add_argument("--namespace", default="")
    parser.add_argument("--all-namespaces", action="store_true")
    return parser


def can_i(kube: KubeApi, user: str, *question: str) -> bool:
    """Whether the API server allows it; `question` is written as for kubectl, without a namespace: in all of them."""
    asked = _parser().parse_args(question)
    if asked.target.startswith("/"):
        spec: dict[str, Any] = {"nonResourceAttributes": {"verb": asked.verb, "path": asked.target}}
    else:
        kind, _, name = asked.target.partition("/")
        resource, _, group = kind.partition(".")
        attributes = {"verb": asked.verb, "resource": resource, "group": group or _GROUPS.get(resource, "")}
        where = {"name": name, "subresource": asked.subresource, "namespace": asked.namespace}
        spec = {"resourceAttributes": attributes | where}
    answer = kube.answer("POST", _REVIEW, {"spec": spec}, user=user)
    assert answer.is_success, answer.text
    return bool(answer.json()["status"]["allowed"])


def until_can(kube: KubeApi, user: str, *question: str, allowed: bool = True) -> None:
    """Wait for that answer: a role or binding is in force a moment after it was stored, and out of force likewise."""
    eventually(lambda: can_i(kube, user, *question) is allowed, what=f"{question} allowed: {allowed}")

"""Rights as the chart grants them, and as the operator's accounts have used them by the API server's audit log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from cluster.support.can_i import until_can
from cluster.support.chart import CHART, RIGHTS_ONLY, documents
from cluster.support.kube import KubeApi
from controlplane import Cluster

JsonObject = dict[str, Any]
Right = tuple[str, str, str, str]
"""Group, resource with its subresource, the one name that it is limited to, verb."""

ACCOUNT: Final = "tokenfactory-operator"
WIDEST: Final = ("--set=rbac.aggregate=false", "--set=secretCredentials=true", "--set=connectionConfigMaps=true")
"""Every right that the operator itself can have of the chart, without the roles for people."""
_FREE: Final = {"authorization.k8s.io"}
"""Groups that every account may ask: what it may do itself."""
_OTHER_PROGRAMS: Final = ("kubectl/", "Helm/")
"""With which tests act as the operator's account."""


def granted(roles: Iterable[JsonObject]) -> set[Right]:
    """By these Roles and ClusterRoles."""
    return {
        (group, resource, name, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
        for verb in rule["verbs"]
    }


def of_chart(cluster: Cluster) -> set[Right]:
    """All that the chart can grant to the operator; the Lease's name is that of a release `tokenfactory-operator`."""
    text = cluster.helm("template", ACCOUNT, str(CHART), *RIGHTS_ONLY, *WIDEST).stdout
    return granted(document for document in documents(text) if document["kind"] in ("Role", "ClusterRole"))


def until_in_force(cluster: Cluster, release: str, namespace: str, user: str) -> None:
    """Wait until the API server allows to the account what an installed release's roles say.

    It learns of roles and bindings a moment after they were stored, and an operator that lacks a right does not start.
    """
    installed = documents(cluster.helm("get", "manifest", release, "--namespace", namespace).stdout)
    roles = {(each["kind"], _place(each, namespace), each["metadata"]["name"]): each for each in installed}
    account = user.removeprefix("system:serviceaccount:").split(":")
    with KubeApi(cluster) as kube:
        for binding in installed:
            if account not in ([each.get("namespace"), each["name"]] for each in binding.get("subjects", ())):
                continue
            where, reference = _place(binding, namespace), binding["roleRef"]
            for group, resource, name, verb in sorted(granted([roles[reference["kind"], where, reference["name"]]])):
                kind, _, subresource = resource.partition("/")
                target = "/".join(filter(None, (".".join(filter(None, (kind, group))), name)))
                until_can(kube, user, verb, target, "--subresource", subresource, "--namespace", where)


def _place(document: JsonObject, namespace: str) -> str:
    """The namespace of what `helm install --namespace` has made; none for what is the cluster's."""
    return "" if document["kind"].startswith("Cluster") else str(document["metadata"].get("namespace", namespace))


def used(events: Iterable[JsonObject], limited: set[Right]) -> dict[Right, set[int]]:
    """What was asked for in these audit events, with the answers' codes; by name where a right is limited to one."""
    names = {(group, resource, verb) for group, resource, name, verb in limited if name}
    found: dict[Right, set[int]] = {}
    for event in events:
        target = event.get("objectRef") or {}
        group = target.get("apiGroup", "")
        if "resource" not in target or group in _FREE:
            continue
        resource = "/".join(filter(None, (target["resource"], target.get("subresource", ""))))
        name = target.get("name", "") if (group, resource, event["verb"]) in names else ""
        code = event.get("responseStatus", {}).get("code", 0)
        found.setdefault((group, resource, name, event["verb"]), set()).add(code)
    return found


def operators_events(cluster: Cluster) -> Iterator[JsonObject]:
    """The audit events of every operator that has run beside this API server with an account of the chart."""
    with (cluster.directory / "audit.log").open("rb") as log:
        for line in log:
            if ACCOUNT.encode() not in line or not line.endswith(b"\n"):
                continue
            event = json.loads(line)
            user = event["user"].get("username", "")  # who is not let in has none
            account = user.removeprefix("system:serviceaccount:").rpartition(":")[2]
            ours = user.startswith("system:serviceaccount:") and account.endswith(ACCOUNT)
            if ours and not event.get("userAgent", "").startswith(_OTHER_PROGRAMS):
                yield event


def beyond_the_chart(cluster: Cluster) -> set[Right]:
    """What operators have asked for that no release of the chart grants; each uses the Lease of its own release."""
    rights = of_chart(cluster)
    limited = {right for right in rights if right[1] != "leases"}
    plain = {(group, resource, "" if resource == "leases" else name, verb) for group, resource, name, verb in rights}
    return set(used(operators_events(cluster), limited)) - plain

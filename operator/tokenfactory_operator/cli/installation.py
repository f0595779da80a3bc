"""The operator as it is installed in the cluster: its Deployment, and what that says about settings and token.

Read with the rights of whoever types. It decides nothing; a Secret is read in `access` only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from tokenfactory_operator.cli.errors import CliError
from tokenfactory_operator.domain.errors import KubeNotFound
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.errors import ApiServerError
from tokenfactory_operator.kube.paths import DEPLOYMENTS
from tokenfactory_operator.ports import JsonObject, Key
from tokenfactory_operator.settings.names import ENV_PREFIX

SELECTOR: Final = "app.kubernetes.io/name=tokenfactory-operator"
"""The label that the chart and deploy/ put on everything of the operator."""
USUAL: Final = "tokenfactory-system"
"""The namespace of the documentation: looked into where the whole cluster may not be listed."""
CONTAINER: Final = "operator"
_FORBIDDEN: Final = 403


@dataclass(frozen=True)
class SecretKey:
    """One value of a Secret of the operator's namespace."""

    name: str
    key: str


@dataclass(frozen=True)
class Installation:
    """One Deployment of the operator."""

    key: Key
    image: str = ""
    account: str = "default"
    """Its service account."""
    wanted: int = 0
    """Pods that it is to have."""
    ready: int = 0
    selector: Mapping[str, str] = field(default_factory=dict)
    """Labels of its pods."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """Container ports by name: `metrics`, `health`."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The settings that it is started with, by the names of their variables; those from other places are left out."""
    elsewhere: bool = False
    """Whether it may have more settings: from flags, a ConfigMap or a field, which are not read here."""
    token: SecretKey | None = None

    @property
    def watched(self) -> tuple[str, ...]:
        """The namespaces that it reconciles; empty for all."""
        text = self.environment.get(f"{ENV_PREFIX}WATCH_NAMESPACES", "")
        return tuple(name.strip() for name in text.split(",") if name.strip())

    def serves(self, namespace: str) -> bool:
        """Whether it reconciles the objects of that namespace."""
        return not self.watched or namespace in self.watched


async def installations(client: KubeClient, *, besides: Iterable[str] = ()) -> list[Installation]:
    """The operators of the cluster, or of the usual namespace and `besides` where only these may be listed."""
    try:
        return await _listed(client, DEPLOYMENTS.within())
    except ApiServerError as error:
        if error.status != _FORBIDDEN:
            raise
    found: list[Installation] = []
    for namespace in dict.fromkeys((USUAL, *besides)):
        try:
            found += await _listed(client, DEPLOYMENTS.within(namespace))
        except (ApiServerError, KubeNotFound):
            continue
    return found


async def _listed(client: KubeClient, path: str) -> list[Installation]:
    answer = await client.request("GET", path, query=[("labelSelector", SELECTOR)])
    return [parsed(item) for item in answer.get("items") or ()]


def chosen(found: list[Installation], *, named: str, namespace: str) -> Installation | None:
    """The one that is meant: by its name (`namespace/name`), else the one that serves `namespace`.

    Raises:
        CliError: there is none of that name, or several could be meant.
    """
    names = ", ".join(str(each.key) for each in found)
    if named:
        fitting = [each for each in found if named in (str(each.key), each.key.name)]
        if not fitting:
            raise CliError(f"There is no operator {named}.", hint=f"There is: {names or 'none'}.")
    else:
        fitting = [each for each in found if each.serves(namespace)] or found
    if len(fitting) > 1:
        raise CliError("Several operators could be meant.", hint=f"Choose with --operator: {names}.")
    return fitting[0] if fitting else None


def parsed(deployment: JsonObject) -> Installation:
    """Read a Deployment as the API server sends it."""
    metadata, spec = deployment["metadata"], deployment.get("spec") or {}
    pod: Mapping[str, Any] = (spec.get("template") or {}).get("spec") or {}
    container = _container(pod)
    given: list[Mapping[str, Any]] = container.get("env") or []
    environment = {item["name"]: str(item.get("value") or "") for item in given if "valueFrom" not in item}
    environment = {name: value for name, value in environment.items() if name.startswith(ENV_PREFIX) and value}
    return Installation(
        key=Key(metadata["namespace"], metadata["name"]),
        image=container.get("image", ""),
        account=pod.get("serviceAccountName") or "default",
        wanted=spec.get("replicas", 1),
        ready=(deployment.get("status") or {}).get("readyReplicas") or 0,
        selector=(spec.get("selector") or {}).get("matchLabels") or {},
        ports={port["name"]: port["containerPort"] for port in container.get("ports") or () if "name" in port},
        environment=environment,
        elsewhere=_elsewhere(container, given),
        token=_token(pod, container, environment, given),
    )


def _elsewhere(container: Mapping[str, Any], given: list[Mapping[str, Any]]) -> bool:
    referred = [item["name"] for item in given if "valueFrom" in item and item["name"] != f"{ENV_PREFIX}TOKEN"]
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    return (
        bool(container.get("envFrom"))
        or any(name.startswith(ENV_PREFIX) for name in referred)
        or any(str(word).startswith("--") for word in words)
    )


def _container(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    containers: list[Mapping[str, Any]] = pod.get("containers") or [{}]
    return next((each for each in containers if each.get("name") == CONTAINER), containers[0])


def _token(
    pod: Mapping[str, Any],
    container: Mapping[str, Any],
    environment: Mapping[str, str],
    given: list[Mapping[str, Any]],
) -> SecretKey | None:
    """Where the token is: the Secret that is mounted at the token's file, or that the variable is filled from."""
    for item in given:
        reference = (item.get("valueFrom") or {}).get("secretKeyRef") or {}
        if item["name"] == f"{ENV_PREFIX}TOKEN" and reference:
            return SecretKey(reference["name"], reference["key"])
    file = environment.get(f"{ENV_PREFIX}TOKEN_FILE")
    return next(_mounted(pod, container, PurePosixPath(file)), None) if file else None


def _mounted(pod: Mapping[str, Any], container: Mapping[str, Any], file: PurePosixPath) -> Iterator[SecretKey]:
    secrets = {volume["name"]: volume["secret"] for volume in pod.get("volumes") or () if "secret" in volume}
    for mount in container.get("volumeMounts") or ():
        secret, folder = secrets.get(mount["name"]), PurePosixPath(mount["mountPath"])
        if secret is None or folder not in file.parents:
            continue
        path = str(file.relative_to(folder))
        keys = {item["path"]: item["key"] for item in secret.get("items") or ()}
        yield SecretKey(secret["secretName"], keys.get(path, path))

"""The chart's files, and schemas that kubeconform can check its output with."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, Final

import yaml

from controlplane import Cluster

ROOT: Final = Path(__file__).parents[3]
CHART: Final = ROOT / "helm" / "tokenfactory-operator"
CRD_FILE: Final = "tokenfactory.nebius.com_dedicatedendpoints.yaml"
CRD_NAME: Final = "dedicatedendpoints.tokenfactory.nebius.com"
GENERATED: Final = ROOT / "crds" / CRD_FILE
PACKAGED: Final = CHART / "files" / "crds" / CRD_FILE
RIGHTS_ONLY: Final = ("--set=crds.install=false", "--set=deployment.create=false")
"""For `helm install`: the account and its rights, where the CRD is there and the operator runs as a process."""

_KINDS: Final = frozenset(
    {
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "DedicatedEndpoint",
        "Deployment",
        "Namespace",
        "NetworkPolicy",
        "Pod",
        "PodDisruptionBudget",
        "Role",
        "RoleBinding",
        "Secret",
        "Service",
        "ServiceAccount",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
)

JsonObject = dict[str, Any]


@functools.cache
def rendered(cluster: Cluster, *values: str, name: str = "demo", namespace: str = "ops") -> str:
    """What `helm template` makes of the chart."""
    settings = [f"--set={value}" for value in ("token.existingSecret=token", *values)]
    return cluster.helm("template", name, str(CHART), "--namespace", namespace, *settings).stdout


def documents(text: str) -> list[JsonObject]:
    """The objects in a stream of YAML."""
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]  # a tenth of the time


def _strict(definition: JsonObject) -> JsonObject:
    """As `--strict` needs it: a field that is not named is an error, at any depth; some strings may be numbers."""
    if definition.get("format") == "int-or-string":
        return {"type": ["integer", "string"]}
    closed = dict(definition)
    if "properties" in definition:
        closed["properties"] = {name: _strict(value) for name, value in definition["properties"].items()}
        closed.setdefault("additionalProperties", False)
    if "items" in definition:
        closed["items"] = _strict(definition["items"])
    return closed


def write_schemas(cluster: Cluster, folder: Path) -> str:
    """One file for each kind of the API server, made from its own OpenAPI; answers kubeconform's schema location.

    kubeconform's own schemas are on a web server, which a test must not need.
    """
    document = json.loads(cluster.kubectl("get", "--raw", "/openapi/v2").stdout)
    definitions = {name: _strict(value) for name, value in document["definitions"].items()}
    for name, definition in definitions.items():
        for kind in definition.get("x-kubernetes-group-version-kind", ()):
            if kind["kind"] in _KINDS:
                schema = {"$ref": f"#/definitions/{name}", "definitions": definitions}
                (folder / f"{kind['kind'].lower()}-{kind['version']}.json").write_text(json.dumps(schema))
    return f"{folder}/{{{{ .ResourceKind }}}}-{{{{ .ResourceAPIVersion }}}}.json"

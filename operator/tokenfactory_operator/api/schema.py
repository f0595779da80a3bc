"""Generates the CustomResourceDefinition in ``crds/`` from the models: ``python -m tokenfactory_operator.api.schema``.

Kubernetes accepts only *structural* schemas: references inlined, no ``anyOf`` with null, no titles, and of JSON schema
only some keywords. What it does not know is an error here rather than a silent loss. This module runs at build time
only: the operator must not import it.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.api.rules import RULES

COMMAND: Final = "make crds"
FILE_NAME: Final = f"{api.GROUP}_{api.PLURAL}.yaml"
HEADER: Final = f"# Generated from operator/tokenfactory_operator/api by `{COMMAND}`; do not edit.\n"

Schema = dict[str, Any]

_KEPT: Final = frozenset(
    {
        "default",
        "description",
        "enum",
        "format",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "pattern",
        "required",
        "type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
    }
)
_DROPPED: Final = frozenset({"$defs", "title"})
_KEY_ORDER: Final = ("description", "type", "format", "default", "enum", "required", "properties")


class UnsupportedSchemaError(ValueError):
    """A model uses something that a structural schema cannot say."""


def _column(name: str, kind: str, path: str, description: str, *, wide: bool = False) -> Schema:
    column: Schema = {"name": name, "type": kind, "jsonPath": path, "description": description}
    return {**column, "priority": 1} if wide else column


_ESCAPED: Final = api.PAUSED.replace(".", r"\.")
_PAUSED: Final = f".metadata.annotations.{_ESCAPED}"
# Which columns there are, and why: ADR 41. Names have no blanks, so that scripts can split the head.
_COLUMNS: Final = (
    _column("Ready", "string", '.status.conditions[?(@.type=="Ready")].status', "Whether the cloud has and serves it"),
    _column("Reason", "string", '.status.conditions[?(@.type=="Ready")].reason', "Why Ready is so"),
    _column("Replicas", "string", ".status.replicaSummary", "Ready replicas / reserved - most"),
    _column("Model", "string", ".spec.model", "Template that is served"),
    _column("Region", "string", ".spec.region", "Region that serves it"),
    _column("Paused", "string", _PAUSED, "Annotation that holds all changes of the cloud"),
    _column("Age", "date", ".metadata.creationTimestamp", "Time since the object was created"),
    _column("GPU", "string", ".spec.gpu.type", "GPU type", wide=True),
    _column("Count", "integer", ".spec.gpu.count", "GPUs per replica", wide=True),
    _column("State", "string", ".status.state", "What the deployment is doing", wide=True),
    _column("EndpointID", "string", ".status.endpointId", "Id in the cloud", wide=True),
    _column("Message", "string", ".status.summary", "The beginning of why, in words", wide=True),
)


def _without_null(node: Schema) -> Schema:
    """Turns pydantic's "X or null, default null" into a plain, optional X."""
    if "anyOf" not in node:
        return node
    variants = [variant for variant in node["anyOf"] if variant != {"type": "null"}]
    if len(variants) != 1:
        raise UnsupportedSchemaError(f"a union of several types is not structural: {node['anyOf']}")
    around = {key: value for key, value in node.items() if key != "anyOf" and (key, value) != ("default", None)}
    return {**variants[0], **around}


def _resolved(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Inlines a reference; what stands beside it (the field's description) wins."""
    node = _without_null(node)
    if "$ref" not in node:
        return node
    target = definitions[node["$ref"].removeprefix("#/$defs/")]
    return {**target, **{key: value for key, value in node.items() if key != "$ref"}}


def _structural(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    node = _resolved(node, definitions)
    result: Schema = {}
    for key, value in node.items():
        if key == "properties":
            result[key] = {name: _structural(child, definitions) for name, child in value.items()}
        elif key == "items":
            result[key] = _structural(value, definitions)
        elif key in _KEPT:
            result[key] = value
        elif key not in _DROPPED:
            raise UnsupportedSchemaError(f"{key} is not a keyword of a structural schema: {node}")
    if result["type"] == "integer":
        result.setdefault("format", "int32" if "maximum" in result else "int64")
    return _ordered(result)


def _ordered(node: Schema) -> Schema:
    """Keys in an order that reads well and never changes."""
    return {key: node[key] for key in sorted(node, key=lambda key: (_rank(key), key))}


def _rank(key: str) -> int:
    return _KEY_ORDER.index(key) if key in _KEY_ORDER else len(_KEY_ORDER) - 1


def _without_defaults(node: Schema) -> Schema:
    """The defaults of status models help the parser; the API server must not write fields that nobody observed."""
    result = {key: value for key, value in node.items() if key != "default"}
    if "properties" in result:
        result["properties"] = {name: _without_defaults(child) for name, child in result["properties"].items()}
    if "items" in result:
        result["items"] = _without_defaults(result["items"])
    return result


def model_schema(model: type[api.ApiModel]) -> Schema:
    """The structural schema of one model.

    Raises:
        UnsupportedSchemaError: the model cannot be said in a structural schema.
    """
    generated = model.model_json_schema(by_alias=True, mode="validation")
    return _structural(generated, generated.get("$defs", {}))


def object_schema() -> Schema:
    """The schema of the whole object, with its CEL rules.

    Raises:
        UnsupportedSchemaError: a model cannot be said in a structural schema.
    """
    status = _without_defaults(model_schema(api.Status))
    status["default"] = {"observedGeneration": api.UNOBSERVED_GENERATION}
    root: Schema = {
        "description": "An LLM endpoint on GPUs of its own in Nebius Token Factory: one object, one endpoint.",
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": "Version of this schema."},
            "kind": {"type": "string", "description": f"Always {api.KIND}."},
            "metadata": {"type": "object"},
            "spec": model_schema(api.Spec),
            "status": _ordered(status),
        },
    }
    for rule in RULES:
        node = root
        for name in rule.parent:
            node = node["properties"][name]
        node.setdefault("x-kubernetes-validations", []).append(rule.to_schema())
    return root


def custom_resource_definition() -> Schema:
    """The CustomResourceDefinition as a document of apiextensions.k8s.io/v1.

    Raises:
        UnsupportedSchemaError: a model cannot be said in a structural schema.
    """
    version: Schema = {
        "name": api.VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": list(_COLUMNS),
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.scaling.minReplicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "schema": {"openAPIV3Schema": object_schema()},
    }
    names: Schema = {
        "kind": api.KIND,
        "listKind": f"{api.KIND}List",
        "plural": api.PLURAL,
        "singular": api.SINGULAR,
        "shortNames": [api.SHORT_NAME],
        "categories": [api.CATEGORY],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{api.PLURAL}.{api.GROUP}"},
        "spec": {"group": api.GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


class _Dumper(yaml.SafeDumper):
    """Writes shared values twice rather than as YAML anchors, which some tools cannot read."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def render() -> str:
    """The text of the file in ``crds/``.

    Raises:
        UnsupportedSchemaError: a model cannot be said in a structural schema.
    """
    document = custom_resource_definition()
    return HEADER + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def check(path: Path) -> str | None:
    """What is wrong with the file at ``path``, in one sentence; ``None`` when it is what the models say."""
    if not path.is_file():
        return f"{path} does not exist: run `{COMMAND}`"
    if path.read_text(encoding="utf-8") != render():
        return f"{path} is stale, it differs from the models: run `{COMMAND}` and commit the result"
    return None


def main(arguments: list[str] | None = None) -> int:
    """Writes the CRD, or with ``--check`` says whether it is current. The result is the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tokenfactory_operator.api.schema", description=__doc__)
    parser.add_argument("path", type=Path, help=f"file to write, usually crds/{FILE_NAME}")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when the file is stale")
    options = parser.parse_args(arguments)
    if not options.check:
        options.path.parent.mkdir(parents=True, exist_ok=True)
        options.path.write_text(render(), encoding="utf-8")
        return 0
    problem = check(options.path)
    if problem:
        sys.stderr.write(f"{problem}\n")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())

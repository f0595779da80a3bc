"""Specs that must be refused on creation: one table for both judges, the models offline and the API server.

Two judges that disagree would let `apply` accept what the operator then calls invalid, or the other way round.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

JsonObject = dict[str, Any]

VALID_SPEC: Final[JsonObject] = {
    "model": "openai/gpt-oss-120b",
    "flavor": "base",
    "region": "eu-north1",
    "gpu": {"type": "gpu-h100-sxm", "count": 1},
    "scaling": {"minReplicas": 1, "maxReplicas": 4},
}


def valid_spec(**changes: object) -> JsonObject:
    """The smallest valid spec with some of its top-level fields (camelCase names) replaced; ``...`` leaves one out."""
    merged = {**deepcopy(VALID_SPEC), **changes}
    return {name: value for name, value in merged.items() if value is not ...}


@dataclass(frozen=True, kw_only=True)
class InvalidSpec:
    """One refused spec.

    ``field`` is the path the API server must name, ``says`` the limit or advice in its message. ``offline`` is false
    where only the API server can tell, because the answer depends on more than the spec.
    """

    id: str
    changes: JsonObject
    field: str
    says: str
    offline: bool = True

    @property
    def spec(self) -> JsonObject:
        """The whole spec."""
        return valid_spec(**self.changes)


def _missing(name: str) -> InvalidSpec:
    return InvalidSpec(id=f"no {name}", changes={name: ...}, field=f"spec.{name}", says="Required value")


def _scaling(*, case: str, scaling: JsonObject, field: str, says: str) -> InvalidSpec:
    return InvalidSpec(id=case, changes={"scaling": scaling}, field=f"spec.scaling.{field}", says=says)


TEXT_BOUNDS: Final[dict[str, tuple[int, int]]] = {
    "model": (1, 253),
    "flavor": (1, 63),
    "region": (1, 63),
    "gpu.type": (1, 63),
    "displayName": (1, 100),
    "description": (0, 300),
    "customWeightsId": (0, 128),
    "routingKey": (11, 128),
    "endpointId": (1, 128),
    "credentials.secretRef.name": (1, 253),
    "credentials.secretRef.key": (1, 253),
    "credentials.projectId": (1, 128),
    "connection.configMapName": (1, 253),
}
"""Least and most characters of each text of a spec."""

_AROUND: Final[JsonObject] = {
    "gpu": {"type": "gpu-h100-sxm", "count": 1},
    "credentials": {"secretRef": {"name": "key"}, "projectId": "p"},
    "connection": {},
}


def with_text(path: str, length: int) -> JsonObject:
    """Changes that put a text of some length at a path such as ``gpu.type``, and all it needs around it."""
    top, *rest = path.split(".")
    text = ("dedicated/" if path == "routingKey" else "").ljust(length, "a")[:length]
    if not rest:
        return {top: text}
    changes = {top: deepcopy(_AROUND[top])}
    node = changes[top]
    for name in rest[:-1]:
        node = node[name]
    node[rest[-1]] = text
    return changes


def _beyond(path: str, least: int, most: int) -> Iterator[InvalidSpec]:
    field = f"spec.{path}"
    if least:
        says = f"at least {least} char"
        yield InvalidSpec(id=f"{path} too short", changes=with_text(path, least - 1), field=field, says=says)
    says = f"may not be more than {most}"
    yield InvalidSpec(id=f"{path} too long", changes=with_text(path, most + 1), field=field, says=says)


def _no_break_space(path: str) -> InvalidSpec:
    """As it is pasted from a web page: white space to pydantic's Unicode, none to the API server's."""
    changes = with_text(path, 1)
    top, *rest = path.split(".")
    changes[top] = {**changes[top], rest[0]: "a\u00a0"} if rest else "a\u00a0"
    return InvalidSpec(id=f"no-break space in {path}", changes=changes, field=f"spec.{path}", says="match '^[!-~]")


INVALID_SPECS: Final[tuple[InvalidSpec, ...]] = (
    *(_missing(name) for name in ("model", "flavor", "region", "gpu", "scaling")),
    *(row for path, bounds in TEXT_BOUNDS.items() for row in _beyond(path, *bounds)),
    InvalidSpec(id="blank in model", changes={"model": "openai/ gpt"}, field="spec.model", says="match '^[!-~]+$'"),
    InvalidSpec(id="blank in flavor", changes={"flavor": "ba se"}, field="spec.flavor", says="match '^[!-~]+$'"),
    *(_no_break_space(path) for path in ("model", "flavor", "customWeightsId", "credentials.projectId")),
    InvalidSpec(id="capitals in region", changes={"region": "EU-North1"}, field="spec.region", says="match '^[a-z0-9]"),
    InvalidSpec(id="dot in region", changes={"region": "eu.example"}, field="spec.region", says="match '^[a-z0-9]"),
    InvalidSpec(id="no GPU type", changes={"gpu": {"count": 1}}, field="spec.gpu.type", says="Required value"),
    InvalidSpec(
        id="no GPU count", changes={"gpu": {"type": "gpu-h100-sxm"}}, field="spec.gpu.count", says="Required value"
    ),
    InvalidSpec(
        id="no GPU at all",
        changes={"gpu": {"type": "gpu-h100-sxm", "count": 0}},
        field="spec.gpu.count",
        says="greater than or equal to 1",
    ),
    InvalidSpec(
        id="GPU count over int32",
        changes={"gpu": {"type": "gpu-h100-sxm", "count": 2**31}},
        field="spec.gpu.count",
        says="less than or equal to 2147483647",
    ),
    InvalidSpec(
        id="GPU type of other form",
        changes={"gpu": {"type": "H100 SXM", "count": 1}},
        field="spec.gpu.type",
        says="match '^[a-z0-9]",
    ),
    InvalidSpec(
        id="GPU count as text",
        changes={"gpu": {"type": "gpu-h100-sxm", "count": "1"}},
        field="spec.gpu.count",
        says="must be of type integer",
    ),
    _scaling(case="no maxReplicas", scaling={"minReplicas": 1}, field="maxReplicas", says="Required value"),
    _scaling(
        case="maxReplicas over int32",
        scaling={"maxReplicas": 2**31},
        field="maxReplicas",
        says="less than or equal to 2147483647",
    ),
    _scaling(
        case="minReplicas 0",
        scaling={"minReplicas": 0, "maxReplicas": 4},
        field="minReplicas",
        says="must be at least 1: to run no replica, set spec.enabled to false",
    ),
    _scaling(
        case="minReplicas over maxReplicas",
        scaling={"minReplicas": 5, "maxReplicas": 4},
        field="minReplicas",
        says="must not be greater than maxReplicas: lower minReplicas or raise maxReplicas",
    ),
    _scaling(
        case="default minReplicas over maxReplicas",
        scaling={"maxReplicas": 0},
        field="maxReplicas",
        says="greater than or equal to 1",
    ),
    InvalidSpec(id="enabled as text", changes={"enabled": "yes"}, field="spec.enabled", says="must be of type boolean"),
    InvalidSpec(
        id="owner mark in description",
        changes={"description": "mine [k8s 1234abcd ml/x uid=1 try=2]"},
        field="spec.description",
        says='at most 300 characters and must not contain "[k8s": the operator appends its owner mark there; remove',
    ),
    InvalidSpec(
        id="owner mark in description behind what nobody sees",
        changes={"description": "mine [k\u200b8\u2060\u3164s 1234abcd ml/x uid=1 try=2]"},
        field="spec.description",
        says='must not contain "[k8s"',
    ),
    InvalidSpec(
        id="released mark in description",
        changes={"description": "[k8s-released 1234abcd ml/x]"},
        field="spec.description",
        says='must not contain "[k8s"',
    ),
    InvalidSpec(
        id="blank in customWeightsId",
        changes={"customWeightsId": "model-artifact_a b"},
        field="spec.customWeightsId",
        says="match '^[!-~]*$'",
    ),
    InvalidSpec(
        id="routingKey without prefix",
        changes={"routingKey": "shared/gpt-oss"},
        field="spec.routingKey",
        says='must start with "dedicated/" and have 11 to 128 characters: change it, or leave it out',
    ),
    InvalidSpec(
        id="endpointId that leaves its path segment",
        changes={"endpointId": "../templates"},
        field="spec.endpointId",
        says="match '^[A-Za-z0-9]",
    ),
    InvalidSpec(
        id="unknown deletionPolicy",
        changes={"deletionPolicy": "Keep"},
        field="spec.deletionPolicy",
        says='supported values: "Delete", "Retain"',
    ),
    InvalidSpec(
        id="unknown managementPolicy",
        changes={"managementPolicy": "Ignore"},
        field="spec.managementPolicy",
        says='supported values: "Manage", "Observe"',
    ),
    InvalidSpec(
        id="Observe with nothing to observe",
        changes={"managementPolicy": "Observe"},
        field="spec.managementPolicy",
        says="set endpointId to the endpoint to observe, or use Manage until",
        offline=False,
    ),
    InvalidSpec(
        id="projectId without secretRef",
        changes={"credentials": {"projectId": "project-1"}},
        field="spec.credentials.projectId",
        says="needs secretRef: name the Secret whose key may use that project, or remove projectId",
    ),
    InvalidSpec(
        id="secretRef without name",
        changes={"credentials": {"secretRef": {"key": "token"}}},
        field="spec.credentials.secretRef.name",
        says="Required value",
    ),
    InvalidSpec(
        id="Secret of another namespace",
        changes={"credentials": {"secretRef": {"name": "other/secret"}}},
        field="spec.credentials.secretRef.name",
        says="match '^[a-z0-9]",
    ),
    InvalidSpec(
        id="blank in the Secret's key",
        changes={"credentials": {"secretRef": {"name": "key", "key": "my token"}}},
        field="spec.credentials.secretRef.key",
        says="match '^[-._a-zA-Z0-9]+$'",
    ),
    InvalidSpec(
        id="blank in projectId",
        changes={"credentials": {"secretRef": {"name": "key"}, "projectId": "a b"}},
        field="spec.credentials.projectId",
        says="match '^[!-~]+$'",
    ),
    InvalidSpec(
        id="capitals in configMapName",
        changes={"connection": {"configMapName": "Endpoint"}},
        field="spec.connection.configMapName",
        says="match '^[a-z0-9]",
    ),
)

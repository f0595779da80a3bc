"""The vendor's JSON, read leniently and written strictly.

Reading never raises: a field of an unexpected type counts as not told, unknown fields and values are kept out of the
way, and only an endpoint without an id is not one. Writing sends `scaling` whole, never a null, and nothing that was
not given. Facts: the vendor's API reference for dedicated endpoints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from sys import intern
from typing import Any, Final

from tokenfactory_operator.domain.errors import visible
from tokenfactory_operator.domain.observed import EndpointCreate, EndpointPatch, ObservedEndpoint, spelled

UNSET: Final = "UNSET"
"""What clears `custom_weights_id` on update."""
_LARGEST: Final = 2**31 - 1
"""Counts above it cannot stand in a Kubernetes status field of ours; nor can they be true."""

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}")
"""What can stand in a path, a label and a message as it is; the vendor's are shorter and plainer."""

_WHOLE: Final = re.compile(r"[0-9]{1,10}(?:\.0{1,10})?")
_FLAGS: Final[Mapping[str, bool]] = {"true": True, "false": False}

_DELETED: Final = frozenset({"deleted", "soft_deleted", "status_deleted", "state_deleted", "endpoint_deleted"})
"""Not "terminated" or "stopped", which may start again, and no time of deletion, which may be to come."""

TEXT_LIMIT: Final = 256
"""Characters of a state, region, key or name; a longer one counts as not told."""
DESCRIPTION_LIMIT: Final = 4096

JsonMap = Mapping[str, Any]


def parse_endpoint(answer: object) -> ObservedEndpoint | None:
    """An endpoint, flat or wrapped as `{"endpoint": …}`; `None` where there is no id."""
    fields = _unwrapped(answer)
    endpoint_id = _id(fields)
    if endpoint_id is None:
        return None
    scaling, deployment = mapping(fields.get("scaling")), mapping(fields.get("deployment"))
    return ObservedEndpoint(
        id=endpoint_id,
        name=plain(fields.get("name")),
        description=_reported(fields, "description"),
        enabled=_flag(fields.get("enabled")),
        routing_key=text(fields.get("routing_key")),
        model_name=_shared(fields.get("model_name")),
        flavor_name=_shared(fields.get("flavor_name")),
        region=_shared(fields.get("region")),
        gpu_type=_shared(fields.get("gpu_type")),
        gpu_count=count(fields.get("gpu_count")),
        custom_weights_id=_weights(fields),
        min_replicas=count(scaling.get("min_replicas")),
        max_replicas=count(scaling.get("max_replicas")),
        ready_replicas=count(deployment.get("ready_replicas")),
        status=_shared(deployment.get("status")),
        readiness=_shared(deployment.get("readiness")),
        created_at=text(fields.get("created_at")),
    )


def is_deleted(answer: object) -> bool:
    """Whether an endpoint is shown only to say that it is no more."""
    fields = _unwrapped(answer)
    states = (mapping(fields.get("deployment")).get("status"), fields.get("status"), fields.get("state"))
    flagged = any(fields.get(name) is True for name in ("deleted", "is_deleted"))
    return flagged or any(isinstance(state, str) and spelled(state) in _DELETED for state in states)


def hides_owner(answer: object) -> bool:
    """Whether a description is there, but none that a mark could be read from."""
    fields = _unwrapped(answer)
    return fields.get("description") is not None and _reported(fields, "description") is None


def reported_description(answer: object) -> str | None:
    """The description of what has no id: empty where it says that it has none, `None` where it says nothing."""
    return _reported(_unwrapped(answer), "description")


def create_body(create: EndpointCreate) -> dict[str, Any]:
    """The body of a POST."""
    body: dict[str, Any] = {
        "name": create.name,
        "description": create.description,
        "model_name": create.model_name,
        "flavor_name": create.flavor_name,
        "gpu_type": create.gpu_type,
        "gpu_count": create.gpu_count,
        "region": create.region,
        "scaling": _scaling(create.min_replicas, create.max_replicas),
    }
    if create.custom_weights_id:  # there is nothing to clear on create
        body["custom_weights_id"] = create.custom_weights_id
    if create.routing_key:
        body["routing_key"] = create.routing_key
    return body


def patch_body(patch: EndpointPatch) -> dict[str, Any]:
    """The body of a PATCH: only what the patch names."""
    body: dict[str, Any] = {name: getattr(patch, name) for name in patch.fields}
    if patch.scaling is not None:
        body["scaling"] = _scaling(*patch.scaling)
    if patch.custom_weights_id == "":
        body["custom_weights_id"] = UNSET
    return body


def _scaling(min_replicas: int, max_replicas: int) -> dict[str, int]:
    return {"min_replicas": min_replicas, "max_replicas": max_replicas}


def _unwrapped(answer: object) -> JsonMap:
    fields = mapping(answer)
    inner = fields.get("endpoint")
    return inner if isinstance(inner, Mapping) else fields


def _id(fields: JsonMap) -> str | None:
    """Where an answer has both names, `endpoint_id` is the one that the paths of the API take."""
    for name in ("endpoint_id", "id"):
        value = fields.get(name)
        value = str(value) if type(value) is int and value >= 0 else value
        if isinstance(value, str) and _ID.fullmatch(value):
            return value
    return None


def _reported(fields: JsonMap, name: str) -> str | None:
    """A text of which a null tells "none", while its absence tells nothing."""
    return "" if name in fields and fields[name] is None else plain(fields.get(name), DESCRIPTION_LIMIT)


def _weights(fields: JsonMap) -> str | None:
    reported = _reported(fields, "custom_weights_id")
    return "" if reported == UNSET else reported


def mapping(value: object) -> JsonMap:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def text(value: object, limit: int = TEXT_LIMIT) -> str | None:
    """The value where it is a string of that length at most, fit to be shown: what nobody sees is escaped."""
    raw = plain(value, limit)
    return raw if raw is None else visible(raw)


def _shared(value: object) -> str | None:
    """A text that many endpoints have: held once for all of them."""
    reported = text(value)
    return reported if reported is None else intern(reported)


def plain(value: object, limit: int = TEXT_LIMIT) -> str | None:
    """The same as it came, to be compared; halves of surrogate pairs, which nobody would take, are replaced."""
    if not isinstance(value, str) or len(value) > limit:
        return None
    return value if value.isascii() else value.encode(errors="replace").decode()


def count(value: object) -> int | None:
    """The value where it is a whole number that a replica or GPU count can be, also if it is written as a text."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value.partition(".")[0])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _LARGEST else None


def _flag(value: object) -> bool | None:
    """The value where it is a flag, also if it is written as a text or as a number."""
    if isinstance(value, str):
        return _FLAGS.get(value.strip().lower())
    return bool(value) if isinstance(value, int | float) and value in {0, 1} else None

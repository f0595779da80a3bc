"""How an endpoint looks in an answer: the vendor's JSON, in each of the forms seen.

No validation of answers: LIST of 10,000 endpoints is one join of cached bytes.
"""

import json
from datetime import datetime
from typing import Any

from tokenfactory_simulator.endpoint import Endpoint
from tokenfactory_simulator.lifecycle import View
from tokenfactory_simulator.settings import Settings


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, to the microsecond."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def endpoint_json(endpoint: Endpoint, shown: View, created_at: datetime, settings: Settings) -> dict[str, Any]:
    """The vendor's `DedicatedEndpoint`."""
    deployment: dict[str, Any] = {"ready_replicas": shown.ready_replicas}
    if settings.deployment_status:
        deployment |= {"status": shown.status, "readiness": shown.readiness}
    return {
        settings.id_field: endpoint.id,
        "name": endpoint.name,
        "description": endpoint.description,
        "enabled": endpoint.enabled,
        "routing_key": endpoint.routing_key,
        "model_name": endpoint.model_name,
        "flavor_name": endpoint.flavor_name,
        "region": endpoint.region,
        "gpu_type": endpoint.gpu_type,
        "gpu_count": endpoint.gpu_count,
        "custom_weights_id": endpoint.custom_weights_id,
        "scaling": {"min_replicas": endpoint.min_replicas, "max_replicas": endpoint.max_replicas},
        "deployment": deployment,
        "created_at": timestamp(created_at),
    }


def encode(content: object) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def wrap(body: bytes, form: str) -> bytes:
    """One endpoint's answer in its form."""
    return b'{"endpoint":' + body + b"}" if form == "wrapped" else body


def list_body(items: list[bytes], more: dict[str, Any]) -> bytes:
    """LIST's answer; `more` are the fields of paging."""
    tail = b"".join(b"," + encode(name) + b":" + encode(value) for name, value in more.items())
    return b'{"object":"list","data":[' + b",".join(items) + b"]" + tail + b"}"

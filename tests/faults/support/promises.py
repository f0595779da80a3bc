"""What was promised of one object, judged from the simulator's record and the API server, never from the operator.

Every function answers what is wrong, one sentence each; nothing wrong is an empty list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cluster.support.views import View

JsonObject = Mapping[str, Any]


def differences(view: View, endpoint: JsonObject) -> list[str]:
    """Where the cloud's endpoint is not what the object's spec says."""
    spec, metadata = view.body["spec"], view.body["metadata"]
    wanted = {
        "name": spec.get("displayName"),
        "model_name": spec["model"],
        "flavor_name": spec["flavor"],
        "region": spec["region"],
        "gpu_type": spec["gpu"]["type"],
        "gpu_count": spec["gpu"]["count"],
        "scaling": {
            "min_replicas": spec["scaling"]["minReplicas"],
            "max_replicas": spec["scaling"]["maxReplicas"],
        },
        "enabled": spec.get("enabled", True),
    }
    wrong = [
        f"{field}: the spec says {value!r}, the cloud has {endpoint[field]!r}"
        for field, value in wanted.items()
        if value is not None and endpoint[field] != value
    ]
    mark = f" {metadata['namespace']}/{metadata['name']} uid={metadata['uid']} try="
    text = endpoint["description"]
    if not text.startswith(spec.get("description", "")) or mark not in text:
        wrong.append(f"description: {text!r}")
    return wrong


def lies(view: View, endpoints: list[dict[str, Any]]) -> list[str]:
    """Where an object that says Ready, at the generation it has, is not right; `endpoints` were read after it."""
    if len(endpoints) != 1:
        return [f"Ready with {len(endpoints)} endpoints"]
    (endpoint,) = endpoints
    wrong = differences(view, endpoint)
    if endpoint["id"] != view.endpoint_id:
        wrong.append(f"the status names {view.endpoint_id}, the endpoint is {endpoint['id']}")
    shown = endpoint["deployment"]
    if shown["readiness"] not in ("ready", "partially_ready"):
        wrong.append(f"Ready with an endpoint that is {shown['readiness']}")
    return [f"status lies: {sentence}" for sentence in wrong]


def duplicates(calls: Iterable[JsonObject], mark: str) -> list[str]:
    """Each moment at which more than one living endpoint carried the mark, by the record of calls in its order."""
    marked: set[str] = set()
    wrong: list[str] = []
    for call in calls:
        endpoint_id, body = call["endpoint_id"], call["body"] or {}
        if call["effect"] != "applied" or endpoint_id is None:
            continue
        if call["method"] == "DELETE":
            marked.discard(endpoint_id)
        elif "description" in body:
            marked = marked | {endpoint_id} if mark in body["description"] else marked - {endpoint_id}
        if len(marked) > 1:
            wrong.append(f"two endpoints at once after call {call['sequence']}: {', '.join(sorted(marked))}")
    return wrong

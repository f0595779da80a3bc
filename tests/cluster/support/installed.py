"""The chart as `helm install` would have it, with its Deployment; nothing runs its pods where there is no node."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cluster.support.chart import documents, rendered
from cluster.support.world import World
from controlplane import Cluster

NAME: Final = "tokenfactory-operator"
HOLDER: Final = "tokenfactory-operator-0"
"""The pod that leads."""
_LEFT_OUT: Final = frozenset(
    {"CustomResourceDefinition", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
)
"""What all worlds share, or what would bind them too."""
REPORTED: Final = (
    *("API_URL", "POLL_INTERVAL", "POLL_INTERVAL_IN_TRANSITION", "INVENTORY_MAX_AGE", "REQUEST_TIMEOUT"),
    *("CREATE_SETTLE", "DELETE_SETTLE", "LOST_SETTLE", "SEND_DEADLINE", "CORRECTION_PAUSE"),
)
"""Settings that the Deployment has as the world's operator has them."""
JsonObject = dict[str, Any]


def _camel(name: str) -> str:
    first, *others = name.lower().split("_")
    return first + "".join(map(str.title, others))


def install(world: World, *values: str, ready: int = 2, token: str | None = None, **settings: str) -> None:
    """Have it in the world's namespace, set up as the world's operator is, with its Secret."""
    reported = {_camel(name): world.operator.setting(name) for name in REPORTED}
    given = {**reported, **settings}
    chosen = [f"watchNamespaces={{{world.namespace}}}", *(f"settings.{name}={value}" for name, value in given.items())]
    text = rendered(world.cluster, *chosen, *values, name=NAME, namespace=world.namespace)
    secret = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "token", "namespace": world.namespace}}
    secret["stringData"] = {"token": world.operator.token if token is None else token}
    items = [secret, *(item for item in documents(text) if item["kind"] not in _LEFT_OUT)]
    world.cluster.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    _write_status(world, {"replicas": ready, "readyReplicas": ready})


def uninstall_all(cluster: Cluster) -> None:
    """No Deployment of any world is left: a namespace's end takes a while."""
    cluster.kubectl("delete", "deploy", "-A", "-l", "app.kubernetes.io/name=tokenfactory-operator")


def _write_status(world: World, status: JsonObject) -> None:
    """What the Deployment's controller would write."""
    patch = json.dumps({"status": status})
    where = ("deploy", NAME, "-n", world.namespace, "--subresource=status")
    world.cluster.kubectl("patch", *where, "--type=merge", "-p", patch)


def lead(world: World, *, ago: float = 0.0) -> None:
    """Have the Lease held by a pod that renewed it so many seconds ago."""
    renewed = datetime.now(UTC) - timedelta(seconds=ago)
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": NAME, "namespace": world.namespace},
        "spec": {
            "holderIdentity": f"{HOLDER}_0123abcd",
            "leaseDurationSeconds": 60,
            "renewTime": f"{renewed:%Y-%m-%dT%H:%M:%S.%fZ}",
        },
    }
    world.cluster.kubectl("apply", "-f", "-", input=json.dumps(lease))

"""The Lease of leader election on the Kubernetes API server: the adapter behind `lease.LeaseStore`.

It has a client of its own, so that no crowd of other requests holds back a renewal. Foreign fields of the object stay:
only what an election says is written (coordination.k8s.io/v1, LeaseSpec).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tokenfactory_operator.domain.errors import KubeError, KubeNotFound
from tokenfactory_operator.kube.client import MERGE_PATCH, KubeClient
from tokenfactory_operator.kube.paths import LEASES
from tokenfactory_operator.leader.lease import LeaseRecord

LABELS: Final = {"app.kubernetes.io/name": "tokenfactory-operator"}


class KubeLeases:
    """One Lease, by its name. Every method raises `KubeError` and nothing else."""

    def __init__(self, client: KubeClient, *, namespace: str, name: str) -> None:
        """`client` stays its owner's to close."""
        self._client = client
        self._collection = LEASES.within(namespace)
        self._path = LEASES.named(name, namespace)
        self._metadata = {"namespace": namespace, "name": name, "labels": LABELS}
        self.name = f"{namespace}/{name}"

    async def get(self) -> LeaseRecord | None:
        """The record; None where there is no such Lease."""
        try:
            return _record(await self._client.object("GET", self._path))
        except KubeNotFound:
            return None

    async def create(self, record: LeaseRecord) -> LeaseRecord:
        """The first one; raises `KubeConflict` where there is one. A namespace that is not there is no lost race."""
        body = {"apiVersion": LEASES.api_version, "kind": "Lease", "metadata": self._metadata, "spec": _spec(record)}
        try:
            return _record(await self._client.object("POST", self._collection, body=body))
        except KubeNotFound as error:
            place = self._metadata["namespace"]
            raise KubeError(
                f"There is no namespace {place}: create it, or correct TOKENFACTORY_LEASE_NAMESPACE."
            ) from error

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """Replace what the election says, if nobody has written since `record.version`."""
        body = {"metadata": {"resourceVersion": record.version}, "spec": _spec(record)}
        return _record(await self._client.object("PATCH", self._path, body=body, content_type=MERGE_PATCH))


def _spec(record: LeaseRecord) -> dict[str, Any]:
    return {
        "holderIdentity": record.holder,
        "leaseDurationSeconds": record.duration,
        "acquireTime": record.acquired or None,
        "renewTime": record.renewed or None,
        "leaseTransitions": record.transitions,
    }


def _record(body: Mapping[str, Any]) -> LeaseRecord:
    spec = body.get("spec") or {}
    duration, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    return LeaseRecord(
        holder=str(spec.get("holderIdentity") or ""),
        duration=duration if isinstance(duration, int) and duration > 0 else None,
        acquired=spec.get("acquireTime") or "",
        renewed=spec.get("renewTime") or "",
        transitions=transitions if isinstance(transitions, int) else 0,
        version=body["metadata"]["resourceVersion"],
    )

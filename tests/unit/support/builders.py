"""Builders of objects and endpoints that match each other, so that a test names only what it is about."""

from __future__ import annotations

import copy
from typing import Any, Final

from pydantic import SecretStr

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.identity import Identity, OwnerMark, ReleasedMark, subject
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.ports import Key

CLUSTER: Final = "c1"
NAMESPACE: Final = "ml"
NAME: Final = "llm"
KEY: Final = Key(NAMESPACE, NAME)
UID: Final = "11111111-2222-3333-4444-555555555555"
OTHER_UID: Final = "99999999-8888-7777-6666-555555555555"
IDENTITY: Final = Identity(CLUSTER, UID)
SCOPE: Final = "project-1"
SAME_SETTLE: Final = Timing(lost_settle=Timing().create_settle)
"""As if each LIST showed another endpoint of the project: what is lost takes no longer than what was never seen."""

SPEC: Final[dict[str, Any]] = {
    "model": "openai/gpt-oss-120b",
    "flavor": "base",
    "region": "eu-north1",
    "gpu": {"type": "gpu-h100-sxm", "count": 2},
    "scaling": {"minReplicas": 1, "maxReplicas": 4},
}


def a_spec(**changes: Any) -> api.Spec:  # noqa: ANN401  # fields of the wire
    """The spec that `an_endpoint` matches, with changes by their Kubernetes names."""
    return api.Spec.model_validate({**SPEC, **changes})


def an_object(*, name: str = NAME, uid: str = UID, generation: int = 1, spec: dict[str, Any] | None = None) -> Any:  # noqa: ANN401  # JSON
    """An object as the API server stores it at its creation."""
    return {
        "apiVersion": api.API_VERSION,
        "kind": api.KIND,
        "metadata": {
            "namespace": NAMESPACE,
            "name": name,
            "uid": uid,
            "generation": generation,
            "resourceVersion": "1",
        },
        "spec": copy.deepcopy({**SPEC, **(spec or {})}),
        "status": {"observedGeneration": api.UNOBSERVED_GENERATION},
    }


def labelled_secret(
    name: str,
    *,
    namespace: str = NAMESPACE,
    version: int = 1,
    terminating: bool = False,
    finalizers: tuple[str, ...] = (),
    **data: str,
) -> dict[str, Any]:
    """A Secret of credentials, sealed as the adapter does."""
    metadata: dict[str, Any] = {
        "namespace": namespace,
        "name": name,
        "uid": f"uid-of-{name}",
        "resourceVersion": str(version),
        "labels": {api.CREDENTIALS_LABEL: "true"},
        "finalizers": list(finalizers),
    }
    if terminating:
        metadata["deletionTimestamp"] = "2025-01-01T12:00:00Z"
    sealed = {key: SecretStr(value) for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": sealed}


def mark(attempt: str = "a1", *, uid: str = UID, cluster: str = CLUSTER, name: str = NAME) -> str:
    """An owner mark."""
    return str(OwnerMark(Identity(cluster, uid), subject(NAMESPACE, name), attempt))


def released(*, cluster: str = CLUSTER, name: str = NAME) -> str:
    """The mark of an endpoint that was let go."""
    return str(ReleasedMark(cluster, subject(NAMESPACE, name)))


FOREIGN: Final = mark("f1", uid=OTHER_UID, name="other")


def an_endpoint(endpoint_id: str = "ep-1", **changes: Any) -> ObservedEndpoint:  # noqa: ANN401  # fields of the answer
    """An endpoint in order, made by attempt a1 of the object; changes by the vendor's names."""
    fields: dict[str, Any] = {
        "name": f"{NAMESPACE}/{NAME}",
        "description": mark(),
        "enabled": True,
        "routing_key": "dedicated/llm-1",
        "model_name": SPEC["model"],
        "flavor_name": SPEC["flavor"],
        "region": SPEC["region"],
        "gpu_type": SPEC["gpu"]["type"],
        "gpu_count": SPEC["gpu"]["count"],
        "min_replicas": 1,
        "max_replicas": 4,
        "ready_replicas": 1,
        "status": "running",
        "readiness": "ready",
        "created_at": "2025-01-01T12:00:00Z",
    }
    return ObservedEndpoint(endpoint_id, **{**fields, **changes})

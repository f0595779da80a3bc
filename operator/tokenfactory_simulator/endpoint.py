"""One endpoint as the cloud holds it: an immutable value, so that any past moment can be shown again."""

from dataclasses import dataclass, replace
from math import inf
from typing import Any

from tokenfactory_simulator import lifecycle
from tokenfactory_simulator.lifecycle import Deployment, Shape, Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The fields of the vendor's `DedicatedEndpoint`, and the deployment behind them."""

    id: str
    number: int
    """Order of creation, from 1; also the place in a paged LIST."""
    project: str
    created: float
    name: str
    description: str | None
    enabled: bool
    routing_key: str
    model_name: str
    flavor_name: str
    region: str
    gpu_type: str
    gpu_count: int
    min_replicas: int
    max_replicas: int
    custom_weights_id: str | None
    reservation_policy: str | None
    deployment: Deployment
    autoscaled: int = 0
    """Replicas that the vendor's autoscaler asks for."""

    @property
    def shape(self) -> Shape:
        """The GPUs that a replica should have."""
        return Shape(self.region, self.gpu_type, self.gpu_count)

    @property
    def replicas(self) -> int:
        """Replicas that it should have while it is enabled."""
        return max(self.min_replicas, min(self.autoscaled, self.max_replicas))

    @property
    def reserved_gpus(self) -> int:
        """What counts against a quota."""
        return self.gpu_count * self.min_replicas if self.enabled else 0


def changed(endpoint: Endpoint, changes: dict[str, Any], *, now: float, timing: Timing) -> Endpoint:
    """The endpoint after an accepted change; only what its replicas run on moves the deployment."""
    after = replace(endpoint, **changes)
    return replace(after, deployment=_deployment_after(endpoint, after, now=now, timing=timing))


def _deployment_after(before: Endpoint, after: Endpoint, *, now: float, timing: Timing) -> Deployment:
    deployment = before.deployment
    if not after.enabled:
        return deployment if deployment.off else lifecycle.stop(deployment, now=now, timing=timing)
    if deployment.off:
        return lifecycle.start(after.shape, after.replicas)
    if _runs_on(before) == _runs_on(after):
        return deployment
    # A rollout to other GPUs is over some time after it got them (see `place`), not some time from now.
    until = now + timing.update if after.shape == deployment.shape else inf
    return lifecycle.update(deployment, after.replicas, now=now, until=until)


def _runs_on(endpoint: Endpoint) -> tuple[object, ...]:
    return (endpoint.shape, endpoint.min_replicas, endpoint.max_replicas, endpoint.custom_weights_id)


def autoscaled(endpoint: Endpoint, replicas: int, *, now: float) -> Endpoint:
    """The endpoint after the vendor's autoscaler asked for so many replicas; bounded by minimum and maximum."""
    after = replace(endpoint, autoscaled=replicas)
    if endpoint.deployment.off:
        return after
    until = max(now, endpoint.deployment.until)  # a rollout under way goes on
    return replace(after, deployment=lifecycle.update(endpoint.deployment, after.replicas, now=now, until=until))

"""The billing meter: what an endpoint costs, in GPU-seconds, so that a leak has a price.

Source: the vendor's billing policy: per GPU while at least one replica runs and is ready; provisioning, `not_ready`
and stopped are free. Read here as: the GPUs of each replica that is ready.
"""

from dataclasses import dataclass

from tokenfactory_simulator.lifecycle import Deployment, gpus_per_replica, next_change, view


def gpu_seconds(deployment: Deployment, start: float, end: float) -> float:
    """GPU-seconds of a deployment that nobody touched between the two instants."""
    total = 0.0
    instant = start
    while instant < end:
        following = min(next_change(deployment, instant), end)
        ready = view(deployment, instant).ready_replicas
        total += ready * gpus_per_replica(deployment, instant) * (following - instant)
        instant = following
    return total


@dataclass(slots=True)
class Meter:
    """GPU-seconds of one endpoint over all its deployments."""

    counted_to: float
    counted: float = 0.0

    def read(self, deployment: Deployment, now: float) -> float:
        """The total up to now, in GPU-seconds."""
        return self.counted + gpu_seconds(deployment, self.counted_to, now)

    def settle(self, deployment: Deployment, now: float) -> None:
        """Book what the deployment used so far; called just before it is replaced."""
        self.counted = self.read(deployment, now)
        self.counted_to = now

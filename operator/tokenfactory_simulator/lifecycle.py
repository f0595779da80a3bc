"""What a deployment does as time passes: a pure state machine, computed from instants and never from a timer.

    starting/not_ready -> starting/partially_ready -> running/ready
    running/* --PATCH--> updating/(ready | partially_ready) -> running/ready
    any --enabled: false--> stopping/partially_ready -> stopping/not_ready -> stopped/not_ready
    any --by hand--> whatever the override says, until it is taken back

Statuses and their combinations with readiness are the vendor's (documentation, lifecycle-and-status). It knows no
HTTP, no billing and no other endpoint; how many GPUs are free is told to it.
"""

from bisect import bisect_right
from dataclasses import dataclass, replace
from enum import Enum
from math import inf


class Phase(Enum):
    """What a deployment is occupied with; `running` is a phase that has nothing left to do."""

    STARTING = "starting"
    UPDATING = "updating"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take, in seconds."""

    provisioning: float
    replica_interval: float
    update: float
    stopping: float


@dataclass(frozen=True, slots=True)
class Shape:
    """The GPUs of one replica."""

    region: str
    gpu_type: str
    gpu_count: int

    @property
    def pool(self) -> str:
        """Name of the stock of GPUs that it is taken from."""
        return f"{self.region}/{self.gpu_type}"


@dataclass(frozen=True, slots=True)
class View:
    """What an answer says about a deployment."""

    status: str
    readiness: str
    ready_replicas: int


@dataclass(frozen=True, slots=True)
class Override:
    """A state set by hand. `ready_replicas` absent: as they truly are, or none where the readiness is `not_ready`."""

    status: str
    readiness: str
    ready_replicas: int | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """One endpoint's replicas. Instants are seconds of the simulator's clock."""

    phase: Phase
    shape: Shape
    target: int
    serving_gpus: int
    """GPUs of a replica that serves before `until`: a rollout's old shape is what is used and billed."""
    ready_at: tuple[float, ...] = ()
    """For each replica that holds GPUs, when it is ready; ascending."""
    until: float = 0.0
    """Updating is not over, and stopping not done, before."""
    drained_at: float = inf
    override: Override | None = None

    @property
    def gpus_held(self) -> int:
        """GPUs taken out of the pool."""
        return len(self.ready_at) * self.shape.gpu_count

    @property
    def off(self) -> bool:
        """Whether it was told to stop."""
        return self.phase in {Phase.STOPPING, Phase.STOPPED}

    def wants_gpus(self, wanted: Shape) -> bool:
        """Whether it would take more or other GPUs than it holds."""
        return not self.off and (len(self.ready_at) < self.target or self.shape != wanted)


def serving_replicas(deployment: Deployment, now: float) -> int:
    """Replicas that truly serve, whatever an override shows."""
    return 0 if now >= deployment.drained_at else bisect_right(deployment.ready_at, now)


def _readiness(ready: int, target: int) -> str:
    if ready == 0:
        return "not_ready"
    return "ready" if ready >= target else "partially_ready"


def view(deployment: Deployment, now: float) -> View:
    """What the API says about it at that instant."""
    ready = serving_replicas(deployment, now)
    if shown := deployment.override:
        truly = 0 if shown.readiness == "not_ready" else ready
        return View(shown.status, shown.readiness, truly if shown.ready_replicas is None else shown.ready_replicas)
    if deployment.off:
        return View(deployment.phase.value, "partially_ready" if ready else "not_ready", ready)
    done = ready >= deployment.target and (deployment.phase is Phase.STARTING or now >= deployment.until)
    return View("running" if done else deployment.phase.value, _readiness(ready, deployment.target), ready)


def gpus_per_replica(deployment: Deployment, now: float) -> int:
    """GPUs that a serving replica uses at that instant."""
    return deployment.serving_gpus if now < deployment.until else deployment.shape.gpu_count


def next_change(deployment: Deployment, now: float) -> float:
    """The next instant at which `view` or `gpus_per_replica` may differ; infinite when nothing is under way."""
    instants = (*deployment.ready_at, deployment.until, deployment.drained_at)
    return min((instant for instant in instants if instant > now), default=inf)


def start(shape: Shape, target: int) -> Deployment:
    """A deployment that wants `target` replicas and has none yet."""
    return Deployment(phase=Phase.STARTING, shape=shape, target=target, serving_gpus=shape.gpu_count)


def update(deployment: Deployment, target: int, *, now: float, until: float) -> Deployment:
    """Roll out a change until that instant at least; replicas above the target go at once, the others serve on."""
    phase = Phase.UPDATING if serving_replicas(deployment, now) else Phase.STARTING
    return replace(
        deployment,
        phase=phase,
        target=target,
        ready_at=deployment.ready_at[:target],
        until=until if phase is Phase.UPDATING else 0.0,
        serving_gpus=gpus_per_replica(deployment, now),
    )


def stop(deployment: Deployment, *, now: float, timing: Timing) -> Deployment:
    """Begin to shut down: what serves drains for the first half of the time, what does not serve goes at once."""
    return replace(
        deployment,
        phase=Phase.STOPPING,
        target=0,
        serving_gpus=gpus_per_replica(deployment, now),
        ready_at=deployment.ready_at[: serving_replicas(deployment, now)],
        until=now + timing.stopping,
        drained_at=now + timing.stopping / 2,
        override=None,
    )


def stopped(deployment: Deployment) -> Deployment:
    """The end of stopping: its GPUs are free."""
    return replace(deployment, phase=Phase.STOPPED, ready_at=())


def place(deployment: Deployment, wanted: Shape, *, free: int, now: float, timing: Timing) -> Deployment:
    """Give it as many of the GPUs it wants as `free` (GPUs of the wanted pool, without its own) allows.

    A rollout to another shape needs all of its replicas at once; until then the old ones serve.
    Answers the same object where nothing changes.
    """
    if not deployment.wants_gpus(wanted):
        return deployment
    own = deployment.gpus_held if deployment.shape.pool == wanted.pool else 0
    fits = max(0, min(deployment.target, (free + own) // wanted.gpu_count))
    rollout = deployment.shape != wanted
    serving = serving_replicas(deployment, now) > 0
    if rollout and serving and fits < deployment.target:
        return deployment
    kept = () if rollout and not serving else deployment.ready_at
    added = max(0, fits - len(kept))
    if not added and not rollout:
        return deployment
    ready_from = now + timing.provisioning
    new = tuple(ready_from + number * timing.replica_interval for number in range(added))
    placed = replace(deployment, shape=wanted, ready_at=tuple(sorted(kept + new)))
    if not rollout:
        return placed
    if not serving:
        return replace(placed, serving_gpus=wanted.gpu_count)
    return replace(placed, until=now + timing.update, serving_gpus=gpus_per_replica(deployment, now))

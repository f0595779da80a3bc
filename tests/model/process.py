"""One operator process: the production parts, wired as the application wires them, on ports of memory.

What is not the production code here is what `app` and kopf do: start, watch, relist, liveness probe, the end.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any, Final

from model.clock import OWNER, Gate
from model.leases import TERMS, Handed, Lease, LeasePort, ProcessClock, Right, StoredLease
from model.ports import CloudPort, KubePort, Place, Surroundings, WorldClock
from model.telling import Log, Recorder, Telemetry
from model.vendor import CLUSTER
from model.watch import PAUSE_WHILE_DOWN, Watch
from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.errors import LeaseLost
from tokenfactory_operator.leader.election import Elector
from tokenfactory_operator.loop.dispatch import RELIST_INTERVAL, Dispatch, work
from tokenfactory_operator.loop.ports import Ports
from tokenfactory_operator.loop.reconcile import Reconciler
from tokenfactory_operator.observe.poller import Poller
from tokenfactory_operator.ports import Key
from tokenfactory_operator.state.cache import ObjectCache
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.state.stamps import Stamps
from tokenfactory_operator.work.workqueue import WorkQueue
from unit.support.fakes import NoSecrets

WORKERS: Final = 3
DRAIN: Final = 20.0
"""Seconds that calls under way are given at an orderly end, as in the application."""
PROBE: Final = 10.0
PROBE_FAILURES: Final = 3


class OperatorProcess:
    """From its start to its death."""

    def __init__(
        self,
        around: Surroundings,
        lease: Lease | StoredLease,
        name: str,
        rng: random.Random,
        *,
        probed: bool,
        on_end: Callable[[OperatorProcess], None],
    ) -> None:
        self._around = around
        self._on_end = on_end
        self.name = name
        self.gate = Gate()
        self.context = copy_context()
        self.context.run(OWNER.set, self.gate)
        self.ended = False
        """It takes no new work."""
        self._probed = probed
        self._leading = False
        self._tasks: list[asyncio.Task[None]] = []
        self._workers: list[asyncio.Task[None]] = []
        self.place = Place(name, leads=lambda: self.leads(self), alive=lambda: not self.gate.dead)
        self.clock = WorldClock(around.loop, rng.uniform(0.0, 1e6))
        self.elector: Elector | None = None
        self.right: Right
        if isinstance(lease, StoredLease):
            self.right = self.elector = self._elector(lease)
        else:
            self.right = Handed(lease, name)
        self.leads: Callable[[OperatorProcess], bool] = lambda me: me.right.held()
        """Whether it may act by what the world knows, and not by its own word alone."""
        self.context.run(self._wire, rng)

    def _wire(self, rng: random.Random) -> None:
        around, timing = self._around, self._around.timing
        telemetry, self._log = Telemetry(), Log(around.trace, self.name)
        self.cache = ObjectCache()
        self.queue: WorkQueue[Key] = WorkQueue(share=lambda key: key.namespace, rng=rng)
        self.dispatch = Dispatch(self.cache, lambda _: self.queue)
        self.inventory = Inventory(
            scope=around.token.scope, cluster_id=CLUSTER, stamps=Stamps(self.clock), timing=timing
        )
        self.poller = Poller(
            cloud=CloudPort(around, self.place, self.clock),
            inventory=self.inventory,
            cache=self.cache,
            wake=self.dispatch.wake,
            clock=self.clock,
            timing=timing,
            telemetry=telemetry,
            rng=rng,
        )
        self.poller.defects = Defects(telemetry, self._log)
        ports = Ports(
            kube=KubePort(around, self.place),
            cache=self.cache,
            recorder=Recorder(around.trace, self.name),
            telemetry=telemetry,
            lease=self.right,
            clock=self.clock,
            timing=timing,
            new_attempt=lambda: f"{rng.getrandbits(32):08x}",
            wrote=self.dispatch.wrote,
            namespace="tokenfactory-system",
        )
        self.reconciler = Reconciler(
            ports,
            poller_of=lambda _: self.poller,
            secrets=NoSecrets(),
            policy_of=lambda _: around.checks.policy,
            cluster_id=CLUSTER,
            rng=rng,
            log=self._log,
        )
        self.watch = Watch(
            kube=around.kube,
            chance=around.chance,
            loop=around.loop,
            trace=around.trace,
            name=self.name,
            context=self.context,
            observed=self.dispatch.observed,
            down=self._kube_down,
        )

    def _kube_down(self) -> bool:
        lasting = getattr(self._around.weather, "lasting", None)
        return lasting is not None and bool(lasting.kube_down)

    def start(self) -> None:
        """Watch; act as soon as the lease is held."""
        self._around.trace.say(self.name, "starts")
        self.context.run(self.watch.start)
        if self._probed:
            self._later(PROBE, self._probe, 0)
        if self.elector is not None:
            self._tasks.append(self._around.loop.create_task(self._elect(self.elector), context=self.context.copy()))

    def _elector(self, lease: StoredLease) -> Elector:
        return Elector(
            LeasePort(self._around, lease), ProcessClock(self._around, self.clock), TERMS, identity=self.name
        )

    async def _elect(self, elector: Elector) -> None:
        """As the application does: follow, lead, and end at once when the lease is lost."""
        await elector.acquire()
        self._lead()
        try:
            await elector.keep()
        except LeaseLost as error:
            self._around.trace.say(self.name, str(error))
            self.kill()

    def lead(self) -> None:
        """The lease has come: list the objects, since the watch may be late; list the cloud, and work."""
        if not self.gate.dead:
            self.context.run(self._lead)

    def _lead(self) -> None:
        if self._leading or self.ended or not self.right.held():
            return
        if self._kube_down():
            self._later(PAUSE_WHILE_DOWN, self._lead)
            return
        kube = self._around.kube
        self.dispatch.relisted(list(kube.objects.values()), kube.revision)
        self._leading = True
        self._around.trace.say(self.name, "leads")
        self._task(self.poller.run())
        self._task(self._relist())
        for _ in range(WORKERS):
            task = self._task(work(self.queue, self.dispatch, self.reconciler, self._log))
            self._workers.append(task)
            task.add_done_callback(lambda _: self._over(), context=self.context)

    def _task(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        # A copy, as asyncio makes it for each task: what one sets (the slot that it holds) is not the others'.
        task = self._around.loop.create_task(coroutine, context=self.context.copy())
        self._tasks.append(task)
        return task

    async def _relist(self) -> None:
        while True:
            await asyncio.sleep(RELIST_INTERVAL)
            if not self._kube_down():
                bodies, version = list(self._around.kube.objects.values()), self._around.kube.revision
                await asyncio.sleep(0.05)
                self.dispatch.relisted(bodies, version)

    def _probe(self, failures: int) -> None:
        failures = failures + 1 if self.dispatch.silent_watch() else 0
        if failures >= PROBE_FAILURES:
            self._around.trace.say(self.name, "is not alive, says its probe")
            self.stop()
        self._later(PROBE, self._probe, failures)

    def _later(self, delay: float, callback: Callable[..., None], *args: object) -> None:
        self._around.loop.call_later(delay, callback, *args, context=self.context)

    def _over(self) -> None:
        """A worker has ended: so does the process, once the others have."""
        self.stop()
        if self.elector is not None and not self.elector.held():
            self.kill()
        if all(task.done() for task in self._workers):
            self.kill()

    def stop(self) -> None:
        """End in order: nothing new, what is under way may finish, then the rest."""
        if not self.ended and not self.gate.dead:
            self.ended = True
            self._around.trace.say(self.name, "stops")
            self.queue.shut_down()
            self._later(DRAIN, self.kill)

    def kill(self) -> None:
        """SIGKILL: nothing of it runs any more."""
        if not self.gate.dead:
            self.gate.dead = True
            self.ended = True
            self.watch.stop()
            self._around.trace.say(self.name, "is dead")
            self._on_end(self)

    def bury(self) -> bool:
        """After the run: bring the tasks that would never end to theirs; answers whether all have come to it.

        One that is left would be ended by the garbage collector, in the midst of another run, and what it does to
        context variables then has been seen to crash the interpreter (3.11).
        """
        self.gate.dead = False
        self._around.loop.resume(self.gate)
        for task in self._tasks:
            task.cancel()
        return all(task.done() for task in self._tasks)

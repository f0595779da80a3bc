"""One operator process: the production parts, wired as the application wires them, on ports of memory.

What is not the production code here is what `app` and kopf do: start, watch, relist, liveness probe, the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any, Final

from pydantic import SecretStr

from model.apiserver import ApiServer, Body
from model.clock import OWNER, Gate
from model.kube_port import KubePort
from model.kube_process import KubeSide
from model.kube_requests import LABEL
from model.kube_wire import WiredApi, wired_leases
from model.leases import TERMS, Handed, Lease, LeasePort, ProcessClock, Right, StoredLease
from model.ports import CloudPort, Place, Surroundings, WorldClock
from model.secrets import SecretPort, metadata_of
from model.telling import Log, Recorder, Telemetry
from model.vendor import CLUSTER
from model.watch import PAUSE_WHILE_DOWN, Watch
from model.wire import WiredCloud
from tokenfactory_operator.assembly import LabelledSecrets, Outside, OwnCredential, assemble
from tokenfactory_operator.credentials.choice import Credential
from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.errors import KubeError, LeaseLost
from tokenfactory_operator.leader.election import Elector
from tokenfactory_operator.loop.accounts import OpenCloud
from tokenfactory_operator.loop.dispatch import RELIST_INTERVAL

WORKERS: Final = 3
DRAIN: Final = 20.0
"""Seconds that calls under way are given at an orderly end, as in the application."""
LOOK: Final = 10.0
"""Seconds between two looks at which accounts are needed: each one costs a run a step."""
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
        around = self._around
        self._log = Log(around.trace, self.name)
        self._recorder = Recorder(around.trace, self.name)
        wired = around.trouble is not None
        self.side = KubeSide(around, self.place, self.clock, self._recorder) if wired else None
        self.api = self.side.api if self.side is not None else None
        self.core = assemble(self._outside(rng))
        self.dispatch = self.core.dispatch
        brought = self.side.brought if self.side is not None else self.dispatch.observed
        self.watch = self._watch(around.kube, brought)
        self.secret_watch = self._watch(around.secrets, self._secret_observed)

    def _secret_observed(self, kind: str | None, body: Body) -> None:
        """The watch selects by the label: one without it is gone for whoever watches."""
        labelled = body["metadata"].get("labels", {}).get(LABEL, "true") == "true"
        self.core.secret_observed(kind if labelled else "DELETED", metadata_of(body))

    def _watch(self, kube: ApiServer, observed: Callable[[str | None, Body], None]) -> Watch:
        around = self._around
        return Watch(
            kube=kube,
            chance=around.chance,
            loop=around.loop,
            trace=around.trace,
            name=self.name,
            context=self.context,
            observed=observed,
            down=self._kube_down,
        )

    def _outside(self, rng: random.Random) -> Outside:
        around, api, token, telemetry = self._around, self.api, self._around.token, Telemetry()
        return Outside(
            kube=api.objects if api is not None else KubePort(around, self.place),
            open_cloud=self._open_cloud,
            own=OwnCredential(lambda: SecretStr(token.scope), project_id=token.scope),
            secrets=LabelledSecrets(api.secrets, api.objects.list_in)
            if api is not None
            else LabelledSecrets(SecretPort(around, self.place), self._objects_in),
            config_maps=api.config_maps if api is not None else None,
            recorder=self.side.recorder if self.side is not None else self._recorder,
            telemetry=telemetry,
            lease=self.right,
            clock=self.clock,
            timing=around.timing,
            new_attempt=lambda: f"{rng.getrandbits(32):08x}",
            cluster_id=CLUSTER,
            policy_of=lambda _: around.checks.policy,
            rng=rng,
            defects=Defects(telemetry, self._log),
            log=self._log,
            namespace="tokenfactory-system",
            concurrency=WORKERS,
        )

    def _open_cloud(self, credential: Credential) -> OpenCloud:
        around = self._around
        if around.forms is None:
            return CloudPort(around, self.place, self.clock, credential)
        return WiredCloud(around, self.place, self.clock, credential, around.forms)

    async def _objects_in(self, namespace: str) -> list[Body]:
        """A LIST of a namespace, without faults: what fails is tried again, as the Secret's write is."""
        return [body for key, body in self._around.kube.objects.items() if key.namespace == namespace]

    def _kube_down(self) -> bool:
        lasting = getattr(self._around.weather, "lasting", None)
        return lasting is not None and bool(lasting.kube_down)

    def start(self) -> None:
        """Watch; act as soon as the lease is held."""
        self._around.trace.say(self.name, "starts")
        if self.side is not None:
            self._around.loop.call_soon(self.side.start, self.core.cache.get, context=self.context)
            self._task(self.side.follow(self.dispatch))
        self.context.run(self.watch.start)
        self.context.run(self.secret_watch.start)
        if self._probed:
            self._later(PROBE, self._probe, 0)
        if self.elector is not None:
            self._task(self._elect(self.elector))

    def _elector(self, lease: StoredLease) -> Elector:
        around = self._around
        store = LeasePort(around, lease) if around.trouble is None else wired_leases(around, self.place, around.trouble)
        return Elector(store, ProcessClock(around, self.clock), TERMS, identity=self.name)

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
        self._leading = True
        self._around.trace.say(self.name, "leads")
        self._around.loop.call_soon(self._begin, context=self.context)  # the loop may not run yet

    def _begin(self) -> None:
        if self.api is not None:
            self._task(self._listed_first(self.api))
            return
        self._list_secrets()
        kube = self._around.kube
        self.dispatch.relisted(list(kube.objects.values()), kube.revision)
        self._work()

    async def _listed_first(self, api: WiredApi) -> None:
        """As the application, whose process would be started again where this fails for long."""
        while True:
            try:
                await self._list(api)
            except KubeError:
                await asyncio.sleep(PAUSE_WHILE_DOWN)
            else:
                break
        if not self.ended:
            self._work()

    async def _list(self, api: WiredApi) -> None:
        """As the informer does. Raises `KubeError`."""
        secrets, version = await api.secrets.list_all()
        for secret in self.core.values.secrets.replace(secrets, version):
            self.core.secret_changed(secret)
        bodies, version = await api.objects.list_all()
        await self.core.values.read_all(bodies)
        self.dispatch.relisted(bodies, version)
        self.core.keeper.look_at_all()

    def _work(self) -> None:
        self.core.keeper.look_at_all()
        self.core.accounts.start()
        self._task(self._relist())
        self._task(self._failed())
        if self._around.grants:  # else no account is ever closed, and nothing comes to the Secrets' keeper
            self._task(self.core.accounts.run(every=LOOK))
            self._task(self._keep_secrets())

    def _list_secrets(self) -> None:
        secrets = self._around.secrets
        bodies = [metadata_of(body) for body in secrets.objects.values()]
        for secret in self.core.values.secrets.replace(bodies, secrets.revision):
            self.core.secret_changed(secret)

    def _task(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        # A copy, as asyncio makes it for each task: what one sets (the slot that it holds) is not the others'.
        return self._around.loop.create_task(coroutine, context=self.context.copy())

    async def _failed(self) -> None:
        """A worker has found that the lease is lost: the process ends."""
        await self.core.accounts.failed()
        self._give_up()

    async def _keep_secrets(self) -> None:
        """The keeper of the Secrets may find the same."""
        try:
            await self.core.keeper.run()
        except LeaseLost:
            self._give_up()

    def _give_up(self) -> None:
        self.stop()
        if self.elector is not None and not self.elector.held():
            self.kill()

    async def _relist(self) -> None:
        """As long as they have something to heal: what the watch loses. Else whoever is not woken stays asleep.

        The first one in the quiet is the last one.
        """
        healing = self._around.chance.loses_events
        while healing:
            await asyncio.sleep(RELIST_INTERVAL)
            healing = self._around.chance.active
            if self.api is not None and self._around.chance.active:  # in the quiet it would cost much, and show nothing
                with contextlib.suppress(KubeError):
                    await self._list(self.api)
            elif not self._kube_down():
                self._list_secrets()
                bodies, version = list(self._around.kube.objects.values()), self._around.kube.revision
                await asyncio.sleep(0.05)
                await self.core.values.read_all(bodies)
                self.dispatch.relisted(bodies, version)
                self.core.keeper.look_at_all()

    def _probe(self, failures: int) -> None:
        failures = failures + 1 if self.dispatch.silent_watch() else 0
        if failures >= PROBE_FAILURES:
            self._around.trace.say(self.name, "is not alive, says its probe")
            self.stop()
        self._later(PROBE, self._probe, failures)

    def _later(self, delay: float, callback: Callable[..., None], *args: object) -> None:
        self._around.loop.call_later(delay, callback, *args, context=self.context)

    def stop(self) -> None:
        """End in order: nothing new, what is under way may finish, then the rest."""
        if not self.ended and not self.gate.dead:
            self.ended = True
            self._around.trace.say(self.name, "stops")
            self._task(self._drain())

    async def _drain(self) -> None:
        await self.core.accounts.shut_down(DRAIN)
        self.kill()

    def kill(self) -> None:
        """SIGKILL: nothing of it runs any more."""
        if not self.gate.dead:
            self.gate.dead = True
            self.ended = True
            self.watch.stop()
            self.secret_watch.stop()
            self._around.trace.say(self.name, "is dead")
            self._on_end(self)

    def unbar(self) -> None:
        """After the run: let its tasks come to their end, which their world brings them to.

        One that is left would be ended by the garbage collector, in the midst of another run, and what it does to
        context variables then has been seen to crash the interpreter (3.11).
        """
        self.gate.dead = False
        self._around.loop.resume(self.gate)

"""Wires everything, starts it in the right order, and ends it in the reverse one.

Health first, so that a probe always gets an answer; then the API server and its CRD are checked; then kopf watches. A
process that leads has pollers and workers besides; one that does not only watches, so that it is up to date when its
turn comes. Whatever of these ends first ends the process: a restart is cheap, a half-alive operator is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Final, TypeVar, cast

import structlog

from tokenfactory_operator.assembly import LabelledSecrets, Outside, OwnCredential, assemble
from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.errors import CredentialsError, KubeError, LeaseHeld, LeaseLost
from tokenfactory_operator.domain.resource import Resource
from tokenfactory_operator.kube.client import KubeClient, connect
from tokenfactory_operator.kube.config_maps import KubeConfigMaps
from tokenfactory_operator.kube.errors import SetupError
from tokenfactory_operator.kube.events import EventRecorder
from tokenfactory_operator.kube.objects import KubeObjects
from tokenfactory_operator.kube.refusals import Refusals
from tokenfactory_operator.kube.secrets import KubeSecrets
from tokenfactory_operator.kube.startup_retry import retried_at_start
from tokenfactory_operator.kube.supervision import Supervisor
from tokenfactory_operator.leader.election import Election
from tokenfactory_operator.observe.orphans import Orphans
from tokenfactory_operator.process import heap
from tokenfactory_operator.process.informer import Informer
from tokenfactory_operator.process.leadership import SystemClock, election, give_up
from tokenfactory_operator.process.loop_errors import LoopErrors
from tokenfactory_operator.process.opener import CloudOpener
from tokenfactory_operator.process.standing import make_supervisor, outlives_role, report_to, watch_check
from tokenfactory_operator.report.transitions import Change
from tokenfactory_operator.settings import Settings, StartupError
from tokenfactory_operator.state.cache import secret_of
from tokenfactory_operator.telemetry.health import HealthServer
from tokenfactory_operator.telemetry.logging import forget_secret, register_secret
from tokenfactory_operator.telemetry.metrics import Metrics
from tokenfactory_operator.telemetry.samples import objects_by_ready, worst_by_credential
from tokenfactory_operator.version import operator_version
from tokenfactory_operator.work.workqueue import WorkQueue

DRAIN: Final = 20.0
"""Seconds that calls under way are given at the end: a POST cut short is an attempt of unknown outcome."""

FIRST_TRY: Final = 1.0
"""Seconds at the start for reading and writing the Lease, before the objects are listed without it."""

T = TypeVar("T")

_LOG = structlog.stdlib.get_logger(__name__)


def main(settings: Settings) -> int:
    """Run the operator until it is told to stop; answers the exit status.

    Raises:
        StartupError: a setting, the cluster or its CRD does not allow to start.
    """
    try:
        asyncio.run(run(settings))
    except SetupError as error:
        raise StartupError(error.message) from error
    except asyncio.CancelledError:
        _LOG.info("stopped before it had started")
    return 0


async def run(settings: Settings) -> None:
    """The operator's life; returns when it was asked to stop."""
    heap.collect_seldom()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(LoopErrors())
    # The kernel keeps from the first process of a container a signal that has no handler: the start may last.
    loop.add_signal_handler(signal.SIGTERM, cast("asyncio.Task[None]", asyncio.current_task()).cancel)
    metrics = Metrics(version=operator_version())
    refusals = Refusals(now=time.monotonic, count=metrics.kube_refused)
    async with (
        HealthServer(
            health_address=settings.health_address,
            metrics_address=settings.metrics_address,
            exposition=metrics.render,
        ) as health,
        await connect(written=metrics.kube_written, answered=refusals.answered) as client,
    ):
        watcher = make_supervisor(settings, client)
        await _retried(watcher.start)
        objects = KubeObjects(client)
        cluster_id = settings.cluster_id
        if cluster_id is None:
            cluster_id = await _retried(objects.cluster_id)
        async with election(settings) as lease, _recorder(client) as recorder:
            operator = Operator(
                settings,
                client=client,
                lease=lease,
                recorder=recorder,
                metrics=metrics,
                cluster_id=cluster_id,
                supervisor=watcher,
            )
            operator.report_to(health, metrics)
            report_to(health, metrics, watcher, refusals)
            refusals.tell(recorder, operator.cache.get, watcher.doubt)
            await operator.run()


async def _retried(read: Callable[[], Awaitable[T]]) -> T:
    """Turn an API server that cannot be asked at the start, for longer than a moment, into a message."""
    try:
        return await retried_at_start(read)
    except KubeError as error:
        raise StartupError(
            f"The Kubernetes API server cannot be used: {error.message}. Check that `kubectl version` works with the "
            "same kubeconfig; in a pod, check the network policies and the proxy variables."
        ) from error


@contextlib.asynccontextmanager
async def _recorder(client: KubeClient) -> AsyncIterator[EventRecorder]:
    recorder = EventRecorder(client, clock=SystemClock())
    recorder.start()
    try:
        yield recorder
    finally:
        await recorder.stop()


class Operator:
    """The parts of one running operator."""

    def __init__(
        self,
        settings: Settings,
        *,
        client: KubeClient,
        lease: Election,
        recorder: EventRecorder,
        metrics: Metrics,
        cluster_id: str,
        supervisor: Supervisor,
    ) -> None:
        self._settings = settings
        self._supervisor = supervisor
        self._lease = lease
        self._leads = asyncio.Event()
        objects = KubeObjects(client)
        self._clock = SystemClock()
        self._core = assemble(self._outside(client, objects, recorder, metrics, cluster_id))
        self.cache, self.accounts, self.keeper = self._core.cache, self._core.accounts, self._core.keeper
        self.orphans = Orphans(
            cluster_id=cluster_id,
            cache=self.cache,
            list_all=lambda: objects.list_all(supervisor.listable()),
            recorder=recorder,
            clock=self._clock,
            settle=settings.timing().create_settle,
            namespace=client.namespace,
            watches=supervisor.served,
        )
        self.informer = Informer(settings, client, supervisor, core=self._core)
        self._stop = asyncio.Event()
        """SIGTERM or SIGINT: the process is asked to end in order."""
        _LOG.info("starting", version=operator_version(), cluster_id=cluster_id, scope=self._scope())

    def _outside(
        self, client: KubeClient, objects: KubeObjects, recorder: EventRecorder, metrics: Metrics, cluster_id: str
    ) -> Outside:
        settings, defects = self._settings, Defects(metrics)
        return Outside(
            kube=objects,
            open_cloud=CloudOpener(settings, metrics, self._clock, defects, own=lambda: self._core.credentials.own),
            own=OwnCredential(
                settings.token_source(on_read=register_secret).read,
                settings.project_id,
                settings.may_use_own_credential,
            ),
            secrets=LabelledSecrets(
                KubeSecrets(client),
                objects.list_in,
                outlives_role(settings, client),
                may_be_read=settings.secret_credentials,
                on_read=register_secret,
                on_forget=forget_secret,
            ),
            recorder=recorder,
            telemetry=metrics,
            lease=self._lease,
            clock=self._clock,
            timing=settings.timing(),
            new_attempt=lambda: secrets.token_hex(4),
            cluster_id=cluster_id,
            policy_of=lambda each: settings.policy(each.namespace, own_credential=secret_of(each.body) is None),
            rng=random.Random(),  # noqa: S311  # jitter, no secret
            defects=defects,
            log=_LOG,
            namespace=client.namespace,
            config_maps=KubeConfigMaps(client) if settings.connection_config_maps else None,
            reported=_log_change,
            watch_of=lambda key: key.namespace if settings.watch_namespaces else "",
            make_queue=partial(WorkQueue, observer=metrics.queue),
            concurrency=settings.concurrency,
            pause=partial(asyncio.sleep, 0),
            spent=time.process_time,
            linger=settings.request_timeout + settings.send_deadline,
            limits=settings.limits(),
        )

    def report_to(self, health: HealthServer, metrics: Metrics) -> None:
        """Register probes and gauges."""
        health.add_liveness("watch", watch_check(self._core.dispatch, self._supervisor))
        health.add_readiness("kopf", self.informer.problem)
        health.add_readiness("cloud", self._unlisted)
        health.add_readiness("lease", self._lease.problem)
        health.add_note("leader", lambda: self._lease.leader() or "nobody")
        metrics.watch_leader(lambda: self._leads.is_set() and self._lease.held())
        metrics.watch_queue(self.accounts.stats)
        metrics.watch_inventory(
            lambda: worst_by_credential(
                self.accounts.inventories(), self._clock.monotonic(), leads=self._leads.is_set()
            )
        )
        metrics.watch_objects(lambda: objects_by_ready(self.cache))
        metrics.watch_orphans(self.orphans.counts)

    def _scope(self) -> str:
        """Where the operator's own endpoints live, or why that is not known: the token is sought again and again."""
        try:
            return self._core.credentials.own.scope
        except CredentialsError as error:
            return f"unknown: {error.message}"

    def _unlisted(self) -> str | None:
        if not self._leads.is_set():
            return None
        try:
            _ = self._core.credentials.own
        except CredentialsError as error:
            return error.message
        own = self.accounts.own()
        if own is not None and own.listed_once:
            return None
        return own.outage.message if own is not None and own.outage is not None else "the cloud has not been listed"

    async def run(self) -> None:
        """Run until a signal, or until a part ends (a broken watch) or fails; raises what failed.

        The objects are listed before the watch begins, and once more by a process that led only afterwards: then it
        concludes nothing from an object's absence that is older than its lease.
        """
        self._listen()
        parts = [asyncio.create_task(self._stopped(), name="stop"), asyncio.create_task(self._hold(), name="lease")]
        try:
            leads_first = await self._led_soon(parts)
            if not await _done_first(_retried(self.informer.list_objects), parts):
                return
            parts += self._follow()
            if not leads_first and not await _done_first(self._leads.wait(), parts):
                return
            if leads_first or await _done_first(_retried(self.informer.list_objects), parts):
                parts += self._lead()
                await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._end(parts)

    async def _led_soon(self, parts: list[asyncio.Task[None]]) -> bool:
        """Whether the lease is free, so that this process leads before it lists anything."""
        waiting = asyncio.create_task(self._leads.wait())
        await asyncio.wait([waiting, *parts], timeout=FIRST_TRY, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        return self._leads.is_set()

    def _follow(self) -> list[asyncio.Task[None]]:
        """What a process does whether it leads or not: it keeps itself up to date."""
        return [
            asyncio.create_task(self.informer.watch(self._listen), name="kopf"),
            asyncio.create_task(self.informer.relist(), name="relist"),
            asyncio.create_task(self.informer.follow_secrets(), name="named secrets"),
            asyncio.create_task(self._supervisor.run(), name="supervision"),
            asyncio.create_task(heap.keep_apart(), name="heap"),
            asyncio.create_task(self.accounts.run(), name="accounts"),
        ]

    def _listen(self) -> None:
        """Take the signals; kopf takes them for itself when it starts."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)

    async def _stopped(self) -> None:
        await self._stop.wait()

    async def _hold(self) -> None:
        """Lead as soon as that is possible, and from then on; raises what ends it."""
        try:
            await self._lease.acquire()
        except LeaseHeld as error:
            raise StartupError(error.message) from error
        self._leads.set()
        await self._lease.keep()

    def _lead(self) -> list[asyncio.Task[None]]:
        """What only a leader does: it calls the cloud, and writes."""
        self.accounts.start()
        return [
            asyncio.create_task(self.orphans.run(self.accounts.inventories), name="orphans"),
            asyncio.create_task(self.accounts.failed(), name="failure"),
            asyncio.create_task(self.keeper.run(), name="secrets"),
        ]

    async def _end(self, parts: list[asyncio.Task[None]]) -> None:
        """No new work; what is under way may finish, as long as the lease is held; then everything else."""
        self._end_if_lost(_failures(parts))
        self.keeper.queue.shut_down()
        failures = await self.accounts.shut_down(DRAIN) + _failures(parts)
        self._end_if_lost(failures)
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        await self._lease.release()
        _LOG.info("stopped")
        for failure in failures:
            raise failure

    def _end_if_lost(self, failures: list[BaseException]) -> None:
        lost = next((failure for failure in failures if isinstance(failure, LeaseLost)), None)
        if lost is not None or (self._leads.is_set() and not self._lease.held()):
            give_up(lost or "the lease was not renewed in time")


def _log_change(resource: Resource, change: Change) -> None:
    note = _LOG.warning if change.warning else _LOG.info
    note(change.message, reason=str(change.reason), namespace=resource.namespace, name=resource.name, uid=resource.uid)


def _failures(parts: list[asyncio.Task[None]]) -> list[BaseException]:
    return [error for part in parts if part.done() and not part.cancelled() and (error := part.exception())]


async def _done_first(step: Coroutine[Any, Any, object], parts: list[asyncio.Task[Any]]) -> bool:
    """Whether `step` came to a good end while all parts were running; one that did not is a part, so that it ends."""
    task = asyncio.create_task(step)
    parts.append(task)
    await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
    if not task.done() or task.cancelled() or task.exception() is not None:
        return False
    parts.remove(task)
    return all(not part.done() for part in parts)

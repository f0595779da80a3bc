"""Wires everything, starts it in the right order, and ends it in the reverse one.

Health first, so that a probe always gets an answer; then the API server and its CRD are checked; then poller, workers
and kopf. Whatever of these ends first ends the process: a restart is cheap, a half-alive operator is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import kopf
import structlog

from tokenfactory_operator import handlers
from tokenfactory_operator.cache import ObjectCache
from tokenfactory_operator.cloud.client import HttpCloud
from tokenfactory_operator.cloud.transport import CloudSettings
from tokenfactory_operator.dispatch import RELIST_INTERVAL, Dispatch, work
from tokenfactory_operator.domain.errors import KubeError
from tokenfactory_operator.domain.identity import scope
from tokenfactory_operator.domain.reasons import ConditionType
from tokenfactory_operator.execute import Tools
from tokenfactory_operator.inventory import Inventory, Stamps
from tokenfactory_operator.kube.client import KubeClient, connect
from tokenfactory_operator.kube.crd import check_crd
from tokenfactory_operator.kube.errors import SetupError
from tokenfactory_operator.kube.events import EventRecorder
from tokenfactory_operator.kube.objects import KubeObjects
from tokenfactory_operator.poller import Poller
from tokenfactory_operator.ports import Key
from tokenfactory_operator.reconcile import Reconciler
from tokenfactory_operator.settings import Settings, StartupError
from tokenfactory_operator.telemetry.gauges import InventorySample
from tokenfactory_operator.telemetry.health import HealthServer
from tokenfactory_operator.telemetry.logging import register_secret
from tokenfactory_operator.telemetry.metrics import Metrics
from tokenfactory_operator.version import operator_version
from tokenfactory_operator.workqueue import WorkQueue

DRAIN: Final = 20.0
"""Seconds that calls under way are given at the end: a POST cut short is an attempt of unknown outcome."""

T = TypeVar("T")

_LOG = structlog.stdlib.get_logger(__name__)


class SystemClock:
    """The machine's clocks; implements `ports.Clock`."""

    def monotonic(self) -> float:
        """Seconds since some moment in the past."""
        return time.monotonic()

    def now(self) -> datetime:
        """UTC."""
        return datetime.now(UTC)


class AlwaysLeads:
    """A single process without election leads as long as it lives; implements `ports.Lease`."""

    def held(self) -> bool:
        """Always."""
        return True


def main(settings: Settings) -> int:
    """Run the operator until it is told to stop; answers the exit status.

    Raises:
        StartupError: a setting, the cluster or its CRD does not allow to start.
    """
    try:
        asyncio.run(run(settings))
    except SetupError as error:
        raise StartupError(error.message) from error
    return 0


async def run(settings: Settings) -> None:
    """The operator's life; returns when it was asked to stop."""
    metrics = Metrics(version=operator_version())
    async with (
        HealthServer(
            health_address=settings.health_address,
            metrics_address=settings.metrics_address,
            exposition=metrics.render,
        ) as health,
        await connect(written=metrics.kube_written) as client,
    ):
        await _with_patience(check_crd(client))
        objects = KubeObjects(client)
        cluster_id = settings.cluster_id
        if cluster_id is None:
            cluster_id = await _with_patience(objects.cluster_id())
        async with _cloud(settings, metrics) as cloud, _recorder(client) as recorder:
            operator = Operator(
                settings,
                objects=objects,
                cloud=cloud,
                recorder=recorder,
                metrics=metrics,
                cluster_id=cluster_id,
            )
            operator.report_to(health, metrics)
            await _with_patience(operator.list_objects())
            await operator.run()


async def _with_patience(call: Coroutine[Any, Any, T]) -> T:
    """Turn an API server that cannot be asked at the start into a message instead of a traceback."""
    try:
        return await call
    except KubeError as error:
        raise StartupError(f"The Kubernetes API server cannot be used: {error.message}") from error


def _cloud(settings: Settings, metrics: Metrics) -> HttpCloud:
    source = settings.token_source(on_read=register_secret)
    return HttpCloud(
        CloudSettings(
            base_url=settings.api_url,
            request_timeout=settings.request_timeout,
            max_connections=settings.concurrency + 1,
            rate_limit=settings.rate_limit,
            ca_bundle=settings.ca_file,
        ),
        token=source.read,
        clock=SystemClock(),
        project_id=settings.project_id,
        observe=metrics.observe_request,
    )


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
        objects: KubeObjects,
        cloud: HttpCloud,
        recorder: EventRecorder,
        metrics: Metrics,
        cluster_id: str,
    ) -> None:
        self._settings = settings
        self._objects = objects
        clock, timing, rng = SystemClock(), settings.timing(), random.Random()  # noqa: S311  # jitter, no secret
        self._clock = clock
        self.cache = ObjectCache()
        self.queue: WorkQueue[Key] = WorkQueue(share=lambda key: key.namespace, rng=rng, observer=metrics.queue)
        self.dispatch = Dispatch(self.cache, self.queue)
        where = scope(project_id=settings.project_id, token=settings.token_source().read().get_secret_value())
        self.inventory = Inventory(scope=where, cluster_id=cluster_id, stamps=Stamps(clock), timing=timing)
        self.poller = Poller(
            cloud=cloud,
            inventory=self.inventory,
            cache=self.cache,
            wake=self.dispatch.wake,
            clock=clock,
            timing=timing,
            telemetry=metrics,
            rng=rng,
        )
        tools = Tools(
            kube=objects,
            cache=self.cache,
            recorder=recorder,
            telemetry=metrics,
            lease=AlwaysLeads(),
            clock=clock,
            timing=timing,
            new_attempt=lambda: secrets.token_hex(4),
            wrote=self.dispatch.wrote,
        )
        self.reconciler = Reconciler(
            tools,
            poller_of=lambda _: self.poller,
            policy_of=lambda resource: settings.policy(resource.namespace),
            cluster_id=cluster_id,
            rng=rng,
            log=_LOG,
        )
        self._ready = asyncio.Event()
        _LOG.info("starting", version=operator_version(), cluster_id=cluster_id, scope=where)

    def report_to(self, health: HealthServer, metrics: Metrics) -> None:
        """Register probes and gauges."""
        health.add_liveness("watch", self.dispatch.silent_watch)
        health.add_readiness("kopf", lambda: None if self._ready.is_set() else "the watch has not started")
        health.add_readiness("cloud", lambda: None if self.inventory.listed_once else "the cloud has not been listed")
        metrics.watch_queue(self.queue.stats)
        metrics.watch_inventory(self._inventories)
        metrics.watch_objects(self._objects_by_ready)

    def _inventories(self) -> list[InventorySample]:
        age = self._clock.monotonic() - self.inventory.last_complete
        known = self.inventory.listed_once
        return [InventorySample(self.inventory.scope, len(self.inventory), age if known else None)]

    def _objects_by_ready(self) -> Counter[str]:
        return Counter(_ready_status(self.cache.get(key) or {}) for key in self.cache)

    async def run(self) -> None:
        """Run until kopf ends (a signal, a broken watch) or a part fails; raises what failed."""
        background = [
            asyncio.create_task(self.poller.run(), name="poller"),
            asyncio.create_task(self._relist(), name="relist"),
        ]
        workers = [
            asyncio.create_task(work(self.queue, self.dispatch, self.reconciler, _LOG), name=f"worker-{number}")
            for number in range(self._settings.concurrency)
        ]
        framework = asyncio.create_task(self._kopf(), name="kopf")
        try:
            await asyncio.wait([framework, *background, *workers], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._end(framework, background, workers)

    async def list_objects(self) -> None:
        """Our own LIST of the objects; raises `KubeError`. At the start it also shows whether the rights suffice."""
        namespaces, selector = self._settings.watch_namespaces, self._settings.object_selector or ""
        self.dispatch.relisted(*await self._objects.list_all(namespaces, selector))

    async def _kopf(self) -> None:
        namespaces = self._settings.watch_namespaces
        try:
            await kopf.operator(
                registry=handlers.build_registry(self.dispatch),
                settings=handlers.build_settings(self._settings.object_selector or ""),
                namespaces=namespaces,
                clusterwide=not namespaces,
                ready_flag=self._ready,
            )
        except Exception as error:
            # kopf gives up on a watch that answers 404 or 410, and after a minute of 5xx: a restart is the recovery.
            _LOG.debug("kopf ended", exc_info=error)
            raise StartupError(f"The watch of DedicatedEndpoints ended ({type(error).__name__}: {error}).") from error

    async def _relist(self) -> None:
        while True:
            await asyncio.sleep(RELIST_INTERVAL)
            try:
                await self.list_objects()
            except KubeError as error:
                _LOG.warning("the objects could not be listed", error=error.message)

    async def _end(
        self,
        framework: asyncio.Task[None],
        background: list[asyncio.Task[None]],
        workers: list[asyncio.Task[None]],
    ) -> None:
        """No new work; what is under way may finish; then everything else."""
        self.queue.shut_down()
        framework.cancel()  # no stop_flag: kopf leaves its waiter behind, and waits 5 s for it after a signal
        await asyncio.wait([framework, *workers], timeout=DRAIN)
        tasks = [framework, *background, *workers]
        failures = [task.exception() for task in tasks if task.done() and not task.cancelled()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        _LOG.info("stopped")
        for failure in failures:
            if failure is not None:
                raise failure


def _ready_status(body: Any) -> str:  # noqa: ANN401  # a JSON object
    conditions = (body.get("status") or {}).get("conditions") or ()
    return next((item["status"] for item in conditions if item["type"] == ConditionType.READY), "Unknown")

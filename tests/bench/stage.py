"""Everything that is measured, and what measures it: control plane, simulator and operator, each process of its own.

The operator has the chart's service account and the settings that a user gets, but for what `SETTINGS` says.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx

from bench.audit import AuditLog
from bench.processes import NotMeasuredError, wait_for
from cluster.support import crd
from cluster.support.chart import CHART, RIGHTS_ONLY
from cluster.support.kube import KubeApi
from cluster.support.operator_process import QUICK, OperatorProcess
from controlplane import Cluster
from controlplane.ports import free_ports
from tokenfactory_simulator.client import AdminClient
from tokenfactory_simulator.testing import simulator_process
from unit.api.invalid_specs import valid_spec

SYSTEM: Final = "tokenfactory-system"
RELEASE: Final = "tokenfactory-operator"
NAMESPACE: Final = "bench"
COLLECTION: Final = "/v0/dedicated_endpoints"
POLL_INTERVAL: Final = 30.0
"""Seconds; the operator's default, which no setting here changes."""
CONCURRENCY: Final = 20
"""The operator's default; the yardstick has as many workers."""
TOKEN: Final = "bench-token-0f3a9c77"
YARDSTICK_TOKEN: Final = "yardstick-token-5e21"
OUTSIDE_TOKEN: Final = "outside-token-77d0"
SHARDS: Final = 10
"""Most shards that are measured; each has a token and a project of its own."""
SETTINGS: Final[Mapping[str, str]] = {
    **dict.fromkeys(QUICK, ""),  # the quick times of the tests are not what is measured
    "TOKEN": TOKEN,
    "WATCH_NAMESPACES": NAMESPACE,
    "RATE_LIMIT": "1000",  # the default of 20 a second protects the real API, and would be all that is measured
    "HEALTH_ADDRESS": "127.0.0.1:0",
}
APPLIERS: Final = 8
"""Threads that create objects."""
LONG: Final = 3_600.0
"""Provisioning time, in seconds, of endpoints that are to become ready when the simulator's clock is moved on."""

Json = dict[str, Any]


class MeasuredOperator(OperatorProcess):
    """The operator, with what the kernel and its metrics say of it."""

    def __init__(self, *, kubeconfig: Path, log: Path, cloud: str, settings: Mapping[str, str] | None = None) -> None:
        """Nothing runs yet. It has a folder: so each life is an interpreter of its own, whose start is measured too."""
        (self._port,) = free_ports(1)
        own = {"API_URL": cloud, "METRICS_ADDRESS": f"127.0.0.1:{self._port}"}
        super().__init__(
            kubeconfig=kubeconfig, log=log, settings={**SETTINGS, **own, **(settings or {})}, folder=log.parent
        )

    @property
    def pid(self) -> int:
        """The process's id.

        Raises:
            NotMeasuredError: it does not run.
        """
        if self._process is None or not self.running:
            raise NotMeasuredError(f"the operator does not run:\n{self.log_text()[-3000:]}")
        return self._process.pid

    def ready_objects(self) -> int:
        """How many objects it holds to be Ready; to be asked seldom, since each scrape looks at all of them."""
        text = httpx.get(f"http://127.0.0.1:{self._port}/metrics", timeout=30.0, trust_env=False).text
        found = re.search(r'^tokenfactory_objects\{ready="True"\} (\S+)$', text, re.MULTILINE)
        return int(float(found[1])) if found else 0


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured."""

    objects: int = 1_000
    """Created by the operator and by the yardstick."""
    held: int = 0
    """Objects there are while edits, memory and restarts are measured; at least `objects`."""
    edits: int = 50
    intervals: int = 2
    """Poll intervals without work, in which the idle operator is measured."""

    def complete(self) -> Sizes:
        """With `held` at least `objects`."""
        return replace(self, held=max(self.held, self.objects))


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What the measurements work with."""

    cluster: Cluster
    kube: KubeApi
    cloud: AdminClient
    cloud_url: str
    operator: MeasuredOperator
    kube_token: str
    """The operator's."""
    audit: AuditLog
    sizes: Sizes
    kubeconfig: Path
    folder: Path
    """Where the operators log."""
    others: list[MeasuredOperator]
    """Those beside `operator`, which end with the stage."""

    def another(self, name: str, *places: str, token: str, kubeconfig: Path | None = None) -> MeasuredOperator:
        """One more operator, for the objects of these namespaces; it does not run yet."""
        log, own = self.folder / f"{name}.log", {"WATCH_NAMESPACES": ",".join(places), "TOKEN": token}
        account = kubeconfig or self.kubeconfig
        made = MeasuredOperator(kubeconfig=account, log=log, cloud=self.cloud_url, settings=own)
        self.others.append(made)
        return made

    @property
    def timeout(self) -> float:
        """Seconds that something about all objects may take before it counts as not coming."""
        return 120.0 + self.sizes.held * 0.2

    def apply(self, count: int, *, first: int = 0, namespace: str = NAMESPACE, prefix: str = "endpoint") -> None:
        """Create objects, several at a time."""
        names = [f"{prefix}-{number:05d}" for number in range(first, first + count)]
        with ThreadPoolExecutor(APPLIERS) as pool:
            list(pool.map(lambda name: self.kube.create(namespace, name, valid_spec()), names))

    def position(self) -> int:
        """Sequence number of the cloud's last call so far."""
        number: int = self.cloud.summary()["calls"]
        return number

    def posts(self, since: int, *, mention: str = "") -> list[Json]:
        """POSTs after a position, on request only those whose description mentions something."""
        calls = self.cloud.calls(since=since, method="POST")
        return [call for call in calls if mention in (call["body"] or {}).get("description", "")]

    def until_posted(self, count: int, since: int, *operators: MeasuredOperator) -> list[Json]:
        """Wait for so many POSTs after a position, by these operators or else by `operator`."""
        found: list[Json] = []

        def check() -> list[Json] | None:
            for operator in operators or (self.operator,):
                _ = operator.pid  # it must live
            found.extend(self.posts(found[-1]["sequence"] if found else since))  # each only once: they are many
            return found if len(found) >= count else None

        return wait_for(check, what=f"{count} POSTs", within=self.timeout)

    def until_in_order(self) -> None:
        """Wait until every object is Ready and at rest, by the operator's metrics first and then by the API server."""
        count = len(self.kube.objects(NAMESPACE))
        wait_for(
            lambda: self.operator.ready_objects() >= count,
            what=f"{count} objects Ready in the operator's metrics",
            within=self.timeout,
            every=1.0,
        )
        wait_for(
            lambda: all(_in_order(body) for body in self.kube.objects(NAMESPACE)),
            what=f"{count} objects Ready and running at the API server",
            within=self.timeout,
            every=2.0,
        )


def _in_order(body: Json) -> bool:
    status = body["status"]
    ready = any(item["type"] == "Ready" and item["status"] == "True" for item in status.get("conditions", ()))
    reported = status.get("observedGeneration") == body["metadata"]["generation"]
    return ready and reported and status.get("state") == "Running"


@contextmanager
def open_stage(sizes: Sizes) -> Iterator[Stage]:
    """Start everything but the operator, and end all of it.

    Raises:
        ControlPlaneError: there is no control plane to be had.
        RuntimeError: the simulator did not start.
    """
    tokens = tuple(f"--token={token}={project}" for token, project in _projects().items())
    with (
        tempfile.TemporaryDirectory(prefix="tokenfactory-bench-") as folder,
        Cluster(max_requests_inflight=2000, max_mutating_requests_inflight=2000) as cluster,
        simulator_process(*tokens, "--provisioning-time=2s") as simulator,
        KubeApi(cluster) as kube,
    ):
        crd.install(cluster)
        kubeconfig = install(cluster, SYSTEM)
        kube.create_namespace(NAMESPACE)
        operator = MeasuredOperator(kubeconfig=kubeconfig, log=Path(folder) / "operator.log", cloud=simulator.url)
        others = list[MeasuredOperator]()
        user = json.loads(kubeconfig.read_text(encoding="utf-8"))["users"][0]["user"]
        try:
            yield Stage(
                cluster=cluster,
                kube=kube,
                cloud=simulator.admin,
                cloud_url=simulator.url,
                operator=operator,
                kube_token=user["token"],
                audit=AuditLog(cluster.directory / "audit.log", account=f"system:serviceaccount:{SYSTEM}:{RELEASE}"),
                sizes=sizes,
                kubeconfig=kubeconfig,
                folder=Path(folder),
                others=others,
            )
        finally:
            for each in (operator, *others):
                each.kill()


def shard_token(number: int) -> str:
    """The token of a shard's own project."""
    return f"shard-token-{number:04d}"


def _projects() -> dict[str, str]:
    """Token → project."""
    shards = {shard_token(number): f"project-shard-{number}" for number in range(SHARDS)}
    return {TOKEN: "project-bench", YARDSTICK_TOKEN: "project-yardstick", OUTSIDE_TOKEN: "project-outside", **shards}


def install(cluster: Cluster, namespace: str, *watched: str) -> Path:
    """The chart in a namespace, for these namespaces or else all; answers the kubeconfig of its service account."""
    only = (f"--set=watchNamespaces={{{','.join(watched)}}}",) if watched else ()
    chart = (RELEASE, str(CHART), "--namespace", namespace, "--create-namespace", *RIGHTS_ONLY, *only)
    cluster.helm("install", *chart)
    return cluster.token_kubeconfig(namespace, RELEASE)

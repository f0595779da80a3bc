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

    def __init__(self, *, kubeconfig: Path, log: Path, cloud: str) -> None:
        """Nothing runs yet."""
        (self._port,) = free_ports(1)
        own = {"API_URL": cloud, "METRICS_ADDRESS": f"127.0.0.1:{self._port}"}
        super().__init__(kubeconfig=kubeconfig, log=log, settings={**SETTINGS, **own})

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

    def until_posted(self, count: int, since: int) -> list[Json]:
        """Wait for so many POSTs after a position."""
        found: list[Json] = []

        def check() -> list[Json] | None:
            _ = self.operator.pid  # it must live
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
    tokens = (f"--token={TOKEN}=project-bench", f"--token={YARDSTICK_TOKEN}=project-yardstick")
    with (
        tempfile.TemporaryDirectory(prefix="tokenfactory-bench-") as folder,
        Cluster(max_requests_inflight=2000, max_mutating_requests_inflight=2000) as cluster,
        simulator_process(*tokens, "--provisioning-time=2s") as simulator,
        KubeApi(cluster) as kube,
    ):
        kubeconfig = _install(cluster)
        kube.create_namespace(NAMESPACE)
        operator = MeasuredOperator(kubeconfig=kubeconfig, log=Path(folder) / "operator.log", cloud=simulator.url)
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
            )
        finally:
            operator.kill()


def _install(cluster: Cluster) -> Path:
    """The CRD and the chart; answers the kubeconfig of its service account."""
    crd.install(cluster)
    chart = (RELEASE, str(CHART), "--namespace", SYSTEM, "--create-namespace", *RIGHTS_ONLY)
    cluster.helm("install", *chart)
    return cluster.token_kubeconfig(SYSTEM, RELEASE)

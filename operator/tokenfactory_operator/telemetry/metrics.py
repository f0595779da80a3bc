"""What is counted, and what it is called: the operator's Prometheus metrics in a registry of their own.

Labels come from small closed sets (operations, codes, reasons) and, at most, names of namespaces: never from what an
object says, so that the number of series does not grow with the fleet, and nobody can forge another's. Nothing here is
read back to decide anything.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from tokenfactory_operator.telemetry.definitions import Definition
from tokenfactory_operator.telemetry.gauges import QUEUE, SCRAPED, InventorySample, ScrapedGauges
from tokenfactory_operator.work.workqueue import QueueStats, Urgency

PASS_BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
WAIT_BUCKETS: Final = (*PASS_BUCKETS, 120.0, 300.0, 600.0)

RECONCILES: Final = Definition(
    "tokenfactory_reconcile_total",
    "counter",
    "Reconciliations of one object, by action or by reason of an error.",
    ("outcome",),
)
RECONCILE_SECONDS: Final = Definition(
    "tokenfactory_reconcile_duration_seconds",
    "histogram",
    "Time of one reconciliation of one object.",
    (),
    PASS_BUCKETS,
)
MUTATIONS: Final = Definition(
    "tokenfactory_cloud_mutations_total", "counter", "Changes that the cloud has accepted.", ("operation",)
)
FAULTS: Final = ("corrected_drift", "deleted_duplicate", "endpoint_lost", "unreadable_items", "defect")
EVENTS: Final = (*FAULTS, "cloud_outage", "cloud_recovered")
"""Values of the label `event`."""
NOTABLE: Final = Definition(
    "tokenfactory_notable_events_total",
    "counter",
    f"Rare events. To alert on: {', '.join(f'`{event}`' for event in FAULTS)} (of the operator). Besides:"
    " `cloud_outage` and `cloud_recovered`, for each credential.",
    ("event",),
)
REQUESTS: Final = Definition(
    "tokenfactory_cloud_requests_total",
    "counter",
    "Requests to the cloud, by HTTP status or by the error in place of an answer.",
    ("operation", "code"),
)
REQUEST_SECONDS: Final = Definition(
    "tokenfactory_cloud_request_duration_seconds",
    "histogram",
    "Time of a request to the cloud, until the end of its answer.",
    ("operation",),
    PASS_BUCKETS,
)
LISTS: Final = Definition(
    "tokenfactory_cloud_lists_total", "counter", "Lists of the cloud: complete, incomplete or failed.", ("result",)
)
KUBE_WRITES: Final = Definition(
    "tokenfactory_kube_writes_total",
    "counter",
    "Writes to the Kubernetes API, by kind of object and HTTP status (0: no answer).",
    ("kind", "code"),
)
KUBE_REFUSALS: Final = Definition(
    "tokenfactory_kube_refusals_total",
    "counter",
    "Requests that the Kubernetes API refused (rights, credentials, an admission policy), by HTTP status.",
    ("code",),
)
BUILD: Final = Definition(
    "tokenfactory_build_info", "gauge", "Always 1. The labels say which version runs.", ("version", "python")
)
ADDS: Final = Definition(
    "workqueue_adds_total", "counter", "Objects that were added to the queue.", ("name", "urgency")
)
QUEUE_SECONDS: Final = Definition(
    "workqueue_queue_duration_seconds",
    "histogram",
    "Time that an object waited in the queue.",
    ("name", "urgency"),
    WAIT_BUCKETS,
)
WORK_SECONDS: Final = Definition(
    "workqueue_work_duration_seconds", "histogram", "Time that a worker needed for an object.", ("name",), WAIT_BUCKETS
)
RETRIES: Final = Definition(
    "workqueue_retries_total", "counter", "Objects that were put back into the queue after a failure.", ("name",)
)

DEFINITIONS: Final = (
    *(RECONCILES, RECONCILE_SECONDS, MUTATIONS, NOTABLE),
    *(REQUESTS, REQUEST_SECONDS, LISTS, KUBE_WRITES, KUBE_REFUSALS, BUILD),
    *(ADDS, QUEUE_SECONDS, WORK_SECONDS, RETRIES),
    *SCRAPED,
)
"""Every family of the operator's own, for the page in docs/."""

OTHER_CODE: Final = "other"
"""A status that HTTP does not know: the cloud must not choose how many series there are."""
MUTATING: Final = ("create", "update", "delete", "release")
LIST_RESULTS: Final = ("complete", "incomplete", "failed")


class Metrics:
    """The operator's metrics; implements the port `Telemetry`."""

    def __init__(self, *, version: str) -> None:
        # They double the series, and no query of ours needs them.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client left it without annotations
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._scraped = ScrapedGauges()
        self.registry.register(self._scraped)
        self._reconciles = self._counter(RECONCILES)
        self._reconcile_seconds = self._histogram(RECONCILE_SECONDS)
        self._mutations = self._counter(MUTATIONS)
        self._notable = self._counter(NOTABLE)
        self._requests = self._counter(REQUESTS)
        self._request_seconds = self._histogram(REQUEST_SECONDS)
        self._lists = self._counter(LISTS)
        self._kube_writes = self._counter(KUBE_WRITES)
        self._kube_refusals = self._counter(KUBE_REFUSALS)
        self.queue = QueueMetrics(
            adds=self._counter(ADDS),
            waits=self._histogram(QUEUE_SECONDS),
            work=self._histogram(WORK_SECONDS),
            retries=self._counter(RETRIES),
        )
        Gauge(BUILD.name, BUILD.help, BUILD.labels, registry=self.registry).labels(
            version, platform.python_version()
        ).set(1)
        # A counter that starts with its first event hides that event from rate() and increase().
        for event in EVENTS:
            self._notable.labels(event)
        for operation in MUTATING:
            self._mutations.labels(operation)
        for result in LIST_RESULTS:
            self._lists.labels(result)

    def reconciled(self, *, outcome: str, seconds: float) -> None:
        """One pass over one object ended; `outcome` is the action's name or the error's reason."""
        self._reconciles.labels(outcome).inc()
        self._reconcile_seconds.observe(seconds)

    def mutated(self, operation: str) -> None:
        """The cloud accepted a create, update, delete or release."""
        self._mutations.labels(operation).inc()

    def counted(self, event: str) -> None:
        """Something rare that people alert on."""
        self._notable.labels(event).inc()

    def observe_request(self, operation: str, code: int | str, seconds: float) -> None:
        """A request to the cloud ended: its HTTP status, or a word for what came instead (`timeout`, `network`)."""
        self._requests.labels(operation, _code(str(code))).inc()
        self._request_seconds.labels(operation).observe(seconds)

    def listed(self, result: str) -> None:
        """A LIST of the cloud ended: `complete`, `incomplete` or `failed`."""
        self._lists.labels(result).inc()

    def kube_written(self, kind: str, code: int) -> None:
        """A write to the Kubernetes API ended: `metadata`, `status`, `event`…; `code` 0 where no answer came."""
        self._kube_writes.labels(kind, str(code)).inc()

    def kube_refused(self, code: int) -> None:
        """The Kubernetes API refused a request in a way that a person has to mend, with this HTTP status."""
        self._kube_refusals.labels(str(code)).inc()

    def watch_queue(self, stats: Callable[[], QueueStats]) -> None:
        """Read the queue's gauges from `stats` at each scrape."""
        self._scraped.queue = stats

    def watch_inventory(self, samples: Callable[[], Iterable[InventorySample]]) -> None:
        """Read the inventories' gauges from `samples`, at each scrape."""
        self._scraped.inventory = samples

    def watch_objects(self, ready: Callable[[], Mapping[str, int]]) -> None:
        """Read the number of objects by the status of `Ready` (`True`, `False`, `Unknown`) at each scrape."""
        self._scraped.objects = ready

    def watch_orphans(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Read the number of orphaned endpoints by the credential's namespace (empty: own) at each scrape."""
        self._scraped.orphans = counts

    def watch_leader(self, leads: Callable[[], bool]) -> None:
        """Read whether this process leads at each scrape."""
        self._scraped.leader = leads

    def watch_namespaces(self, states: Callable[[], Mapping[str, bool]]) -> None:
        """Read which of the watched namespaces are served at each scrape."""
        self._scraped.namespaces = states

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The exposition and its content type, in the form that the `Accept` header asks for."""
        try:
            encode, content_type = choose_encoder(accept)
        except Exception:  # noqa: BLE001 - it parses what anybody may send
            encode, content_type = choose_encoder("")
        return encode(self.registry), content_type

    def _counter(self, definition: Definition) -> Counter:
        return Counter(definition.name, definition.help, definition.labels, registry=self.registry)

    def _histogram(self, definition: Definition) -> Histogram:
        return Histogram(
            definition.name, definition.help, definition.labels, buckets=definition.buckets, registry=self.registry
        )


def _code(code: str) -> str:
    return code if not code.isdigit() or int(code) in set(HTTPStatus) else OTHER_CODE


class QueueMetrics:
    """Told of each step by the work queue; implements its `QueueObserver`."""

    def __init__(self, *, adds: Counter, waits: Histogram, work: Histogram, retries: Counter) -> None:
        self._adds = {urgency: adds.labels(QUEUE, urgency.name.lower()) for urgency in Urgency}
        self._waits = {urgency: waits.labels(QUEUE, urgency.name.lower()) for urgency in Urgency}
        self._work = work.labels(QUEUE)
        self._retries = retries.labels(QUEUE)

    def added(self, urgency: Urgency) -> None:
        """A key needs work that did not before."""
        self._adds[urgency].inc()

    def taken(self, urgency: Urgency, *, queue_seconds: float) -> None:
        """A worker has the key, so long after it was added."""
        self._waits[urgency].observe(queue_seconds)

    def finished(self, *, work_seconds: float) -> None:
        """The worker is done with the key."""
        self._work.observe(work_seconds)

    def retried(self) -> None:
        """The key was put back after a failure."""
        self._retries.inc()

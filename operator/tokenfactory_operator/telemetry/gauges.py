"""Metrics that are read at the moment of a scrape: the queue, the inventory, the objects.

Nothing here keeps a state of its own, so that a gauge cannot drift away from what it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tokenfactory_operator.telemetry.definitions import Definition
from tokenfactory_operator.work.workqueue import QueueStats

QUEUE: Final = "dedicatedendpoints"
"""The one work queue's `name` label, as client-go's metrics have it."""

DEPTH: Final = Definition(
    "workqueue_depth", "gauge", "Objects in the queue that are ready to be worked on.", ("name", "urgency")
)
UNFINISHED: Final = Definition(
    "workqueue_unfinished_work_seconds",
    "gauge",
    "Sum of the times that the present objects have been worked on.",
    ("name",),
)
LONGEST: Final = Definition(
    "workqueue_longest_running_processor_seconds",
    "gauge",
    "Longest time that a worker has been busy with its present object.",
    ("name",),
)
OLDEST: Final = Definition(
    "workqueue_oldest_key_seconds", "gauge", "Longest time that an object in the queue has been ready.", ("name",)
)
DELAYED: Final = Definition(
    "workqueue_delayed", "gauge", "Objects that wait for their time (backoff or deadline).", ("name",)
)
ENDPOINTS: Final = Definition(
    "tokenfactory_inventory_endpoints",
    "gauge",
    "Endpoints in the last complete lists, by whose credential listed them.",
    ("credential",),
)
AGE: Final = Definition(
    "tokenfactory_inventory_age_seconds",
    "gauge",
    "Time since the last complete list was requested; the longest of a namespace's. +Inf: there is none.",
    ("credential",),
)
OBJECTS: Final = Definition(
    "tokenfactory_objects", "gauge", "DedicatedEndpoint objects, by the status of their condition Ready.", ("ready",)
)
ORPHANS: Final = Definition(
    "tokenfactory_orphaned_endpoints",
    "gauge",
    "Endpoints that are billed while their object in this cluster no longer exists. A person has to act.",
    ("credential",),
)
LEADER: Final = Definition("tokenfactory_leader", "gauge", "1 while this process leads, 0 while it stands by.", ())
SERVED: Final = Definition(
    "tokenfactory_namespace_served",
    "gauge",
    "1 while a namespace of WATCH_NAMESPACES can be served, 0 while rights are missing there.",
    ("watched_namespace",),
)
SCRAPED: Final = (DEPTH, UNFINISHED, LONGEST, OLDEST, DELAYED, ENDPOINTS, AGE, OBJECTS, ORPHANS, LEADER, SERVED)

OPERATOR: Final = "operator"
"""Value of the label `credential` for the operator's own; no namespace's can be the same."""


def credential_label(namespace: str) -> str:
    """Value of the label `credential`: ours, and never what an object says (a project, or a Secret's name).

    So nobody can have the series of another, and there are no more of them than namespaces.
    """
    return f"namespace/{namespace}" if namespace else OPERATOR


READY_STATUSES: Final = ("True", "False", "Unknown")


@dataclass(frozen=True)
class InventorySample:
    """The inventories of one value of the label `credential`."""

    credential: str
    endpoints: int
    age_seconds: float
    """Infinite before the first LIST: an alert on a great age must fire for one that never worked."""


class ScrapedGauges(Collector):
    """Asks those who know, once per scrape. A source that was never set shows nothing."""

    def __init__(self) -> None:
        self.queue: Callable[[], QueueStats] | None = None
        self.inventory: Callable[[], Iterable[InventorySample]] | None = None
        self.objects: Callable[[], Mapping[str, int]] | None = None
        self.orphans: Callable[[], Mapping[str, int]] | None = None
        self.leader: Callable[[], bool] | None = None
        self.namespaces: Callable[[], Mapping[str, bool]] | None = None

    def describe(self) -> Iterable[Metric]:
        """Names only, so that registering asks nobody."""
        return [_family(definition) for definition in SCRAPED]

    def collect(self) -> Iterator[Metric]:
        """The families at this moment."""
        if self.queue is not None:
            yield from _queue(self.queue())
        if self.inventory is not None:
            yield from _inventory(self.inventory())
        if self.objects is not None:
            yield _objects(self.objects())
        if self.orphans is not None:
            yield _orphans(self.orphans())
        if self.leader is not None:
            leader = _family(LEADER)
            leader.add_metric([], self.leader())
            yield leader
        if self.namespaces is not None:
            served = _family(SERVED)
            for namespace, state in self.namespaces().items():
                served.add_metric([namespace], state)
            yield served


def _family(definition: Definition) -> GaugeMetricFamily:
    return GaugeMetricFamily(definition.name, definition.help, labels=definition.labels)


def _queue(stats: QueueStats) -> Iterator[Metric]:
    depth = _family(DEPTH)
    for urgency, keys in stats.depth.items():
        depth.add_metric([QUEUE, urgency.name.lower()], keys)
    yield depth
    for definition, value in (
        (UNFINISHED, stats.unfinished_work_seconds),
        (LONGEST, stats.longest_running_processor_seconds),
        (OLDEST, stats.oldest_seconds),
        (DELAYED, stats.delayed),
    ):
        family = _family(definition)
        family.add_metric([QUEUE], value)
        yield family


def _inventory(samples: Iterable[InventorySample]) -> Iterator[Metric]:
    endpoints, age = _family(ENDPOINTS), _family(AGE)
    for sample in samples:
        endpoints.add_metric([sample.credential], sample.endpoints)
        age.add_metric([sample.credential], sample.age_seconds)
    yield endpoints
    yield age


def _objects(counts: Mapping[str, int]) -> Metric:
    family = _family(OBJECTS)
    for status in READY_STATUSES:
        family.add_metric([status], counts.get(status, 0))
    return family


def _orphans(counts: Mapping[str, int]) -> Metric:
    family = _family(ORPHANS)
    for namespace, count in counts.items():
        family.add_metric([credential_label(namespace)], count)
    return family

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

import tokenfactory_operator
from tokenfactory_operator.defects import COUNTED_AS
from tokenfactory_operator.ports import Telemetry
from tokenfactory_operator.telemetry.definitions import Definition
from tokenfactory_operator.telemetry.gauges import InventorySample
from tokenfactory_operator.telemetry.metrics import DEFINITIONS, EVENTS, NOTABLE, Metrics
from tokenfactory_operator.work.workqueue import Urgency, WorkQueue

PACKAGE = Path(tokenfactory_operator.__file__).parent
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def samples(metrics: Metrics) -> Iterator[Sample]:
    body, _ = metrics.render()
    for family in text_string_to_metric_families(body.decode()):
        yield from family.samples


def value(metrics: Metrics, series: str, /, **labels: str) -> float | None:
    """The value of the one series with exactly these labels."""
    found = [sample.value for sample in samples(metrics) if sample.name == series and sample.labels == labels]
    assert len(found) <= 1
    return found[0] if found else None


async def exercised() -> Metrics:
    """Metrics of which every family has a series."""
    metrics = Metrics(version="1.2.3")
    queue: WorkQueue[str] = WorkQueue(share=lambda key: key, observer=metrics.queue)
    metrics.watch_queue(queue.stats)
    metrics.watch_inventory(lambda: [InventorySample("p", 7, 3.5), InventorySample("q", 0, math.inf)])
    metrics.watch_objects(lambda: {"True": 2, "Unknown": 1})
    metrics.watch_orphans(lambda: {"p": 1, "q": 0})
    metrics.watch_leader(lambda: True)
    metrics.reconciled(outcome="Create", seconds=0.2)
    metrics.mutated("create")
    metrics.counted("CorrectedDrift")
    metrics.observe_request("list", 200, 0.02)
    metrics.listed("complete")
    metrics.watch_namespaces(lambda: {"a": True, "b": False})
    metrics.kube_written("status", 409)
    metrics.kube_refused(403)
    queue.add("a", Urgency.EDIT)
    queue.add("b", Urgency.RESYNC)
    await queue.get()
    queue.done("a")
    queue.retry("a", Urgency.EDIT)
    queue.shut_down()
    return metrics


async def test_every_documented_family_is_served() -> None:
    """A scrape shows the families of the definitions, with their types and labels, and none of its own besides."""
    body, _ = (await exercised()).render()
    served = {
        sample.name: (family.type, set(sample.labels))
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        if sample.name.startswith(("tokenfactory_", "workqueue_"))
    }
    expected: dict[str, tuple[str, set[str]]] = {}
    for definition in DEFINITIONS:
        labels = set(definition.labels)
        if definition.kind == "histogram":
            expected |= {f"{definition.name}_{suffix}": ("histogram", labels) for suffix in ("count", "sum")}
            expected[f"{definition.name}_bucket"] = ("histogram", labels | {"le"})
        else:
            expected[definition.name] = (definition.kind, labels)
    assert served == expected


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda each: each.name)
def test_no_label_is_one_that_a_scrape_sets(definition: Definition) -> None:
    """Prometheus would rename ours to `exported_…`, and a query by it would match the operator's own pod."""
    assert not {"job", "instance", "namespace", "service", "pod", "container", "endpoint", "node"} & {
        *definition.labels
    }


async def test_openmetrics_parses() -> None:
    """A scraper that asks for OpenMetrics gets it."""
    body, content_type = (await exercised()).render(OPENMETRICS)
    assert content_type.startswith("application/openmetrics-text")
    families = openmetrics.text_string_to_metric_families(body.decode())  # type: ignore[no-untyped-call]  # theirs
    assert {family.name for family in families} >= {"workqueue_adds"}


@pytest.mark.parametrize(
    ("act", "name", "labels"),
    [
        pytest.param(
            lambda m: m.reconciled(outcome="Create", seconds=1.0),
            "tokenfactory_reconcile_total",
            {"outcome": "Create"},
            id="reconciled",
        ),
        pytest.param(
            lambda m: m.reconciled(outcome="Create", seconds=1.0),
            "tokenfactory_reconcile_duration_seconds_sum",
            {},
            id="reconcile time",
        ),
        pytest.param(
            lambda m: m.mutated("update"), "tokenfactory_cloud_mutations_total", {"operation": "update"}, id="mutated"
        ),
        pytest.param(
            lambda m: m.counted("EndpointLost"),
            "tokenfactory_notable_events_total",
            {"event": "EndpointLost"},
            id="counted",
        ),
        pytest.param(
            lambda m: m.observe_request("create", "timeout", 1.0),
            "tokenfactory_cloud_requests_total",
            {"operation": "create", "code": "timeout"},
            id="request",
        ),
        pytest.param(
            lambda m: m.observe_request("create", 201, 1.0),
            "tokenfactory_cloud_request_duration_seconds_sum",
            {"operation": "create"},
            id="request time",
        ),
        pytest.param(
            lambda m: m.listed("failed"), "tokenfactory_cloud_lists_total", {"result": "failed"}, id="failed LIST"
        ),
        pytest.param(
            lambda m: m.kube_written("metadata", 200),
            "tokenfactory_kube_writes_total",
            {"kind": "metadata", "code": "200"},
            id="Kubernetes write",
        ),
    ],
)
def test_counts(act: Callable[[Metrics], None], name: str, labels: dict[str, str]) -> None:
    """Each call moves its own series by one, or by the second that it took."""
    metrics = Metrics(version="1.2.3")
    before = value(metrics, name, **labels) or 0.0
    act(metrics)
    assert value(metrics, name, **labels) == before + 1.0


def test_the_first_of_each_rare_event_can_be_seen() -> None:
    """A counter that begins with its first event hides it from rate() and increase(): all are there from the start."""
    sources = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    named = set(re.findall(r"\.counted\(\"(\w+)\"\)", sources)) | {COUNTED_AS}
    assert named == set(EVENTS)
    metrics = Metrics(version="1.2.3")
    for event in EVENTS:
        assert value(metrics, "tokenfactory_notable_events_total", event=event) == 0
        assert f"`{event}`" in NOTABLE.help


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        pytest.param("tokenfactory_cloud_mutations_total", {"operation": "delete"}, id="mutation"),
        pytest.param("tokenfactory_cloud_lists_total", {"result": "failed"}, id="LIST"),
        pytest.param("workqueue_adds_total", {"name": "dedicatedendpoints", "urgency": "edit"}, id="queue"),
    ],
)
def test_known_series_start_at_zero(name: str, labels: dict[str, str]) -> None:
    """The first event of a known kind is an increase, which alerts can see."""
    assert value(Metrics(version="1.2.3"), name, **labels) == 0.0


async def test_gauges_show_the_moment_of_the_scrape() -> None:
    """Queue, inventory and objects are asked anew for each scrape."""
    metrics = await exercised()
    queue = {"name": "dedicatedendpoints"}
    assert value(metrics, "workqueue_depth", **queue, urgency="resync") == 1.0
    assert value(metrics, "workqueue_adds_total", **queue, urgency="edit") == 1.0
    assert value(metrics, "workqueue_queue_duration_seconds_count", **queue, urgency="edit") == 1.0
    assert value(metrics, "workqueue_work_duration_seconds_count", **queue) == 1.0
    assert value(metrics, "workqueue_retries_total", **queue) == 1.0
    assert value(metrics, "tokenfactory_inventory_endpoints", credential="p") == 7.0
    assert value(metrics, "tokenfactory_inventory_age_seconds", credential="p") == 3.5
    assert value(metrics, "tokenfactory_inventory_age_seconds", credential="q") == math.inf
    counts = {"True": 2}
    metrics.watch_objects(lambda: counts)
    assert value(metrics, "tokenfactory_objects", ready="True") == 2.0
    assert value(metrics, "tokenfactory_objects", ready="False") == 0.0
    counts["True"] = 5
    assert value(metrics, "tokenfactory_objects", ready="True") == 5.0


def test_build_is_shown() -> None:
    """The version that runs can be queried."""
    found = [sample for sample in samples(Metrics(version="1.2.3")) if sample.name == "tokenfactory_build_info"]
    assert [(sample.labels["version"], sample.value) for sample in found] == [("1.2.3", 1.0)]


def test_two_operators_in_one_process_do_not_mix() -> None:
    """Each has its own registry, and each is what the port `Telemetry` asks for."""
    one: Telemetry = Metrics(version="1")
    other = Metrics(version="1")
    one.mutated("create")
    assert value(other, "tokenfactory_cloud_mutations_total", operation="create") == 0.0


async def test_the_cloud_does_not_choose_how_many_series_there_are() -> None:
    """A status that HTTP does not know is counted with all others of that kind."""
    metrics = Metrics(version="1.2.3")
    for code in range(100, 1000):
        metrics.observe_request("list", str(code), 0.1)
    metrics.observe_request("list", "none", 0.1)
    codes = {item.labels["code"] for item in samples(metrics) if item.name == "tokenfactory_cloud_requests_total"}
    assert {"200", "404", "429", "503", "none", "other"} < codes
    assert len(codes) < 70

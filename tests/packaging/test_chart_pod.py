"""The chart's pods on a real API server, and what its alerts and its `helm test` look at."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cluster.support.chart import CHART, ROOT, documents, rendered
from cluster.support.namespaces import have_namespace
from controlplane import Cluster
from tokenfactory_operator.settings import Settings, parse_duration

pytestmark = pytest.mark.cluster

ACCOUNT = "demo-tokenfactory-operator"


@pytest.fixture(scope="module")
def restricted(bare_cluster: Cluster) -> str:
    """A namespace that enforces the restricted Pod Security Standard, with the chart's account and rights."""
    name = "restricted"
    have_namespace(bare_cluster, name)
    bare_cluster.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    values = ("--set=deployment.create=false", "--set=crds.install=false", "--set=rbac.aggregate=false")
    bare_cluster.helm("install", "demo", str(CHART), "--namespace", name, *values)
    return name


def pods(cluster: Cluster, namespace: str) -> dict[str, dict[str, Any]]:
    """Every pod that the chart makes, as the API server would be given it."""
    found = documents(rendered(cluster, "crds.install=false", namespace=namespace))
    (deployment,) = [item for item in found if item["kind"] == "Deployment"]
    (test,) = [item for item in found if item["kind"] == "Pod"]
    template = deployment["spec"]["template"]
    template["metadata"] |= {"name": "operator", "namespace": namespace}
    return {"operator": {"apiVersion": "v1", "kind": "Pod", **template}, "test": test}


@pytest.mark.parametrize("name", ["operator", "test"])
def test_restricted(bare_cluster: Cluster, restricted: str, name: str) -> None:
    """The API server admits the pod under the restricted standard, and refuses it with one setting less."""
    pod = pods(bare_cluster, restricted)[name]
    create = ("create", "--dry-run=server", "--validate=strict", "-f", "-")
    assert "created" in bare_cluster.kubectl(*create, input=json.dumps(pod)).stdout
    del pod["spec"]["containers"][0]["securityContext"]["capabilities"]
    refused = bare_cluster.kubectl(*create, input=json.dumps(pod), check=False)
    assert 'violates PodSecurity "restricted' in refused.stderr


def test_no_gap_and_time_to_drain(bare_cluster: Cluster) -> None:
    """An update starts a pod before it ends one, a drain takes one at a time, calls under way have 20 s."""
    found = {item["kind"]: item["spec"] for item in documents(rendered(bare_cluster)) if "spec" in item}
    deployment, pod = found["Deployment"], found["Deployment"]["template"]["spec"]
    assert deployment["replicas"] == 2
    assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert pod["terminationGracePeriodSeconds"] > 20
    # A pod that is not ready holds up no drain: with two of them none could be taken else.
    budget = {name: found["PodDisruptionBudget"][name] for name in ("maxUnavailable", "unhealthyPodEvictionPolicy")}
    assert budget == {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_one_process_without_election(bare_cluster: Cluster) -> None:
    """The old pod has ended before the new one starts."""
    found = documents(rendered(bare_cluster, "settings.leaderElection=false", "replicas=1"))
    (deployment,) = [item for item in found if item["kind"] == "Deployment"]
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    assert "Pod" not in {item["kind"] for item in found}


def test_selectors_find_the_operators_pods_only(bare_cluster: Cluster) -> None:
    """Service, budget and Deployment select the operator's pods, and not the one of `helm test`."""
    found = {item["kind"]: item for item in documents(rendered(bare_cluster, "networkPolicy.enabled=true"))}
    chosen = [
        found["Deployment"]["spec"]["selector"]["matchLabels"],
        found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        found["Service"]["spec"]["selector"],
    ]
    operator = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    test = found["Pod"]["metadata"]["labels"]
    for selector in chosen:
        assert selector.items() <= operator.items()
        assert not selector.items() <= test.items()


def test_memory_holds_what_was_measured() -> None:
    """The limit is above the most resident memory that docs/benchmarks.md gives for 10,000 objects."""
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| memory .*10,000 objects.*at most (\d+) MiB", page, flags=re.MULTILINE)
    assert len(found) == 2
    values = (CHART / "values.yaml").read_text(encoding="utf-8")
    limit = re.search(r"limits: \{memory: (\d+)Mi\}", values)
    assert limit is not None
    assert int(limit[1]) >= 1.25 * max(map(int, found))


def test_alerts_look_at_metrics_that_exist(bare_cluster: Cluster) -> None:
    """By name and label, as the generated page has them; all of this release."""
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    values = ("metrics.prometheusRule.enabled=true", "metrics.serviceMonitor.enabled=true")
    found = {item["kind"]: item for item in documents(rendered(bare_cluster, *values))}
    rules = found["PrometheusRule"]["spec"]["groups"][0]["rules"]
    assert len(rules) == 4
    for rule in rules:
        (metric,) = re.findall(r"tokenfactory_\w+(?=\{)", rule["expr"])
        row = re.search(rf"^\| `{metric}` \| \w+ \| ([^|]*)\|", page, flags=re.MULTILINE)
        assert row is not None, metric
        labels = set(re.findall(r"(\w+)!?=\"", rule["expr"])) | set(re.findall(r"by \((\w+)\)", rule["expr"]))
        assert labels - {"namespace", "service"} <= set(re.findall(r"`(\w+)`", row[1]))
        assert 'namespace="ops", service="demo-tokenfactory-operator-metrics"' in rule["expr"]
    selector = found["ServiceMonitor"]["spec"]["selector"]["matchLabels"]
    assert selector.items() <= found["Service"]["metadata"]["labels"].items()
    assert found["ServiceMonitor"]["spec"]["endpoints"][0]["port"] == found["Service"]["spec"]["ports"][0]["name"]


def alerts(cluster: Cluster, *values: str) -> dict[str, dict[str, Any]]:
    """By their names."""
    found = documents(rendered(cluster, "metrics.prometheusRule.enabled=true", *values))
    (rule,) = [item for item in found if item["kind"] == "PrometheusRule"]
    return {each["alert"]: each for each in rule["spec"]["groups"][0]["rules"]}


@pytest.mark.parametrize("age", [None, "1h30m", "1.5h", "90m", "5400s", "5400000ms"])
def test_an_alert_waits_as_long_as_the_operator_does(bare_cluster: Cluster, age: str | None) -> None:
    """With a longer poll interval a list is older than ten minutes though nothing is wrong."""
    values = (f"settings.inventoryMaxAge={age}", "settings.pollInterval=20m") if age else ()
    alert = alerts(bare_cluster, *values)["TokenFactoryCloudNotListed"]
    longest = parse_duration(age) if age else Settings.model_fields["inventory_max_age"].default
    assert alert["expr"].endswith(f" > {longest:.0f}")
    assert (age or "10m") in alert["annotations"]["summary"]


def test_an_alert_does_not_start_again_when_false_becomes_unknown(bare_cluster: Cluster) -> None:
    """One series, whatever the status is: two would each begin an hour of their own."""
    expression = alerts(bare_cluster)["TokenFactoryEndpointNotReady"]["expr"]
    assert expression.startswith("sum(max by (ready) (tokenfactory_objects{")


def lease_test(cluster: Cluster, namespace: str, folder: Path, *, at: str = "") -> subprocess.CompletedProcess[str]:
    """Run what the pod of `helm test` runs, with the operator's account, and without its timeout.

    `at`: the address of the API server, in place of the cluster's.
    """
    container = pods(cluster, namespace)["test"]["spec"]["containers"][0]
    token = cluster.kubectl("create", "token", ACCOUNT, "--namespace", namespace).stdout
    (folder / "token").write_text(token, encoding="utf-8")
    (folder / "ca.crt").write_bytes(cluster.ca_file.read_bytes())
    host, _, port = cluster.server.removeprefix("https://").partition(":")
    environment = {
        **{item["name"]: item["value"] for item in container["env"]},
        "KUBERNETES_SERVICE_HOST": at or host,
        "KUBERNETES_SERVICE_PORT": port,
        "SERVICE_ACCOUNT": str(folder),
        "WAIT": "0",
    }
    assert container["command"] == ["python3", "-c"]
    command = [sys.executable, "-c", *container["args"]]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_helm_test_asks_who_leads(bare_cluster: Cluster, restricted: str, tmp_path: Path) -> None:
    """It fails without a Lease, with one that nobody holds or renews; else it names the leader."""
    assert "404" in lease_test(bare_cluster, restricted, tmp_path).stderr
    lease: dict[str, Any] = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": ACCOUNT, "namespace": restricted},
        "spec": {"leaseDurationSeconds": 600},
    }
    for holder, renewed, code, said in (
        ("", datetime.now(UTC), 1, "nobody leads"),
        ("pod-a", datetime(2026, 1, 1, tzinfo=UTC), 1, "has not renewed"),
        ("pod-a", datetime.now(UTC), 0, "pod-a leads"),
    ):
        lease["spec"] |= {"holderIdentity": holder, "renewTime": renewed.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
        bare_cluster.kubectl("apply", "-f", "-", input=json.dumps(lease))
        done = lease_test(bare_cluster, restricted, tmp_path)
        assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done.stdout + done.stderr


def test_helm_test_asks_an_api_server_of_an_ipv6_cluster(
    bare_cluster: Cluster, restricted: str, tmp_path: Path
) -> None:
    """Its address has no brackets in the environment, and needs them in a URL and in the header `Host`."""
    asked = lease_test(bare_cluster, restricted, tmp_path, at="::1").stderr
    assert "https://[::1]:" in asked
    assert "the Lease cannot be read" in asked

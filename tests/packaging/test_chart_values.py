"""What the chart takes for a value, and what it refuses by name before anything is installed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cluster.support.chart import CHART, documents, rendered
from controlplane import Cluster

pytestmark = pytest.mark.cluster


def kinds(text: str) -> list[str]:
    return [document["kind"] for document in documents(text)]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param((), "kubectl create secret generic", id="no token"),
        pytest.param(("token.existingSecret=a", "token.value=b"), "set one of them", id="two tokens"),
        pytest.param(("token.value=a", "settings.leaderElection=false"), "set replicas=1", id="two leaders"),
        pytest.param(("token.value=a", "metrics.port=8081"), "metrics.port and health.port", id="one port for two"),
        pytest.param(
            ("token.value=a", "metrics.enabled=false", "metrics.serviceMonitor.enabled=true"),
            "metrics.serviceMonitor.enabled",
            id="nothing to scrape",
        ),
        pytest.param(
            ("token.value=a", "metrics.enabled=false", "metrics.prometheusRule.enabled=true"),
            "metrics.prometheusRule.enabled",
            id="nothing to alert on",
        ),
        pytest.param(("token.value=a", "fullnameOverride=1st"), "set fullnameOverride", id="no name of a Service"),
    ],
)
def test_a_contradiction_is_refused(bare_cluster: Cluster, values: tuple[str, ...], said: str) -> None:
    """The message says what to do; the operator would only restart for ever, or run twice."""
    refused = bare_cluster.helm("template", "demo", str(CHART), *(f"--set={value}" for value in values), check=False)
    assert refused.returncode != 0
    assert said in refused.stderr


def test_the_operator_may_run_elsewhere(bare_cluster: Cluster) -> None:
    """Then the chart brings rights and no pod, and needs no token."""
    only_rights = bare_cluster.helm("template", "demo", str(CHART), "--set=deployment.create=false").stdout
    assert "Deployment" not in kinds(only_rights)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        pytest.param("watchNamespace={a}", "watchNamespace", id="misspelled"),
        pytest.param("watchNamespaces=a", "watchNamespaces", id="no list"),
        pytest.param("watchNamespaces={Team_A}", "watchNamespaces", id="no name of a namespace"),
        pytest.param("watchNamespaces={a,a}", "watchNamespaces", id="twice"),
        pytest.param("crds.install=maybe", "install", id="no boolean"),
        pytest.param("rbac.secretNames={*}", "/rbac/secretNames", id="no name of a Secret"),
        pytest.param("clusterId=a b", "clusterId", id="blank in the cluster id"),
        pytest.param("serviceAccount.name=Me", "/serviceAccount/name", id="no name of an account"),
        pytest.param("replicas=two", "/replicas", id="no number"),
        pytest.param("image.digest=latest", "/image/digest", id="no digest"),
        pytest.param("image.repository=registry:5000/a/b:v1", "/image/repository", id="a tag behind the image"),
        pytest.param("image.repository=a/b/", "/image/repository", id="half a path of an image"),
        pytest.param("resources.limit.memory=1Gi", "limit", id="misspelled below a value"),
        pytest.param("settings.pollInterval=soon", "/settings/pollInterval", id="no duration"),
        pytest.param("settings.pollIntervall=30s", "pollIntervall", id="no setting"),
        pytest.param("settings.watchNamespaces={a}", "watchNamespaces", id="a setting with a value of its own"),
        pytest.param("settings.apiUrl=http://cloud", "/settings/apiUrl", id="no encryption"),
        pytest.param("settings.concurrency=0", "/settings/concurrency", id="too small"),
        pytest.param("metrics.port=80", "/metrics/port", id="a port for root"),
        pytest.param("admission.limits.maxGpus=-1", "/admission/limits/maxGpus", id="negative"),
        pytest.param(
            r"podLabels.app\.kubernetes\.io/component=x",
            "/podLabels/app.kubernetes.io",
            id="a label of the chart's own",
        ),
        pytest.param(
            r"metrics.serviceMonitor.labels.app\.kubernetes\.io/name=x",
            "/metrics/serviceMonitor/labels",
            id="a label of the monitor that the chart sets",
        ),
        pytest.param(
            r"metrics.prometheusRule.labels.helm\.sh/chart=x",
            "/metrics/prometheusRule/labels",
            id="a label of the rule that the chart sets",
        ),
        pytest.param(
            r"podAnnotations.kubectl\.kubernetes\.io/default-container=x",
            "/podAnnotations",
            id="an annotation that the chart sets",
        ),
        pytest.param(
            "extraEnv[0].name=TOKENFACTORY_LEADER_ELECTION", "/extraEnv/0/name", id="a setting past the chart"
        ),
        pytest.param("admission.limits.maxGpus=1000000001", "maxGpus", id="no number of GPUs"),
    ],
)
def test_values_are_checked(bare_cluster: Cluster, value: str, named: str) -> None:
    """A wrong value is refused by its name before anything is installed."""
    result = bare_cluster.helm("template", "demo", str(CHART), f"--set={value}", check=False)
    assert result.returncode != 0
    assert named in result.stderr


BLOCKS = [
    name for name, value in yaml.safe_load((CHART / "values.yaml").read_text()).items() if isinstance(value, dict)
]


@pytest.mark.parametrize("name", [*BLOCKS, "replicas", "image.repository", "token.key", "metrics.port", "health.port"])
def test_null_is_refused_by_name_or_means_nothing(bare_cluster: Cluster, name: str) -> None:
    """A block of which all lines are commented out takes the defaults away, in Helm's rules."""
    done = bare_cluster.helm(
        "template", "demo", str(CHART), "--set=token.existingSecret=t", f"--set={name}=null", check=False
    )
    if name in ("settings", "resources", "nodeSelector", "affinity", "podLabels", "podAnnotations"):
        assert done.returncode == 0, done.stderr
        assert not [document for document in documents(done.stdout) if has_null(document)]
    else:
        assert f"missing property '{name.rpartition('.')[2]}'" in done.stderr


def has_null(value: object) -> bool:
    """Whether something was left empty."""
    if isinstance(value, dict):
        return any(map(has_null, value.values()))
    return any(map(has_null, value)) if isinstance(value, list) else value is None


@pytest.mark.parametrize("image", ["operator", "registry.example/a", "localhost:5000/a/b_c.d", "10.0.0.1:443/a-b/c"])
def test_any_registry_can_be_named(bare_cluster: Cluster, image: str) -> None:
    """With a port or without one; the tag comes behind it."""
    found = documents(rendered(bare_cluster, f"image.repository={image}", "image.tag=v1"))
    (deployment,) = [item for item in found if item["kind"] == "Deployment"]
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == f"{image}:v1"


def test_a_large_number_of_a_file_is_written_with_its_digits(bare_cluster: Cluster, tmp_path: Path) -> None:
    """Helm reads it as a float, and the policy reads it as an integer."""
    values = tmp_path / "values.yaml"
    values.write_text("admission: {limits: {enabled: true, maxGpus: 1000000}}\nsettings: null\n")
    shown = bare_cluster.helm(
        "template", "demo", str(CHART), f"--values={values}", "--set=token.existingSecret=t"
    ).stdout
    assert 'maxGpus: "1000000"' in shown


@pytest.mark.parametrize("ports", ["null", "[]"])
def test_without_ports_only_dns_goes_out(bare_cluster: Cluster, ports: str) -> None:
    """A rule with an empty list of ports would allow every port."""
    found = documents(
        bare_cluster.helm(
            "template",
            "demo",
            str(CHART),
            "--set=token.existingSecret=t",
            f'--set-json=networkPolicy={{"enabled": true, "egressPorts": {ports}}}',
        ).stdout
    )
    (policy,) = [item for item in found if item["kind"] == "NetworkPolicy"]
    assert [[port["port"] for port in rule["ports"]] for rule in policy["spec"]["egress"]] == [[53, 53]]


@pytest.mark.parametrize("name", ["a.release", "1st"])
def test_a_release_whose_service_no_cluster_takes_is_refused(bare_cluster: Cluster, name: str) -> None:
    """Else the installation fails half way; without metrics there is no Service."""
    template = ("template", name, str(CHART), "--set=token.existingSecret=t")
    refused = bare_cluster.helm(*template, check=False)
    assert f"{name}-tokenfactory-operator" in refused.stderr
    assert "set fullnameOverride" in refused.stderr
    assert "Deployment" in kinds(bare_cluster.helm(*template, "--set=metrics.enabled=false").stdout)

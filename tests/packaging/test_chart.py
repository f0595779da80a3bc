"""The chart: what it renders, what it refuses, and the life of the CRD under helm on a real API server."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from cluster.support.chart import CHART, CRD_FILE, GENERATED, documents, rendered, write_schemas
from cluster.support.namespaces import have_namespace
from controlplane import Cluster

pytestmark = pytest.mark.cluster

KEEP = {"helm.sh/resource-policy": "keep"}
VARIANTS = [
    pytest.param((), id="defaults"),
    pytest.param(("watchNamespaces={a,b}",), id="some namespaces"),
    pytest.param(("watchNamespaces={ops}", "clusterId=prod-1"), id="its own namespace, own cluster id"),
    pytest.param(("serviceAccount.create=false", "rbac.aggregate=false"), id="account by somebody else"),
    pytest.param(("serviceAccount.annotations.a/b=c", "crds.install=false"), id="annotated, no CRD"),
    pytest.param(("watchNamespaces={a}", "secretCredentials=true"), id="with Secrets"),
    pytest.param(("rbac.create=false", "fullnameOverride=" + "n" * 63), id="long name, no roles"),
    pytest.param(
        ("token.existingSecret=", "token.value=secret", "settings.leaderElection=false", "replicas=1"), id="one"
    ),
    pytest.param(
        (
            "networkPolicy.enabled=true",
            "networkPolicy.metricsFrom[0].podSelector.matchLabels.app=prometheus",
            "admission.limits.enabled=true",
            "admission.limits.regions={eu-north1,us-central1}",
            "admission.limitOperator=true",
        ),
        id="policies",
    ),
    pytest.param(
        (
            "image.digest=sha256:" + "0" * 64,
            "imagePullSecrets[0].name=pull",
            "priorityClassName=system-cluster-critical",
            "nodeSelector.disk=ssd",
            "tolerations[0].operator=Exists",
            "affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight=1",
            "affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey=a",
            "topologySpreadConstraints[0].maxSkew=1",
            "topologySpreadConstraints[0].topologyKey=rack",
            "topologySpreadConstraints[0].whenUnsatisfiable=ScheduleAnyway",
            "podLabels.team=ml",
            "podAnnotations.a=b",
            "extraEnv[0].name=HTTPS_PROXY",
            "extraEnv[0].value=http://proxy:3128",
            "extraVolumes[0].name=ca",
            "extraVolumes[0].configMap.name=ca",
            "extraVolumeMounts[0].name=ca",
            "extraVolumeMounts[0].mountPath=/etc/ca",
            "settings.caFile=/etc/ca/ca.pem",
            "metrics.enabled=false",
            "podDisruptionBudget.enabled=false",
        ),
        id="everything about the pod",
    ),
]


def kinds(text: str) -> list[str]:
    return [document["kind"] for document in documents(text)]


@pytest.fixture(scope="module")
def schemas(bare_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_schemas(bare_cluster, tmp_path_factory.mktemp("schemas"))


def test_lint(bare_cluster: Cluster) -> None:
    """`helm lint --strict` finds nothing."""
    token = "--set=token.existingSecret=token"
    assert "0 chart(s) failed" in bare_cluster.helm("lint", "--strict", str(CHART), token).stdout


@pytest.mark.parametrize("values", VARIANTS)
def test_kubeconform(bare_cluster: Cluster, schemas: str, values: tuple[str, ...]) -> None:
    """Every object has the form of its kind, no field unknown; the CRD is judged by the API server below."""
    command = [
        str(bare_cluster.bin / "kubeconform"),
        "-strict",
        "-summary",
        "-output=json",
        "-skip=CustomResourceDefinition",
        f"-schema-location={schemas}",
        "-",
    ]
    text = rendered(bare_cluster, *values)
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
    native = [kind for kind in kinds(text) if kind != "CustomResourceDefinition"]
    assert json.loads(result.stdout)["summary"]["valid"] == len(native)


@pytest.fixture(scope="module")
def namespaces(bare_cluster: Cluster) -> None:
    """Those that the variants name."""
    for namespace in ("a", "b", "ops"):
        have_namespace(bare_cluster, namespace)


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("values", VARIANTS)
def test_api_server_accepts_it(bare_cluster: Cluster, values: tuple[str, ...]) -> None:
    """A dry run on the real API server, CRD included, strict about fields; for a pod it wants the account first."""
    items = [item for item in documents(rendered(bare_cluster, *values)) if item["kind"] != "Pod"]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    bare_cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "--server-side", "-f", "-", input=text)


def test_operator_has_these_rights_and_no_other(bare_cluster: Cluster) -> None:
    """The whole list, so that a right cannot slip in unseen."""
    bound = [
        document
        for document in documents(rendered(bare_cluster))
        if document["kind"] == "ClusterRole" and document["metadata"]["name"] == "demo-tokenfactory-operator-ops"
    ]
    (role,) = bound
    group = "tokenfactory.nebius.com"
    assert role["rules"] == [
        {"apiGroups": [group], "resources": ["dedicatedendpoints"], "verbs": ["get", "list", "watch", "patch"]},
        {"apiGroups": [group], "resources": ["dedicatedendpoints/status"], "verbs": ["patch"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
        {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"]},
    ]


@pytest.mark.parametrize("where", [pytest.param((), id="all"), pytest.param(("watchNamespaces={a}",), id="some")])
@pytest.mark.parametrize("wanted", [True, False])
def test_config_maps_are_written_where_that_is_wanted_only(
    bare_cluster: Cluster, where: tuple[str, ...], *, wanted: bool
) -> None:
    """The three verbs that it takes, in the watched namespaces; by default none."""
    found = documents(rendered(bare_cluster, f"connectionConfigMaps={str(wanted).lower()}", *where))
    kind = "Role" if where else "ClusterRole"
    roles = [item for item in found if item["kind"] in ("Role", "ClusterRole")]
    rules = [(role, rule) for role in roles for rule in role["rules"] if "configmaps" in rule["resources"]]
    verbs = [(role["kind"], role["metadata"].get("namespace", ""), rule["verbs"]) for role, rule in rules]
    assert verbs == ([(kind, "a" if where else "", ["get", "create", "patch"])] if wanted else [])


NARROW = ("watchNamespaces={a}", "clusterId=x")


def surviving(cluster: Cluster, *values: str) -> list[dict[str, object]]:
    """The rules that hold in all namespaces, though only some are watched."""
    found = documents(rendered(cluster, *NARROW, *values))
    (role,) = [item for item in found if item["kind"] == "ClusterRole" and item["metadata"]["name"].endswith("-ops")]
    rules: list[dict[str, object]] = role["rules"]
    return rules


@pytest.mark.parametrize(
    "values",
    [
        pytest.param((), id="no keys of namespaces"),
        pytest.param(("secretCredentials=true", "rbac.secretNames=null"), id="no names"),
    ],
)
def test_some_namespaces_bring_a_cluster_role_for_endpoints_only(
    bare_cluster: Cluster, values: tuple[str, ...]
) -> None:
    """It is for a namespace that is being deleted, whose Role goes first; without a name no Secret is in it."""
    rules = surviving(bare_cluster, *values)
    assert [(rule["resources"], rule["verbs"]) for rule in rules] == [
        (["dedicatedendpoints"], ["get", "list", "watch", "patch"]),
        (["dedicatedendpoints/status"], ["patch"]),
    ]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        pytest.param((), ["tokenfactory-key"], id="default"),
        pytest.param(("rbac.secretNames={one,two.three}",), ["one", "two.three"], id="given"),
    ],
)
def test_secrets_of_some_names_outlive_a_role(bare_cluster: Cluster, values: tuple[str, ...], names: list[str]) -> None:
    """Only what releasing one needs, and only for these names, which the operator is told."""
    given = ("secretCredentials=true", *values)
    expected = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": names, "verbs": ["get", "patch"]}
    assert surviving(bare_cluster, *given)[-1] == expected
    reported = {"name": "TOKENFACTORY_SECRET_NAMES", "value": ",".join(names)}
    (deployment,) = [
        item for item in documents(rendered(bare_cluster, *NARROW, *given)) if item["kind"] == "Deployment"
    ]
    assert reported in deployment["spec"]["template"]["spec"]["containers"][0]["env"]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("watchNamespaces=null", id="all namespaces"),
        pytest.param("secretCredentials=false", id="no keys of namespaces"),
        pytest.param("rbac.surviveNamespaceDeletion=false", id="nothing survives"),
        pytest.param("rbac.create=false", id="roles by somebody else"),
    ],
)
def test_the_operator_is_told_no_name_that_it_has_no_right_to(bare_cluster: Cluster, value: str) -> None:
    """It would not start, because it asks for each right that its settings need."""
    assert "SECRET_NAMES" not in rendered(bare_cluster, *NARROW, "secretCredentials=true", value)


def test_no_cluster_wide_role_where_none_is_wanted(bare_cluster: Cluster) -> None:
    """With namespaces and a cluster id given, and without the right to outlive a namespace, only Roles are left."""
    values = ("watchNamespaces={a}", "clusterId=x", "rbac.aggregate=false", "rbac.surviveNamespaceDeletion=false")
    found = kinds(rendered(bare_cluster, *values))
    assert "ClusterRole" not in found
    assert "ClusterRoleBinding" not in found
    assert found.count("Role") == 3


def test_lease_has_the_name_that_the_rights_allow(bare_cluster: Cluster) -> None:
    """The pods elect their leader by a lease of the release's full name, which the Role names too."""
    found = documents(rendered(bare_cluster, "fullnameOverride=own-name"))
    (deployment,) = [document for document in found if document["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert {"name": "TOKENFACTORY_LEASE_NAME", "value": "own-name"} in container["env"]
    (role,) = [document for document in found if document["kind"] == "Role"]
    group, leases = ["coordination.k8s.io"], ["leases"]
    assert role["metadata"]["namespace"] == "ops"
    assert role["rules"] == [
        {"apiGroups": group, "resources": leases, "verbs": ["create"]},
        {"apiGroups": group, "resources": leases, "resourceNames": ["own-name"], "verbs": ["get", "patch"]},
    ]


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


def test_package_contains_the_crd(bare_cluster: Cluster, tmp_path: Path) -> None:
    """The archive that is published has the generated file in it."""
    bare_cluster.helm("package", str(CHART), "--destination", str(tmp_path))
    (archive,) = tmp_path.glob("*.tgz")
    with tarfile.open(archive) as packed:
        member = packed.extractfile(f"tokenfactory-operator/files/crds/{CRD_FILE}")
        assert member is not None
        assert member.read() == GENERATED.read_bytes()


def test_notes_say_what_to_do_next_and_what_stays_billed(bare_cluster: Cluster) -> None:
    """Three commands with the names of this release; before an uninstall, how to end the bill in each namespace."""
    install = (
        "install",
        "demo",
        str(CHART),
        "--dry-run=client",
        "--namespace",
        "ops",
        "--set=token.existingSecret=token",
    )
    notes = bare_cluster.helm(*install).stdout.partition("NOTES:")[2]
    for command in (
        "kubectl rollout status deployment/demo-tokenfactory-operator -n ops",
        "helm test demo -n ops",
        "kubectl explain dedicatedendpoint.spec",
        "kubectl delete dedicatedendpoints --all --all-namespaces",
    ):
        assert command in notes
    assert notes.index("stay BILLED") < notes.index("helm uninstall demo -n ops")
    narrow = bare_cluster.helm(*install, "--set=watchNamespaces={a,b}", "--set=deployment.create=false").stdout
    alone = bare_cluster.helm(*install, "--set=settings.leaderElection=false", "--set=replicas=1").stdout
    assert "helm test" not in alone.partition("NOTES:")[2]  # there is no Lease to look at
    for line in (
        "delete dedicatedendpoints --all -n a",
        "delete dedicatedendpoints --all -n b",
        "WATCH_NAMESPACES=a,b",
    ):
        assert line in narrow


@pytest.mark.parametrize(
    ("value", "where"),
    [
        pytest.param("watchNamespaces=null", "--all-namespaces", id="all"),
        pytest.param("watchNamespaces={a}", "-n a", id="one"),
    ],
)
def test_notes_of_a_shard_name_its_own_objects_only(bare_cluster: Cluster, value: str, where: str) -> None:
    """Else whoever follows them deletes the endpoints of the other operators too."""
    given = ("--set=token.existingSecret=t", "--set=settings.objectSelector=shard in (blue\\,green)", f"--set={value}")
    notes = bare_cluster.helm("install", "demo", str(CHART), "--dry-run=client", *given).stdout.partition("NOTES:")[2]
    assert f"kubectl delete dedicatedendpoints -l 'shard in (blue,green)' {where} --timeout" in notes
    assert "--all " not in notes


def test_an_old_cluster_is_refused(bare_cluster: Cluster) -> None:
    """By Helm, before anything is installed: CEL and the policies need Kubernetes 1.30."""
    template = ("template", "demo", str(CHART), "--set=token.existingSecret=token", "--kube-version")
    assert "requires kubeVersion: >=1.30" in bare_cluster.helm(*template, "1.29.9", check=False).stderr
    assert "Deployment" in bare_cluster.helm(*template, "1.30.0").stdout

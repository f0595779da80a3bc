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

"""The chart: what it renders, what it refuses, and the life of the CRD under helm on a real API server."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from cluster.support.chart import CHART, CRD_FILE, CRD_NAME, GENERATED, documents, rendered, write_schemas
from controlplane import Cluster
from tokenfactory_operator.kube.client import connect
from tokenfactory_operator.kube.crd import check_crd
from tokenfactory_operator.kube.errors import SetupError
from tokenfactory_operator.kube.login import Connection, load_connection

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


@pytest.mark.parametrize("values", VARIANTS)
def test_api_server_accepts_it(bare_cluster: Cluster, values: tuple[str, ...]) -> None:
    """A dry run on the real API server, CRD included, strict about fields."""
    for namespace in ("a", "b", "ops"):
        bare_cluster.kubectl("create", "namespace", namespace, check=False)
    text = rendered(bare_cluster, *values)
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


def test_no_cluster_wide_role_where_none_is_needed(bare_cluster: Cluster) -> None:
    """With namespaces and a cluster id given, only Roles are left for the operator."""
    found = kinds(rendered(bare_cluster, "watchNamespaces={a}", "clusterId=x", "rbac.aggregate=false"))
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


def test_a_release_without_a_token_is_refused(bare_cluster: Cluster) -> None:
    """It would only restart for ever."""
    refused = bare_cluster.helm("template", "demo", str(CHART), check=False)
    assert refused.returncode != 0
    assert "token.existingSecret" in refused.stderr
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
        pytest.param("clusterId=a b", "clusterId", id="blank in the cluster id"),
        pytest.param("serviceAccount.name=Me", "name", id="no name of an account"),
    ],
)
def test_values_are_checked(bare_cluster: Cluster, value: str, named: str) -> None:
    """A wrong value is refused by its name before anything is installed."""
    result = bare_cluster.helm("template", "demo", str(CHART), f"--set={value}", check=False)
    assert result.returncode != 0
    assert named in result.stderr


def test_package_contains_the_crd(bare_cluster: Cluster, tmp_path: Path) -> None:
    """The archive that is published has the generated file in it."""
    bare_cluster.helm("package", str(CHART), "--destination", str(tmp_path))
    (archive,) = tmp_path.glob("*.tgz")
    with tarfile.open(archive) as packed:
        member = packed.extractfile(f"tokenfactory-operator/files/crds/{CRD_FILE}")
        assert member is not None
        assert member.read() == GENERATED.read_bytes()


def older_chart(folder: Path) -> Path:
    """The chart as an earlier release had it: its CRD knows no create attempts."""
    older = folder / "older"
    shutil.copytree(CHART, older)
    crd = yaml.safe_load(GENERATED.read_text(encoding="utf-8"))
    del crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["createAttempt"]
    (older / "files" / "crds" / CRD_FILE).write_text(yaml.safe_dump(crd, sort_keys=False), encoding="utf-8")
    return older


async def check(cluster: Cluster, *, settle: float = 10.0) -> None:
    """What the operator does at its start."""

    async def load() -> Connection:
        return await load_connection({"KUBECONFIG": str(cluster.kubeconfig)})

    async with await connect(load) as client:
        await check_crd(client, settle=settle)


async def test_crd_from_install_to_uninstall(bare_cluster: Cluster, tmp_path: Path) -> None:
    """Absent, then old, then upgraded by helm, then kept on uninstall; the operator's start judges each as it is."""
    with pytest.raises(SetupError, match="is not served"):
        await check(bare_cluster)
    release = ("demo", "--namespace", "default")
    token = "--set=token.existingSecret=token"
    bare_cluster.helm("install", *release, str(older_chart(tmp_path)), token)
    bare_cluster.kubectl("wait", "--for=condition=Established", f"crd/{CRD_NAME}", "--timeout=30s")
    with pytest.raises(SetupError, match=r"\.status\.createAttempt"):
        await check(bare_cluster, settle=3.0)
    bare_cluster.helm("upgrade", *release, str(CHART), token)
    await check(bare_cluster)
    bare_cluster.helm("uninstall", *release)
    kept = json.loads(bare_cluster.kubectl("get", "crd", CRD_NAME, "-o", "json").stdout)
    assert KEEP.items() <= kept["metadata"]["annotations"].items()
    await check(bare_cluster)
    bare_cluster.kubectl("delete", "crd", CRD_NAME)

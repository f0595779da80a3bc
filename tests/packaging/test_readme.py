"""README.md, typed by a machine: each heading's commands in one shell, in order, on a real API server.

What is replaced in them: the path of a token, and a port that may be taken.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from cluster.support import modules
from cluster.support.chart import CRD_NAME, documents
from cluster.support.eventually import eventually
from cluster.support.modules import ARGOCD, FLUX
from cluster.support.operator_process import QUICK, OperatorProcess
from controlplane import Cluster
from controlplane.ports import free_ports
from tokenfactory_simulator.testing import running_simulator
from unit.docs.readme import BARE, FIRST, INSTALLED, INSTALLS, ROOT, SYNCS, commands, files, headings

pytestmark = pytest.mark.cluster

OPERATOR_TOKEN, TEAM_TOKEN = "operator-token-51c2", "team-token-88ae"
RELEASE: Final = ("tokenfactory-operator", "--namespace", "tokenfactory-system")
WITHOUT_OPERATOR: Final = ("--set=secretCredentials=true", "--set=deployment.create=false")
"""Chart values under which the test itself runs the operator, as a process with the chart's rights."""
FOREIGN: Final = (
    "gitrepositories.source.toolkit.fluxcd.io",
    "helmreleases.helm.toolkit.fluxcd.io",
    "applications.argoproj.io",
)
PORT: Final = "8090"
BEFORE: Final = "set -euo pipefail; trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One of these tests' own: each leaves it as it was."""
    with Cluster() as running:
        yield running


@pytest.fixture
def desk(cluster: Cluster, tmp_path: Path) -> Path:
    """The repository as a checkout in which files can be made, and a kubeconfig that may be changed."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for entry in ROOT.iterdir():
        if entry.name not in (".git", ".run", "dist"):
            (folder / entry.name).symlink_to(entry)
    (folder / ".venv").unlink()
    (folder / ".venv").symlink_to(Path(sys.prefix))
    (tmp_path / "kubeconfig").write_bytes(cluster.kubeconfig.read_bytes())
    (tmp_path / "token").write_text(TEAM_TOKEN, encoding="utf-8")
    return folder


def follow(heading: str, desk: Path, cluster: Cluster, settings: Mapping[str, str]) -> str:
    """Type what stands below the heading; answers what was printed."""
    for name, text in files(heading).items():
        (desk / name).write_text(text, encoding="utf-8")
    (port,) = free_ports(1)
    script = BEFORE + "\n".join(commands(heading))
    for old, new in {
        "/path/to/token": str(desk.parent / "token"),
        f":{PORT}": f":{port}",
        f" {PORT} ": f" {port} ",
    }.items():
        script = script.replace(old, new)
    surroundings = {**cluster.env(), **settings, "KUBECONFIG": str(desk.parent / "kubeconfig")}
    done = subprocess.run(
        ["bash", "-c", script], cwd=desk, env=surroundings, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def operator_at_work(cluster: Cluster, folder: Path) -> Iterator[None]:
    """The chart, and the operator as a process against a simulated cloud, which is empty at the end."""
    values = ("--create-namespace", *WITHOUT_OPERATOR)
    cluster.helm("install", *RELEASE, str(ROOT / "helm" / "tokenfactory-operator"), *values)
    account = cluster.token_kubeconfig("tokenfactory-system", "tokenfactory-operator")
    with running_simulator(tokens={OPERATOR_TOKEN: "project-a", TEAM_TOKEN: "project-team"}) as simulator:
        settings = {"TOKEN": OPERATOR_TOKEN, "API_URL": simulator.url, "SECRET_CREDENTIALS": "true"}
        operator = OperatorProcess(kubeconfig=account, log=folder / "operator.log", settings=settings)
        operator.start()
        try:
            yield
            cluster.kubectl("delete", CRD_NAME, "--all", "-n", "default", "--timeout=60s", timeout=90)
            assert simulator.admin.endpoints(alive_only=True) == []
        finally:
            operator.kill()
            print(operator.log_text()[-10_000:])  # noqa: T201 - shown by pytest where the test failed


@pytest.fixture(autouse=True)
def as_before(cluster: Cluster) -> Iterator[None]:
    """Take away what the commands have left."""
    yield
    cluster.helm("uninstall", *RELEASE, "--ignore-not-found", "--wait")
    without_crd = str(ROOT / "deploy" / "overlays" / "own-crds")
    cluster.kubectl("delete", "-k", without_crd, "--ignore-not-found", "--timeout=60s", timeout=90)
    for name in cluster.kubectl("get", CRD_NAME, "-n", "default", "-o", "name", check=False).stdout.split():
        cluster.kubectl("patch", name, "-n", "default", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    cluster.kubectl("delete", "crd", CRD_NAME, "--ignore-not-found", "--timeout=60s", timeout=90)
    cluster.kubectl("delete", "namespace", "tokenfactory-system", "--ignore-not-found", "--timeout=60s", timeout=90)


@pytest.mark.parametrize("heading", headings(INSTALLED))
def test_with_the_operator_at_work(heading: str, cluster: Cluster, desk: Path, tmp_path: Path) -> None:
    """Every command succeeds, waits included, and nothing is left in the cloud after its objects are deleted."""
    with operator_at_work(cluster, tmp_path):
        assert "condition met" in follow(heading, desk, cluster, {})


@pytest.mark.parametrize("heading", [heading for heading in headings(INSTALLS) if heading != FIRST])
def test_an_installation(heading: str, cluster: Cluster, desk: Path) -> None:
    """Two pods are asked for, with the token of the Secret and the account of the Role; the CRD is served."""
    follow(FIRST, desk, cluster, {})
    follow(heading, desk, cluster, {})
    system = ("-n", "tokenfactory-system")
    (deployment,) = json.loads(cluster.kubectl("get", "deployments", *system, "-o", "json").stdout)["items"]
    pod = deployment["spec"]["template"]["spec"]
    secrets = [volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume]
    assert deployment["spec"]["replicas"] == 2
    cluster.kubectl("get", "secret", *secrets, *system)
    account = f"system:serviceaccount:tokenfactory-system:{pod['serviceAccountName']}"
    may = cluster.kubectl("auth", "can-i", "patch", CRD_NAME, "--subresource=status", f"--as={account}")
    assert may.stdout.strip() == "yes"


def served_crds() -> Iterator[Path]:
    """The CRDs of Flux and Argo CD."""
    yield from modules.files("github.com/fluxcd/source-controller", "config/crd/bases/*_gitrepositories.yaml", of=FLUX)
    yield from modules.files("github.com/fluxcd/helm-controller", "config/crd/bases/*.yaml", of=FLUX)
    yield from modules.files("github.com/argoproj/argo-cd/v3", "manifests/crds/application-crd.yaml", of=ARGOCD)


def _served(cluster: Cluster, kind: str) -> bool:
    return cluster.kubectl("get", kind, check=False).returncode == 0


@pytest.fixture(scope="module")
def syncing(cluster: Cluster) -> None:
    """The API server has the kinds of Flux and Argo CD; none of their controllers runs."""
    for file in served_crds():
        cluster.kubectl("apply", "--server-side", "-f", str(file))
    for kind in FOREIGN:
        eventually(partial(_served, cluster, kind), what=kind)
    cluster.kubectl("create", "namespace", "argocd")


def named_charts(applied: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Path and values of each chart that the objects name."""
    for item in applied:
        if item["kind"] == "HelmRelease":
            yield item["spec"]["chart"]["spec"]["chart"], item["spec"]["values"]
        if item["kind"] == "Application":
            yield item["spec"]["source"]["path"], item["spec"]["source"]["helm"]["valuesObject"]


@pytest.mark.usefixtures("syncing")
@pytest.mark.parametrize("heading", headings(SYNCS))
def test_what_flux_and_argo_cd_are_told(heading: str, cluster: Cluster, desk: Path) -> None:
    """The API server takes the objects as they are, no field unknown; chart and values make the Deployment."""
    follow(FIRST, desk, cluster, {})
    follow(heading, desk, cluster, {})
    (file,) = files(heading)
    stored = json.loads(cluster.kubectl("get", "-f", str(desk / file), "-o", "json").stdout)
    ((chart, values),) = named_charts(stored.get("items", [stored]))
    (desk / "values.json").write_text(json.dumps(values), encoding="utf-8")
    made = cluster.helm("template", *RELEASE, str(desk / chart), "--values", str(desk / "values.json")).stdout
    assert "Deployment" in {document["kind"] for document in documents(made)}
    cluster.kubectl("delete", "-f", str(desk / file))


@pytest.mark.parametrize("heading", headings(BARE))
def test_from_nothing(heading: str, cluster: Cluster, desk: Path) -> None:
    """The section needs nothing that it does not make itself; times are shorter than by default."""
    quick = {f"TOKENFACTORY_{name}": value for name, value in QUICK.items() if not name.startswith("LOG_")}
    path = os.pathsep.join([str(cluster.bin), "/usr/bin", "/bin"])  # not this environment's own: that is the section's
    said = follow(heading, desk, cluster, {**quick, "PATH": path})
    assert said.count("condition met") == 3
    assert '"gpu_seconds"' in said
    assert said.count("deleted") == 3

"""The pages, typed by a machine: the commands of each scenario in one shell, in order, on a real API server.

What is replaced in them: the path of a token, an endpoint's id, and a port that may be taken.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from cluster.support import modules
from cluster.support.chart import CRD_NAME, documents
from cluster.support.eventually import eventually
from cluster.support.modules import ARGOCD, FLUX
from cluster.support.operator_process import QUICK, OperatorProcess
from controlplane import Cluster
from controlplane.ports import free_ports
from tokenfactory_operator.domain.desired import INFERENCE_HOSTS
from tokenfactory_simulator.testing import RunningSimulator, running_simulator
from unit.docs.pages import (
    ADOPTS,
    BARE,
    INSTALLED,
    INSTALLS,
    REMOVES,
    ROOT,
    SYNCS,
    Scenario,
    commands,
    files,
    scenarios,
)

pytestmark = pytest.mark.cluster

OPERATOR_TOKEN, TEAM_TOKEN = "operator-token-51c2", "team-token-88ae"
RELEASE: Final = ("tokenfactory-operator", "--namespace", "tokenfactory-system")
WITHOUT_OPERATOR: Final = (
    "--set=secretCredentials=true",
    "--set=connectionConfigMaps=true",
    "--set=deployment.create=false",
)
"""Chart values under which the test itself runs the operator, as a process with the chart's rights."""
FOREIGN: Final = (
    "gitrepositories.source.toolkit.fluxcd.io",
    "helmreleases.helm.toolkit.fluxcd.io",
    "applications.argoproj.io",
)
PORT: Final = "8090"
ADOPTED: Final = "ep-0123456789abcdef"
"""The id in the pages."""
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
    (tmp_path / "token").write_text(OPERATOR_TOKEN, encoding="utf-8")
    (tmp_path / "team-token").write_text(TEAM_TOKEN, encoding="utf-8")
    return folder


def follow(scenario: Scenario, desk: Path, cluster: Cluster, settings: Mapping[str, str], **replaced: str) -> str:
    """Type what stands below the headings; answers what was printed."""
    for name, text in files(scenario).items():
        (desk / name).write_text(text.replace(ADOPTED, replaced.get("adopted", ADOPTED)), encoding="utf-8")
    (port,) = free_ports(1)
    script = BEFORE + "\n".join((*scenario.first, *commands(scenario)))
    for old, new in {
        "/path/to/token": str(desk.parent / ("team-token" if "tokenfactory-key" in script else "token")),
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
def operator_at_work(cluster: Cluster, folder: Path) -> Iterator[RunningSimulator]:
    """The chart, and the operator as a process against a simulated cloud, which is empty at the end."""
    values = ("--create-namespace", *WITHOUT_OPERATOR)
    cluster.helm("install", *RELEASE, str(ROOT / "helm" / "tokenfactory-operator"), *values)
    account = cluster.token_kubeconfig("tokenfactory-system", "tokenfactory-operator")
    with running_simulator(tokens={OPERATOR_TOKEN: "project-a", TEAM_TOKEN: "project-team"}) as simulator:
        hosts = ",".join(f"{region}={simulator.url}" for region in INFERENCE_HOSTS)
        settings = {
            "TOKEN": OPERATOR_TOKEN,
            "API_URL": simulator.url,
            "INFERENCE_HOSTS": hosts,
            "SECRET_CREDENTIALS": "true",
            "CONNECTION_CONFIG_MAPS": "true",
            "ADOPTION_NAMESPACES": "ml",
        }
        operator = OperatorProcess(kubeconfig=account, log=folder / "operator.log", settings=settings)
        operator.start()
        try:
            yield simulator
            cluster.kubectl("delete", CRD_NAME, "--all", "--all-namespaces", "--timeout=60s", timeout=90)
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
    cluster.kubectl("delete", "-k", without_crd, "--ignore-not-found", "--wait=false")
    for place in ("default", "ml"):
        for name in cluster.kubectl("get", CRD_NAME, "-n", place, "-o", "name", check=False).stdout.split():
            cluster.kubectl("patch", name, "-n", place, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    rest = (f"crd/{CRD_NAME}", "namespace/tokenfactory-system", "namespace/ml")  # their ends are waited for together
    cluster.kubectl("delete", *rest, "--ignore-not-found", "--timeout=60s", timeout=90)


@pytest.mark.parametrize("scenario", scenarios(INSTALLED), ids=lambda scenario: scenario.name)
def test_with_the_operator_at_work(scenario: Scenario, cluster: Cluster, desk: Path, tmp_path: Path) -> None:
    """Every command succeeds, waits included, and nothing is left in the cloud after its objects are deleted."""
    with operator_at_work(cluster, tmp_path):
        said = follow(scenario, desk, cluster, {"PATH": with_this_python(cluster)})
        assert ("condition met" in said) == any(" wait --for" in line for line in _typed(scenario))
        assert said.count("Hello from the simulated endpoint") == len(
            re.findall(r"chat/completions|(?:call|client)\.py", _text(scenario))
        )


def _typed(scenario: Scenario) -> tuple[str, ...]:
    return (*scenario.first, *commands(scenario))


def _text(scenario: Scenario) -> str:
    return "\n".join(_typed(scenario))


@pytest.mark.parametrize("scenario", scenarios(ADOPTS), ids=lambda scenario: scenario.name)
def test_what_exists_is_moved_in(scenario: Scenario, cluster: Cluster, desk: Path, tmp_path: Path) -> None:
    """First nothing is changed, then the owner mark only; the endpoint outlives its object."""
    with operator_at_work(cluster, tmp_path) as simulator:
        cluster.kubectl("create", "namespace", "ml")
        made = made_elsewhere(simulator.url, files(scenario))
        said = follow(scenario, desk, cluster, {}, adopted=made)
        assert "condition met" in said
        changed = [call for call in simulator.admin.calls() if call["operation"] not in ("list", "templates", "get")]
        assert [call["operation"] for call in changed] == ["create", "update"]
        cluster.kubectl("delete", CRD_NAME, "--all", "-n", "ml", "--timeout=60s", timeout=90)
        assert [endpoint["id"] for endpoint in simulator.admin.endpoints(alive_only=True)] == [made]
        with cloud(simulator.url) as client:
            client.delete(f"/v0/dedicated_endpoints/{made}").raise_for_status()


def cloud(url: str) -> httpx.Client:
    """The simulated API, called as a person's script calls it."""
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {OPERATOR_TOKEN}"})


def made_elsewhere(url: str, written: Mapping[str, str]) -> str:
    """Create the endpoint that the page's file is about, as somebody else would; answers its id."""
    (text,) = written.values()
    spec = yaml.safe_load(text)["spec"]
    body = {
        "name": "chat",
        "model_name": spec["model"],
        "flavor_name": spec["flavor"],
        "region": spec["region"],
        "gpu_type": spec["gpu"]["type"],
        "gpu_count": spec["gpu"]["count"],
        "scaling": {
            "min_replicas": spec["scaling"]["minReplicas"],
            "max_replicas": spec["scaling"]["maxReplicas"],
        },
    }
    with cloud(url) as client:
        answer = client.post("/v0/dedicated_endpoints", json=body).raise_for_status().json()
    return str(answer.get("endpoint", answer)["id"])


@pytest.mark.parametrize("scenario", scenarios(INSTALLS), ids=lambda scenario: scenario.name)
def test_an_installation(scenario: Scenario, cluster: Cluster, desk: Path) -> None:
    """Two pods are asked for, with the token of the Secret and the account of the Role; the CRD is served."""
    follow(scenario, desk, cluster, {})
    system = ("-n", "tokenfactory-system")
    (deployment,) = json.loads(cluster.kubectl("get", "deployments", *system, "-o", "json").stdout)["items"]
    pod = deployment["spec"]["template"]["spec"]
    secrets = [volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume]
    assert deployment["spec"]["replicas"] == 2
    cluster.kubectl("get", "secret", *secrets, *system)
    account = f"system:serviceaccount:tokenfactory-system:{pod['serviceAccountName']}"
    may = cluster.kubectl("auth", "can-i", "patch", CRD_NAME, "--subresource=status", f"--as={account}")
    assert may.stdout.strip() == "yes"


@pytest.mark.parametrize("scenario", scenarios(REMOVES), ids=lambda scenario: scenario.name)
def test_a_removal(scenario: Scenario, cluster: Cluster, desk: Path) -> None:
    """Neither the Deployment nor the resource is left."""
    follow(scenario, desk, cluster, {})
    left = cluster.kubectl(
        "get", "deployments,clusterroles", "-A", "-l", "app.kubernetes.io/name=tokenfactory-operator"
    )
    assert left.stdout == ""
    assert not _served(cluster, CRD_NAME)


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
@pytest.mark.parametrize("scenario", scenarios(SYNCS), ids=lambda scenario: scenario.name)
def test_what_flux_and_argo_cd_are_told(scenario: Scenario, cluster: Cluster, desk: Path) -> None:
    """The API server takes the objects as they are, no field unknown; chart and values make the Deployment."""
    follow(scenario, desk, cluster, {})
    (file,) = files(scenario)
    stored = json.loads(cluster.kubectl("get", "-f", str(desk / file), "-o", "json").stdout)
    ((chart, values),) = named_charts(stored.get("items", [stored]))
    (desk / "values.json").write_text(json.dumps(values), encoding="utf-8")
    made = cluster.helm("template", *RELEASE, str(desk / chart), "--values", str(desk / "values.json")).stdout
    assert "Deployment" in {document["kind"] for document in documents(made)}
    cluster.kubectl("delete", "-f", str(desk / file))


@pytest.mark.parametrize("scenario", scenarios(BARE), ids=lambda scenario: scenario.name)
def test_from_nothing(scenario: Scenario, cluster: Cluster, desk: Path) -> None:
    """The section needs nothing that it does not make itself; times are shorter than by default."""
    quick = {f"TOKENFACTORY_{name}": value for name, value in QUICK.items() if not name.startswith("LOG_")}
    path = os.pathsep.join([str(cluster.bin), "/usr/bin", "/bin"])  # not this environment's own: that is the section's
    said = follow(scenario, desk, cluster, {**quick, "PATH": path})
    if "/chat/completions" in _text(scenario):
        assert "Hello from the simulated endpoint" in said
    else:
        assert said.count("condition met") == 3
        assert '"gpu_seconds"' in said
        assert said.count("deleted") == 3


def with_this_python(cluster: Cluster) -> str:
    """A PATH as it is after `. .venv/bin/activate`."""
    return os.pathsep.join([str(cluster.bin), str(Path(sys.executable).parent), "/usr/bin", "/bin"])

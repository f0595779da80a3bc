"""The life of the CRD on a real API server: objects outlive whatever Helm and kubectl do, in any order."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from cluster.support.chart import CHART, CRD_FILE, CRD_NAME, GENERATED, ROOT
from cluster.support.crd import NAME, create, get, until_established, write_status
from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.namespaces import have_namespace
from controlplane import Cluster, CommandError
from tokenfactory_operator.kube.client import connect
from tokenfactory_operator.kube.crd import check_crd
from tokenfactory_operator.kube.errors import SetupError
from tokenfactory_operator.kube.login import Connection, load_connection

pytestmark = pytest.mark.cluster

NAMESPACE: Final = "life"
KEEP: Final = {"helm.sh/resource-policy": "keep"}
TOKEN: Final = "--set=token.existingSecret=token"
COMMAND: Final = re.compile(r"kubectl (apply --server-side --force-conflicts -f crds/\S+\.yaml)")


@pytest.fixture
def bare(bare_cluster: Cluster) -> Iterator[Cluster]:
    """No CRD and no release, before and afterwards."""
    have_namespace(bare_cluster, NAMESPACE)
    yield bare_cluster
    for release in ("demo", "second"):
        bare_cluster.helm("uninstall", release, "--namespace", NAMESPACE, "--ignore-not-found")
    bare_cluster.kubectl("delete", "crd", CRD_NAME, "--ignore-not-found", "--timeout=60s", timeout=90)


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart as an earlier release had it: its CRD knows no scope."""
    folder = tmp_path_factory.mktemp("older") / "tokenfactory-operator"
    shutil.copytree(CHART, folder)
    crd = yaml.safe_load(GENERATED.read_text(encoding="utf-8"))
    del crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["scope"]
    (folder / "files" / "crds" / CRD_FILE).write_text(yaml.safe_dump(crd, sort_keys=False), encoding="utf-8")
    return folder


def helm(cluster: Cluster, *arguments: str) -> str:
    return cluster.helm(*arguments, "--namespace", NAMESPACE).stdout


def install(cluster: Cluster, chart: Path, *flags: str) -> None:
    """Install or upgrade, and wait until the API server serves the resource."""
    helm(cluster, "upgrade", "--install", "demo", str(chart), TOKEN, *flags)
    until_established(cluster, CRD_NAME)
    eventually(lambda: not cluster.kubectl("get", CRD_NAME, "-A", check=False).returncode, what="the resource, served")


def documented(cluster: Cluster) -> None:
    """Type the command of the chart's README."""
    command = COMMAND.search((CHART / "README.md").read_text(encoding="utf-8"))
    assert command is not None
    cluster.kubectl(*command[1].replace("crds/", f"{ROOT}/crds/").split())


async def check(cluster: Cluster, *, settle: float = 10.0) -> None:
    """What the operator does at its start."""

    async def load() -> Connection:
        return await load_connection({"KUBECONFIG": str(cluster.kubeconfig)})

    async with await connect(load) as client:
        await check_crd(client, settle=settle)


def identity(cluster: Cluster) -> tuple[str, Any]:
    """By which an object that was made anew would be noticed."""
    with KubeApi(cluster) as kube:
        found = get(kube, NAMESPACE)
    return found["metadata"]["uid"], found["status"].get("endpointId")


async def test_objects_outlive_upgrade_rollback_uninstall_and_reinstall(bare: Cluster, older: Path) -> None:
    """The object and its status stay the same; the operator's start judges each CRD as it is."""
    with pytest.raises(SetupError, match="is not served"):
        await check(bare)
    install(bare, older)
    with KubeApi(bare) as kube:
        create(kube, NAMESPACE)
        write_status(kube, NAMESPACE, {"endpointId": "ep-1"})
    before = identity(bare)
    with pytest.raises(SetupError, match=r"\.status\.scope"):
        await check(bare, settle=1.0)

    install(bare, CHART)
    await check(bare)
    assert identity(bare) == before

    helm(bare, "rollback", "demo", "1")
    with pytest.raises(SetupError, match=r"\.status\.scope"):
        await check(bare, settle=1.0)
    assert identity(bare) == before

    helm(bare, "uninstall", "demo")
    kept = json.loads(bare.kubectl("get", "crd", CRD_NAME, "-o", "json").stdout)
    assert KEEP.items() <= kept["metadata"]["annotations"].items()
    assert identity(bare) == before

    install(bare, CHART)
    await check(bare)
    assert identity(bare) == before
    bare.kubectl("delete", "dep", NAME, "-n", NAMESPACE)


@pytest.mark.parametrize("flags", [(), ("--server-side",)], ids=["client-side", "server-side"])
async def test_one_command_for_a_crd_of_any_origin(bare: Cluster, older: Path, flags: tuple[str, ...]) -> None:
    """Applied by hand, then Helm's, then a newer chart: the documented command makes Helm work each time."""
    bare.kubectl("apply", *flags, "-f", str(older / "files" / "crds" / CRD_FILE))
    with pytest.raises(CommandError, match=r"conflict|\.spec\.versions"):
        install(bare, CHART, "--take-ownership")
    helm(bare, "uninstall", "demo", "--ignore-not-found")
    documented(bare)
    install(bare, CHART, "--take-ownership")
    await check(bare)

    with pytest.raises(CommandError, match=r"conflict|\.spec\.versions"):  # a chart whose CRD differs from kubectl's
        install(bare, older)
    documented(bare)
    install(bare, CHART)
    await check(bare)


async def test_the_command_on_helms_own_crd(bare: Cluster, older: Path) -> None:
    """The release still owns the CRD afterwards, and keeps it."""
    install(bare, older)
    documented(bare)
    await check(bare)
    install(bare, CHART)
    helm(bare, "uninstall", "demo")
    await check(bare)


async def test_the_operator_recommends_that_command(bare: Cluster) -> None:
    """What it says at its start is what the README says and the tests type."""
    with pytest.raises(SetupError) as missing:
        await check(bare)
    assert COMMAND.search(str(missing.value)) is not None


def test_two_releases(bare: Cluster) -> None:
    """Helm refuses the second one while both install the CRD, and names the owner; it works without."""
    install(bare, CHART, "--set=watchNamespaces={default}", "--set=rbac.aggregate=false")
    second = ("install", "second", str(CHART), TOKEN, f"--set=watchNamespaces={{{NAMESPACE}}}")
    with pytest.raises(CommandError, match=r"cannot be imported.*release-name"):
        helm(bare, *second)
    helm(bare, *second, "--set=crds.install=false")

"""Fixtures that make worlds: the chart once per session, an operator with a cloud of its own per module or test."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from cluster.support import crd
from cluster.support.chart import CHART, RIGHTS_ONLY
from cluster.support.kube import KubeApi
from cluster.support.operator_process import OperatorProcess
from cluster.support.rights import until_in_force
from cluster.support.world import World
from controlplane import Cluster
from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_simulator.testing import running_simulator

SYSTEM: Final = "tokenfactory-system"
RELEASE: Final = "tokenfactory-operator"
TOKEN: Final = "canary-0f3a9c77e5d2"
"""The operator's token: must be found in nothing that people read."""
PROJECT: Final = "project-a"
DEFECTS: Final = ("Traceback", "which is a defect of the operator", TOKEN)
"""What no log may hold."""

WorldMaker = Callable[..., World]


@dataclass(frozen=True)
class Chart:
    """The installed chart's rights: a kubeconfig of its service account, and that account's user name."""

    kubeconfig: Path
    account: str

    @property
    def lease(self) -> str:
        """The Lease that this release may use: it has the name of the release's account."""
        return self.account.rpartition(":")[2]


@pytest.fixture(scope="session")
def chart(cluster: Cluster) -> Chart:
    """Install the chart as a user does, for all namespaces; it stays until the cluster goes."""
    crd.install(cluster)
    cluster.helm("install", RELEASE, str(CHART), "--namespace", SYSTEM, "--create-namespace", *RIGHTS_ONLY)
    kubeconfig = cluster.token_kubeconfig(SYSTEM, RELEASE)
    account = f"system:serviceaccount:{SYSTEM}:{RELEASE}"
    until_in_force(cluster, RELEASE, SYSTEM, account)
    return Chart(kubeconfig, account)


def with_secrets(cluster: Cluster, chart: Chart) -> Chart:
    """The chart once more, with the right to read Secrets; the CRD is there already."""
    values = (*RIGHTS_ONLY, "--set=rbac.aggregate=false", "--set=secretCredentials=true")
    cluster.helm("upgrade", "--install", "with-secrets", str(CHART), "--namespace", SYSTEM, *values)
    release = f"with-secrets-{RELEASE}"
    account = f"{chart.account.rpartition(':')[0]}:{release}"
    until_in_force(cluster, "with-secrets", SYSTEM, account)
    return Chart(cluster.token_kubeconfig(SYSTEM, release), account)


@pytest.fixture(scope="session")
def kube(cluster: Cluster) -> Iterator[KubeApi]:
    """The API server as admin."""
    with KubeApi(cluster) as client:
        yield client


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name that no other test uses, by which a failure can be told in the logs."""
    return f"{_readable(request.node.name)}-{secrets.token_hex(3)}"


def _readable(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower().removeprefix("test_"))[:40].strip("-")


@contextmanager
def made(
    cluster: Cluster,
    kube: KubeApi,
    chart: Chart,
    folder: Path,
    *,
    label: str,
    settings: Mapping[str, str],
    start: bool,
    cloud: Mapping[str, Any],
) -> Iterator[World]:
    """A world in a new namespace; its end asks that the operator's log shows no defect and no secret."""
    namespace = f"{_readable(label)}-{secrets.token_hex(4)}"
    kube.create_namespace(namespace)
    with running_simulator(tokens={TOKEN: PROJECT}, **cloud) as simulator:
        given = {
            "TOKEN": TOKEN,
            "API_URL": simulator.url,
            "WATCH_NAMESPACES": namespace,
            "LEASE_NAME": chart.lease,
            **settings,
        }
        operator = OperatorProcess(kubeconfig=chart.kubeconfig, log=folder / f"{namespace}.log", settings=given)
        try:
            if start:
                operator.start()
            yield World(cluster, kube, simulator.admin, operator, namespace, chart.account)
        finally:
            operator.kill()
            print(operator.log_text()[-20_000:])  # noqa: T201 - shown by pytest where the test failed
            _release(kube, namespace)
    found = [word for word in DEFECTS if word in operator.log_text()]
    assert not found, f"in the operator's log: {found}"


def _release(kube: KubeApi, namespace: str) -> None:
    """The objects go. The namespace stays until the control plane goes: its end costs more than most tests."""
    if not kube.has_namespace(namespace):
        return
    for item in kube.objects(namespace):
        if api.FINALIZER in item["metadata"].get("finalizers", []):
            kube.patch(namespace, item["metadata"]["name"], {"metadata": {"finalizers": None}})
    kube.delete_all(namespace)


@pytest.fixture(scope="module")
def shared_by_module(
    cluster: Cluster,
    kube: KubeApi,
    chart: Chart,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """The one world of a module."""
    label = request.node.name.rpartition("/")[2].removesuffix(".py")
    folder = tmp_path_factory.mktemp("world")
    with made(cluster, kube, chart, folder, label=label, settings={}, start=True, cloud={}) as world:
        yield world


@pytest.fixture
def shared(shared_by_module: World) -> Iterator[World]:
    """A world for all tests of a module that only touch objects of their own name; no fault outlives a test."""
    yield shared_by_module
    shared_by_module.cloud.clear_faults()


@pytest.fixture
def new_world(
    cluster: Cluster, kube: KubeApi, chart: Chart, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[WorldMaker]:
    """Makes worlds that end with the test: `new_world(start=True, settings={…}, **simulator_settings)`."""
    with ExitStack() as stack:

        def make(*, start: bool = True, settings: Mapping[str, str] | None = None, **cloud: object) -> World:
            return stack.enter_context(
                made(
                    cluster,
                    kube,
                    chart,
                    tmp_path,
                    label=request.node.name,
                    settings=settings or {},
                    start=start,
                    cloud=cloud,
                )
            )

        yield make

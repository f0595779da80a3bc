"""A release of the chart with a simulated cloud, on a cluster that somebody else has made: `make e2e` says which.

The environment says what these tests need to know: KUBECONFIG; E2E_ADDRESS, by which pods reach this process. The
image `tokenfactory-operator:dev` is on the nodes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from e2e.support import release as releases
from e2e.support import tls
from e2e.support.fleet import Fleet
from e2e.support.kubectl import kubectl
from e2e.support.logs import LogKeeper
from e2e.support.release import Release
from node.image import NAME
from tokenfactory_simulator.client import AdminClient
from tokenfactory_simulator.testing import running_simulator

TOKEN = "canary-5b2e7f10"


@dataclass
class Counts:
    """What the scenarios add up to."""

    lifecycles: int = 0
    kills: int = 0


@dataclass(frozen=True)
class Installed:
    """A release at work."""

    release: Release
    cloud: AdminClient
    logs: LogKeeper
    counts: Counts = field(default_factory=Counts)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The chart, installed once, with two replicas; uninstalled at the end by nobody: the cluster goes."""
    address = os.environ.get("E2E_ADDRESS")
    if not address or "KUBECONFIG" not in os.environ:
        pytest.exit("These tests need a cluster that has the image: run `make e2e`.", pytest.ExitCode.USAGE_ERROR)
    folder = tmp_path_factory.mktemp("e2e")
    authority = tls.certify(address, folder)
    with running_simulator(tokens={TOKEN: "project-a"}, provisioning_time="500ms") as cloud:
        port = urlsplit(cloud.url).port
        assert port is not None
        with tls.in_front_of(port, address=address, authority=authority) as url:
            release = Release(url, NAME, folder)
            release.prepare(token=TOKEN, certificate=authority.certificate)
            (folder / "logs").mkdir()
            with LogKeeper(releases.NAMESPACE, folder / "logs") as logs:
                release.install()
                yield Installed(release, cloud.admin, logs)


@pytest.fixture
def fleet(installed: Installed, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """Objects in a namespace of the test's own; they are deleted at the end, and none may leave an endpoint."""
    name = request.node.name.removeprefix("test_").translate({ord(sign): "-" for sign in "_[]"}).strip("-")[:60]
    kubectl("create", "namespace", name)
    made = Fleet(installed.cloud, name)
    yield made
    if installed.release.pods():
        made.delete()
        assert made.endpoints() == []


@pytest.fixture
def ends_clean(installed: Installed) -> Callable[[], None]:
    """Ask whether nothing that people read holds the token, and no log a defect."""

    def check() -> None:
        texts = installed.logs.texts()
        assert texts
        for pod, text in texts.items():
            assert TOKEN not in text, f"{pod} has logged the token"
            found = [line for line in text.splitlines() if "Traceback" in line or '"level": "critical"' in line]
            assert not found, f"{pod}: {found[0]}"

    return check

"""`make demo`, as a person or a pipeline runs it: what it says, how it ends, and that nothing is left afterwards."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from cluster.support.chart import CRD_NAME
from cluster.support.demo import Demo
from controlplane import Cluster
from docsite.terminal import lines_of

pytestmark = pytest.mark.cluster

ROOT: Final = Path(__file__).parents[2]
PICTURED: Final = [
    line
    for line in lines_of((ROOT / "docs" / "images" / "demo.svg").read_text(encoding="utf-8"))
    if line.startswith(("kubectl", "  ✓", "Comparing", "3 objects"))
]
"""Lines of the README's picture that each run prints."""
NAMESPACES: Final = ("tokenfactory-demo", "tokenfactory-demo-system")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Starts a demo; one that a failed test has not ended is killed, and its guards end the rest."""
    started: list[Demo] = []

    def begin(*arguments: str, **environment: str) -> Demo:
        started.append(Demo(tmp_path, *arguments, **environment))
        return started[-1]

    yield begin
    for demo in started:
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait()


def test_demo_from_apply_to_agreement(start: Callable[..., Demo]) -> None:
    """Three objects Ready, one changed, one deleted, cluster and cloud agree; status 0, nothing left."""
    demo = start("--provisioning=2", DEMO="once")
    assert demo.ended() == 0, demo.output
    for claim in (
        "  3 objects Ready\n",
        "gpt-oss-120b Ready at generation 2",
        "llama-3.3-70b is gone",
        "exactly one POST for each object that ever was: gpt-oss-120b: 1, gpt-oss-20b: 1, llama-3.3-70b: 1",
        "no endpoint was asked for by id: 0 calls",
        "at rest the cloud gets LISTs and nothing else: 4 LISTs",
        "helm shows the release as deployed",
    ):
        assert claim in demo.output
    assert "✗" not in demo.output
    assert demo.leftovers() == []
    assert {plain(line) for line in PICTURED} <= {plain(line) for line in demo.output.splitlines()}


def plain(line: str) -> str:
    """Without what differs from run to run: ids and numbers."""
    return re.sub(r"ep-[0-9a-f]+|\d+", "#", line)


@pytest.mark.verify
def test_a_world_that_is_wrong_ends_it_with_the_reason(start: Callable[..., Demo]) -> None:
    """The cloud refuses the operator's token: status 1, the condition's reason, the operator's log; nothing left."""
    demo = start("--operator-token=not-the-right-token", DEMO="once")
    assert demo.ended() == 1
    reported_first = "(gpt-oss-120b|gpt-oss-20b|llama-3.3-70b)"  # each may be
    assert re.search(f"The demo failed: {reported_first}: Synced=False, Unauthorized", demo.output)
    assert "[tokenfactory_operator.app]" in demo.output
    assert "not-the-right-token" not in demo.output
    assert demo.leftovers() == []


@pytest.mark.verify
def test_sigterm_in_the_middle_leaves_nothing(start: Callable[..., Demo]) -> None:
    """Ended while endpoints are starting: the signal's status, no process, no file."""
    demo = start("--provisioning=600", DEMO="once")
    demo.said("Ready=False Starting")
    demo.process.terminate()
    assert demo.ended() == 128 + signal.SIGTERM
    assert demo.leftovers() == []


@pytest.fixture(scope="module")
def somebodys() -> Iterator[Cluster]:
    """A cluster that is not the demo's, and that nobody has installed anything on."""
    with Cluster() as running:
        yield running


def on(cluster: Cluster) -> dict[str, str]:
    """The environment of a person whose current context is this cluster."""
    return {"CLUSTER": "current", "KUBECONFIG": str(cluster.kubeconfig), "PATH": cluster.env()["PATH"]}


@pytest.mark.verify
def test_a_cluster_of_somebody_else_is_used_after_asking_only(somebodys: Cluster, start: Callable[..., Demo]) -> None:
    """Without a terminal and without CONFIRM=yes: status 2, and the cluster as it was."""
    demo = start(**on(somebodys))
    assert demo.ended() == 2
    assert "CONFIRM=yes agrees in advance" in demo.output
    assert _traces(somebodys) == []


@pytest.mark.verify
def test_a_cluster_that_has_the_resource_is_refused(somebodys: Cluster, start: Callable[..., Demo]) -> None:
    """An operator that may run there would make real endpoints: status 2 whatever was confirmed."""
    somebodys.kubectl("create", "namespace", NAMESPACES[0])
    try:
        demo = start(CONFIRM="yes", **on(somebodys))
        assert demo.ended() == 2
        assert f"The cluster has the namespace {NAMESPACES[0]} already" in demo.output
    finally:
        somebodys.kubectl("delete", "namespace", NAMESPACES[0])


@pytest.mark.verify
def test_it_stays_and_cleans_up_a_cluster_of_somebody_else(somebodys: Cluster, start: Callable[..., Demo]) -> None:
    """With CLUSTER=current it says how to go on, stays until Ctrl-C, and takes away all that it brought."""
    demo = start("--provisioning=1", DEMO="stay", CONFIRM="yes", **on(somebodys))
    demo.said("kubectl get dep -n tokenfactory-demo -o wide")
    assert _traces(somebodys)
    demo.process.send_signal(signal.SIGINT)
    assert demo.ended() == 0, demo.output
    assert demo.leftovers() == []
    assert _traces(somebodys) == []


def _traces(cluster: Cluster) -> list[str]:
    """What of the demo is on a cluster."""
    kinds = "crd,namespaces,clusterroles,clusterrolebindings"
    names = cluster.kubectl("get", kinds, "-o", "name").stdout.split()
    return [name for name in names if "tokenfactory" in name or CRD_NAME in name]

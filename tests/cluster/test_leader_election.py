"""Two processes with one Lease on a real API server: who leads, what the other one does, and how it is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.operator_process import OperatorProcess
from cluster.support.worlds import Chart
from controlplane import Cluster
from faults.support.pair import LEASE, Pair, pair
from tokenfactory_operator.cli.run import EXIT_USAGE
from tokenfactory_operator.process.leadership import EXIT_LEASE_LOST

pytestmark = pytest.mark.cluster

SETTINGS = {"LEASE_DURATION": "5s"}


@pytest.fixture(scope="module")
def two(cluster: Cluster, kube: KubeApi, chart: Chart, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """One pair for all tests: each leaves two living processes, one of which leads."""
    folder = tmp_path_factory.mktemp("pair")
    with pair(cluster, kube, chart, folder, label="leader-election", settings=SETTINGS) as made:
        yield made


@pytest.mark.rule("W11")
def test_a_standby_is_ready_and_asks_the_cloud_nothing(two: Pair) -> None:
    """It says who leads; all that the cloud and the objects see comes from the leader."""
    leader = two.leader()
    standby = two.other(leader)
    holder = two.lease()["holderIdentity"]
    assert standby.operator.probe("readyz")
    said = f"leader: {holder}"
    eventually(lambda: all(said in seat.operator.served("/readyz") for seat in two.seats), what="who leads")
    two.world.created("of-the-leader")
    seen = lambda: standby.operator.metrics()["tokenfactory_objects", "True"] == 1  # noqa: E731 - one question
    eventually(seen, what="the object, by the watch of the standby")
    counted = standby.operator.metrics()
    assert sum(value for (name, _), value in counted.items() if name == "tokenfactory_cloud_requests_total") == 0
    assert sum(value for (name, _), value in counted.items() if name == "tokenfactory_kube_writes_total") == 0
    two.world.delete("of-the-leader")
    two.world.until_gone("of-the-leader")


@pytest.mark.rule("W13")
def test_an_orderly_end_hands_over_at_once(two: Pair) -> None:
    """SIGTERM: the lease is released, the process ends with status 0, and the other one works on."""
    leader = two.leader()
    standby = two.other(leader)
    holder = two.lease()["holderIdentity"]
    assert leader.operator.stop() == 0
    assert leader.operator.log_lines()[-1]["message"] == "stopped"
    assert two.lease().get("holderIdentity") != holder, "the lease was not released"
    eventually(lambda: standby.leads, what="the standby leads")
    two.world.created("of-the-next")
    leader.operator.start()
    assert two.leader() is standby
    two.world.delete("of-the-next")
    two.world.until_gone("of-the-next")


@pytest.mark.rule("W10")
def test_a_deleted_lease_stays_its_leaders(two: Pair) -> None:
    """A person deletes it: its leader makes it anew, and nobody else takes the moment for a free one."""
    leader, holder = two.leader(), two.lease()["holderIdentity"]
    two.world.cluster.kubectl("delete", "lease", LEASE, "--namespace", two.world.namespace)
    eventually(lambda: LEASE in _leases(two), what="the lease made anew")
    eventually(lambda: two.lease()["holderIdentity"] == holder, what="its leader's name in it")
    assert two.leader() is leader


@pytest.mark.rule("W12")
def test_a_lease_that_a_person_takes_away_ends_the_leader(two: Pair) -> None:
    """It ends at once with a sentence and a status of its own; somebody leads after the stated time."""
    leader = two.leader()
    # Longer than a busy machine may keep the leader from its next renewal: until then the other one must not take over.
    change = '{"spec": {"holderIdentity": "a-person", "leaseDurationSeconds": 5}}'
    path = ("lease", LEASE, "--namespace", two.world.namespace)
    two.world.cluster.kubectl("patch", *path, "--type=merge", f"--patch={change}")
    assert leader.operator.wait() == EXIT_LEASE_LOST
    assert "a-person holds it now" in leader.operator.log_text()
    leader.operator.start()
    eventually(lambda: sum(seat.leads for seat in two.seats) == 1, what="somebody leads")


@pytest.mark.rule("W14")
def test_without_election_a_second_process_does_not_start(two: Pair, chart: Chart, tmp_path: Path) -> None:
    """Somebody renews the Lease: it ends with a sentence that says so."""
    two.leader()
    single = OperatorProcess(
        kubeconfig=chart.kubeconfig, log=tmp_path / "log", settings={**_given(two), "LEADER_ELECTION": "false"}
    )
    single.start(wait=False)
    assert single.wait() == EXIT_USAGE
    assert f"renews the Lease {two.world.namespace}/{LEASE}: two operators would act at once" in single.log_text()


def test_a_missing_right_on_the_lease_is_told(two: Pair, chart: Chart, tmp_path: Path) -> None:
    """A process that may not use its Lease would never lead: it ends at the start, and says what is missing."""
    other = OperatorProcess(
        kubeconfig=chart.kubeconfig, log=tmp_path / "log", settings={**_given(two), "LEASE_NAME": "another"}
    )
    other.start(wait=False)
    assert other.wait() == EXIT_USAGE
    sentence = other.log_text().partition("The operator's Kubernetes account may not ")[2]
    assert "leases" in sentence, other.log_text()
    assert two.world.namespace in sentence


def _leases(two: Pair) -> str:
    return two.world.cluster.kubectl("get", "leases", "--namespace", two.world.namespace, "--output=name").stdout


def _given(two: Pair) -> dict[str, str]:
    operator = two.seats[0].operator
    names = ("TOKEN", "API_URL", "WATCH_NAMESPACES", "LEADER_ELECTION", "LEASE_NAME", "LEASE_NAMESPACE")
    return {name: operator.setting(name) for name in names}

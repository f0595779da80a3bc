"""Flux's own controllers sync endpoints from Git: edits, prune, bad specs, suspension, no drift loop."""

from __future__ import annotations

from typing import Final

import pytest

from cluster.support.eventually import eventually
from cluster.support.operator_process import PATIENT
from cluster.support.world import World
from gitops.support.synced import Synced, endpoint

pytestmark = [pytest.mark.cluster, pytest.mark.verify]

INTERVALS: Final = 20
SETTINGS: Final = PATIENT


def test_edit_and_prune(shared: World, synced: Synced, name: str) -> None:
    """An edit in Git is one PATCH at the cloud; a file removed from Git is one DELETE, and the endpoint is gone."""
    synced.git.write({"kept.yaml": endpoint(f"{name}-kept"), "endpoint.yaml": endpoint(name)})
    synced.begin(shared.namespace)
    shared.until_ready(name)
    synced.until_ready(synced.git.write({"endpoint.yaml": endpoint(name, displayName="renamed")}))
    assert shared.endpoint(name)["name"] == "renamed"
    assert [call["body"] for call in shared.calls(name, "PATCH")] == [{"name": "renamed"}]

    synced.until_ready(synced.git.write({"endpoint.yaml": None}))
    shared.until_gone(name)
    assert not shared.endpoints(name)
    assert len(shared.calls(name, "POST")) == len(shared.calls(name, "DELETE")) == 1
    assert shared.get(f"{name}-kept").ready


def test_bad_edit(shared: World, synced: Synced, name: str) -> None:
    """What the schema refuses fails the Kustomization with our message, and nothing reaches the cloud."""
    synced.git.write({"endpoint.yaml": endpoint(name)})
    synced.begin(shared.namespace)
    shared.until_ready(name)
    synced.git.write({"endpoint.yaml": endpoint(name, region="us-central1")})
    failed = synced.flux.until_failed(synced.kustomization, "ReconciliationFailed")
    assert "region is immutable" in failed.message
    assert not shared.calls(name, "PATCH")
    assert shared.get(name).ready
    synced.until_ready(synced.git.write({"endpoint.yaml": endpoint(name)}))


def test_refused_by_the_cloud(shared: World, synced: Synced, name: str) -> None:
    """What the cloud refuses stalls the object: the Kustomization fails and names it before its timeout."""
    shared.faulty(name, "POST", effect="status", code=422, message="no such flavor")
    synced.git.write({"endpoint.yaml": endpoint(name)})
    synced.begin(shared.namespace)
    failed = synced.flux.until_failed(synced.kustomization, "HealthCheckFailed")
    assert f"stalled resources: [DedicatedEndpoint/{shared.namespace}/{name} " in failed.message
    assert "no such flavor" in shared.get(name).said("Stalled").message
    shared.cloud.clear_faults()
    synced.until_ready(synced.git.write({"endpoint.yaml": endpoint(name, displayName="repaired")}))
    assert shared.get(name).ready


def test_suspend_and_resume(shared: World, synced: Synced, name: str) -> None:
    """While suspended nothing of Git arrives and a person's edit stays; resumed, Git wins, by one PATCH."""
    before = synced.git.write({"endpoint.yaml": endpoint(name)})
    synced.begin(shared.namespace)
    synced.until_ready(before)
    synced.suspend(True)
    shared.edit(name, displayName="by hand")
    shared.until_called(name, "PATCH")
    commit = synced.git.write({"endpoint.yaml": endpoint(name, displayName="from Git")})
    synced.until_fetched(commit)
    shared.after_lists()
    assert shared.get(name).body["spec"]["displayName"] == "by hand"
    synced.suspend(False)
    synced.until_ready(commit)
    assert [call["body"] for call in shared.calls(name, "PATCH")] == [{"name": "by hand"}, {"name": "from Git"}]


def test_no_drift_loop(shared: World, synced: Synced, name: str) -> None:
    """Over 20 of Flux's intervals nobody writes to an object in order, with its replicas set by somebody else."""
    text = endpoint(name, scaling={"maxReplicas": 3})
    commit = synced.git.write({"endpoint.yaml": text})
    synced.begin(shared.namespace)
    synced.until_ready(commit)
    shared.cluster.kubectl("scale", "dep", name, "-n", shared.namespace, "--replicas=2")

    def at_rest() -> bool:
        """In one look: Ready is what it is while it is being scaled, too."""
        seen = shared.get(name)
        shown = [seen.status.get(field) for field in ("state", "readiness", "replicas")]
        assert seen.ready, seen.summary()
        assert shown == ["Running", "Ready", 2], seen.status
        return seen.generation == 2

    eventually(at_rest)
    reconciled(synced, 1)  # the audit log gets the last write a moment after its answer
    before = shared.get(name)
    writes, calls = shared.writes(name), shared.now()
    by_flux = synced.flux.writes(shared.namespace)
    assert by_flux
    reconciled(synced, INTERVALS)
    after = shared.get(name)
    assert (after.generation, after.version) == (before.generation, before.version)
    assert after.body["spec"]["scaling"] == {"minReplicas": 2, "maxReplicas": 3}
    assert synced.flux.writes(shared.namespace) == by_flux
    assert shared.writes(name) == writes
    assert shared.lists(since=calls)
    assert [shared.calls(name, method, since=calls) for method in ("POST", "PATCH", "DELETE")] == [[], [], []]


def reconciled(synced: Synced, more: int) -> None:
    """Wait until Flux has reconciled the Kustomization so many times more, as its history counts."""

    def count() -> int:
        history = synced.flux.get(synced.kustomization)["status"]["history"]
        return sum(int(item["totalReconciliations"]) for item in history)

    before = count()
    eventually(lambda: count() >= before + more, what=f"{more} more reconciles")

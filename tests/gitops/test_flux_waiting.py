"""Flux while an endpoint waits for a GPU: what a time-out does to a Kustomization and to a HelmRelease."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from cluster.support.crd import SAMPLES
from cluster.support.eventually import eventually
from cluster.support.world import World
from gitops.support.synced import Synced, named, sample

pytestmark = [pytest.mark.cluster, pytest.mark.verify]

CHART: Final = Path(__file__).parents[1] / "cluster" / "data" / "one-endpoint"
POOL: Final = "eu-west1/gpu-h200-sxm"
HELM_POOL: Final = "eu-north1/gpu-h100-sxm"
NAMES: Final = ("gpt-oss-120b", "gpt-oss-20b", "llama-3.3-70b")


def test_ready_when_every_endpoint_is(shared: World, synced: Synced) -> None:
    """A Kustomization that waits fails at its time-out, deletes nothing, and is Ready when all endpoints are."""
    shared.cloud.set_capacity(POOL, 0)
    commit = synced.git.copy(SAMPLES, "production")
    synced.begin(shared.namespace, path="./production")
    for name in NAMES[:2]:
        shared.until_ready(name)
    eventually(lambda: shared.endpoint(NAMES[2])["waiting_for_gpus"])
    eventually(lambda: synced.flux.said(synced.kustomization).status == "Unknown", what="a Kustomization that waits")
    assert "timeout" in synced.flux.until_failed(synced.kustomization, "HealthCheckFailed").message
    shared.cloud.set_capacity(POOL, None)
    synced.until_ready(commit)
    assert all(shared.get(name).ready for name in NAMES)
    assert len(shared.calls(NAMES[2], "POST")) == 1
    assert not shared.calls(NAMES[2], "DELETE")


def waiting_release(shared: World, synced: Synced, **strategy: object) -> str:
    """A HelmRelease of a chart with one endpoint, once its time-out has ended before there is a GPU."""
    shared.cloud.set_capacity(HELM_POOL, 0)
    synced.git.copy(CHART, "chart")
    source = named(sample("endpoints.yaml", "GitRepository"), synced.name, url=synced.git.url, interval="1s")
    chart = {"chart": "./chart", "sourceRef": {"kind": "GitRepository", "name": synced.name}, "interval": "1s"}
    release = sample("operator.yaml", "HelmRelease")
    quick = named(
        release,
        synced.name,
        chart={"spec": chart},
        releaseName=synced.name,
        targetNamespace=shared.namespace,
        storageNamespace=shared.namespace,
        interval="5s",
        timeout="5s",
        values={},
        install={**release["spec"]["install"], **strategy},
    )
    synced.flux.apply(source, quick)
    name = f"helmrelease/{synced.name}"
    synced.flux.until(name, lambda found: "installFailures" in found.get("status", {}))
    return name


def test_helm_release_is_tried_again(shared: World, synced: Synced, name: str) -> None:
    """With `RetryOnFailure` a release that times out keeps its endpoint, which becomes Ready when there is a GPU."""
    release = waiting_release(shared, synced, strategy={"name": "RetryOnFailure", "retryInterval": "1s"})
    waiting = eventually(lambda: shared.endpoint(name))["id"]
    assert shared.get(name).said("Reconciling").status == "True"
    shared.cloud.set_capacity(HELM_POOL, None)
    synced.flux.until_ready(release)
    assert shared.endpoint(name)["id"] == waiting
    assert not shared.calls(name, "DELETE")
    synced.flux.delete(release)
    shared.until_gone(name)
    assert not shared.endpoints(name)


def test_helm_release_is_remediated(shared: World, synced: Synced, name: str) -> None:
    """With remediation a release that times out is uninstalled, and the endpoint that waits for a GPU is deleted."""
    release = waiting_release(shared, synced, strategy={"name": "RemediateOnFailure"}, remediation={"retries": 1})
    shared.until_called(name, "DELETE")
    shared.cloud.set_capacity(HELM_POOL, None)
    synced.flux.delete(release)
    shared.until_gone(name)
    assert not shared.endpoints(name)

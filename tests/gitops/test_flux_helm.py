"""A HelmRelease: the operator's own chart, from Git, on a cluster that has never seen it.

There are no nodes, so nothing runs the Deployment, and the release does not wait for it. That its pods become ready
is what `make e2e` shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cluster.support.chart import CHART, CRD_NAME
from cluster.support.crd import create, until_established
from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from controlplane import Cluster
from gitops.support.flux import Flux
from gitops.support.git_server import GitServer, Repository
from gitops.support.synced import named, sample

pytestmark = [pytest.mark.cluster, pytest.mark.verify]

NAME, NAMESPACE = "tokenfactory-operator", "tokenfactory-system"
RELEASE = f"helmrelease/{NAME}"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One of these tests' own: the CRD is not there yet."""
    with Cluster() as running:
        yield running


@pytest.fixture
def repository(git: GitServer) -> Repository:
    """The operator's repository, as far as the sample needs it."""
    made = git.repository(NAME)
    made.copy(CHART, "helm/tokenfactory-operator")
    return made


def deployment(cluster: Cluster) -> dict[str, Any]:
    """The operator's, as stored."""
    stored: dict[str, Any] = json.loads(
        cluster.kubectl("get", "deployment", NAME, "-n", NAMESPACE, "-o", "json").stdout
    )
    return stored


def test_install_upgrade_uninstall(cluster: Cluster, flux: Flux, repository: Repository) -> None:
    """The sample installs chart and CRD; a commit upgrades; its removal keeps the CRD and with it every object."""
    cluster.kubectl("create", "namespace", NAMESPACE)
    source = named(
        sample("operator.yaml", "GitRepository"), NAME, url=repository.url, interval="1s", ref={"branch": "main"}
    )
    release = sample("operator.yaml", "HelmRelease")
    unwaited = {step: {**release["spec"][step], "disableWait": True} for step in ("install", "upgrade")}
    flux.apply(source, named(release, NAME, interval="5s", **unwaited))
    flux.until_ready(RELEASE)
    assert deployment(cluster)["spec"]["replicas"] == 2
    until_established(cluster, CRD_NAME)
    eventually(lambda: not cluster.kubectl("get", CRD_NAME, check=False).returncode, what="the resource to be served")
    with KubeApi(cluster) as kube:
        kept = create(kube, "default")

    values = repository.folder / "helm" / NAME / "values.yaml"
    text = values.read_text(encoding="utf-8")
    assert text.count("\nreplicas: 2\n") == 1
    repository.write({str(values): text.replace("\nreplicas: 2\n", "\nreplicas: 3\n")})
    eventually(lambda: deployment(cluster)["spec"]["replicas"] == 3, what="the upgrade")
    flux.until_ready(RELEASE)

    flux.delete(RELEASE)
    left = cluster.kubectl("get", "deployment,serviceaccount,role", "-n", NAMESPACE, "-o", "name").stdout.split()
    assert left == ["serviceaccount/default"]
    found = json.loads(cluster.kubectl("get", "dep", "subject", "-n", "default", "-o", "json").stdout)
    assert found["metadata"]["uid"] == kept["metadata"]["uid"]

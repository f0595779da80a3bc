"""Flux beside the test control plane, and what it syncs: fixtures of all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster.support.kube import KubeApi
from cluster.support.world import World
from cluster.support.worlds import Chart, made
from controlplane import Cluster
from gitops.support.flux import Flux, running_flux
from gitops.support.git_server import GitServer, running_git_server
from gitops.support.synced import Synced


@pytest.fixture(scope="module")
def flux(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flux]:
    """The controllers, for all tests here."""
    with running_flux(cluster, tmp_path_factory.mktemp("flux")) as running:
        yield running


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """The Git server, for all tests here."""
    with running_git_server(tmp_path_factory.mktemp("git")) as running:
        yield running


@pytest.fixture(scope="module")
def shared_by_module(
    cluster: Cluster,
    kube: KubeApi,
    chart: Chart,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """The one world of a module, with the settings that the module names."""
    label, settings = request.node.path.stem, getattr(request.module, "SETTINGS", {})
    folder = tmp_path_factory.mktemp("world")
    with made(cluster, kube, chart, folder, label=label, settings=settings, start=True, cloud={}) as world:
        yield world


@pytest.fixture
def synced(flux: Flux, git: GitServer, name: str) -> Iterator[Synced]:
    """An empty repository, not yet synced; what Flux has made of it goes with the test."""
    repository = Synced(flux, git.repository(name), name)
    yield repository
    repository.end()

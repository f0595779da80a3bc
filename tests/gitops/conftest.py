"""Flux beside the test control plane, and what it syncs: fixtures of all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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


@pytest.fixture
def synced(flux: Flux, git: GitServer, name: str) -> Iterator[Synced]:
    """An empty repository, not yet synced; what Flux has made of it goes with the test."""
    made = Synced(flux, git.repository(name), name)
    yield made
    made.end()

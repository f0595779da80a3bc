"""A control plane of their own for these tests: they install and remove the CRD, which others rely on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster.support import crd
from controlplane import Cluster


@pytest.fixture(scope="session")
def bare_cluster() -> Iterator[Cluster]:
    """A control plane without the CRD; whoever installs it removes it."""
    with Cluster() as running:
        yield running


@pytest.fixture(scope="module")
def with_crd(bare_cluster: Cluster) -> Iterator[Cluster]:
    """The same with the CRD, for one module."""
    crd.install(bare_cluster)
    yield bare_cluster
    bare_cluster.kubectl("delete", "crd", crd.CRD_NAME, "--timeout=60s", timeout=90)

"""A control plane of their own for these tests: they install and remove the CRD, which others rely on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controlplane import Cluster


@pytest.fixture(scope="session")
def bare_cluster() -> Iterator[Cluster]:
    """A control plane without the CRD; whoever installs it removes it."""
    with Cluster() as running:
        yield running

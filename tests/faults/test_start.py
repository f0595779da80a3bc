"""The network to the API server fails while the operator starts, and comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.worlds import Chart
from controlplane import Cluster
from faults.support.proxied import proxied_kube
from faults.support.tcp import Fault, Mode

pytestmark = pytest.mark.cluster


def test_no_network_at_the_start(cluster: Cluster, kube: KubeApi, chart: Chart, tmp_path: Path) -> None:
    """Connections that are reset are made again: the same process becomes ready once they hold."""
    with proxied_kube(cluster, kube, chart, tmp_path, label="start", settings={}) as (world, proxy):
        operator = world.operator
        operator.kill()
        proxy.set(Fault(Mode.CUT))
        met = proxy.accepted
        operator.start(wait=False)
        eventually(lambda: proxy.accepted >= met + 3, what="its third connection")
        assert operator.running, operator.log_text()
        assert not operator.probe("readyz")
        proxy.set(Fault())
        eventually(lambda: operator.probe("readyz"), what="readiness")

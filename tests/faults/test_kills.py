"""The operator is killed at every boundary of its calls, in every flow, on the real API server.

That is for `make verify`; `make test` has the boundaries of one call of each flow.

Each flow is run once to the end to learn its boundaries (the rule of counting is in `support/points`), and then once
for each of them: SIGKILL there, a new process, and the three promises. Never two: by the simulator's record, at every
moment. Nothing left: at the moment at which the object is gone. No lie: at the moment at which it says Ready.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Final

import pytest

from cluster.support.kube import KubeApi
from cluster.support.worlds import Chart
from controlplane import Cluster
from faults.support.campaign import Tally, explore, strike
from faults.support.flows import FLOWS, Flow
from faults.support.proxy import ProxyHost
from faults.support.stage import Stage, staged

pytestmark = pytest.mark.cluster

STAGES: Final = 4
"""Runs side by side; most of a run is waiting."""


@pytest.fixture(scope="module")
def stages(
    cluster: Cluster, kube: KubeApi, chart: Chart, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Stage]]:
    """Places for runs, shared by all flows."""
    folder = tmp_path_factory.mktemp("kills")
    with ExitStack() as stack:
        host = stack.enter_context(closing(ProxyHost()))
        yield [stack.enter_context(staged(cluster, kube, chart, folder, host=host)) for _ in range(STAGES)]


@pytest.fixture(scope="module")
def tallies() -> list[Tally]:
    """Collects what the flows came to."""
    return []


def _total(tallies: list[Tally]) -> str:
    return (
        f"in all {sum(tally.boundaries for tally in tallies)} boundaries of {len(tallies)} flows,"
        f" {sum(len(tally.runs) for tally in tallies)} runs, {sum(tally.lives for tally in tallies)} processes,"
        f" {sum(len(tally.violations) for tally in tallies)} violations"
    )


@pytest.mark.parametrize("flow", [pytest.param(flow, id=flow.name) for flow in FLOWS])
def test_killed_at_its_change(flow: type[Flow], stages: list[Stage]) -> None:
    """Killed before the call with the most to lose, after it, and while it is on its way: as at every call."""
    runs = strike(flow, stages)
    assert not [run for run in runs if run.wrong], "\n".join(map(str, runs))
    assert [run.target for run in runs if not run.met] == []


@pytest.mark.verify
@pytest.mark.parametrize("flow", [pytest.param(flow, id=flow.name) for flow in FLOWS])
def test_killed_at_every_call(
    flow: type[Flow], stages: list[Stage], tallies: list[Tally], tell: Callable[[str], None]
) -> None:
    """Wherever the operator dies in this flow, the next one ends it: one endpoint or none, and no false word."""
    tally = explore(flow, stages)
    tallies.append(tally)
    tell(str(tally))
    assert not tally.violations, "\n".join(map(str, tally.violations))
    assert not tally.unmet, f"never reached: {', '.join(map(str, tally.unmet))}"
    assert tally.boundaries >= flow.fewest


@pytest.mark.verify
def test_sum(tallies: list[Tally], tell: Callable[[str], None]) -> None:
    """Over all flows that were selected."""
    tell(f"kills: {_total(tallies)}")
    assert tallies

"""What the operator keeps of an object is what it needs of it, whatever others put there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from bench.processes import usage
from cluster.support.eventually import eventually
from cluster.support.secrets import LABEL
from cluster.support.world import World
from cluster.support.worlds import Chart, WorldMaker, with_secrets
from controlplane import Cluster
from unit.api.invalid_specs import valid_spec

pytestmark = [pytest.mark.cluster, pytest.mark.verify]

OBJECTS: Final = 150
SECRETS: Final = 100
FOREIGN: Final = 200_000
"""Characters of other people's annotations on each object; the API server takes 256 KiB."""
DATA: Final = 700_000
"""Bytes in each Secret; the API server takes 1 MiB."""
MOST: Final = 1.6
"""The highest resident memory of a life, next to that with the same number of plain objects."""


@pytest.fixture(scope="session")
def chart(cluster: Cluster, chart: Chart) -> Chart:
    """With the right to read Secrets."""
    return with_secrets(cluster, chart)


@pytest.fixture
def world(new_world: WorldMaker) -> World:
    """Objects that ask for no endpoint, and Secrets that nobody names, before the operator starts."""
    world = new_world(start=False, settings={"SECRET_CREDENTIALS": "true"})
    _each(OBJECTS, lambda number: world.kube.create(world.namespace, f"dep-{number}", valid_spec(enabled=False)))
    _each(
        SECRETS,
        lambda number: world.kube.create_secret(world.namespace, f"key-{number}", {"token": "any-token"}, LABEL),
    )
    return world


def _each(count: int, write: Callable[[int], object]) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(count)))


def _peak(world: World) -> float:
    """MiB that one life of the operator has had resident at most, until every object was looked at and a bit more."""
    world.operator.start()

    def reported() -> bool:
        return all("conditions" in world.get(f"dep-{number}").status for number in range(OBJECTS))

    eventually(reported, what="a status of each object", within=180.0)
    world.after_lists(3)
    assert world.operator.probe("livez")
    peak = usage(world.operator.pid).peak_mib
    assert world.operator.stop() == 0
    return peak


def test_foreign_weight(world: World, tell: Callable[[str], None]) -> None:
    """Annotations of 200 kB on each object and Secrets of 700 kB cost next to nothing, at a start and while watched."""
    _peak(world)
    plain = _peak(world)
    heavy = {"metadata": {"annotations": {"example.com/foreign": "x" * FOREIGN}}}
    _each(OBJECTS, lambda number: world.kube.patch(world.namespace, f"dep-{number}", heavy))
    annotated = _peak(world)
    value = "x" * DATA
    _each(SECRETS, lambda number: world.kube.write_secret(world.namespace, f"key-{number}", {"spare": value}))
    full = _peak(world)
    tell(f"{OBJECTS} objects, {SECRETS} Secrets: plain {plain:.0f} MiB, annotated {annotated:.0f}, full {full:.0f}")
    assert max(annotated, full) < plain * MOST

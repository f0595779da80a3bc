"""Budgets: what a lifecycle costs the API server and the cloud, counted in the audit log and the simulator's record."""

from __future__ import annotations

from collections import Counter

import pytest

from cluster.support.eventually import eventually
from cluster.support.operator_process import PATIENT
from cluster.support.world import World
from cluster.support.worlds import WorldMaker

pytestmark = pytest.mark.cluster

METADATA = "patch 200"
STATUS = "patch status 200"
CREATE = [METADATA, STATUS, STATUS, STATUS]
"""Finalizer; attempt opened; endpoint's id; Ready."""


def settled(world: World, name: str) -> list[str]:
    """The writes to an object, once a few more LISTs have brought none, and the log has them all."""
    world.after_lists()
    version = world.get(name).version
    world.after_lists()
    assert world.get(name).version == version
    return world.writes(name)


def test_create_costs_four_writes(shared: World, name: str) -> None:
    """One for the finalizer, three for the status: attempt opened, id, Ready."""
    shared.created(name)
    assert settled(shared, name) == CREATE


def test_each_further_state_costs_one_write(new_world: WorldMaker) -> None:
    """Each state that the cloud shows between, here the first of two replicas, is one write more."""
    world = new_world(settings=PATIENT, provisioning_time=1, replica_interval=600)
    world.create("subject", scaling={"minReplicas": 2, "maxReplicas": 2})
    world.until_shown("subject", "Starting", "PartiallyReady")
    world.cloud.advance(600)
    world.until_ready("subject")
    assert settled(world, "subject") == [*CREATE, STATUS]


def test_disabled_object_costs_one_write(shared: World, name: str) -> None:
    """An object for which nothing is to be created is told so once, and is not held by a finalizer."""
    shared.create(name, enabled=False)
    shared.until_reported(name, "Ready", "Stopped")
    assert settled(shared, name) == [STATUS]
    assert not shared.get(name).held


def test_delete(shared: World, name: str) -> None:
    """A deletion costs few writes: what is being done, and the finalizer's end."""
    shared.created(name)
    before = len(settled(shared, name))
    shared.delete(name)
    shared.until_gone(name)
    # The object is gone a moment before the log has the write that let it go.
    eventually(lambda: METADATA in shared.writes(name)[before:], what="the finalizer's end in the log")
    shared.after_lists()
    spent = shared.writes(name)[before:]
    assert spent[-1] == METADATA
    assert Counter(spent)[METADATA] == 1
    assert len(spent) <= 3


def test_steady_state(shared: World, name: str) -> None:
    """In order nothing is written, and the cloud sees LISTs only, whoever touches labels or annotations."""
    seen = shared.created(name)
    settled(shared, name)
    since = shared.now()
    writes = len(shared.writes())
    shared.kube.patch(shared.namespace, name, {"metadata": {"labels": {"team": "ml"}, "annotations": {"a": "b"}}})
    shared.after_lists(5)
    assert len(shared.writes()) == writes
    assert {call["operation"] for call in shared.cloud.calls(since=since)} == {"list"}
    assert shared.get(name).status == seen.status


def test_a_fleet_is_created_without_calls_by_id(new_world: WorldMaker) -> None:
    """Many creates cost one POST each and LISTs, never a GET by id, and four writes each."""
    world = new_world(settings={"RATE_LIMIT": "500", **PATIENT}, provisioning_time=3)
    names = [f"subject-{number}" for number in range(20)]
    for each in names:
        world.create(each)
    for each in names:
        world.until_ready(each)
    operations = world.cloud.summary()["operations"]
    assert set(operations) == {"list", "create", "templates"}
    assert operations["templates"] == 1
    assert operations["create"] == len(names)
    eventually(lambda: Counter(world.writes()) == Counter(CREATE * len(names)), what="four writes each")

"""`why` on the real API server and the simulator: how an object stands, and what to type, in each kind of state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cluster.support.cli import Cli, cli
from cluster.support.installed import install, uninstall_all
from cluster.support.world import World
from cluster.support.worlds import TOKEN, WorldMaker
from controlplane import Cluster
from tokenfactory_operator.api import v1alpha1 as api

pytestmark = pytest.mark.cluster


@pytest.fixture
def world(new_world: WorldMaker, cluster: Cluster) -> Iterator[World]:
    """An operator that runs, and is installed."""
    made = new_world()
    install(made)
    yield made
    uninstall_all(cluster)


def administrator(world: World) -> Cli:
    return cli(world.cluster.kubeconfig)


def reported(world: World, name: str = "subject", *, code: int) -> dict[str, Any]:
    """The story of one object, for programs."""
    ran = administrator(world).done("why", name, "-n", world.namespace, "-o", "json", code=code)
    assert TOKEN not in ran.out
    answer: dict[str, Any] = ran.json
    return answer


def test_ready(world: World) -> None:
    """Nobody has to act, and nothing is to be typed; the endpoint is as the cloud shows it."""
    endpoint_id = world.created("subject").endpoint_id
    world.until_event("subject", "CreatedEndpoint")  # Events are written in the background
    found = reported(world, code=0)
    assert (found["state"], found["reason"], found["waitsFor"], found["next"]) == ("Ready", "Available", "", "")
    assert found["endpoint"] == f"{endpoint_id}: running, ready, 1 of 1 replicas ready"
    assert found["credential"] == "the operator's own"
    assert found["attempt"]["state"] == "Created"
    assert [item["type"] for item in found["conditions"]] == ["Synced", "Ready", "Serving"]
    assert "CreatedEndpoint" in [item["reason"] for item in found["events"]]


def test_a_typo_for_people(world: World) -> None:
    """The valid choice stands in the first line, and the command that corrects it in the last one."""
    world.create("subject", model="openai/gpt-oss-12b")
    world.until_stalled("subject", "CatalogMismatch")
    lines = administrator(world).done("why", "subject", "-n", world.namespace, code=2).out.splitlines()
    assert lines[0].startswith(f"✗ {world.namespace}/subject is stalled: CatalogMismatch: ")
    assert 'Did you mean "openai/gpt-oss-120b"?' in lines[0]
    assert lines[-2:] == ["Waits for: a person", f"Next: kubectl -n {world.namespace} edit dep subject"]
    (spec,) = [line for line in lines if line.startswith("Spec")]
    assert spec.split(maxsplit=1)[1] == (
        "openai/gpt-oss-12b, base, 1 x gpu-h100-sxm, 1 to 4 replicas, eu-north1 (generation 1)"
    )


def test_an_open_create_call(world: World) -> None:
    """Until when it is waited for, and that nothing is to be typed yet."""
    world.operator.kill()
    world.operator.configure(CREATE_SETTLE="60s", DELETE_SETTLE="60s", LOST_SETTLE="60s")
    world.operator.start()
    world.faulty("subject", "POST", effect="status", code=500, count=1)
    world.create("subject")
    world.until_reported("subject", "Synced", "CreateOutcomeUnknown")
    found = reported(world, code=2)
    assert (found["reason"], found["waitsFor"]) == ("CreateOutcomeUnknown", "the operator")
    assert found["until"].startswith("about ")
    assert found["next"].startswith("wait: ")
    assert found["attempt"]["state"] == "Pending"
    assert found["endpoint"] == "none yet"


@pytest.mark.parametrize(
    ("prepare", "reason", "says"),
    [
        pytest.param({"endpointId": "ep-nowhere"}, "Forbidden", "the namespace the setting", id="may not adopt"),
        pytest.param(
            {"credentials": {"secretRef": {"name": "team"}}}, "CredentialsMissing", "get secrets", id="Secret"
        ),
    ],
)
def test_what_to_type(world: World, prepare: dict[str, Any], reason: str, says: str) -> None:
    """By the reason."""
    if "endpointId" in prepare:
        prepare = {
            "endpointId": world.cloud.console_create(
                name="x",
                model_name="openai/gpt-oss-120b",
                flavor_name="base",
                region="eu-north1",
                gpu_type="gpu-h100-sxm",
                gpu_count=1,
                scaling={"min_replicas": 1, "max_replicas": 4},
            )["id"]
        }
    world.create("subject", **prepare)
    world.until_stalled("subject", reason)
    found = reported(world, code=2)
    assert found["reason"] == reason
    assert says in found["next"]
    if "credentials" in prepare:
        assert found["credential"] == "the Secret team, but this operator does not read Secrets"


def test_nobody_has_judged_it(world: World) -> None:
    """No operator runs: the spec was never looked at, or another one was."""
    world.created("before")
    world.operator.kill()
    world.edit("before", scaling={"minReplicas": 2})
    world.create("subject")
    found = reported(world, code=2)
    assert (found["reason"], found["next"]) == ("NotJudged", "kubectl tokenfactory doctor")
    assert found["message"] == "No operator has judged generation 1 yet."
    assert reported(world, "before", code=2)["message"].endswith("What it says is about generation 1.")


def test_being_deleted_and_paused(world: World) -> None:
    """Both are said, and what becomes of the endpoint."""
    world.created("subject", deletionPolicy="Retain")
    world.annotate("subject", api.PAUSED, "true")
    world.delete("subject")
    world.until_reported("subject", "Synced", "ReconcilePaused")
    ran = administrator(world).done("why", "subject", "-n", world.namespace, code=2)
    assert "is being deleted" in ran.out.splitlines()[0]
    assert "its deletion policy is Retain" in ran.out
    assert ran.out.splitlines()[-1] == f"Next: kubectl tokenfactory resume subject -n {world.namespace}"


def test_all_that_are_not_ready(world: World) -> None:
    """A line each, and none for the others."""
    world.created("good")
    assert "all Ready" in administrator(world).done("why", "-n", world.namespace).out
    world.create("bad", model="openai/gpt-oss-12b")
    world.until_stalled("bad", "CatalogMismatch")
    lines = administrator(world).done("why", "-n", world.namespace, code=2).out.splitlines()
    assert lines[0].split()[:4] == ["NAMESPACE", "NAME", "STATE", "REASON"]
    assert [line.split()[1] for line in lines[1:]] == ["bad"]
    listed = administrator(world)("why", "-n", world.namespace, "-o", "json").json
    assert [(each["name"], each["state"], each["reason"]) for each in listed] == [("bad", "stalled", "CatalogMismatch")]


def test_watched_until_it_is_ready(new_world: WorldMaker) -> None:
    """One line for each change, and the end with status 0."""
    world = new_world(provisioning_time="2s")
    world.create("subject")
    ran = administrator(world).done("why", "subject", "-n", world.namespace, "--watch", "--timeout", "60")
    assert ran.out.splitlines()[-1].startswith(f"✔ {world.namespace}/subject is Ready: Available")


def test_watched_in_vain(new_world: WorldMaker) -> None:
    """The time is over: status 3, and what to type."""
    world = new_world(start=False)
    world.create("subject")
    ran = administrator(world)("why", "subject", "-n", world.namespace, "-w", "--timeout", "0.1")
    assert ran.code == 3
    assert "is not Ready after 0.1 s" in ran.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["nobody"], "There is no DedicatedEndpoint", id="no such object"),
        pytest.param(["--watch"], "Only one object can be watched", id="no name"),
    ],
)
def test_errors(new_world: WorldMaker, arguments: list[str], says: str) -> None:
    """One sentence and what to type."""
    world = new_world(start=False)
    ran = administrator(world)("why", "-n", world.namespace, *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert says in ran.err
    assert "Hint: " in ran.err

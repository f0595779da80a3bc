"""The commands that write, each until it has an effect: `create`, `pause`, `resume`, `reconcile`, `confirm`, `crd`."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml

from cluster.support import crd
from cluster.support.cli import Cli, Ran, cli
from cluster.support.installed import install, uninstall_all
from cluster.support.world import World
from cluster.support.worlds import WorldMaker
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


def here(world: World, command: str, *arguments: str) -> Ran:
    """A command for the world's namespace."""
    return administrator(world)(command, "-n", world.namespace, *arguments)


# pause, resume, reconcile, confirm


def test_paused_and_resumed(world: World) -> None:
    """Several names; each command ends when the operator has said so."""
    for name in ("one", "two", "three"):
        world.created(name)
    ran = here(world, "pause", "one", "two")
    assert (ran.code, ran.err) == (0, "")
    assert sorted(ran.out.splitlines()) == [f"✔ {world.namespace}/{name} is paused." for name in ("one", "two")]
    assert world.get("one").said("Synced").reason == "ReconcilePaused"
    assert api.PAUSED not in world.get("three").body["metadata"].get("annotations", {})
    assert here(world, "resume", "--all").code == 0
    assert world.get("one").said("Synced").reason == "ReconcileSuccess"


def test_by_labels(world: World) -> None:
    """Those that have them, and no other."""
    world.create("one", metadata={"labels": {"team": "search"}})
    world.create("two")
    world.until_ready("one")
    assert here(world, "reconcile", "-l", "team=search").out == f"✔ {world.namespace}/one was looked at.\n"
    assert world.get("one").status["lastHandledReconcileAt"]
    assert "lastHandledReconcileAt" not in world.get("two").status


def test_confirmed(world: World) -> None:
    """Only what asks is answered, and only with a look at the console; the answer makes one more endpoint."""
    endpoint_id = world.created("subject").endpoint_id
    assert here(world, "confirm", "subject", "--yes").code == 1
    world.operator.kill()
    world.cloud.console_delete(endpoint_id)
    world.write_status("subject", {"scope": "another-project"})
    world.operator.start()
    world.until_stalled("subject", "CredentialsMismatch")
    assert "Answer it: kubectl tokenfactory confirm subject" in here(world, "reconcile", "subject").err
    refused = here(world, "confirm", "subject")
    assert refused.code == 1
    assert "another-project" in refused.err
    assert "Nobody can be asked here" in refused.err
    assert here(world, "confirm", "subject", "--yes").out == f"✔ {world.namespace}/subject has the answer.\n"
    world.until_ready_with_another("subject", endpoint_id)


@pytest.mark.parametrize("command", ["pause", "resume", "reconcile", "confirm"])
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param([], "Name objects, or give --selector, or --all", id="nothing named"),
        pytest.param(["x", "--all"], "Name objects, or give --selector, or --all", id="named in two ways"),
        pytest.param(["nobody"], "There is no DedicatedEndpoint", id="not there"),
        pytest.param(["-l", "a=b"], "No object is selected", id="none with the label"),
    ],
)
def test_which_objects(shared: World, command: str, arguments: list[str], says: str) -> None:
    """One sentence, status 1, and what to type."""
    ran = here(shared, command, *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert says in ran.err
    assert "Hint: kubectl" in ran.err


def test_no_operator_acts(new_world: WorldMaker) -> None:
    """The annotation is written, the wait ends with status 3; without a wait it is 0."""
    world = new_world(start=False)
    world.create("subject")
    ran = here(world, "reconcile", "subject", "--timeout", "200ms")
    assert ran.code == 3
    assert "has not acted on" in ran.err
    assert api.RECONCILE_REQUESTED_AT in world.get("subject").body["metadata"]["annotations"]
    assert here(world, "pause", "subject", "--no-wait").code == 0


# create


def test_created_by_flags(world: World) -> None:
    """What the catalog offers alone need not be said; the object is made and becomes Ready."""
    flags = (
        "--model",
        "Qwen/Qwen3-32B",
        "--flavor",
        "base",
        "--count",
        "1",
        "--region",
        "eu-north1",
        "--gpu",
        "gpu-h100-sxm",
    )
    ran = here(world, "create", "qwen", *flags, "--max-replicas", "2")
    assert ran.code == 0, ran.err
    assert f"why qwen -n {world.namespace} --watch" in ran.out
    spec = world.until_ready("qwen").body["spec"]
    assert spec["scaling"] == {"minReplicas": 1, "maxReplicas": 2}
    assert here(world, "create", "qwen", *flags).code == 1


def test_created_by_questions(shared: World) -> None:
    """Each field by its number or its value; what is offered once only is not asked for."""
    settings = {"TOKEN": shared.operator.token, "API_URL": shared.operator.setting("API_URL")}
    run = cli(shared.cluster.kubeconfig, **settings)
    answers = "Qwen/Qwen3-32B\nfast\n2\n4\nus-central1\n"
    ran = run("create", "asked", "-n", shared.namespace, "--dry-run", typed=answers)
    assert ran.code == 0, ran.err
    (manifest,) = yaml.safe_load_all(ran.out[ran.out.index("---") :])
    assert manifest["spec"] == {
        "model": "Qwen/Qwen3-32B",
        "flavor": "fast",
        "region": "us-central1",
        "gpu": {"type": "gpu-h200-sxm", "count": 4},
        "scaling": {"minReplicas": 1, "maxReplicas": 1},
    }
    refused = run("create", "asked", "-n", shared.namespace, "--dry-run", typed="Qwen/Qwen3-32B\nslow\n")
    assert refused.code == 1
    assert "slow is not offered" in refused.err


def test_a_manifest_for_git(world: World) -> None:
    """Printed, and nothing is created; what is offered alone is filled in."""
    ran = here(
        world,
        "create",
        "deep",
        "--model",
        "deepseek-ai/DeepSeek-V3.1",
        "--gpu",
        "gpu-h200-sxm",
        "--region",
        "eu-north1",
        "--dry-run",
    )
    (manifest,) = yaml.safe_load_all(ran.out)
    assert (manifest["spec"]["flavor"], manifest["spec"]["gpu"]) == ("base", {"type": "gpu-h200-sxm", "count": 8})
    assert world.find("deep") is None


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        pytest.param(["--model", "Qwen/Qwen3-33B", "--flavor", "base"], "", id="model"),
        pytest.param(["--model", "Qwen/Qwen3-32B", "--flavor", "bass"], "", id="flavor"),
        pytest.param(["--model", "Qwen/Qwen3-32B"], "--flavor is missing", id="not said"),
        pytest.param(
            [
                "--model",
                "Qwen/Qwen3-32B",
                "--flavor",
                "base",
                "--gpu",
                "gpu-h100-sxm",
                "--region",
                "eu-north1",
                "--count",
                "3",
            ],
            "gpu.count 3",
            id="count",
        ),
        pytest.param(
            ["--model", "Qwen/Qwen3-33B", "--flavor", "base", "--gpu", "g", "--region", "r", "--count", "1"],
            'Did you mean "Qwen/Qwen3-32B"?',
            id="a typo",
        ),
    ],
)
def test_what_is_not_offered(shared: World, flags: list[str], says: str) -> None:
    """The valid choice is told, and nothing is created."""
    settings = {"TOKEN": shared.operator.token, "API_URL": shared.operator.setting("API_URL")}
    ran = cli(shared.cluster.kubeconfig, **settings)("create", "x", "-n", shared.namespace, *flags)
    assert (ran.code, ran.out) == (1, "")
    assert says in ran.err
    assert shared.find("x") is None


# crd


def test_the_crd(cluster: Cluster) -> None:
    """The one that is printed is the one of the repository; compared and brought back after somebody has changed it."""
    run = cli(cluster.kubeconfig)
    crd.install(cluster)
    assert run.done("crd", "print").out == crd.CRD_FILE.read_text(encoding="utf-8")
    assert "is that of this version" in run.done("crd", "compare").out
    described = "versions/0/schema/openAPIV3Schema/properties/spec/description"
    change = [
        {"op": "replace", "path": "/spec/names/shortNames", "value": ["other"]},
        {"op": "remove", "path": f"/spec/{described}"},
    ]
    cluster.kubectl("patch", "crd", crd.CRD_NAME, "--type=json", "-p", json.dumps(change))
    ran = run.done("crd", "compare", code=2)
    assert "names.shortNames[0]: other → dep" in ran.out
    assert f"  {described.replace('/0/', '[0].').replace('/', '.')}: (none) → The desired endpoint" in ran.out
    assert "was brought to" in run.done("crd", "apply").out
    assert run.done("crd", "compare").code == 0
    crd.install(cluster)  # waits until it is served again

"""`import` on the real API server and the simulator: endpoints of the console become objects, and stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from cluster.support.cli import Cli, cli
from cluster.support.eventually import eventually
from cluster.support.installed import install, uninstall_all
from cluster.support.operator_process import PATIENT
from cluster.support.world import World
from cluster.support.worlds import TOKEN, WorldMaker
from controlplane import Cluster

pytestmark = pytest.mark.cluster

MANY: Final = 50
MODELS: Final = (("openai/gpt-oss-120b", "base", 1), ("Qwen/Qwen3-32B", "fast", 2), ("openai/gpt-oss-20b", "base", 2))
MUTATIONS: Final = ("POST", "PATCH", "DELETE")


@pytest.fixture
def world(new_world: WorldMaker, cluster: Cluster) -> Iterator[World]:
    """An operator that is installed and may adopt."""
    made = new_world(settings={"ADOPTION_NAMESPACES": "*", **PATIENT})
    install(made, adoptionNamespaces="{*}")
    yield made
    uninstall_all(cluster)


def by_hand(world: World, number: int) -> str:
    """An endpoint of the console; many have the same name, some are stopped, some reserve more."""
    model, flavor, gpus = MODELS[number % 3]
    made = world.cloud.console_create(
        name=f"Team LLM {number % 7}",
        description=f"note {number}",
        model_name=model,
        flavor_name=flavor,
        region="eu-north1",
        gpu_type="gpu-h100-sxm",
        gpu_count=gpus,
        scaling={"min_replicas": 1 + number % 2, "max_replicas": 4},
        enabled=number % 10 != 0,
    )
    text: str = made["id"]
    return text


def administrator(world: World) -> Cli:
    return cli(world.cluster.kubeconfig)


def changed(world: World, since: int) -> list[dict[str, Any]]:
    """What was sent to change the cloud."""
    return [call for call in world.cloud.calls(since=since) if call["method"] in MUTATIONS]


@pytest.mark.verify
@pytest.mark.parametrize("observe", [False, True], ids=["manage", "observe"])
def test_fifty_endpoints(world: World, observe: bool) -> None:  # noqa: FBT001
    """Imported, applied and Ready: nothing is sent but one owner mark for each, and none for those observed."""
    ids = {by_hand(world, number) for number in range(MANY)}
    arguments = ("--observe",) if observe else ()
    ran = administrator(world).done("import", "-n", world.namespace, *arguments)
    assert TOKEN not in ran.out + ran.err
    assert f"{MANY} endpoints imported, 0 left out." in ran.err
    documents = list(yaml.safe_load_all(ran.out))
    assert {document["spec"]["endpointId"] for document in documents} == ids
    before = {item["id"]: item for item in world.cloud.endpoints()}
    since = world.now()
    world.cluster.kubectl("apply", "-f", "-", input=ran.out)

    def all_ready() -> bool:
        return (
            sum(bool(seen and seen.ready) for seen in map(world.find, (each["metadata"]["name"] for each in documents)))
            == MANY
        )

    eventually(all_ready, what="fifty objects Ready", within=180.0)
    world.after_lists(6)
    calls = changed(world, since)
    assert len(calls) == (0 if observe else MANY)
    assert all((call["method"], set(call["body"])) == ("PATCH", {"description"}) for call in calls)
    after = {item["id"]: item for item in world.cloud.endpoints()}
    assert {name for each in ids for name in _differing(before[each], after[each])} <= {"description"}
    if not observe:
        assert all(after[each]["description"].startswith(f"{before[each]['description']} [k8s ") for each in ids)

    again = administrator(world).done("import", "-n", world.namespace)
    assert again.out == ""
    assert f"0 endpoints imported, {MANY} left out." in again.err


def _differing(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Fields of the endpoint that are other ones now, but for the simulator's own book-keeping."""
    own = ("name", "description", "enabled", "scaling", "gpu_type", "gpu_count", "routing_key", "custom_weights_id")
    return {name for name in own if before.get(name) != after.get(name)}


def test_into_a_folder(world: World, tmp_path: Path) -> None:
    """A file for each, and a kustomization that builds; nothing is overwritten, and no empty folder is made."""
    folder = tmp_path / "endpoints"
    administrator(world).done("import", "-n", world.namespace, "--output-dir", str(folder))
    assert not folder.exists()
    for number in range(3):
        by_hand(world, number)
    administrator(world).done("import", "-n", world.namespace, "--output-dir", str(folder))
    files = {path.name for path in folder.iterdir()}
    assert files == {"team-llm-0.yaml", "team-llm-1.yaml", "team-llm-2.yaml", "kustomization.yaml"}
    built = world.cluster.kubectl("kustomize", str(folder)).stdout
    assert len(list(yaml.safe_load_all(built))) == 3
    plan = administrator(world)("plan", "-f", str(folder), "-n", world.namespace, "-o", "json")
    assert [each["action"] for each in plan.json["objects"]] == ["adopt"] * 3
    again = administrator(world)("import", "-n", world.namespace, "--output-dir", str(folder))
    assert again.code == 1
    assert "nothing is overwritten" in again.err
    refused = administrator(world)("import", "-n", world.namespace, "--output-dir", "/dev/null")
    assert refused.code == 1
    assert "Hint: Choose another folder." in refused.err


def test_some_of_them(world: World) -> None:
    """By id; one that is not listed, or that has its object, is said."""
    first, _second = by_hand(world, 1), by_hand(world, 2)
    ran = administrator(world).done("import", "-n", world.namespace, first)
    assert [each["spec"]["endpointId"] for each in yaml.safe_load_all(ran.out)] == [first]
    assert administrator(world)("import", "ep-nowhere").code == 1
    owned = world.created("owned").endpoint_id
    ran = administrator(world)("import", "-n", world.namespace, owned)
    assert (ran.code, ran.out) == (2, "")
    assert f"{world.namespace}/owned of this cluster has it" in ran.err or "an object of this cluster has it" in ran.err


def test_without_the_right_to_adopt_and_without_a_cluster(new_world: WorldMaker) -> None:
    """The setting is named; and the cloud alone is enough to write manifests."""
    world = new_world(start=False)
    by_hand(world, 1)
    settings = {"TOKEN": TOKEN, "API_URL": world.operator.setting("API_URL")}
    ran = cli(world.cluster.kubeconfig, **settings).done("import", "-n", world.namespace)
    assert "TOKENFACTORY_ADOPTION_NAMESPACES" in ran.err
    alone = cli(Path("/nonexistent"), **settings).done("import", "-n", "ml")
    (manifest,) = yaml.safe_load_all(alone.out)
    assert manifest["metadata"]["namespace"] == "ml"
    assert "The cluster cannot be asked" in alone.err
    away = cli(world.cluster.kubeconfig, TOKEN="wrong-token", API_URL=settings["API_URL"])("import")
    assert (away.code, away.out) == (1, "")
    assert "401" in away.err

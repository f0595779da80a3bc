"""`list` and `templates`: what is there, for people and for programs."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.support.cli import cli
from cluster.support.world import World
from cluster.support.worlds import TOKEN, WorldMaker

pytestmark = pytest.mark.cluster

ALIKE: dict[str, Any] = {
    "model_name": "openai/gpt-oss-120b",
    "flavor_name": "base",
    "region": "eu-north1",
    "gpu_type": "gpu-h100-sxm",
    "gpu_count": 1,
    "scaling": {"min_replicas": 1, "max_replicas": 4},
}


@pytest.fixture
def world(new_world: WorldMaker) -> World:
    """An operator that may adopt."""
    return new_world(settings={"ADOPTION_NAMESPACES": "*"})


def run(world: World, *arguments: str) -> Any:  # noqa: ANN401  # JSON
    """What a command answers to programs."""
    settings = {"TOKEN": TOKEN, "API_URL": world.operator.setting("API_URL")}
    return cli(world.cluster.kubeconfig, **settings).done(*arguments, "-o", "json").json


def test_side_by_side(world: World) -> None:
    """Each kind of owner, and objects without an endpoint."""
    made = {"description": "a note", **ALIKE}
    free = world.cloud.console_create(name="free", **made)["id"]
    foreign = world.cloud.console_create(name="f", **{**made, "description": "[k8s other ns/f uid=1 try=2]"})["id"]
    adopted, seen = (world.cloud.console_create(name=name, **made)["id"] for name in ("a", "b"))
    owned = world.created("owned", gpu={"type": "gpu-h100-sxm", "count": 2}).endpoint_id
    world.create("adopted", endpointId=adopted)
    world.create("observed", endpointId=seen, managementPolicy="Observe")
    world.until_ready("adopted")
    world.until_ready("observed")
    world.created("lost")
    lost = world.get("lost").endpoint_id
    world.operator.kill()
    world.kube.patch(world.namespace, "lost", {"metadata": {"finalizers": None}})
    world.delete("lost")
    world.until_gone("lost")
    world.create("waiting")
    rows = {(row["endpointId"], row["owner"], row["object"]) for row in run(world, "list")}
    place = world.namespace
    assert rows >= {
        (owned, "owned", f"{place}/owned"),
        (adopted, "adopted", f"{place}/adopted"),
        (seen, "observed", f"{place}/observed"),
        (lost, "orphaned", f"{place}/lost"),
        (foreign, "foreign", "ns/f"),
        (free, "nobody", None),
        (None, "none yet", f"{place}/waiting"),
    }
    settings = {"TOKEN": TOKEN, "API_URL": world.operator.setting("API_URL")}
    lines = cli(world.cluster.kubeconfig, **settings).done("list").out.splitlines()
    assert lines[0].split() == ["ENDPOINT", "OWNER", "OBJECT", "STATE", "GPUS", "MODEL", "REGION"]
    assert lines[-1] == "GPUs reserved: 7."


def test_templates(world: World) -> None:
    """All, or one; an unknown one is told with what was meant."""
    every = run(world, "templates")
    assert len(every) == 6
    (one,) = run(world, "templates", "Qwen/Qwen3-32B")
    assert {flavor["name"] for flavor in one["flavors"]} == {"base", "fast"}
    settings = {"TOKEN": TOKEN, "API_URL": world.operator.setting("API_URL")}
    ran = cli(world.cluster.kubeconfig, **settings)("templates", "Qwen/Qwen3-33B")
    assert ran.code == 1
    assert 'Did you mean "Qwen/Qwen3-32B"?' in ran.err
    lines = cli(world.cluster.kubeconfig, **settings).done("templates", "openai/gpt-oss-20b").out.splitlines()
    assert lines[0].split()[:4] == ["MODEL", "FLAVOR", "GPU", "COUNT"]
    assert "gpu-l40s-a" in lines[1]

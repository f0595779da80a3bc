"""docs/cli.md shows what the commands print: here is their true output, of one world with four endpoints.

`GOLDEN=write` writes the files anew; read the diff.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from cluster.support import crd, printed
from cluster.support.cli import cli
from cluster.support.installed import NAME, install, lead, uninstall_all
from cluster.support.world import World
from cluster.support.worlds import WorldMaker
from controlplane import Cluster
from tokenfactory_operator.api import v1alpha1 as api
from unit.api.invalid_specs import valid_spec

pytestmark = pytest.mark.cluster

CONSOLE: Final[dict[str, Any]] = {
    "model_name": "Qwen/Qwen3-32B",
    "flavor_name": "base",
    "region": "eu-north1",
    "gpu_type": "gpu-h100-sxm",
    "gpu_count": 1,
    "scaling": {"min_replicas": 1, "max_replicas": 2},
}


@dataclass(frozen=True)
class Page:
    """One world, and what its commands print."""

    world: World
    folder: Path

    def shows(self, name: str, *arguments: str, code: int = 0) -> None:
        """The output of a command is that of the file."""
        ran = cli(self.world.cluster.kubeconfig).done(*arguments, "-n", self.world.namespace, code=code)
        place = self.world.namespace
        replaced = {
            f"{place}/{NAME}": f"tokenfactory-system/{NAME}",
            f"{place}/token": "tokenfactory-system/tokenfactory-token",
            place: "ml",
        }
        printed.same(name, ran.out, replaced)

    def file(self, name: str, *manifests: str) -> str:
        """Manifests in a file."""
        path = self.folder / name
        path.write_text("\n---\n".join(manifests), encoding="utf-8")
        return str(path)


@pytest.fixture
def page(new_world: WorldMaker, cluster: Cluster, tmp_path: Path) -> Iterator[Page]:
    """An object that is Ready, one with a typo, one that is paused, and an endpoint of the console."""
    world = new_world(settings={"ADOPTION_NAMESPACES": "*"})
    install(world, adoptionNamespaces="{*}", pollInterval="10s")  # by the world's own, a list may be found too old
    lead(world)
    crd.install(cluster)
    world.created("gpt-oss-120b")
    world.created("paused", gpu={"type": "gpu-h100-sxm", "count": 2})
    world.annotate("paused", api.PAUSED, "true")
    world.until_reported("paused", "Synced", "ReconcilePaused")
    world.create("typo", model="openai/gpt-oss-12b")
    world.until_stalled("typo", "CatalogMismatch")
    world.until_event("typo", "CatalogMismatch")  # Events are written in the background
    world.cloud.console_create(name="Search bot", description="of the search team", **CONSOLE)
    world.after_lists()
    yield Page(world, tmp_path)
    uninstall_all(cluster)


def test_the_true_output(page: Page) -> None:
    """Each command of the page, with these objects and endpoints."""
    metrics = f"http://{page.world.operator.address('/metrics')}/metrics"
    page.shows("doctor", "doctor", "--metrics-url", metrics, code=2)
    page.shows("list", "list")
    page.shows("why", "why", "typo", code=2)
    page.shows("why-all", "why", code=2)
    page.shows("templates", "templates", "openai/gpt-oss-20b")
    page.shows("import", "import")
    page.shows(
        "create",
        "create",
        "qwen",
        *("--model", "deepseek-ai/DeepSeek-V3.1"),
        *("--gpu", "gpu-h200-sxm"),
        *("--region", "eu-north1", "--dry-run"),
    )
    page.shows("crd", "crd", "compare")
    larger = crd.manifest(valid_spec(scaling={"minReplicas": 2, "maxReplicas": 4}), name="gpt-oss-120b")
    moved = crd.manifest(valid_spec(region="us-central1"), name="paused")
    new = crd.manifest(valid_spec(model="openai/gpt-oss-20b"), name="gpt-oss-20b")
    bot = cli(page.world.cluster.kubeconfig).done("import", "-n", page.world.namespace).out
    page.shows("plan", "plan", "-f", page.file("endpoints.yaml", larger, moved, new, bot), code=1)
    page.shows("reconcile", "reconcile", "gpt-oss-120b")
    page.shows("resume", "resume", "paused")

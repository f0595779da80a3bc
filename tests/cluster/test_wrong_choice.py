"""A spec that the catalog does not have: `get` and `describe` tell the valid choice, and `kubectl edit` corrects it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from cluster.support import golden
from cluster.support.world import World

pytestmark = pytest.mark.cluster

WRONG: Final = (
    pytest.param(
        {"model": "openai/gpt-os-120b"},
        "s#openai/gpt-os-120b#openai/gpt-oss-120b#",
        'Did you mean "openai/gpt-oss-120b"?',
        id="model-typo",
    ),
    pytest.param(
        {"gpu": {"type": "gpu-h100-sxm", "count": 3}},
        "s#count: 3#count: 2#",
        "gpu.type gpu-h100-sxm; gpu.count 1, 2, 4, 8;",
        id="count",
    ),
    pytest.param(
        {"region": "eu-north2"},
        "s#region: eu-north2#region: eu-north1#",
        "gpu.count 1, 2, 4, 8; region eu-north1, ",
        id="region",
    ),
)


def edited(world: World, name: str, change: str, folder: Path) -> None:
    """`kubectl edit` with an editor that makes this change (of sed)."""
    editor = folder / "editor"
    editor.write_text(f"#!/bin/sh\nexec sed -i '{change}' \"$1\"\n", encoding="utf-8")
    editor.chmod(0o755)
    command = [str(world.cluster.bin / "kubectl"), "edit", "dep", name, "-n", world.namespace]
    environment = {**world.cluster.env(), "KUBE_EDITOR": str(editor)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert "edited" in done.stdout, done.stderr


@pytest.mark.parametrize(("wrong", "change", "reported"), WRONG)
def test_the_valid_choice_is_told_and_taken(
    shared: World, name: str, tmp_path: Path, wrong: dict[str, Any], change: str, reported: str
) -> None:
    """Seen by kubectl alone, corrected by kubectl alone; nothing is sent before, and one POST after."""
    shared.create(name, **wrong)
    shared.until_stalled(name, "CatalogMismatch")
    where = ("-n", shared.namespace)
    (brief,) = golden.rows(shared.cluster.kubectl("get", "dep", name, *where).stdout)
    (wide,) = golden.rows(shared.cluster.kubectl("get", "dep", name, *where, "-o", "wide").stdout)
    assert (brief["READY"], brief["REASON"]) == ("False", "CatalogMismatch")
    assert reported in wide["MESSAGE"]
    assert reported in shared.cluster.kubectl("describe", "dep", name, *where).stdout
    assert shared.calls(name, "POST") == []
    edited(shared, name, change, tmp_path)
    shared.until_ready(name)
    assert len(shared.calls(name, "POST")) == 1


def test_what_the_catalog_wrongly_leaves_out_is_sent_anyway(shared: World, name: str) -> None:
    """By the annotation that the message names; the create call is the judge."""
    shared.create(name, model="openai/gpt-oss-121b")
    said = shared.until_stalled(name, "CatalogMismatch").said("Stalled").message
    annotation = said.rpartition("annotation ")[2].rstrip(".")
    shared.cluster.kubectl("annotate", "dep", name, "-n", shared.namespace, annotation)
    shared.until_stalled(name, "RefusedByCloud")
    assert len(shared.calls(name, "POST")) == 1

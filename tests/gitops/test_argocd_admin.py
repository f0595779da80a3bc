"""Argo CD's own command line about our resource: health, actions, and what it leaves out of a comparison."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from controlplane import acquire, release

pytestmark = pytest.mark.verify

ARGOCD: Final = Path(__file__).parents[2] / "deploy" / "argocd"
CONFIG: Final = ARGOCD / "argocd-cm.yaml"
CUSTOM: Final = ARGOCD / "resource_customizations" / "tokenfactory.nebius.com" / "DedicatedEndpoint"
ACTIONS: Final = CUSTOM / "actions"
IGNORED: Final = "resource.customizations.ignoreDifferences.tokenfactory.nebius.com_DedicatedEndpoint"

Ask = Callable[..., str]


@pytest.fixture(scope="session")
def argocd() -> Path:
    """The program."""
    return acquire.acquire(release.argocd()) / "argocd"


@pytest.fixture
def ask(argocd: Path, tmp_path: Path) -> Ask:
    """`argocd admin settings resource-overrides …` with a ConfigMap from a file; it asks no cluster."""

    def run(*arguments: str | Path, config: Path = CONFIG) -> str:
        command = [str(argocd), "admin", "settings", "resource-overrides", *map(str, arguments)]
        command += [f"--argocd-cm-path={config}", "--load-cluster-settings=false"]
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        answer = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL
        )
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    return run


def loaded(file: Path) -> Any:  # noqa: ANN401  # YAML
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def changed(text: str, sign: str) -> list[str]:
    """The lines of a diff that begin with the sign, without indent."""
    return [line[1:].strip() for line in text.splitlines() if line.startswith(f"{sign} ")]


@pytest.mark.parametrize(
    "case", [pytest.param(item, id=item["inputPath"]) for item in loaded(CUSTOM / "health_test.yaml")["tests"]]
)
def test_health(ask: Ask, case: dict[str, Any]) -> None:
    """What health_test.yaml says, which the scripts are tested with too."""
    wanted = case["healthStatus"]
    said = ask("health", CUSTOM / case["inputPath"])
    assert said.split() == f"STATUS: {wanted['status']} MESSAGE: {wanted['message']}".split()


@pytest.mark.parametrize(
    "case",
    [pytest.param(item, id=item["inputPath"]) for item in loaded(ACTIONS / "action_test.yaml")["discoveryTests"]],
)
def test_offered_actions(ask: Ask, case: dict[str, Any]) -> None:
    """Those of action_test.yaml."""
    found = dict(re.findall(r"^(\w+) +(true|false)\b", ask("list-actions", ACTIONS / case["inputPath"]), re.MULTILINE))
    assert found == {item["name"]: json.dumps(item["disabled"]) for item in case["result"]}


@pytest.mark.parametrize(
    ("action", "file", "sign"),
    [pytest.param("pause", "running.yaml", ">", id="pause"), pytest.param("resume", "paused.yaml", "<", id="resume")],
)
def test_actions(ask: Ask, action: str, file: str, sign: str) -> None:
    """They change the annotation that pauses, and nothing else."""
    said = ask("run-action", ACTIONS / "testdata" / file, action)
    lines = [line for side in "<>" for line in changed(said, side)]
    assert 'tokenfactory.nebius.com/paused: "true"' in changed(said, sign)
    assert {line for line in lines if not line.startswith("tokenfactory.nebius.com/paused")} <= {"annotations:"}


def pointers() -> list[str]:
    """`ignoreDifferences` of the sample Application."""
    (rule,) = loaded(ARGOCD / "application.yaml")["spec"]["ignoreDifferences"]
    assert (rule["group"], rule["kind"]) == ("tokenfactory.nebius.com", "DedicatedEndpoint")
    return list(rule["jsonPointers"])


@pytest.mark.parametrize(
    ("ignored", "left_out"),
    [pytest.param(pointers(), ["minReplicas: 1"], id="sample"), pytest.param(["/spec/none"], [], id="nothing")],
)
def test_replicas_of_an_autoscaler_are_no_difference(
    ask: Ask, tmp_path: Path, ignored: list[str], left_out: list[str]
) -> None:
    """The sample leaves out of a comparison what an autoscaler sets, and no other field of the spec."""
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "labels": {"app.kubernetes.io/part-of": "argocd"}},
        "data": {IGNORED: yaml.safe_dump({"jsonPointers": ignored})},
    }
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    said = changed(ask("ignore-differences", CUSTOM / "testdata" / "healthy.yaml", config=file), "<")
    assert said[: said.index("status:")] == left_out

"""What the demo says where kind cannot make its cluster, and that it deletes only a cluster of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.errors import DemoError, RefusedError
from demo.kind import kind_cluster

CLIENTS = {"kubectl": "echo '{}'", "helm": ""}
CALLS = 'echo "$*" >>"$CALLS"; '


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH; what is called there is written down."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return folder


def put(programs: Path, **scripts: str) -> None:
    for name, script in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (programs / name).chmod(0o755)


@pytest.mark.parametrize(
    ("scripts", "sentence"),
    [
        pytest.param({}, "needs Docker, and no docker was found on PATH", id="no engine"),
        pytest.param({"docker": "", "kubectl": ""}, "need helm on PATH", id="no helm"),
        pytest.param(
            {"docker": "", **CLIENTS}, "needs kind on PATH, or go to build it with, and found neither", id="no kind"
        ),
        pytest.param(
            {"docker": "", **CLIENTS, "kind": "echo 'ERROR: no such socket'; exit 1"},
            "kind does not reach Docker:\nERROR: no such socket",
            id="engine not running",
        ),
        pytest.param(
            {"docker": "", **CLIENTS, "kind": CALLS + "echo another; echo tokenfactory-demo"},
            "There is a kind cluster tokenfactory-demo already",
            id="one of that name",
        ),
    ],
)
def test_refused(programs: Path, tmp_path: Path, scripts: dict[str, str], sentence: str) -> None:
    """One sentence that says what is missing; nothing is made, and nothing of somebody else deleted."""
    put(programs, **scripts)
    with pytest.raises(RefusedError, match=sentence), kind_cluster(tmp_path):
        pytest.fail("there is no cluster")
    calls = tmp_path / "calls"
    assert not calls.exists() or calls.read_text(encoding="utf-8") == "get clusters\n"


def test_a_cluster_that_is_half_made_is_deleted(programs: Path, tmp_path: Path) -> None:
    """Kind's own words, and its own clean-up."""
    put(
        programs,
        docker="",
        **CLIENTS,
        kind=CALLS + 'case "$1" in create) echo "no space left on device"; exit 1;; esac',
    )
    with pytest.raises(DemoError, match="no space left on device"), kind_cluster(tmp_path):
        pytest.fail("there is no cluster")
    calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert [call.split()[0] for call in calls] == ["get", "create", "delete"]

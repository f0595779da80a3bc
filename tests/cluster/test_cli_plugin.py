"""The scripts of the wheel: kubectl finds its plugin, and asks it for completions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from controlplane import Cluster

pytestmark = pytest.mark.cluster


def kubectl(cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The real one, with the scripts of this installation on its PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**cluster.env(), "PATH": path, "COLUMNS": "100"}
    command = [str(cluster.bin / "kubectl"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


def test_kubectl_has_the_plugin(cluster: Cluster) -> None:
    """It is called as one, with the cluster of kubectl; its status is kubectl's."""
    shown = kubectl(cluster, "tokenfactory", "--help")
    assert shown.stdout.startswith("Usage: kubectl tokenfactory ")
    assert kubectl(cluster, "tokenfactory", "doctr").returncode == 1


def test_kubectl_completes_it(cluster: Cluster) -> None:
    """Commands by their beginning, and no file names."""
    lines = kubectl(cluster, "__complete", "tokenfactory", "re").stdout.splitlines()
    assert [line.partition("\t")[0] for line in lines[:-1]] == ["resume", "reconcile"]
    assert lines[-1] == ":4"

"""What the janitor of a node takes for its own, and that it leaves the rest alone."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.support.eventually import eventually
from node import janitor
from node.errors import NodeError
from node.tenancy import owned


def run_as(program: str, argument: Path, folder: Path) -> subprocess.Popen[bytes]:
    """A process of that name, with that argument, which has a child, and outlives it."""
    path = folder / program
    shutil.copy("/bin/sh", path)
    process = subprocess.Popen(
        [path, "-c", "echo; sleep 300; read -r _", str(argument)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    return process


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("program", "below", "found"),
    [
        pytest.param("containerd-shim-runc-v2", "node", True, id="a shim of the folder"),
        pytest.param("kubelet", "node/state", True, id="a kubelet with a folder in it"),
        pytest.param("containerd-shim-runc-v2", "node-of-another", False, id="a shim of another folder"),
        pytest.param("less", "node", False, id="a person who reads a log"),
    ],
)
def test_kills_what_is_of_the_folder(tmp_path: Path, program: str, below: str, *, found: bool) -> None:
    """A program of an engine or node that names the folder is killed with its children, and nothing else is."""
    process = run_as(program, tmp_path / below, tmp_path)
    try:
        expected = 2 if found else 0
        eventually(lambda: len(janitor.processes_of(tmp_path / "node")) == expected, what="process and child")
        janitor.kill_processes(tmp_path / "node")
        if found:
            assert process.wait(30) == -signal.SIGKILL
        assert (process.poll() is not None) is found
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_folder_has_one_owner_and_ends_empty(tmp_path: Path) -> None:
    """A second run is refused while the first lasts; after it, nothing is left but the lock's file."""
    folder = tmp_path / "node"
    with owned(folder) as own:
        (own / "state").mkdir()
        with pytest.raises(NodeError, match="Another run"), owned(folder):
            pass
    assert not folder.exists()
    with owned(folder, keep=True) as own:
        (own / "layer").touch()
    assert (folder / "layer").exists()

"""What `.ci/run` calls, answers and prints: with stand-ins for make and for the tests in a cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
STAND_IN: Final = """#!/bin/sh
[ "$1" = -m ] && set -- e2e
echo "$1" >>"$CALLS"
eval "counts=\\$COUNTS_$1 status=\\${STATUS_$1:-0}"
[ -z "$counts" ] || echo "$counts" >>"$TEST_COUNTS"
exit "$status"
"""
PARTS: Final = ["check", "e2e", "test", "verify"]


def run(folder: Path, **variables: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run it in this folder; answers how it ended, and the parts that it has called."""
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    for program in (folder / "bin" / "make", folder / ".venv" / "bin" / "python"):
        program.parent.mkdir(parents=True)
        program.write_text(STAND_IN)
        program.chmod(0o755)
    calls = folder / "calls"
    path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    environment = {"PATH": path, "TMPDIR": str(folder), "CALLS": str(calls), **variables}
    done = subprocess.run([folder / ".ci" / "run"], env=environment, capture_output=True, text=True, check=False)
    return done, calls.read_text().split()


def test_everything_passes(tmp_path: Path) -> None:
    """Status 0; the time of each part, and in the last line the tests of all of them. Nothing is left behind."""
    done, calls = run(tmp_path, COUNTS_e2e="5 0\n40 0", COUNTS_test="7000 0", COUNTS_verify="300 0")
    assert (done.returncode, calls, done.stderr) == (0, PARTS, "")
    *_, check, e2e, test, verify, last = done.stdout.splitlines()
    for line, part in zip((check, e2e, test, verify), PARTS, strict=True):
        assert line.split()[:2] == ["make", part]
        assert line.endswith(" s  passed")
    assert last == "7345 passed, 0 failed"
    assert {item.name for item in tmp_path.iterdir()} == {".ci", ".venv", "bin", "calls"}


@pytest.mark.parametrize("part", PARTS)
def test_one_part_fails(tmp_path: Path, part: str) -> None:
    """Its status is the status; the other parts have run nevertheless."""
    done, calls = run(tmp_path, **{f"STATUS_{part}": "3", "COUNTS_test": "7 1", "COUNTS_verify": "2 2"})
    assert (done.returncode, calls) == (3, PARTS)
    assert "FAILED with status 3" in done.stdout
    assert done.stdout.splitlines()[-1] == "9 passed, 3 failed"


def test_a_machine_without_a_node(tmp_path: Path) -> None:
    """The part says why it cannot run, which is no failure; one that comes after it can fail still."""
    done, calls = run(tmp_path, STATUS_e2e="77", STATUS_verify="2")
    assert (done.returncode, calls) == (2, PARTS)
    assert "not run here" in done.stdout


def test_only_the_node_is_missing(tmp_path: Path) -> None:
    """Status 0."""
    done, _ = run(tmp_path, STATUS_e2e="77")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "0 passed, 0 failed"

"""Where a node cannot be had, a sentence says so, and a script can tell that from a failure."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("command", ["node check", "incluster"])
def test_says_what_is_missing(command: str) -> None:
    """Without an engine on PATH: status 77, one line, and what to install."""
    module, *arguments = command.split()
    environment = {**os.environ, "PYTHONPATH": "hack", "PATH": "/nowhere", "CLUSTER": ""}
    answer = subprocess.run(
        [sys.executable, "-m", module, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 77, answer.stderr
    (line,) = answer.stderr.splitlines()
    assert "dockerd" in line
    assert "apt-get install" in line

"""The three promises under every fault, on a virtual clock: seeds at random, small scopes whole.

Each suite runs in a process of its own with a fixed hash seed, so that a failing run repeats with the command it names.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.timeout(1800)
"""Three minutes on two idle cores are the most; these processes are behind all others."""

FEW: Final = 300
MANY: Final = 2000
NICE: Final = "10"
FLOWS: Final = 16
"""Small scopes that have to be explored."""
TESTS: Final = Path(__file__).parents[1]


def model(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m model` with these arguments, behind the tests beside it, which have real clocks and time-outs."""
    command = ["nice", "-n", NICE, sys.executable, "-W", "error", "-m", "model", *arguments]
    path = os.pathsep.join([str(TESTS), *sys.path])
    with subprocess.Popen(
        command,
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as running:
        try:
            output, errors = running.communicate()
        except BaseException:  # such as the test's time limit: its workers would run on
            os.killpg(running.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, running.returncode, output, errors)


@pytest.mark.rule("C30")
@pytest.mark.parametrize(
    ("first", "seeds"), [(0, FEW), pytest.param(FEW, MANY, marks=pytest.mark.verify)], ids=["few", "many"]
)
def test_seeds_keep_the_promises(first: int, seeds: int, tell: Callable[[str], None]) -> None:
    """Never two, nothing left, no lie, at rest in the end: whatever the seed does to cluster, cloud and process."""
    done = model("--seeds", str(seeds), "--first-seed", str(first))
    for line in done.stdout.strip().splitlines():
        tell(line)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"simulation: {seeds} seeds from {first}," in done.stdout


@pytest.mark.rule("C30")
def test_one_crash_and_one_fault_anywhere_keep_the_promises(tell: Callable[[str], None]) -> None:
    """A crash at each await, each fault at each call, each lost event: the object ends in order, with one endpoint."""
    done = model("--exhaustive")
    for line in done.stdout.strip().splitlines():
        tell(line)
    assert done.returncode == 0, done.stdout + done.stderr
    runs = [int(count) for count in re.findall(r": (\d+) runs ", done.stdout)]
    assert len(runs) == FLOWS
    assert sum(runs) > 500


@pytest.mark.parametrize("seed", ["3", "5"], ids=["plain", "with the real adapter"])
def test_a_seed_repeats_exactly(seed: str) -> None:
    """What a failing seed did can be looked at again: two runs of it tell the same story."""
    first, second = (model("--seed", seed, "--trace") for _ in range(2))
    assert len(first.stdout) > 10_000
    assert first.stdout == second.stdout

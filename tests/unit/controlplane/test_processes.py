"""A program ends when its owner says so, and when its owner is gone, with its children; its directory then goes too.

Each program holds a lock on a file for as long as it lives, so that its end is seen however it came about.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from controlplane.processes import Program

DEADLINE = 30.0  # seconds
HACK = Path(__file__).parents[3] / "hack"

HOLD = """
import fcntl, pathlib, signal, sys, time
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("holding", flush=True)
"""
WAIT = "time.sleep(600)\n"
CLEAN_UP = """
def ended(*_):
    pathlib.Path(sys.argv[1]).with_name("cleaned").touch()
    sys.exit(7)
signal.signal(signal.SIGTERM, ended)
print("prepared", flush=True)
"""
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
WITH_CHILD = """
import subprocess
subprocess.Popen([sys.executable, "-c", sys.argv[2], sys.argv[1] + ".child"])
"""
OWNER = """
import pathlib, signal, sys, time
from controlplane.processes import Program
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored where the tests run under nohup
directory = pathlib.Path(sys.argv[1])
directory.mkdir()
program = Program("program", sys.argv[2:], directory=directory)
program.start()
time.sleep(600)
"""


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether the condition comes true before the deadline."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def held(lock: Path) -> bool:
    """Whether a live process holds the lock."""
    with lock.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def program(directory: Path, script: str) -> Program:
    directory.mkdir(exist_ok=True)
    command = [sys.executable, "-c", HOLD + script + WAIT, str(lock_of(directory)), HOLD + WAIT]
    return Program("program", command, directory=directory)


def lock_of(directory: Path) -> Path:
    return directory.with_suffix(".lock")


def started(directory: Path, script: str = "") -> Program:
    running = program(directory, script)
    running.start()
    assert eventually(lambda: held(lock_of(directory))), running.tail()
    return running


def test_graceful_stop_lets_it_clean_up(tmp_path: Path) -> None:
    """SIGTERM reaches the program itself, and its end is waited for."""
    running = started(tmp_path / "run", CLEAN_UP)
    assert eventually(lambda: "prepared" in running.tail())
    running.stop()
    assert not running.running
    assert not held(lock_of(tmp_path / "run"))
    assert (tmp_path / "cleaned").exists()


def test_kill_does_not_ask(tmp_path: Path) -> None:
    """One that ignores SIGTERM ends too, and its directory stays: its owner lives."""
    running = started(tmp_path / "run", STUBBORN)
    running.stop(graceful=False)
    assert not held(lock_of(tmp_path / "run"))
    assert (tmp_path / "run").is_dir()


def test_children_end_with_it(tmp_path: Path) -> None:
    """What the program has started is stopped with it."""
    running = started(tmp_path / "run", WITH_CHILD)
    child = Path(f"{lock_of(tmp_path / 'run')}.child")
    assert eventually(lambda: child.exists() and held(child))
    running.stop(graceful=False)
    assert eventually(lambda: not held(child))


def test_end_of_its_own_is_noticed_and_explained(tmp_path: Path) -> None:
    """A program that fails is seen as ended, with its last words at hand, and can be started again."""
    failing = program(tmp_path / "run", "sys.exit('out of cheese')\n")
    failing.start()
    assert eventually(lambda: not failing.running)
    assert "out of cheese" in failing.tail()
    failing.start()
    assert eventually(lambda: not failing.running)
    assert failing.tail().count("out of cheese") == 2
    failing.stop()


@pytest.mark.parametrize(
    "number", [pytest.param(number, id=number.name) for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)]
)
def test_nothing_outlives_its_owner(tmp_path: Path, number: signal.Signals) -> None:
    """However the owner ends, program, children and directory go."""
    directory = tmp_path / "run"
    environment = {**os.environ, "PYTHONPATH": str(HACK)}
    arguments = [str(directory), sys.executable, "-c", HOLD + STUBBORN + WAIT, str(lock_of(directory))]
    owner = subprocess.Popen([sys.executable, "-c", OWNER, *arguments], env=environment)
    assert eventually(lambda: lock_of(directory).exists() and held(lock_of(directory)))
    owner.send_signal(number)
    owner.wait(DEADLINE)
    assert eventually(lambda: not held(lock_of(directory)))
    assert eventually(lambda: not directory.exists())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a process to its parent")
def test_killed_guard_takes_the_program_along(tmp_path: Path) -> None:
    """Even the guard's own violent end leaves no program behind."""
    running = started(tmp_path / "run", STUBBORN)
    assert running.pid is not None
    os.kill(running.pid, signal.SIGKILL)
    assert eventually(lambda: not held(lock_of(tmp_path / "run")))
    running.stop()

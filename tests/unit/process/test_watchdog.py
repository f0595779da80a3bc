"""A process that is too late is ended from outside of Python, before it does anything more."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import pytest

from cluster.support.eventually import eventually
from tokenfactory_operator.process import watchdog

EXIT_TOO_LATE: Final = int(signal.SIGALRM)
LATE: Final = 0.4
"""Seconds that a process is given."""
LATER: Final = 3.0
"""The same for one that has to be met, or has to do something, before they are over."""
DEADLINE: Final = 60.0
"""Seconds in which each process has ended, however busy the machine."""
IMPORTS: Final = f"""
import ctypes, os, sys, time
import {watchdog.__name__} as watchdog
"""
HANGS: Final = f"""{IMPORTS}
def stuck():
    watchdog.end_after({LATE})
    ctypes.PyDLL(None).sleep({DEADLINE:g})
stuck()
"""
"""In C, and it keeps the interpreter's lock."""
WRITES: Final = """
def deep(number):
    return number and deep(number - 1)
while True:
    deep(50)
    os.write(1, b".")
"""
MET: Final = f"""{IMPORTS}
watchdog.end_after({LATER})
{WRITES}
"""
FULL: Final = f"""{IMPORTS}
os.set_blocking(2, False)
try:
    while os.write(2, b"." * 4096): pass
except BlockingIOError:
    os.set_blocking(2, True)
os.write(1, b".")
watchdog.end_after({LATE})
{WRITES}
"""
"""Its standard error takes nothing more, since nobody reads it."""
PUT_OFF: Final = f"""{IMPORTS}
watchdog.end_after({LATER})
for _ in range(5):
    time.sleep({LATER / 4})
    watchdog.end_after({LATER})
"""
"""It lives for longer than it is given at once, and ends with the code that follows."""
CONTAINER: Final = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child")


@contextmanager
def running(code: str, *before: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of this code."""
    pipe = subprocess.PIPE
    with subprocess.Popen([*before, sys.executable, "-c", code], stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()


def read(process: subprocess.Popen[bytes]) -> int:
    """How many bytes it has written to standard output since the last look."""
    assert process.stdout
    os.set_blocking(process.stdout.fileno(), False)
    return len(process.stdout.read() or b"")


def until_late(seconds: float) -> None:
    """The time is over."""
    over = time.monotonic() + seconds
    eventually(lambda: time.monotonic() > over)


@pytest.mark.rule("W12")
def test_a_process_that_hangs_with_the_interpreters_lock_ends_and_shows_where() -> None:
    """No thread of Python could do that."""
    with running(HANGS) as process:
        _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == EXIT_TOO_LATE
    assert b"in stuck" in errors


@pytest.mark.rule("W12")
def test_a_process_that_was_stopped_does_nothing_more_when_it_goes_on_too_late() -> None:
    """Not one byte comes of ten processes that write all the time."""
    with ExitStack() as stack:
        processes = [stack.enter_context(running(MET)) for _ in range(10)]
        waiting = processes[:]

        def stopped() -> bool:
            for process in filter(read, waiting[:]):
                process.send_signal(signal.SIGSTOP)
                waiting.remove(process)
            return not waiting

        eventually(stopped, within=DEADLINE, longest_pause=0.05)
        for process in processes:
            os.waitid(os.P_PID, process.pid, os.WSTOPPED)
            read(process)
        until_late(LATER)
        for process in processes:
            process.send_signal(signal.SIGCONT)
            assert process.wait(DEADLINE) == EXIT_TOO_LATE
            assert read(process) == 0


@pytest.mark.rule("W12")
def test_a_process_whose_errors_nobody_reads_does_nothing_more() -> None:
    """It waits for a reader, and goes on with nothing else meanwhile; then it ends."""
    with running(FULL) as process:
        eventually(lambda: read(process), within=DEADLINE)
        until_late(2 * LATE)
        read(process)
        until_late(LATE)
        assert read(process) == 0
        process.communicate(timeout=DEADLINE)
    assert process.returncode == EXIT_TOO_LATE


@pytest.mark.rule("W12")
def test_a_process_that_is_in_time_lives() -> None:
    """Also for longer than it is given at once; and without an end once it need not lead any more."""
    cancelled = f"{PUT_OFF}watchdog.cancel()\ntime.sleep({LATER + LATE})\nsys.exit(7)"
    with running(cancelled) as lives, running(f"{PUT_OFF}time.sleep({DEADLINE:g})") as ends:
        assert lives.wait(DEADLINE) == 7
        assert ends.wait(DEADLINE) == EXIT_TOO_LATE


@pytest.mark.rule("W12")
def test_the_first_process_of_a_container_ends_too() -> None:
    """The kernel keeps from it each signal for which it has no handler."""
    if not shutil.which(CONTAINER[0]) or subprocess.run([*CONTAINER, "true"], check=False).returncode:
        pytest.skip("a namespace of process ids takes Linux and the right to make one: root has it")
    with running(HANGS, *CONTAINER) as process:
        _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == EXIT_TOO_LATE, errors

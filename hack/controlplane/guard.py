"""Run one program so that it cannot outlive its owner.

Started by `processes` as a script, with the read end of a pipe as standard input. The owner keeps the write end and
never writes: end of file therefore means that the owner is gone, however it went (returned, crashed, SIGKILL). Then the
program is killed and the run's directory removed. A pipe rather than PR_SET_PDEATHSIG alone, because that signal is
bound to the *thread* that forked (a worker thread of a test that ends would take the API server with it), does not
exist on macOS, and removes no directory. It is used too, for the case that this guard itself is killed.

    SIGTERM  → SIGTERM for the program and its children, SIGKILL after the grace period
    SIGUSR1  → SIGKILL for them at once
    end of file on standard input → SIGKILL at once, and the directory is removed

It runs isolated from the environment (`python -I -S`) and must import nothing but the standard library.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from types import FrameType

GRACE = 30.0  # seconds between SIGTERM and SIGKILL
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_STANDARD_INPUT = 0


def _die_with_guard(guard: int) -> None:
    """In the child, before exec: ask Linux to end it with the guard, and end if the guard is gone already."""
    if sys.platform == "linux":
        # A Python without ctypes lacks only the protection against SIGKILL of the guard itself.
        with contextlib.suppress(ImportError, OSError):
            import ctypes  # noqa: PLC0415 - optional, and only here

            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard:
        os._exit(1)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    guard = os.getpid()
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=lambda: _die_with_guard(guard),  # noqa: PLW1509 - the guard has one thread, which makes it safe
    )


def _signal_group(program: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(program.pid, number)


def _signal_pipe() -> int:
    """A descriptor that yields the number of each signal that arrives, so that one `select` waits for everything."""

    def _noted(_number: int, _frame: FrameType | None) -> None:
        """The wakeup descriptor carries it; a handler (unlike SIG_IGN) is not inherited by the program."""

    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _noted)
    return reader


def watch(program: subprocess.Popen[bytes], signals: int, remove: str | None) -> int:
    """Wait for the program's end, a signal or the owner's end; answers the exit status to pass on."""
    deadline: float | None = None
    while program.poll() is None:
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select([_STANDARD_INPUT, signals], [], [], timeout)
        received = os.read(signals, 64) if signals in ready else b""
        owner_gone = _STANDARD_INPUT in ready and not os.read(_STANDARD_INPUT, 64)
        if owner_gone or signal.SIGUSR1 in received or (deadline is not None and time.monotonic() >= deadline):
            _signal_group(program, signal.SIGKILL)
            program.wait()
        elif signal.SIGTERM in received and deadline is None:
            _signal_group(program, signal.SIGTERM)
            deadline = time.monotonic() + GRACE
        if owner_gone and remove:
            shutil.rmtree(remove, ignore_errors=True)
    return program.returncode if program.returncode >= 0 else 128 - program.returncode


def main() -> int:
    """Parse `[--remove DIRECTORY] -- PROGRAM ARGUMENT…`, run it, answer its exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--remove", help="directory to remove when the owner is gone")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    signals = _signal_pipe()
    return watch(_start(options.command), signals, options.remove)


if __name__ == "__main__":
    sys.exit(main())

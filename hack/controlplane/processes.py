"""Child processes that end with their owner: the owner's side of `guard`.

Nothing here installs a signal handler or an exit hook: whatever way the owner ends, its end of each guard's pipe closes
and the guard does the rest. This module must not know what it runs.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from controlplane import guard

TAIL_LINES = 25


def spawn(
    command: Sequence[str],
    *,
    remove: Path,
    output: IO[bytes],
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command under a guard, apart from the terminal, so that a terminal's Ctrl-C reaches only the owner.

    Args:
        command: the program and its arguments.
        remove: removed by the guard if the owner ends without having stopped the command.
        output: where standard output and standard error go.
        environment: the whole environment; the owner's by default.
        directory: the working directory; the owner's by default.
    """
    guarded = [sys.executable, "-I", "-S", guard.__file__, "--remove", str(remove), "--", *command]
    return subprocess.Popen(
        guarded,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        bufsize=0,
        env=environment,
        cwd=directory,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[bytes], number: signal.Signals) -> int:
    """Signal a guard (SIGTERM: with grace, SIGUSR1: at once), wait for its end, close its pipe; answers the status."""
    if process.poll() is None:
        process.send_signal(number)
    status = process.wait(timeout=guard.GRACE + 10)
    if process.stdin is not None:
        process.stdin.close()
    return status


class Program:
    """One long-running program with a log file; may be started again after it was stopped."""

    def __init__(self, name: str, command: Sequence[str], *, directory: Path) -> None:
        """Describe it; nothing runs yet. The log becomes `<directory>/<name>.log`."""
        self.name = name
        self.log = directory / f"{name}.log"
        self._command = tuple(command)
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The guard's process id while it runs; the program is its only child."""
        return self._process.pid if self._process is not None and self.running else None

    def start(self) -> None:
        """Start it; the log is appended to. Does nothing while it runs."""
        if self.running:
            return
        self.stop()
        with self.log.open("ab") as output:
            self._process = spawn(self._command, remove=self._directory, output=output, directory=self._directory)

    def stop(self, *, graceful: bool = True) -> None:
        """End it and wait for its end: SIGTERM and 30 s of grace, or SIGKILL. Does nothing if it does not run."""
        if self._process is not None:
            finish(self._process, signal.SIGTERM if graceful else signal.SIGUSR1)
            self._process = None

    def tail(self, lines: int = TAIL_LINES) -> str:
        """The end of its log, for an error message."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

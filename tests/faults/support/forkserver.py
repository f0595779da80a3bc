"""Lives of the operator at the price of a fork: a server process imports the operator once and forks a child for each.

A child is a process like any other: it runs the operator's own command line with the environment it is given, and
ends by real signals. Only the import (a second of processor time) is shared; nothing of the operator runs before the
fork. When the tests end, in whatever way, the server's input closes, and it kills what it has started.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_DEATH_TIMEOUT: Final = 30.0


@dataclass(frozen=True)
class Life:
    """One process of the operator, by a descriptor that no other process can come to mean."""

    pid: int
    descriptor: int

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return not self._ended(0.0)

    def kill(self) -> None:
        """SIGKILL, and return when the process is no more; does nothing once it has ended."""
        if self.running:
            signal.pidfd_send_signal(self.descriptor, signal.SIGKILL)
            assert self._ended(_DEATH_TIMEOUT), f"process {self.pid} outlives a SIGKILL"

    def close(self) -> None:
        """Kill it and let the descriptor go."""
        self.kill()
        os.close(self.descriptor)

    def _ended(self, timeout: float) -> bool:
        watched = select.poll()
        watched.register(self.descriptor, select.POLLIN)
        return bool(watched.poll(timeout * 1000))


class ForkServer:
    """The tests' side; may be used from several threads."""

    def __init__(self, log: Path) -> None:
        """`log` takes what the server itself says."""
        self._lock = threading.Lock()
        path = os.pathsep.join(entry for entry in sys.path if entry)
        with log.open("ab") as errors:
            self._server = subprocess.Popen(
                [sys.executable, "-P", "-m", "faults.support.forkserver"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": path},
            )
        assert self._answer() == "ready", log.read_text(encoding="utf-8")

    def start(self, environment: Mapping[str, str], log: Path) -> Life:
        """A new life with this whole environment; its output is appended to `log`."""
        with self._lock:
            assert self._server.stdin is not None
            order = {"environment": dict(environment), "log": str(log)}
            self._server.stdin.write(json.dumps(order).encode() + b"\n")
            self._server.stdin.flush()
            pid = int(self._answer())
            # The server reaps no child before it has seen "held", so that the id still means this one.
            life = Life(pid, os.pidfd_open(pid))
            self._server.stdin.write(b"held\n")
            self._server.stdin.flush()
            return life

    def close(self) -> None:
        """End the server, and with it every life that still runs."""
        for stream in (self._server.stdin, self._server.stdout):
            assert stream is not None
            stream.close()
        self._server.wait(_DEATH_TIMEOUT)

    def _answer(self) -> str:
        assert self._server.stdout is not None
        return self._server.stdout.readline().decode().strip()


def _live(environment: dict[str, str], log: str) -> int:
    """In the child: become the operator."""
    from tokenfactory_operator.cli.run import main  # noqa: PLC0415  # only the server's process imports the operator

    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(environment)
    gc.enable()
    return main(["run"])


def _reap(children: set[int]) -> None:
    for pid in list(children):
        if os.waitpid(pid, os.WNOHANG)[0]:
            children.discard(pid)


def serve() -> None:
    """The server's side: an order a line, until the input ends."""
    import tokenfactory_operator.app  # noqa: F401, PLC0415  # what the children shall not have to import

    gc.collect()
    gc.freeze()
    children: set[int] = set()
    _say("ready")
    while line := sys.stdin.readline():
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                status = _live(order["environment"], order["log"])
            finally:
                os._exit(status)
        children.add(pid)
        _say(str(pid))
        sys.stdin.readline()
        _reap(children)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve()

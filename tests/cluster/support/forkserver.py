"""Lives of the operator at the price of a fork: a server process imports the operator once and forks a child for each.

A child is a process like any other: it runs the operator's own command line with the environment it is given, ends by
real signals, and its exit status is read. Only the import (0.9 s of processor time) is shared; nothing of the operator
runs before the fork. When the tests end, in whatever way, the server's input closes, and it kills what it has started.
"""

from __future__ import annotations

import atexit
import functools
import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_DEATH_TIMEOUT: Final = 30.0


class Life:
    """One process of the operator, by a descriptor that no other process can come to mean."""

    def __init__(self, pid: int, server: ForkServer) -> None:
        """The server reaps it only when it is asked to, so that `pid` means this process until then."""
        self.pid = pid
        self._descriptor = os.pidfd_open(pid)
        weakref.finalize(self, os.close, self._descriptor)
        self._server = server
        self._reaping = threading.Lock()
        self._status: int | None = None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return not self._ended(0.0)

    def poll(self) -> int | None:
        """The exit status of a process that has ended, negative for a signal's number; None while it lives."""
        with self._reaping:
            if self._status is None and self._ended(0.0):
                self._status = self._server.reap(self.pid)
            return self._status

    def wait(self, timeout: float) -> int:
        """The exit status, once it has ended; raises `subprocess.TimeoutExpired`."""
        self._ended(timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired(f"operator {self.pid}", timeout)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """Does nothing once it has ended."""
        if self.running:
            signal.pidfd_send_signal(self._descriptor, number)

    def kill(self) -> None:
        """SIGKILL, and return when the process is no more; does nothing once it has ended."""
        self.send_signal(signal.SIGKILL)
        assert self._ended(_DEATH_TIMEOUT), f"process {self.pid} outlives a SIGKILL"

    def close(self) -> None:
        """Kill it, and have it reaped."""
        self.kill()
        self.poll()

    def _ended(self, timeout: float) -> bool:
        watched = select.poll()
        watched.register(self._descriptor, select.POLLIN)
        return bool(watched.poll(timeout * 1000))


class ForkServer:
    """The tests' side; may be used from several threads."""

    def __init__(self) -> None:
        """What the server itself says goes to the tests' standard error."""
        self._lock = threading.Lock()
        path = os.pathsep.join(entry for entry in sys.path if entry)
        self._server = subprocess.Popen(
            [sys.executable, "-P", "-m", "cluster.support.forkserver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert self._answer() == "ready"

    def start(self, environment: Mapping[str, str], log: Path) -> Life:
        """A new life with this whole environment; its output is appended to `log`."""
        return Life(int(self._ask(start={"environment": dict(environment), "log": str(log)})), self)

    def reap(self, pid: int) -> int:
        """The exit status of a life that has ended."""
        return int(self._ask(reap=pid))

    def close(self) -> None:
        """End the server, and with it every life that still runs."""
        for stream in (self._server.stdin, self._server.stdout):
            assert stream is not None
            stream.close()
        self._server.wait(_DEATH_TIMEOUT)

    def _ask(self, **order: object) -> str:
        with self._lock:
            assert self._server.stdin is not None
            self._server.stdin.write(json.dumps(order).encode() + b"\n")
            self._server.stdin.flush()
            return self._answer()

    def _answer(self) -> str:
        assert self._server.stdout is not None
        return self._server.stdout.readline().decode().strip()


@functools.cache
def shared() -> ForkServer:
    """The one of this process of tests."""
    server = ForkServer()
    atexit.register(server.close)
    return server


def _live(environment: dict[str, str], log: str) -> int:
    """In the child: become the operator."""
    from tokenfactory_operator.cli.run import main  # noqa: PLC0415  # only the server's process imports the operator

    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    os.close(output)
    os.close(nothing)
    os.environ.clear()
    os.environ.update(environment)
    return main(["run"])


def serve() -> dict[str, Any] | None:
    """The server's side: an order a line, until the input ends; answers the order of a child, in the child."""
    import anyio  # noqa: PLC0415  # as the next

    import tokenfactory_operator.app  # noqa: F401, PLC0415  # what the children shall not have to import

    anyio.run(anyio.sleep, 0)  # imports what it runs on, which the first call of the cloud would
    gc.collect()
    gc.freeze()
    children: set[int] = set()
    _say("ready")
    while line := sys.stdin.readline():
        order = json.loads(line)
        if "reap" in order:
            children.discard(order["reap"])
            _say(str(os.waitstatus_to_exitcode(os.waitpid(order["reap"], 0)[1])))
            continue
        pid = os.fork()
        if pid == 0:
            return dict(order["start"])
        children.add(pid)
        _say(str(pid))
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return None


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    life = serve()
    if life is not None:
        sys.exit(_live(**life))

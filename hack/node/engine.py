"""A Docker engine: the one that answers, or else a daemon of our own for the time of a run.

Our own keeps its images and layers in the cache, so that a second build is quick. It touches no network of the machine:
containers have the host's or none.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from controlplane import cache
from controlplane.processes import Program
from node import machine
from node.errors import NodeError
from node.tenancy import owned

_START = 180.0  # seconds
_POLL = 0.2


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Where docker commands go.

    Attributes:
        host: as in DOCKER_HOST; empty for the caller's own.
    """

    host: str = ""

    @property
    def own(self) -> bool:
        """Whether it is our own, which can pull nothing where there is no registry."""
        return bool(self.host)

    def environment(self) -> dict[str, str]:
        """For the docker command."""
        # Debian's daemon has no BuildKit.
        own = {"DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "0"} if self.own else {}
        return {**os.environ, **own}

    def docker(self, *arguments: str, timeout: float = 900.0) -> str:
        """Run docker; answers its standard output.

        Raises:
            NodeError: it failed.
        """
        return machine.run(["docker", *arguments], environment=self.environment(), timeout=timeout)

    def has(self, image: str) -> bool:
        """Whether an image is there."""
        try:
            self.docker("image", "inspect", image)
        except NodeError:
            return False
        return True

    @property
    def answers(self) -> bool:
        """Whether there is a daemon behind it."""
        try:
            self.docker("info", timeout=30)
        except (NodeError, OSError, subprocess.TimeoutExpired):
            return False
        return True


@contextlib.contextmanager
def running() -> Iterator[Engine]:
    """An engine, for as long as the block lasts.

    Raises:
        MissingError: there is none, and this machine can run none.
        NodeError: our own did not start.
    """
    outside = Engine()
    if shutil.which("docker") and outside.answers:
        yield outside
        return
    machine.check(machine.ENGINE_PROGRAMS, what="A Docker engine")
    with owned(cache.root().parent / "engine", keep=True) as folder:
        engine = Engine(host=f"unix://{folder}/docker.sock")
        daemon = Program("dockerd", _command(folder), directory=_run_folder(folder))
        daemon.start()
        try:
            _wait(engine, daemon)
            yield engine
        finally:
            daemon.stop()


def _run_folder(folder: Path) -> Path:
    """What is new with each run; the guard removes it when the owner is killed."""
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    return run


def _command(folder: Path) -> list[str]:
    return [
        "dockerd",
        f"--data-root={folder / 'data'}",
        f"--exec-root={folder / 'run' / 'exec'}",
        f"--pidfile={folder / 'run' / 'dockerd.pid'}",
        f"--host=unix://{folder}/docker.sock",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
    ]


def _wait(engine: Engine, daemon: Program) -> None:
    deadline = time.monotonic() + _START
    while not engine.answers:
        if not daemon.running or time.monotonic() > deadline:
            raise NodeError(f"dockerd did not start. The end of its log:\n{daemon.tail()}")
        time.sleep(_POLL)

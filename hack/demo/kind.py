"""A cluster of the demo's own by kind, for who has Docker and does not want to wait for a build.

kind is the one on PATH, or else the Go program that hack/tools/go.mod pins. kubectl and helm are the caller's.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from controlplane import ControlPlaneError, processes
from demo.errors import DemoError, RefusedError
from demo.target import OutsideCluster, program
from tools import go_tool

NAME: Final = "tokenfactory-demo"
_ENGINES: Final = ("docker", "podman", "nerdctl")
_READY: Final = "180s"
"""How long the node may take, once its image is there."""
_TAIL: Final = 15
_WITHOUT: Final = "Without CLUSTER the demo builds and starts a control plane of its own."


@contextlib.contextmanager
def kind_cluster(directory: Path) -> Iterator[OutsideCluster]:
    """A fresh cluster, deleted at the end, however that comes. `directory` takes its kubeconfig and kind's output.

    Raises:
        RefusedError: a program is missing, or a cluster of this name is there.
        DemoError: kind could not make it.
    """
    kind = _Kind(command(), directory)
    kind.check_unused()
    try:
        kind.create()
        yield OutsideCluster(directory, kubeconfig=kind.kubeconfig)
    finally:
        kind.delete()


def command() -> Sequence[str]:
    """How to start kind, once it is sure that a cluster can be made; raises `RefusedError` where it cannot."""
    if not any(shutil.which(engine) for engine in _ENGINES):
        raise RefusedError(f"CLUSTER=kind needs Docker, and no docker was found on PATH. {_WITHOUT}")
    for name in ("kubectl", "helm"):  # before the minute that a cluster takes
        program(name)
    if found := shutil.which("kind"):
        return [found]
    if shutil.which("go") is None:
        raise RefusedError(f"CLUSTER=kind needs kind on PATH, or go to build it with, and found neither. {_WITHOUT}")
    try:
        return go_tool.command("kind")
    except ControlPlaneError as error:
        raise RefusedError(f"kind could not be had: {error} {_WITHOUT}") from error


class _Kind:
    """Its commands; the program runs apart from the terminal, so that Ctrl-C ends it only by way of this process."""

    def __init__(self, command: Sequence[str], directory: Path) -> None:
        self.kubeconfig = directory / "kind.kubeconfig"
        self._command = command
        self._directory = directory
        self._log = directory / "kind.log"

    def check_unused(self) -> None:
        status, said = self._run("get", "clusters")
        if status:
            raise RefusedError(f"kind does not reach Docker:\n{said}\n{_WITHOUT}")
        if NAME in said.split():
            raise RefusedError(
                f"There is a kind cluster {NAME} already: of another demo, or of one that was killed. "
                f"`kind delete cluster --name {NAME}` removes it."
            )

    def create(self) -> None:
        where = ("--name", NAME, "--kubeconfig", str(self.kubeconfig))
        status, said = self._run("create", "cluster", *where, "--wait", _READY)
        if status:
            raise DemoError(f"kind could not make a cluster:\n{said}\n{_WITHOUT}")

    def delete(self) -> None:
        self._run("delete", "cluster", "--name", NAME, "--kubeconfig", str(self.kubeconfig))

    def _run(self, *arguments: str) -> tuple[int, str]:
        """Its exit status, and the end of what it said."""
        with self._log.open("wb") as output:
            process = processes.spawn(
                [*self._command, *arguments], remove=self._directory, output=output, environment=go_tool.environment()
            )
        try:
            status = process.wait()
        finally:
            processes.finish(process, signal.SIGTERM)
        said = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return status, "\n".join(said[-_TAIL:])

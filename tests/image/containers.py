"""Containers of the operator's image, confined as the chart's pod is."""

from __future__ import annotations

import io
import json
import secrets
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from node.engine import Engine

CONFINED: Final = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
_TIMEOUT: Final = 60.0


@dataclass(frozen=True)
class Answer:
    """How a container has ended, and what it said."""

    status: int
    output: str
    errors: str


class Image:
    """One image in one engine."""

    def __init__(self, engine: Engine, name: str) -> None:
        """Nothing is run yet."""
        self._engine = engine
        self.name = name

    @cached_property
    def inspected(self) -> dict[str, Any]:
        """What the engine knows of it."""
        (answer,) = json.loads(self._engine.docker("image", "inspect", self.name))
        return dict(answer)

    @cached_property
    def files(self) -> list[tarfile.TarInfo]:
        """Every file of its root file system, by paths that begin without a slash."""
        container = self._engine.docker("create", "--network=none", self.name).strip()
        try:
            export = subprocess.run(
                ["docker", "export", container], env=self._engine.environment(), capture_output=True, check=True
            )
        finally:
            self._engine.docker("rm", container)
        with tarfile.open(fileobj=io.BytesIO(export.stdout)) as archive:
            return archive.getmembers()

    def run(self, *arguments: str, options: Sequence[str] = ()) -> Answer:
        """Run a confined container without a network to its end."""
        command = ["docker", "run", "--rm", "--network=none", *CONFINED, *options, self.name, *arguments]
        result = subprocess.run(
            command, env=self._engine.environment(), capture_output=True, text=True, check=False, timeout=_TIMEOUT
        )
        return Answer(result.returncode, result.stdout, result.stderr)

    @contextmanager
    def started(self, *options: str) -> Iterator[Container]:
        """A confined container on the machine's own network, removed at the end."""
        name = f"tokenfactory-test-{secrets.token_hex(4)}"
        self._engine.docker("run", "--detach", f"--name={name}", "--network=host", *CONFINED, *options, self.name)
        try:
            yield Container(self._engine, name)
        finally:
            self._engine.docker("rm", "--force", name)


@dataclass(frozen=True)
class Container:
    """One that was started."""

    engine: Engine
    name: str

    def inspected(self) -> dict[str, Any]:
        """What the engine knows of it now."""
        (answer,) = json.loads(self.engine.docker("inspect", self.name))
        return dict(answer)

    def log(self) -> str:
        """What it has written, to both streams."""
        command = ["docker", "logs", self.name]
        both = subprocess.run(
            command,
            env=self.engine.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
        return both.stdout

    def terminate(self, *, grace: int) -> int:
        """SIGTERM to process 1, and SIGKILL after that many seconds; answers the exit status (137 after SIGKILL)."""
        self.engine.docker("stop", f"--time={grace}", self.name)
        return int(self.inspected()["State"]["ExitCode"])

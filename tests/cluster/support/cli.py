"""The command line, run in this process with an environment of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO
from unittest import mock

from tokenfactory_operator.cli.main import main


@dataclass(frozen=True)
class Ran:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401  # JSON of any form
        """The result for programs."""
        return json.loads(self.out)


class Typed(io.StringIO):
    """What a command writes to; it may be made to look like a terminal."""

    encoding = "utf-8"

    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        """Whether a person reads it as it comes."""
        return self._terminal


class Keyboard(io.StringIO):
    """What a person types at a terminal."""

    def isatty(self) -> bool:
        """A person does."""
        return True


@dataclass(frozen=True)
class Cli:
    """`cli("doctor", "-o", "json")` with this environment and no other."""

    environment: Mapping[str, str]

    def __call__(
        self, *arguments: str, stdin: str = "", typed: str = "", terminal: bool = False, **variables: str
    ) -> Ran:
        """Run it; `variables` come on top of the environment, and a person answers its questions with `typed`.

        `terminal`: what it writes is read on a terminal.
        """
        out, err = Typed(terminal=terminal), Typed(terminal=terminal)
        source = Keyboard(typed) if typed else io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
        with self._process(out, err, source, {**self.environment, **variables}):
            code = main(list(arguments))
        return Ran(code, out.getvalue(), err.getvalue())

    def done(self, *arguments: str, stdin: str = "", code: int = 0) -> Ran:
        """Run it; it must end with this status."""
        ran = self(*arguments, stdin=stdin)
        assert ran.code == code, f"{ran.code}\n{ran.out}\n{ran.err}"
        return ran

    @staticmethod
    @contextlib.contextmanager
    def _process(out: io.StringIO, err: io.StringIO, source: TextIO, environment: Mapping[str, str]) -> Iterator[None]:
        with (
            mock.patch.dict(os.environ, environment, clear=True),
            mock.patch.object(sys, "stdin", source),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            yield


def cli(kubeconfig: Path, **settings: str) -> Cli:
    """The command line with this kubeconfig, and settings by their names without the prefix."""
    given = {f"TOKENFACTORY_{name}": value for name, value in settings.items()}
    return Cli({"PATH": os.environ.get("PATH", ""), "KUBECONFIG": str(kubeconfig), "COLUMNS": "200", **given})

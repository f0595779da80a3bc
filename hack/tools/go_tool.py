"""A Go program of go.mod in this folder, built by `go tool` when it is first used, at the version that go.sum pins."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Final

from controlplane.progress import Reporter
from controlplane.release import BUILD_ENVIRONMENT
from controlplane.toolchain import find_go

FOLDER: Final = Path(__file__).resolve().parent


def go() -> str:
    """The go command.

    Raises:
        AcquireError: there is none, and none could be installed.
    """
    return str(find_go(_needed_go(), Reporter(sys.stderr)))


def command(name: str) -> list[str]:
    """What to run, before the program's own arguments. The program runs in this folder: give it absolute paths.

    Raises:
        AcquireError: as `go`.
    """
    return [go(), "-C", str(FOLDER), "tool", name]


def environment() -> dict[str, str]:
    """This process's, with Go's settings as the control plane is built with them."""
    return {**os.environ, **BUILD_ENVIRONMENT}


def _needed_go() -> str:
    (version,) = re.findall(r"^go (\S+)$", (FOLDER / "go.mod").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return str(version)

"""What a run in a changed tree tells the tool: written by the run itself, as JSON, to the file that the tool names.

It says which file the changed module was loaded from, so that nobody takes a run of the unchanged code for a verdict.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from pydantic import BaseModel

REPORT: Final = "MUTANTS_REPORT"
"""Environment variable: where to write the report."""
MODULE: Final = "MUTANTS_MODULE"
"""Environment variable: the changed module."""


class Failure(BaseModel):
    """A test that failed, or a promise that was broken."""

    test: str
    error: str
    """Name of the exception, or of the promise."""


class Report(BaseModel):
    """The end of one run."""

    loaded: str = ""
    """The file of the changed module; empty where nothing has imported it."""
    passed: int = 0
    failures: tuple[Failure, ...] = ()
    broken: tuple[str, ...] = ()
    """What could not be collected or set up: nothing to do with a verdict."""


def write(*, passed: int, failures: list[Failure], broken: list[str]) -> None:
    """Write the report of this process."""
    module = sys.modules.get(os.environ[MODULE])
    loaded = (module.__file__ or "") if module is not None else ""
    report = Report(loaded=loaded, passed=passed, failures=tuple(failures), broken=tuple(broken))
    Path(os.environ[REPORT]).write_text(report.model_dump_json())

"""What a run of the changed code proves: that somebody noticed, that nobody did, or that the catalogue is wrong."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from mutants.catalogue import Mutant
from mutants.report import Report

CRASHES: Final = frozenset({"NameError", "UnboundLocalError", "ImportError", "ModuleNotFoundError", "SyntaxError"})
"""Errors of code that is not a program at all. A mutant misbehaves; one that cannot run proves nothing about a test."""
TESTS_FAILED: Final = 1
"""pytest's exit status, and the simulation's."""


class Kind(enum.Enum):
    """The three ends."""

    KILLED = "killed"
    SURVIVED = "SURVIVED"
    DEFECT = "DEFECT"
    """Of the catalogue or of the tool."""


@dataclass(frozen=True)
class Verdict:
    """About one mutant."""

    mutant: Mutant
    kind: Kind
    reported: str
    """The test that noticed, or what is wrong."""
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.kind.value:<8} {self.mutant.name}: {self.reported}"


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    status: int | None
    """Exit status; None where it did not end in time."""
    report: Report | None
    """None where it has written none."""
    output: str = ""


def judged(ended: Ended, *, loaded: str, hangs: bool = False) -> tuple[Kind, str]:
    """The end of a run, which must have run the module from the file `loaded`."""
    report = ended.report
    if ended.status is None:
        return (Kind.KILLED, "it hangs, as declared") if hangs else (Kind.DEFECT, "it did not end in time")
    if report is None or report.broken or ended.status not in (0, TESTS_FAILED):
        what = "; ".join(report.broken) if report is not None and report.broken else ended.output.strip()
        return Kind.DEFECT, f"the run broke off with status {ended.status}: {what or 'no output'}"
    if report.loaded != loaded:
        return Kind.DEFECT, f"the changed file was not run, but {report.loaded or 'nothing of it'}"
    return _counted(report, ended.status)


def _counted(report: Report, status: int) -> tuple[Kind, str]:
    noticed = next((failure for failure in report.failures if failure.error not in CRASHES), None)
    if noticed is not None and status == TESTS_FAILED:
        return Kind.KILLED, f"{noticed.test} ({noticed.error})"
    if report.failures:
        return Kind.DEFECT, f"{report.failures[0].test} ends with {report.failures[0].error}: the code cannot run"
    if not report.passed:
        return Kind.DEFECT, "no test was run"
    return Kind.SURVIVED, f"{report.passed} passed"

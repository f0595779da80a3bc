"""What a check of `doctor` answers."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Verdict(enum.StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    """Somebody should look at it; nothing is broken."""
    PROBLEM = "problem"
    """A person has to act."""
    UNKNOWN = "unknown"
    """It could not be looked at."""


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    name: str
    """Stable name, for programs."""
    verdict: Verdict
    message: str
    """A sentence."""
    next_step: str = ""
    """What to type, or to do."""


def ok(name: str, message: str) -> Check:
    """All is well."""
    return Check(name, Verdict.OK, message)


def problem(name: str, message: str, next_step: str = "") -> Check:
    """A person has to act."""
    return Check(name, Verdict.PROBLEM, message, next_step)


def warning(name: str, message: str, next_step: str = "") -> Check:
    """Somebody should look."""
    return Check(name, Verdict.WARNING, message, next_step)


def unknown(name: str, message: str, next_step: str = "") -> Check:
    """It could not be looked at."""
    return Check(name, Verdict.UNKNOWN, message, next_step)

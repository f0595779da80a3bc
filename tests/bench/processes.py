"""Reading one process's memory and processor time from the kernel (Linux: proc(5)), and waiting for conditions."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class NotMeasuredError(Exception):
    """Something did not happen in time, so that there is nothing to report; the text says what."""


@dataclass(frozen=True)
class Usage:
    """What a process has used until a moment of the monotonic clock."""

    at: float
    cpu_seconds: float
    resident_mib: float
    peak_mib: float

    def cpu_percent_since(self, before: Usage) -> float:
        """Share of one core between two moments, in percent."""
        return 100.0 * (self.cpu_seconds - before.cpu_seconds) / (self.at - before.at)


def usage(pid: int) -> Usage:
    """What the process has used so far, all of its threads, its children apart.

    Raises:
        NotMeasuredError: there is no such process, or no proc file system.
    """
    try:
        status = (Path("/proc") / str(pid) / "status").read_text(encoding="utf-8")
        cpu_seconds = time.clock_gettime(_clock_of(pid))
    except OSError as error:
        raise NotMeasuredError(f"process {pid} cannot be measured: {error}") from error
    return Usage(time.monotonic(), cpu_seconds, _mib(status, "VmRSS"), _mib(status, "VmHWM"))


def _clock_of(pid: int) -> int:
    """The processor-time clock of a process, as clock_getcpuclockid(3) encodes it; proc's own counts ticks of 10 ms."""
    return (~pid << 3) | 2


def _mib(status: str, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def wait_for(check: Callable[[], T | None], *, what: str, within: float, every: float = 0.5) -> T:
    """Ask `check` every so many seconds until it answers something true, and answer that.

    Slower than the tests' `eventually` on purpose: who asks often slows down what is measured.

    Raises:
        NotMeasuredError: it did not within `within` seconds.
    """
    deadline = time.monotonic() + within
    while not (answer := check()):
        if time.monotonic() > deadline:
            raise NotMeasuredError(f"not within {within:g} s: {what}")
        time.sleep(every)
    return answer

"""On what was measured: figures without it say nothing."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Facts at one moment, before anything is started."""

    date: str
    commit: str
    """With `+` where the tree had changes."""
    processor: str
    cores: int
    memory_gib: float
    load: float
    """Runnable tasks in the last minute: far above 0, others were using the machine too."""
    system: str
    python: str

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"{self.date}, commit {self.commit}",
            f"{self.cores} cores ({self.processor}), {self.memory_gib:.0f} GiB, {self.system}, Python {self.python}",
            f"load average before the run: {self.load:.1f}",
        ]


def facts() -> Machine:
    """The facts of now."""
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        commit=_commit(),
        processor=_first("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        cores=os.cpu_count() or 0,
        memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        load=os.getloadavg()[0],
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
    )


def _first(path: str, name: str) -> str:
    """The first value of a field in a file of the kernel's."""
    file = Path(path)
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def _commit() -> str:
    name, changes = _git("rev-parse", "--short", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    return f"{name or 'unknown'}{'+' if changes else ''}"


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=10)
    except OSError:
        return ""
    return done.stdout.strip()

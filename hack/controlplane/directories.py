"""A run's own temporary directory, and the removal of those of dead runs.

Every directory has a lock file that its owner holds for life; the kernel releases it when the owner ends. A directory
whose lock can be had is therefore nobody's.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

PREFIX = "tokenfactory-controlplane-"
_LOCK = "owner.lock"
_NEWBORN = 60.0  # seconds in which a directory without a lock file is one that is just being made


class RunDirectory:
    """A temporary directory that is known to be in use as long as this object is open."""

    def __init__(self, parent: Path | None = None) -> None:
        """Make and lock it, below the system's folder for temporary files by default."""
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        fresh = self.path / f"{_LOCK}.new"
        self._lock: IO[str] = fresh.open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        fresh.rename(self.path / _LOCK)  # whoever sweeps sees it held, or not at all

    def remove(self) -> None:
        """Remove it with all that is in it; may be called again."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def sweep(parent: Path | None = None) -> list[Path]:
    """Remove the directories of runs that have ended without doing so; answers which."""
    swept = []
    for path in Path(parent or tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # Another sweeper may be at it, and another user's folder is not ours to touch.
        with contextlib.suppress(OSError):
            if path.stat().st_uid == os.getuid() and _abandoned(path):
                shutil.rmtree(path)
                swept.append(path)
    return swept


def _abandoned(path: Path) -> bool:
    lock = path / _LOCK
    if not lock.exists():
        return time.time() - path.stat().st_mtime > _NEWBORN
    with lock.open("r+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True

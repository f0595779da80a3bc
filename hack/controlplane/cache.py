"""Where built programs are kept, and how two builders keep out of each other's way.

A folder in the cache is complete or absent: it is built beside its place and renamed. This module must not know what is
in the folders.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from controlplane.progress import Reporter

_POLL = 0.5  # seconds between two looks at a lock that another builder holds


def root() -> Path:
    """`${XDG_CACHE_HOME:-~/.cache}/tokenfactory-operator/controlplane`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tokenfactory-operator" / "controlplane"


@contextlib.contextmanager
def locked(target: Path, reporter: Reporter) -> Iterator[None]:
    """Hold the builder's lock of a folder; waits, and says so, while another process holds it.

    The kernel releases the lock when its holder ends, however it ends.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f"{target.name}.lock").open("w") as handle:
        waiting = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not waiting:
                    reporter.say("Another process is building the test control plane; waiting for it.")
                waiting = True
                reporter.update("waiting")
                time.sleep(_POLL)
            else:
                break
        yield


@contextlib.contextmanager
def staging(target: Path) -> Iterator[Path]:
    """A fresh folder beside the target; removed at the end, whatever is left in it. Needs the target's lock."""
    pattern = f".building-{target.name}-"
    for leftover in target.parent.glob(f"{pattern}*"):  # of a builder that was killed: nobody else holds the lock
        shutil.rmtree(leftover, ignore_errors=True)
    directory = target.with_name(f"{pattern}{os.getpid()}")
    directory.mkdir()
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def publish(built: Path, target: Path) -> None:
    """Put a complete folder in its place, atomically."""
    built.rename(target)

"""A folder that one run at a time owns, and that is cleared however that run ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from node import janitor
from node.errors import NodeError

_CLEARING = 120.0  # seconds


@contextlib.contextmanager
def owned(folder: Path, *, namespace: str = "", cgroup: str = "", keep: bool = False) -> Iterator[Path]:
    """Have the folder for this run, without anything that an earlier run has left.

    Args:
        folder: made if need be.
        namespace: a network namespace that belongs to it.
        cgroup: a control group's name that belongs to it.
        keep: whether its files outlive the run.

    Raises:
        NodeError: another run has it, or the folder belongs to somebody else.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock_file = folder.with_name(f"{folder.name}.lock")
    # The lock is inherited by the janitor: it is held until everything is gone.
    with os.fdopen(os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise NodeError(f"Another run uses {folder}, or is just being cleared away: try again later.") from error
        janitor.clear(folder, namespace=namespace, cgroup=cgroup, keep=keep)
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            raise NodeError(f"{folder} belongs to somebody else.")
        options = [f"--namespace={namespace}", f"--cgroup={cgroup}", *(["--keep"] if keep else [])]
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", janitor.__file__, *options, str(folder)],
            stdin=subprocess.PIPE,
            pass_fds=[lock.fileno()],
            start_new_session=True,
        )
        try:
            yield folder
        finally:
            assert process.stdin is not None  # noqa: S101 - it was asked for
            process.stdin.close()
            process.wait(_CLEARING)

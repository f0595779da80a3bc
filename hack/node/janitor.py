"""Remove what a container engine leaves when its programs are ended, and what it leaves when they are killed.

Started as a script, with the read end of a pipe as standard input. The owner keeps the write end and never writes: end
of file means that the owner is done or gone. Then, in this order:

1. every program of an engine or a node whose command line names the folder is killed, and all that came of it: above
   all the shims, which outlive containerd on purpose;
2. every mount below the folder is taken away;
3. the network namespace, the node's control groups and the folder are removed.

It holds the owner's lock by a descriptor that it inherits: until all is gone, no other run begins.

It runs isolated from the environment (`python -I -S`) and must import nothing but the standard library.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

_DEADLINE = 30.0  # seconds for processes to be gone
_POLL = 0.05
_CGROUPS = Path("/sys/fs/cgroup")
_PROGRAMS = ("containerd", "dockerd", "runc", "kube", "etcd")
"""How the names of such programs begin: a person who reads a log in the folder is left alone."""
NAMESPACES = Path("/var/run/netns")


def processes_of(folder: Path) -> set[int]:
    """An engine's or node's whose command line names the folder, and their descendants; never this one's ancestors."""
    parents: dict[int, int] = {}
    named: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int(entry.name)
            parents[pid] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            arguments = (entry / "cmdline").read_text(errors="replace").split("\0")
            ours = Path(arguments[0]).name.startswith(_PROGRAMS)
            if ours and any(f"{folder}/" in f"{argument}/" for argument in arguments):
                named.add(pid)
    named -= _line(os.getpid(), parents)
    return {pid for pid in parents if named & _line(pid, parents)}


def _line(pid: int, parents: dict[int, int]) -> set[int]:
    """A process and its ancestors."""
    line: set[int] = set()
    while pid and pid not in line:
        line.add(pid)
        pid = parents.get(pid, 0)
    return line


def kill_processes(folder: Path) -> None:
    """Kill until there are none; children of a shim may appear between two looks."""
    deadline = time.monotonic() + _DEADLINE
    while (found := processes_of(folder)) and time.monotonic() < deadline:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL)


def mounts_below(folder: Path) -> list[str]:
    """Mount points in and at the folder, the newest first."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    return [point for point in reversed(points) if Path(point).is_relative_to(folder)]


def unmount(folder: Path) -> None:
    """Take away every mount below the folder, at once or, where one is busy, as soon as it is not."""
    for point in mounts_below(folder):
        subprocess.run(["umount", "--lazy", point], check=False, capture_output=True)


def remove_cgroups(name: str) -> None:
    """Remove a control group and those below it, in every hierarchy."""
    for top in (_CGROUPS / name, *_CGROUPS.glob(f"*/{name}")):
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


def clear(folder: Path, *, namespace: str = "", cgroup: str = "", keep: bool = False) -> None:
    """All of it; `keep` leaves the folder's files."""
    kill_processes(folder)
    unmount(folder)
    if namespace and (NAMESPACES / namespace).exists():
        subprocess.run(["ip", "netns", "delete", namespace], check=False, capture_output=True)
    if cgroup:
        remove_cgroups(cgroup)
    # A mount that is still there is not walked into: what is below it is not this run's.
    if not keep and not mounts_below(folder):
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Wait for the owner's end, then clear."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--namespace", default="")
    parser.add_argument("--cgroup", default="")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 64):
        pass
    clear(options.folder, namespace=options.namespace, cgroup=options.cgroup, keep=options.keep)
    return 0


if __name__ == "__main__":
    sys.exit(main())

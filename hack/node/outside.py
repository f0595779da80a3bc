"""The owner of a node's folder and network namespace: it starts what runs inside, and all is cleared at its end."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from controlplane import processes
from node import layout, machine
from node.engine import Engine
from node.janitor import NAMESPACES
from node.node import programs
from node.tenancy import owned

CGROUP = "kubepods"
"""The kubelet's: its name cannot be chosen without making the folders of its parent by hand."""


def folder() -> Path:
    """One for the machine: two kubelets would take each other's control groups for left over."""
    return Path(tempfile.gettempdir()) / layout.NAMESPACE


def save(engine: Engine, images: Sequence[str], target: Path) -> Path:
    """Write images as one tar."""
    engine.docker("save", f"--output={target}", *images)
    return target


def run(images: Path, command: Sequence[str]) -> int:
    """Run a command beside a node that has the images; answers its status.

    Raises:
        MissingError: this machine can run no node.
        NodeError: another node runs here.
    """
    machine.check(machine.NODE_PROGRAMS, what="A node")
    programs()  # a build is seen, and takes longer than anything may hold the folder
    with owned(folder(), namespace=layout.NAMESPACE, cgroup=CGROUP) as own:
        machine.run(["ip", "netns", "add", layout.NAMESPACE])
        # Not `ip netns exec`: it mounts /sys anew and hides the control groups from the kubelet.
        enter = ["nsenter", f"--net={NAMESPACES / layout.NAMESPACE}"]
        inside = [sys.executable, "-m", "node.inside", str(own), str(images), *command]
        process = processes.spawn([*enter, *inside], remove=own / "logs", output=sys.stdout.buffer)
        try:
            return process.wait()
        finally:
            processes.finish(process, signal.SIGTERM)

"""What this machine must have for an engine of our own and for a node."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

from node.errors import MissingError, NodeError

PACKAGES = "docker.io containerd runc containernetworking-plugins debootstrap iptables iproute2"
CNI_PLUGINS = "/usr/lib/cni"
ENGINE_PROGRAMS = ("docker", "dockerd", "containerd", "runc")
NODE_PROGRAMS = ("containerd", "containerd-shim-runc-v2", "ctr", "runc", "ip", "iptables", "nsenter", "umount")
E2E_PROGRAMS = (*ENGINE_PROGRAMS, *NODE_PROGRAMS, "openssl")
_TAIL = 25


def check(programs: Sequence[str], *, what: str) -> None:
    """Do nothing where a thing is possible.

    Raises:
        MissingError: names everything that is missing.
    """
    reasons = [] if sys.platform == "linux" else ["this is not Linux"]
    if os.geteuid() != 0:
        reasons.append("this is not root")
    if missing := [name for name in programs if shutil.which(name) is None]:
        reasons.append(f"there is no {', '.join(missing)} on PATH")
    if set(NODE_PROGRAMS) <= set(programs) and not os.path.isdir(CNI_PLUGINS):  # noqa: PTH112 - one question
        reasons.append(f"there is no folder {CNI_PLUGINS}")
    if reasons:
        raise MissingError(f"{what} cannot be had here: {'; '.join(reasons)}. On Debian: apt-get install {PACKAGES}")


def run(command: Sequence[str], *, environment: Mapping[str, str] | None = None, timeout: float = 600.0) -> str:
    """Run a command to its end; answers its standard output.

    Raises:
        NodeError: it failed.
    """
    result = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    if result.returncode:
        said = "\n".join((result.stdout + result.stderr).splitlines()[-_TAIL:])
        raise NodeError(f"`{' '.join(command)}` ended with {result.returncode}:\n{said}")
    return result.stdout

"""The in-cluster tests on kind. kubectl and helm are the caller's, as for the demo.

This has not been run yet: no image of a kind node can be had where the project is built. It needs Docker on Linux,
where this machine has an address on the network of kind's nodes; Docker Desktop gives it none.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from demo import kind
from node.engine import Engine
from node.errors import NodeError
from tools import go_tool


def run(images: Path, command: Sequence[str], directory: Path, docker: Engine) -> int:
    """Make a cluster, load the images, run the command beside it; answers its status.

    Raises:
        RefusedError: a program is missing, or there is a cluster of this name.
        NodeError: the images could not be loaded.
    """
    with kind.kind_cluster(directory) as cluster:
        load = [*kind.command(), "load", "image-archive", "--name", kind.NAME, str(images)]
        subprocess.run(load, env=go_tool.environment(), check=True)
        own = {"KUBECONFIG": str(cluster.kubeconfig), "E2E_ADDRESS": _gateway(docker)}
        return subprocess.run(command, env={**os.environ, **own}, check=False).returncode


def _gateway(docker: Engine) -> str:
    """This machine's address on the network of kind's nodes."""
    (network,) = json.loads(docker.docker("network", "inspect", "kind"))
    addresses = [str(config["Gateway"]) for config in network["IPAM"]["Config"] if "." in config.get("Gateway", "")]
    if not addresses:
        raise NodeError("kind's network has no IPv4 gateway, by which a pod could reach the simulated cloud.")
    return addresses[0]

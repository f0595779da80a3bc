"""Run in the node's network namespace: `python -m node.inside FOLDER IMAGES COMMAND…`.

It starts the node, loads the images and runs the command with KUBECONFIG, PATH and E2E_ADDRESS set; answers its status.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from controlplane.errors import ControlPlaneError
from node import layout
from node.node import Node


def main() -> int:
    """As above."""
    signal.signal(signal.SIGTERM, _interrupt)
    folder, images, *command = sys.argv[1:]
    try:
        with Node(Path(folder)) as node:
            node.load(Path(images))
            return subprocess.run(command, env=_environment(node), check=False).returncode
    except ControlPlaneError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _environment(node: Node) -> dict[str, str]:
    own = {
        "PATH": os.pathsep.join([str(node.bin), os.environ.get("PATH", os.defpath)]),
        "KUBECONFIG": str(node.kubeconfig),
        "KUBECACHEDIR": str(node.kubeconfig.parent / "kubectl-cache"),
        "HELM_CACHE_HOME": str(node.kubeconfig.parent / "helm"),
        "E2E_ADDRESS": layout.ADDRESS,
    }
    return {**os.environ, **own}


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())

"""`PYTHONPATH=hack python -m incluster [PYTEST ARGUMENT…]`: the tests of the image, and those in a cluster.

CLUSTER=kind takes a kind cluster, which needs Docker and nothing else; otherwise it is a node of our own, which needs
root. Status 77 where this machine can do neither.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from controlplane import processes
from controlplane.errors import ControlPlaneError
from demo.errors import DemoError
from incluster import folders, kind
from node import engine, image, machine, outside, pause
from node.errors import CANNOT, MissingError

_NOTHING_SELECTED = 5  # pytest's status
_ROOT = image.ROOT


def main() -> int:
    """Answers the first status that is neither 0 nor "nothing selected"."""
    arguments = sys.argv[1:]
    try:
        on_kind = os.environ.get("CLUSTER") == "kind"
        if not on_kind:
            machine.check(machine.E2E_PROGRAMS, what="The in-cluster test")
        statuses = [_run(_command(folders.IMAGE, arguments))]
        if statuses[0] in (0, _NOTHING_SELECTED):
            statuses += _in_cluster(arguments, on_kind=on_kind)
    except (ControlPlaneError, DemoError) as error:
        print(error, file=sys.stderr)
        return CANNOT if isinstance(error, MissingError) else 1
    if set(statuses) == {_NOTHING_SELECTED}:
        return _NOTHING_SELECTED
    return next((status for status in statuses if status not in (0, _NOTHING_SELECTED)), 0)


def _command(folder: str, arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "pytest", str(_ROOT / folder), f"--rootdir={_ROOT}", "--capture=no", *arguments]


def _run(command: Sequence[str], **variables: str) -> int:
    with tempfile.TemporaryDirectory(prefix="tokenfactory-tests-") as scratch:
        environment = {**os.environ, **variables}
        process = processes.spawn(command, remove=Path(scratch), output=sys.stdout.buffer, environment=environment)
        try:
            return process.wait()
        finally:
            processes.finish(process, signal.SIGTERM)


def _in_cluster(arguments: Sequence[str], *, on_kind: bool) -> list[int]:
    """The statuses of the tests of the node, where it is our own, and of those in the cluster."""
    command = _command(folders.E2E, arguments)
    with tempfile.TemporaryDirectory(prefix="tokenfactory-images-") as folder:
        tar = Path(folder) / "images.tar"
        with engine.running() as docker:
            names = [image.build(docker)]
            if not on_kind:
                names.append(pause.ensure(docker))
            outside.save(docker, names, tar)
            if on_kind:
                return [kind.run(tar, command, Path(folder), docker)]
        return [_run(_command(folders.NODE, arguments), NODE_IMAGES=str(tar)), outside.run(tar, command)]


if __name__ == "__main__":
    sys.exit(main())

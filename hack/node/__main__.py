"""The command line: `PYTHONPATH=hack python -m node {check,image,run}`.

`check` answers whether this machine can run `make e2e`: status 0, or 77 with a sentence.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from controlplane.errors import ControlPlaneError
from node import engine, image, machine, outside, pause
from node.errors import CANNOT, MissingError


def main() -> int:
    """Run one command; answers the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m node", description="The operator's image, and a node to run it on."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help=f"say whether a node can be run here; status {CANNOT} if not")
    build = commands.add_parser("image", help="build the operator's image")
    build.add_argument("--tag", default=image.NAME)
    build.add_argument("--save", metavar="FILE", help="also write it as a tar")
    beside = commands.add_parser("run", help="run a command beside a node that has the operator's image")
    beside.add_argument("arguments", nargs="+", metavar="COMMAND")
    options = parser.parse_args()
    try:
        if options.command == "check":
            machine.check(machine.E2E_PROGRAMS, what="The in-cluster test")
        elif options.command == "image":
            _image(options.tag, options.save)
        else:
            return _run(options.arguments)
    except ControlPlaneError as error:
        print(error, file=sys.stderr)
        return CANNOT if isinstance(error, MissingError) else 1
    return 0


def _image(tag: str, save: str | None) -> None:
    with engine.running() as docker:
        image.build(docker, name=tag)
        if save:
            docker.docker("save", f"--output={save}", tag)
        print(f"{tag} is in the engine {docker.host or 'that docker uses'}")


def _run(command: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="tokenfactory-images-") as folder:
        with engine.running() as docker:
            images = [image.build(docker), pause.ensure(docker)]
            tar = outside.save(docker, images, Path(folder) / "images.tar")
        return outside.run(tar, command)


if __name__ == "__main__":
    sys.exit(main())

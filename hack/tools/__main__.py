"""`PYTHONPATH=hack python -m tools PROGRAM ARGUMENT…`: become a Go program of go.mod in this folder."""

from __future__ import annotations

import os
import sys

from controlplane.errors import ControlPlaneError
from tools.go_tool import command, environment


def main() -> None:
    """Does not return: the program takes this process over."""
    name, *arguments = sys.argv[1:]
    try:
        whole = [*command(name), *arguments]
    except ControlPlaneError as error:
        sys.exit(str(error))
    os.execve(whole[0], whole, environment())  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main()

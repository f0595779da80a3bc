"""The command line: `PYTHONPATH=hack python3 -m controlplane {fetch,up,status,down}`.

Standard output carries only what a script wants (a folder, `export` lines); messages for people go to standard error.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from controlplane import release as releases
from controlplane.acquire import acquire
from controlplane.background import STATE, Background
from controlplane.cluster import Cluster
from controlplane.errors import ControlPlaneError
from controlplane.release import VERSION_VARIABLE, Release

_POLL = 0.5  # seconds between two looks at the programs
_NOT_RUNNING = 3  # the status that init scripts give for it (LSB)
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command; answers the exit status."""
    options = _parser().parse_args(arguments)
    try:
        release = releases.load(options.release)
        return _run(options, release)
    except ControlPlaneError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m controlplane", description="A Kubernetes control plane for tests."
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--release", help=f"one of {', '.join(releases.available())}; default: ${VERSION_VARIABLE}")
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser(
        "fetch", parents=[common], help="have the programs, building them if need be; prints their folder"
    )
    fetch.add_argument(
        "--gitops", action="store_true", help="have Flux and Argo CD's command line too; prints their folders after it"
    )
    up = commands.add_parser("up", parents=[common], help="run a cluster until Ctrl-C; prints how to reach it")
    up.add_argument("--background", action="store_true", help="leave it running; does nothing if it runs already")
    up.add_argument("--state", type=Path, help=argparse.SUPPRESS)
    commands.add_parser(
        "status", parents=[common], help=f"the cluster in the background; status {_NOT_RUNNING} if none"
    )
    commands.add_parser("down", parents=[common], help="end the cluster in the background")
    return parser


def _run(options: argparse.Namespace, release: Release) -> int:
    match options.command:
        case "fetch":
            print(acquire(release))
            for other in (releases.flux, releases.argocd) if options.gitops else ():
                print(acquire(other()))
        case "up" if options.background:
            acquire(release)  # here, where its progress is seen
            state = Background().up(release)
            _explain(state.kubeconfig, state.bin, state.server, hint="It stays until `down`.")
        case "up":
            return _serve(release, options.state)
        case "status":
            return _status()
        case "down":
            print("ended" if Background().down() else "no cluster is running in the background", file=sys.stderr)
    return 0


def _serve(release: Release, state: Path | None) -> int:
    """Run a cluster until a signal, or until one of its programs ends."""
    signal.signal(signal.SIGTERM, _interrupt)
    cluster = Cluster(version=release.name)
    with Background(state).owned(cluster, release) if state else cluster:
        if not state:
            _explain(str(cluster.kubeconfig), str(cluster.bin), cluster.server, hint="It stays until Ctrl-C.")
        try:
            while cluster.healthy:
                time.sleep(_POLL)
        except KeyboardInterrupt:
            return 0
    print("A program of the control plane has ended unexpectedly.", file=sys.stderr)
    return 1


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _status() -> int:
    state = Background().state()
    if state is None:
        print(f"no cluster is running in the background (state: {STATE})", file=sys.stderr)
        return _NOT_RUNNING
    hint = f"{state.release}, process {state.pid}, logs in {state.directory}; end it by `down`."
    _explain(state.kubeconfig, state.bin, state.server, hint=hint)
    return 0


def _explain(kubeconfig: str, programs: str, server: str, *, hint: str) -> None:
    print(f"The API server is ready at {server}. {hint} To use it:", file=sys.stderr)
    print(f"export KUBECONFIG={kubeconfig}", f'export PATH="{programs}:$PATH"', sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""`simulator`: a stand-in for the cloud on this machine, to try everything without a bill."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from typing import Annotated, Final

import typer

from tokenfactory_operator.cli.errors import CliError, Exit
from tokenfactory_operator.settings.durations import ACCEPTED, parse_duration
from tokenfactory_operator.version import with_extras

MODULE: Final = "tokenfactory_simulator"
HOST: Final = "127.0.0.1"
TOKEN: Final = "demo-token"  # noqa: S105 - of the simulator, and no secret

Port = Annotated[int, typer.Option(metavar="NUMBER", min=1, max=65535, help="Where it listens, on 127.0.0.1.")]
Time = Annotated[str, typer.Option("--provisioning-time", metavar="DURATION", help="From GPUs granted to ready.")]


def simulator(port: Port = 8090, provisioning_time: Time = "5s") -> int:
    """Start a simulated cloud, until Ctrl-C.

    It has the API of Token Factory, a catalog of samples and no GPU. Whoever is to use it gets its address and its
    token by two variables, which it prints.

    Examples:
    kubectl tokenfactory simulator
    """
    if importlib.util.find_spec(MODULE) is None or importlib.util.find_spec("fastapi") is None:
        raise CliError("The simulator is not installed.", hint=with_extras("cli,simulator"))
    _check(port, provisioning_time)
    sys.stdout.write(
        f"export TOKENFACTORY_API_URL=http://127.0.0.1:{port} TOKENFACTORY_TOKEN={TOKEN}\n"
        "Set these for the operator and for this command line. End it with Ctrl-C.\n"
    )
    sys.stdout.flush()
    command = [sys.executable, "-m", MODULE, "--port", str(port), "--provisioning-time", provisioning_time]
    try:
        # Another process: operator and simulator do not import each other.
        ended = subprocess.run([*command, "--token", f"{TOKEN}=project-demo"], check=False, env=os.environ.copy())  # noqa: S603 - our own module
    except KeyboardInterrupt:
        return Exit.DONE
    return Exit.DONE if ended.returncode == 0 else Exit.ERROR


def _check(port: int, provisioning_time: str) -> None:
    """Raise `CliError` for what the simulator would not start with, before its variables are printed."""
    try:
        parse_duration(provisioning_time)
    except ValueError:
        raise CliError(f"--provisioning-time {provisioning_time} is no duration.", hint=f"Give {ACCEPTED}.") from None
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        said = os.strerror(error.errno or 0)
        raise CliError(
            f"Nothing can listen on {HOST}:{port}: {said}.", hint="Choose another one with --port."
        ) from None

"""How the demo was asked to run: the environment that `make demo` passes on, and flags for who calls it directly."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from demo.errors import RefusedError

TOKEN: Final = "demo-operator-token"  # noqa: S105  # the simulator's, which knows no other
_CHOICES: Final = {"DEMO": ("", "once", "stay"), "CLUSTER": ("", "own", "current", "kind")}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What was asked for.

    Attributes:
        stay: go on after the summary until a signal comes.
        cluster: `own`; `current`, that of kubectl's current context; or `kind`, a fresh one on Docker.
        confirmed: a person has agreed to the current one in advance.
        token: what the operator presents to the cloud.
        provisioning: seconds that the simulated cloud takes to start an endpoint.
        timeout: seconds that each step may take.
    """

    stay: bool
    cluster: str
    confirmed: bool
    token: str
    provisioning: float
    timeout: float


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Options:
    """Read flags and environment.

    Raises:
        RefusedError: a variable has a value that means nothing.
        SystemExit: a flag does, or help was asked for.
    """
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description=__doc__,
        epilog="Environment: DEMO=once ends after the summary; CLUSTER=kind makes a cluster on Docker; CLUSTER=current "
        "uses the cluster of kubectl's current context, after asking (CONFIRM=yes answers in advance).",
    )
    parser.add_argument(
        "--operator-token", default=TOKEN, help="another token: the cloud refuses it, and the demo ends"
    )
    parser.add_argument("--provisioning", type=float, default=4.0, help="seconds until an endpoint runs (default 4)")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds that a step may take (default 120)")
    flags = parser.parse_args(arguments)
    chosen = {name: environment.get(name, "") for name in _CHOICES}
    for name, value in chosen.items():
        if value not in _CHOICES[name]:
            raise RefusedError(f"{name}={value} means nothing here; it may be {' or '.join(_CHOICES[name][1:])}.")
    return Options(
        stay=chosen["DEMO"] == "stay" or (not chosen["DEMO"] and sys.stdin.isatty() and sys.stdout.isatty()),
        cluster=chosen["CLUSTER"] or "own",
        confirmed=environment.get("CONFIRM", "") == "yes",
        token=flags.operator_token,
        provisioning=flags.provisioning,
        timeout=flags.timeout,
    )

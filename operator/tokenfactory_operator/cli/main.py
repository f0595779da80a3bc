"""The entry point of `tokenfactory-operator …`, and of `kubectl tokenfactory …`, which is the same.

`run` needs the operator's own dependencies only, so that the image carries no more. Every other command needs the extra
`cli`, and says so in one sentence where it is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tokenfactory_operator.cli import run
from tokenfactory_operator.version import with_extras

EXTRA: Final = frozenset({"rich", "typer"})
PLUGIN: Final = "kubectl-tokenfactory"
"""Name of the script by which kubectl finds its plugin `tokenfactory`."""
COMPLETION: Final = "kubectl_complete-tokenfactory"
"""Name of the script that kubectl asks for completions of that plugin (Kubernetes: "Extend kubectl with plugins")."""


def main(arguments: Sequence[str] | None = None, *, start: run.Start | None = None) -> int:
    """Run the command line `arguments` (default: the process's own) and answer the exit status.

    `start` stands in for the operator itself, in tests.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    called = Path(sys.argv[0]).name
    if given[:1] in (["run"], ["--version"]) and called != COMPLETION:
        return run.main(given, start=start)
    try:
        from tokenfactory_operator.cli import app  # noqa: PLC0415  # needs the extra
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in EXTRA:
            raise
        return _without_the_extra(given)
    if called == COMPLETION:
        return app.complete(given)
    return app.main(given, program="kubectl tokenfactory" if called == PLUGIN else run.PROGRAM)


def _without_the_extra(given: list[str]) -> int:
    if given[:1] in ([], ["--help"], ["-h"]):
        run.build_parser().print_help()
    sys.stderr.write(f"{run.PROGRAM}: every command but `run` needs the extra `cli`: {with_extras('cli')}\n")
    return run.EXIT_USAGE

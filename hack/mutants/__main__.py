"""`make mutants`, or `PYTHONPATH=hack python -m mutants`: exit status 0 when each broken rule was noticed."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mutants.catalogue import CatalogueError, Mutant, chosen, load
from mutants.changed import changed_files, touched
from mutants.runner import Runner
from mutants.verdict import Kind, Verdict

PROJECT: Final = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Break the protocol in each way of the catalogue, and see who notices."""
    parser = argparse.ArgumentParser(prog="python -m mutants", description="Break the protocol; a test has to fail.")
    parser.add_argument("name", nargs="*", help="only the mutants whose name contains one of these")
    parser.add_argument(
        "--since", help="only what has changed since this branch left that commit; all if git cannot say"
    )
    parser.add_argument("--list", action="store_true", help="say what would be broken, and end")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    given = parser.parse_args(arguments)
    try:
        mutants = _since(given.since, chosen(load(), given.name))
    except CatalogueError as error:
        return _fail(f"The catalogue is wrong: {error}")
    if given.list:
        for mutant in mutants:
            print(f"{mutant.name}: {mutant.breaks}")
        return 0
    if not mutants:
        print(f"mutants: none has to do with what has changed since {given.since}")
        return 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        return _hunt(Runner(PROJECT, Path(folder), workers=given.workers), mutants)


def _since(commit: str | None, mutants: Sequence[Mutant]) -> Sequence[Mutant]:
    changed = changed_files(PROJECT, commit) if commit else None
    return mutants if changed is None else touched(mutants, changed, PROJECT)


def _hunt(runner: Runner, mutants: Sequence[Mutant]) -> int:
    begun = time.monotonic()
    if problems := runner.misfits(mutants):
        return _fail("The catalogue does not fit the code:", *problems)
    if problems := runner.sound(mutants):
        return _fail("Nothing counts, since these fail on the code as it is:", *problems)
    verdicts = []
    for verdict in runner.verdicts(mutants):
        verdicts.append(verdict)
        print(verdict, flush=True)
    return _summary(verdicts, time.monotonic() - begun)


def _summary(verdicts: Sequence[Verdict], seconds: float) -> int:
    count = Counter(verdict.kind for verdict in verdicts)
    print(
        f"mutants: {len(verdicts)} ways to break the protocol, {count[Kind.KILLED]} killed, "
        f"{count[Kind.SURVIVED]} survived, {count[Kind.DEFECT]} defects of the catalogue; {seconds:.0f} s"
    )
    return 0 if count[Kind.KILLED] == len(verdicts) else 1


def _fail(*lines: str) -> int:
    print("\n  ".join(lines), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""Which mutants a change touches: those of a changed module, a changed test, or a changed file of the catalogue."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path

from mutants.catalogue import CATALOGUE, SOURCE, Mutant, read


def changed_files(project: Path, since: str) -> frozenset[Path] | None:
    """The files, from the root of the project, that differ from the commit where this branch left `since`.

    Where HEAD is that commit itself, as in a fresh clone, those that differ from the commit before it. None where git
    cannot say: no repository, no such name, or a history that was cut off there.
    """
    try:
        base = _git(project, "merge-base", since, "HEAD")
        if base == _git(project, "rev-parse", "HEAD"):
            base = _git(project, "rev-parse", "HEAD~1")
        names = _git(project, "diff", "--name-only", "--no-renames", base)
    except (OSError, subprocess.CalledProcessError):
        return None
    return frozenset(map(Path, names.splitlines()))


def touched(mutants: Sequence[Mutant], changed: Collection[Path], project: Path) -> tuple[Mutant, ...]:
    """The mutants that `changed` has to do with, in their order."""
    catalogues = [project / path for path in changed if (project / path).parent == CATALOGUE and path.suffix == ".toml"]
    listed = {mutant.name for path in catalogues if path.exists() for mutant in read(path)}

    def is_touched(mutant: Mutant) -> bool:
        files = {SOURCE / mutant.file, *(Path(test.partition("::")[0]) for test in mutant.tests)}
        return mutant.name in listed or not files.isdisjoint(changed)

    return tuple(filter(is_touched, mutants))


def _git(project: Path, *arguments: str) -> str:
    command = ["git", "-C", str(project), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

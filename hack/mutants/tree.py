"""A copy of the project in which one file at a time is changed: the project's own tree is never touched.

What is changed or imported is copied once, the rest is linked. Compiled files are kept between runs, but for those of
the changed file: a change within one second that keeps the size would otherwise not be seen.
"""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mutants.catalogue import SOURCE, Mutant

COPIED: Final = ("operator", "tests", "hack")
"""What tests import. `tests` finds the project's root by its own place, so the copy has to be whole."""
LEFT_OUT: Final = (".git", ".venv", ".run", "build", "dist", ".hypothesis")


class Tree:
    """A copy of the project at `root`, made from the one at `project`."""

    def __init__(self, project: Path, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)
        for item in project.iterdir():
            if item.name in COPIED:
                shutil.copytree(item, root / item.name, ignore=shutil.ignore_patterns("__pycache__"))
            elif item.name not in LEFT_OUT and not item.name.endswith("_cache"):
                (root / item.name).symlink_to(item)

    @property
    def path(self) -> str:
        """`PYTHONPATH` for a run in here."""
        return ":".join(str(self.root / name) for name in COPIED)

    def text(self, mutant: Mutant) -> str:
        """The code that the mutant changes, as it stands now."""
        return (self.root / SOURCE / mutant.file).read_text()

    @contextlib.contextmanager
    def changed(self, mutant: Mutant) -> Iterator[None]:
        """With the mutant's change, until the end; raises `CatalogueError` where it does not fit."""
        before = self.text(mutant)
        self._write(mutant, mutant.applied(before))
        try:
            yield
        finally:
            self._write(mutant, before)

    def _write(self, mutant: Mutant, text: str) -> None:
        path = self.root / SOURCE / mutant.file
        path.write_text(text)
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)

"""The ways in which the protocol is broken on purpose: read from the TOML files beside this module, applied to text.

A mutant names the sentence that it breaks, the code that holds it, and who must notice: tests, the simulation, or both.
The code is named by its text, which has to occur exactly once: a catalogue that no longer fits the code fails, it does
not rot.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

CATALOGUE: Final = Path(__file__).parent
PACKAGE: Final = "tokenfactory_operator"
SOURCE: Final = Path("operator") / PACKAGE
"""Where the files of the mutants are, from the root of the project."""


class CatalogueError(Exception):
    """The catalogue cannot be read, or no longer fits the code."""


class Mutant(BaseModel):
    """One change of the operator's code that breaks one sentence of the protocol."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    breaks: str
    """The sentence of the protocol, with its section."""
    file: Path
    """Within the operator's package."""
    old: str
    new: str
    tests: tuple[str, ...] = ()
    """pytest's arguments: the files or tests that are to fail."""
    flows: tuple[str, ...] = ()
    """Flows of the simulation's small scopes that are to break a promise."""
    hangs: bool = False
    """Only where it is declared does a run that does not end count as one that noticed."""

    @model_validator(mode="after")
    def _has_a_judge(self) -> Mutant:
        if not (self.tests or self.flows):
            raise ValueError("neither tests nor flows are to notice it")
        return self

    @property
    def module(self) -> str:
        """The module that is changed."""
        return ".".join((PACKAGE, *self.file.with_suffix("").parts))

    def applied(self, source: str) -> str:
        """The source of `file` with the change; raises `CatalogueError` where it does not fit."""
        count = source.count(self.old)
        if count != 1:
            raise CatalogueError(f"{self.name}: its text occurs {count} times in {SOURCE / self.file}, not once")
        changed = source.replace(self.old, self.new)
        try:
            same = ast.dump(ast.parse(changed)) == _program(source)
        except SyntaxError as error:
            raise CatalogueError(f"{self.name}: {SOURCE / self.file} does not compile with it: {error}") from error
        if same:
            raise CatalogueError(f"{self.name}: it changes nothing that runs")
        return changed


@cache
def _program(source: str) -> str:
    """What a module says, without its layout; many mutants change the same one."""
    return ast.dump(ast.parse(source))


class _File(BaseModel):
    """One file of the catalogue."""

    model_config = ConfigDict(extra="forbid")

    mutant: tuple[Mutant, ...]


def read(path: Path) -> tuple[Mutant, ...]:
    """The mutants of one file; raises `CatalogueError`."""
    try:
        return _File.model_validate(tomllib.loads(path.read_text())).mutant
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise CatalogueError(f"{path.name}: {error}") from error


def load(folder: Path = CATALOGUE) -> tuple[Mutant, ...]:
    """All mutants, in the order of the files' names; raises `CatalogueError`."""
    found = [mutant for path in sorted(folder.glob("*.toml")) for mutant in read(path)]
    names = [mutant.name for mutant in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not found:
        raise CatalogueError(f"these names stand there twice: {', '.join(twice)}" if twice else "it is empty")
    return tuple(found)


def chosen(mutants: Sequence[Mutant], names: Sequence[str]) -> tuple[Mutant, ...]:
    """Those whose names contain one of `names`, all where there is none; raises `CatalogueError` for an odd name."""
    for name in names:
        if not any(name in mutant.name for mutant in mutants):
            raise CatalogueError(f"no mutant is called {name}")
    return tuple(mutant for mutant in mutants if not names or any(name in mutant.name for name in names))

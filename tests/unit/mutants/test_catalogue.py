"""The catalogue fits the code as it is, and says so when it does not."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from mutants.catalogue import SOURCE, CatalogueError, Mutant, chosen, load

ROOT: Final = Path(__file__).parents[3]
MUTANTS: Final = load()
FEWEST: Final = 30
"""So many ways to break the protocol have to be there at least."""


def a_mutant(**fields: object) -> Mutant:
    """One that turns a rule round, with changes."""
    made = {"name": "m", "breaks": "a rule", "file": "rule.py", "old": "== 1", "new": "!= 1", "tests": ["tests"]}
    return Mutant.model_validate({**made, **fields})


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_it_fits_the_code(mutant: Mutant) -> None:
    """Its text stands in the code exactly once, and the changed code is another program that compiles."""
    path = ROOT / SOURCE / mutant.file
    compile(mutant.applied(path.read_text()), str(path), "exec")


def test_its_names_are_defined(tmp_path: Path) -> None:
    """A changed text that names what is not there ends in a `NameError`, and says nothing of its rule."""
    for mutant in MUTANTS:
        (tmp_path / f"{mutant.name}.py").write_text(mutant.applied((ROOT / SOURCE / mutant.file).read_text()))
    ruff = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select=F821",
        "--output-format=concise",
        str(tmp_path),
    ]
    found = subprocess.run(ruff, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


@cache
def functions(file: str) -> frozenset[str]:
    """The names of what a file of tests defines."""
    return frozenset(node.name for node in ast.walk(ast.parse((ROOT / file).read_text())) if hasattr(node, "name"))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_its_tests_are_there(mutant: Mutant) -> None:
    """Each file that is to notice exists, and each function that is named in it."""
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert (ROOT / file).exists()
        assert not name or name in functions(file)


def test_there_are_enough() -> None:
    """The suites are judged by many ways to break the protocol."""
    assert len(MUTANTS) >= FEWEST


@pytest.mark.parametrize(
    ("source", "fields", "problem"),
    [
        pytest.param("x = y != 2", {}, "occurs 0 times", id="text-gone"),
        pytest.param("x = y == 1\nz = y == 1", {}, "occurs 2 times", id="text-twice"),
        pytest.param("x = y == 1", {"new": "=="}, "does not compile", id="no-program"),
        pytest.param("x = y == 1", {"new": "==  1  # a comment"}, "changes nothing", id="the-same-program"),
    ],
)
def test_what_does_not_fit(source: str, fields: dict[str, object], problem: str) -> None:
    """A mutant that cannot show anything is an error, not a survivor."""
    with pytest.raises(CatalogueError, match=problem):
        a_mutant(**fields).applied(source)


def test_the_change() -> None:
    """The one place is changed, and the module is named as Python imports it."""
    mutant = a_mutant(file="domain/rule.py")
    assert mutant.applied("x = y == 1") == "x = y != 1"
    assert mutant.module == "tokenfactory_operator.domain.rule"


ENTRY = """
[[mutant]]
name = "{name}"
breaks = "a rule"
file = "rule.py"
old = "a"
new = "b"
"""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("[[mutant]]\nname = ", "one.toml", id="no-toml"),
        pytest.param(ENTRY.format(name="m"), "are to notice", id="nobody-is-to-notice"),
        pytest.param(ENTRY.format(name="m") + "what = 2\n", "what", id="unknown-field"),
        pytest.param((ENTRY.format(name="m") + "flows = ['edit']\n") * 2, "twice: m", id="same-name"),
        pytest.param("mutant = []", "empty", id="empty"),
    ],
)
def test_a_wrong_catalogue(tmp_path: Path, text: str, problem: str) -> None:
    """What cannot be read ends the run, and names the file or the field."""
    (tmp_path / "one.toml").write_text(text)
    with pytest.raises(CatalogueError, match=problem):
        load(tmp_path)


def test_choosing() -> None:
    """By a part of the name; a name that nothing has is a mistake."""
    mutants = [a_mutant(name="lost-lease"), a_mutant(name="lost-page")]
    assert [mutant.name for mutant in chosen(mutants, ["page"])] == ["lost-page"]
    assert len(chosen(mutants, [])) == 2
    with pytest.raises(CatalogueError, match="nothing-like-it"):
        chosen(mutants, ["lost", "nothing-like-it"])

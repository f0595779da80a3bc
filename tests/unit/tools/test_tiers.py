"""Every test belongs to exactly one part of `.ci/run`: `make test`, `make verify` or `make e2e`."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Final

from incluster import folders

ROOT: Final = Path(__file__).parents[3]
TESTS: Final = ROOT / "tests"


def selections(*tasks: str) -> list[str]:
    """The expressions by which these tasks of the Makefile choose among the tests that pytest collects."""
    command = ["make", "--dry-run", "--old-file=.venv/.ready", *tasks]
    plain = {"PATH": os.environ["PATH"]}  # without what a make around this one has been given
    shown = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, check=True).stdout
    return re.findall(r'-m pytest .* -m ("[^"]*"|\w+) *$', shown, flags=re.MULTILINE)


def test_what_one_leaves_out_the_other_runs() -> None:
    """A test that has the marker, and one that has not: each is chosen by one of the two tasks."""
    assert selections("test", "verify") == ['"not verify"', "verify"]


def test_what_pytest_does_not_collect_is_run_by_e2e() -> None:
    """No folder of tests is left out by both."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    left_out = [name for name in settings["norecursedirs"] if name.startswith("tests/")]
    assert sorted(left_out) == sorted(folders.ALL)
    assert settings["testpaths"] == ["tests"]


def test_tests_stand_in_files_that_pytest_reads() -> None:
    """A function `test_…` in another file would never run."""
    others = [path for path in TESTS.rglob("*.py") if not path.name.startswith("test_")]
    assert others
    assert [f"{path}: {name}" for path in others for name in functions(path) if name.startswith("test_")] == []


def functions(path: Path) -> list[str]:
    """The names of a file's functions, those of its classes too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

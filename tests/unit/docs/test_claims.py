"""Pages that claim something name the test that holds it, row by row, and that test exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
PAGES: Final = ("docs/security.md", "docs/disaster-recovery.md")
FEWEST: Final = 9
"""Claims of a page: fewer means that its tables are not read."""


def claims(page: str) -> list[tuple[str, tuple[str, ...]]]:
    """The rows of the tables whose last column is headed `Test`: what is said, and the tests that are named."""
    found, counts = [], False
    for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            counts = False
        elif cells[-1] == "Test":
            counts = True
        elif counts and set(line) - set("|- "):
            found.append((" ".join(cells[:-1]), tuple(re.findall(r"`([^`]+)`", cells[-1]))))
    return found


CLAIMS: Final = [
    pytest.param(tests, id=f"{Path(page).stem}: {text[:60]}") for page in PAGES for text, tests in claims(page)
]


@cache
def functions(file: str) -> frozenset[str]:
    """The test functions of a file."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("tests", CLAIMS)
def test_a_claim_names_tests_that_exist(tests: tuple[str, ...]) -> None:
    """At least one, by file and function."""
    assert tests
    for test in tests:
        file, _, name = test.partition("::")
        assert name.startswith("test_"), test
        assert name in functions(file), test


@pytest.mark.parametrize("page", PAGES)
def test_the_claims_are_found(page: str) -> None:
    """The reading of the tables finds them."""
    assert len(claims(page)) >= FEWEST

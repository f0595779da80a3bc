"""Every rule of the protocol has a test that says so, by a name under which pytest runs it; no marker is left over.

What each test asserts is `make mutants`'s to judge.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final

import pytest

from docsite.rules import Rule, RuleError, check, links, marked, render, rules

ROOT: Final = Path(__file__).parents[3]
SECTIONS: Final = {
    "Identity": "I",
    "Evidence": "E",
    "Create": "C",
    "Lost": "L",
    "Delete": "D",
    "Adopt": "A",
    "Orphans": "O",
    "Who may act": "W",
    "What a person sets": "H",
    "Ready": "R",
    "Counter-examples": "X",
}
"""The sections of the protocol, and the letter of their rules."""
RULES: Final = tuple(rules((ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")))
ONE: Final = (Rule("Create", "C1", "Nothing is created twice."),)


linked: Final = cache(links)
"""The tests of the repository by the rule that they hold; read when a test asks, not when the tests are collected."""


@cache
def collected() -> frozenset[str]:
    """The tests of the marked files as pytest finds them: with and without the ids of their cases."""
    files = sorted({test.partition("::")[0] for tests in linked().values() for test in tests})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    cases = [line for line in done.stdout.splitlines() if "::" in line]
    return frozenset(cases) | frozenset(case.partition("[")[0] for case in cases)


def test_the_page_covers_the_protocol() -> None:
    """Each section has its rules, numbered without a gap, so that one that is taken out is noticed."""
    numbered = {section: [rule.number for rule in group] for section, group in groupby(RULES, lambda it: it.section)}
    assert numbered == {
        section: [f"{letter}{number}" for number in range(1, len(numbered.get(section, [])) + 1)]
        for section, letter in SECTIONS.items()
    }
    assert all(numbered.values())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.number)
def test_a_rule_is_held(rule: Rule) -> None:
    """By one test at least, and each exists as it is named."""
    assert rule.text
    assert linked().get(rule.number)
    assert set(linked()[rule.number]) - collected() == set()


def test_every_marker_names_a_rule() -> None:
    """A rule that was taken out leaves no marker behind."""
    check(RULES, linked())


def test_a_case_that_is_not_there_is_noticed() -> None:
    """Neither a case nor a test nor a file counts that does not exist."""
    right = linked()["I3"][0]
    assert right in collected()
    assert collected().isdisjoint({f"{right}x", f"{right}[no-such-case]", right.replace("tests/", "test/")})


def test_the_marker_is_read() -> None:
    """For a whole test, and for cases of it; of other decorators nothing is read."""
    source = """
@pytest.mark.cluster
@pytest.mark.rule("C1", A1="one", A2=("one", "two"))
@pytest.mark.parametrize("case", ["one", "two"])
async def test_it(case): ...
def test_nothing(): ...
"""
    assert list(marked(source, "tests/test_it.py")) == [
        ("C1", "tests/test_it.py::test_it"),
        ("A1", "tests/test_it.py::test_it[one]"),
        ("A2", "tests/test_it.py::test_it[one]"),
        ("A2", "tests/test_it.py::test_it[two]"),
    ]


def test_a_rule_without_a_test_ends_the_page() -> None:
    """It is named."""
    with pytest.raises(RuleError, match="No test holds C1 "):
        check(ONE, {})


def test_a_marker_without_a_rule_ends_the_page() -> None:
    """Both are named."""
    with pytest.raises(RuleError, match=r"C2 in tests/test_it\.py::test_it"):
        check(ONE, {"C1": ["tests/test_a.py::test_a"], "C2": ["tests/test_it.py::test_it"]})


def test_the_page_names_rules_and_tests() -> None:
    """Sentence and tests stand in one row."""
    (row,) = [line for line in render().splitlines() if line.startswith("| I8 |")]
    assert row == "| I8 | The scope is the project id, or else a hash of the token. | " + (
        "<br>".join(f"`{test}`" for test in linked()["I8"]) + " |"
    )

"""The table of the protocol's rules names tests that exist; what each of them asserts is `make mutants`'s to judge."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
SECTIONS: Final = {
    "Identity": "I",
    "Evidence": "E",
    "Create": "C",
    "Lost": "L",
    "Delete": "D",
    "Adopt": "A",
    "Orphans": "O",
    "Who may act": "W",
    "A person's hand": "H",
    "Ready": "R",
}
"""The sections of the protocol, and the letter of their rules."""


@dataclass(frozen=True)
class Rule:
    """One row."""

    section: str
    id: str
    text: str
    tests: tuple[str, ...]


def parsed() -> list[Rule]:
    """The rows of all tables below the heading of the rules."""
    rules, section = [], ""
    for line in PAGE.split("\n## Each rule and its test\n", 1)[1].splitlines():
        section = line.removeprefix("### ") if line.startswith("### ") else section
        if line.startswith("| ") and not line.startswith("| Rule |"):
            _, name, text, tests, _ = (cell.strip() for cell in line.split("|"))
            rules.append(Rule(section, name, text, tuple(re.findall(r"`([^`]+)`", tests))))
    return rules


RULES: Final = parsed()


@cache
def collected() -> frozenset[str]:
    """The tests of the named files as pytest finds them: with and without the ids of their cases."""
    files = sorted({test.partition("::")[0] for rule in RULES for test in rule.tests})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    cases = [line for line in done.stdout.splitlines() if "::" in line]
    return frozenset(cases) | frozenset(case.partition("[")[0] for case in cases)


def test_the_table_covers_the_protocol() -> None:
    """Each section has its rules, numbered without a gap, so that one that is taken out is missed."""
    numbered = {section: [rule.id for rule in rules] for section, rules in groupby(RULES, lambda rule: rule.section)}
    assert numbered == {
        section: [f"{letter}{number}" for number in range(1, len(numbered.get(section, [])) + 1)]
        for section, letter in SECTIONS.items()
    }
    assert all(numbered.values())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_names_tests_that_exist(rule: Rule) -> None:
    """At least one, and each by the name under which pytest runs it."""
    assert rule.text
    assert rule.tests
    assert set(rule.tests) - collected() == set()


def test_a_name_that_is_wrong_is_noticed() -> None:
    """Neither a case nor a test nor a file counts that is not there."""
    (right, *_) = RULES[0].tests
    assert right in collected()
    assert collected().isdisjoint({f"{right}x", f"{right}[no-such-case]", right.replace("tests/", "test/")})

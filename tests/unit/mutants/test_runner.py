"""The tool on a small project: who is killed, who survives, and that the project's own tree stays as it is."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

import pytest

from mutants.catalogue import SOURCE, Mutant
from mutants.runner import Runner
from mutants.tree import Tree
from mutants.verdict import Kind

HACK: Final = Path(__file__).parents[3] / "hack"
RULE: Final = "def allowed(count):\n    return count < 2\n\n\ndef unused():\n    return 1\n"
TEST: Final = "from tokenfactory_operator.rule import allowed\n\n\ndef test_rule():\n    assert not allowed(2)\n"
LATER: Final = f"import pytest\n\npytestmark = pytest.mark.verify\n{TEST}"
"""The same for `make verify`."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A rule and its test, laid out as this project is."""
    root = tmp_path / "project"
    shutil.copytree(HACK / "mutants", root / "hack" / "mutants", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "tests").mkdir()
    (root / SOURCE).mkdir(parents=True)
    (root / SOURCE / "__init__.py").write_text("")
    (root / SOURCE / "rule.py").write_text(RULE)
    (root / "tests" / "test_rule.py").write_text(TEST)
    (root / "tests" / "test_later.py").write_text(LATER)
    settings = "[tool.pytest.ini_options]\nasyncio_mode = 'auto'\nmarkers = ['verify']\n"
    (root / "pyproject.toml").write_text(settings)
    return root


def a_mutant(name: str, old: str, new: str, tests: str = "tests/test_rule.py") -> Mutant:
    return Mutant(name=name, breaks="a rule", file=Path("rule.py"), old=old, new=new, tests=(tests,))


def test_killed_survived_and_wrong(project: Path, tmp_path: Path) -> None:
    """A test that fails kills; none that fails is a survivor; what cannot run or `make test` has not shows nothing."""
    mutants = [
        a_mutant("off-by-one", "< 2", "<= 2"),
        a_mutant("nobody-looks", "return 1", "return 2"),
        a_mutant("crashes", "count < 2", "missing < 2"),
        a_mutant("no-such-test", "< 2", "< 3", tests="tests/test_other.py"),
        a_mutant("only-later", "< 2", "< 3", tests="tests/test_later.py"),
    ]
    runner = Runner(project, tmp_path / "trees", workers=1)
    assert runner.misfits(mutants) == []
    verdicts = list(runner.verdicts(mutants))
    assert [verdict.kind for verdict in verdicts] == [Kind.KILLED, Kind.SURVIVED, Kind.DEFECT, Kind.DEFECT, Kind.DEFECT]
    assert "test_rule.py::test_rule" in verdicts[0].reported
    assert (project / SOURCE / "rule.py").read_text() == RULE


def test_failures_are_not_counted(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CI adds up what all runs of pytest came to; a test that kills a mutant has not failed."""
    monkeypatch.setenv("TEST_COUNTS", str(tmp_path / "counts"))
    text = 'import os\n\n\ndef test_counts():\n    assert "TEST_COUNTS" not in os.environ\n'
    (project / "tests" / "test_counts.py").write_text(TEST + text)
    runner = Runner(project, tmp_path / "trees", workers=1)
    assert runner.sound([a_mutant("any", "< 2", "<= 2", tests="tests/test_counts.py")]) == []


def test_nothing_counts_where_the_tests_fail_anyway(project: Path, tmp_path: Path) -> None:
    """A test that fails on the code as it is cannot kill anything."""
    mutants = [a_mutant("off-by-one", "< 2", "<= 2")]
    assert Runner(project, tmp_path / "sound", workers=1).sound(mutants) == []
    (project / SOURCE / "rule.py").write_text(RULE.replace("< 2", "< 3"))
    problems = Runner(project, tmp_path / "broken", workers=1).sound(mutants)
    assert problems == ["tests/test_rule.py::test_rule (AssertionError)"]


def test_a_catalogue_that_does_not_fit(project: Path, tmp_path: Path) -> None:
    """Text that is gone, or a file that is, is told before anything is run."""
    gone = a_mutant("gone", "< 7", "< 8")
    elsewhere = gone.model_copy(update={"name": "elsewhere", "file": Path("no.py")})
    problems = Runner(project, tmp_path / "trees", workers=1).misfits([gone, elsewhere])
    assert len(problems) == 2
    assert "gone" in problems[0]
    assert "no.py" in problems[1]


def test_a_run_that_does_not_end(project: Path, tmp_path: Path) -> None:
    """It is ended, and is a defect where it is not declared."""
    forever = a_mutant("forever", "return count < 2", "while True: pass")
    runner = Runner(project, tmp_path / "trees", workers=1, timeout=1.0)
    declared = forever.model_copy(update={"hangs": True})
    assert [verdict.kind for verdict in runner.verdicts([forever, declared])] == [Kind.DEFECT, Kind.KILLED]


def test_a_tree_is_put_back_as_it_was(project: Path, tmp_path: Path) -> None:
    """The changed file is what it was, and no compiled file of the change is left."""
    tree = Tree(project, tmp_path / "tree")
    mutant = a_mutant("off-by-one", "< 2", "<= 2")
    with tree.changed(mutant):
        assert "<= 2" in tree.text(mutant)
    assert tree.text(mutant) == RULE
    assert sys.implementation.cache_tag
    assert not list((tree.root / SOURCE / "__pycache__").glob("rule.*"))

"""Which mutants belong to a change, by what git says of it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from mutants.catalogue import SOURCE, load
from mutants.changed import changed_files, touched

ROOT: Final = Path(__file__).parents[3]
Git = Callable[..., None]


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """Runs git in a repository that has one commit on `main`, with the file `first`."""

    def run(*arguments: str) -> None:
        identity = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    run("init", "--initial-branch=main")
    commit(run, tmp_path / "first")
    return run


def commit(git: Git, path: Path, text: str = "text\n") -> None:
    path.write_text(text)
    git("add", path.name)
    git("commit", "-m", path.name)


def test_a_branch(git: Git, tmp_path: Path) -> None:
    """What it has changed since it left, committed or not; not what others have changed since."""
    git("checkout", "-b", "branch")
    commit(git, tmp_path / "mine")
    (tmp_path / "first").write_text("edited\n")
    git("checkout", "-b", "others", "main")
    commit(git, tmp_path / "theirs")
    git("checkout", "branch")
    assert changed_files(tmp_path, "others") == frozenset({Path("mine"), Path("first")})


def test_a_fresh_clone(git: Git, tmp_path: Path) -> None:
    """Where nothing has left `main`, it is the last commit that has changed something."""
    commit(git, tmp_path / "second")
    commit(git, tmp_path / "third")
    assert changed_files(tmp_path, "main") == frozenset({Path("third")})


@pytest.mark.usefixtures("git")
def test_git_cannot_say(tmp_path: Path) -> None:
    """A first commit, a name that is not there, a folder without a repository."""
    assert changed_files(tmp_path, "main") is None
    assert changed_files(tmp_path, "origin/main") is None
    assert changed_files(tmp_path / "first", "main") is None


def test_who_is_touched() -> None:
    """By the module, by a test, by the catalogue's file; by nothing else."""
    mutants = load()
    by_module = touched(mutants, {SOURCE / mutants[0].file}, ROOT)
    assert mutants[0] in by_module
    assert {mutant.file for mutant in by_module} == {mutants[0].file}
    tested = next(mutant for mutant in mutants if mutant.tests)
    test = Path(tested.tests[0].partition("::")[0])
    assert tested in touched(mutants, {test}, ROOT)
    listed = touched(mutants, {Path("hack/mutants/lead.toml")}, ROOT)
    assert len(listed) > 1
    assert len(listed) < len(mutants)
    assert touched(mutants, {Path("README.md"), Path("hack/mutants/gone.toml")}, ROOT) == ()

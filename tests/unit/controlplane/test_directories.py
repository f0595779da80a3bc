"""A run's directory is removed by its owner, or swept once the owner is dead, and never before."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO

import pytest

from controlplane.directories import PREFIX, RunDirectory, sweep


def dead_run(parent: Path) -> Path:
    """A directory whose owner is gone: the lock file is there and nobody holds it."""
    path = parent / f"{PREFIX}dead"
    (path / "etcd").mkdir(parents=True)
    (path / "owner.lock").touch()
    return path


def unlocked(parent: Path, *, age: float) -> Path:
    """A directory without a lock file, its last change so many seconds ago."""
    path = parent / f"{PREFIX}unlocked"
    path.mkdir()
    changed = time.time() - age
    os.utime(path, (changed, changed))
    return path


def test_directory_of_a_dead_run_is_swept(tmp_path: Path) -> None:
    """What a killed run has left goes at the next start."""
    path = dead_run(tmp_path)
    assert sweep(tmp_path) == [path]
    assert not path.exists()


def test_directory_in_use_is_left_alone(tmp_path: Path) -> None:
    """Two runs at a time do not disturb each other."""
    run = RunDirectory(tmp_path)
    assert sweep(tmp_path) == []
    assert run.path.is_dir()
    run.remove()
    assert not run.path.exists()
    run.remove()


def test_directory_that_is_being_locked_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run may start at any moment of it: a lock that nobody holds yet is not to be seen."""
    lock = fcntl.flock

    def after_a_sweep(handle: int | IO[str], operation: int) -> None:
        monkeypatch.undo()
        assert sweep(tmp_path) == []
        lock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", after_a_sweep)
    run = RunDirectory(tmp_path)
    assert run.path.is_dir()
    assert sweep(tmp_path) == []
    run.remove()


@pytest.mark.parametrize(
    ("age", "swept"),
    [pytest.param(0, False, id="being-made-just-now"), pytest.param(3600, True, id="killed-while-being-made")],
)
def test_directory_without_lock_is_judged_by_age(tmp_path: Path, age: float, *, swept: bool) -> None:
    """Between making a directory and locking it there is a moment in which it must not be taken for abandoned."""
    path = unlocked(tmp_path, age=age)
    assert sweep(tmp_path) == ([path] if swept else [])
    assert path.exists() != swept


def test_other_directories_are_not_ours(tmp_path: Path) -> None:
    """Only directories with the prefix are looked at."""
    (tmp_path / "somebody-elses").mkdir()
    assert sweep(tmp_path) == []

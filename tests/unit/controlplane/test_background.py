"""The lock of a cluster in the background: who only looks whether it is held keeps nobody from it."""

from __future__ import annotations

import fcntl
import threading
import time
from pathlib import Path
from typing import Self

import pytest

from controlplane import Cluster, release
from controlplane.background import Background
from controlplane.errors import StartError

RELEASE = release.load(release.DEFAULT_VERSION)


class Nothing(Cluster):
    """A cluster without programs."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.kubeconfig.write_text("{}", encoding="utf-8")

    def start(self) -> Self:
        """At once."""
        return self

    def stop(self) -> None:
        """At once."""

    @property
    def kubeconfig(self) -> Path:
        """An empty one."""
        return self._folder / "kubeconfig-of-nothing"

    @property
    def server(self) -> str:
        """Nowhere."""
        return "https://127.0.0.1:1"

    @property
    def bin(self) -> Path:
        """Empty."""
        return self._folder

    @property
    def directory(self) -> Path:
        """Empty, too."""
        return self._folder


def test_who_looks_does_not_keep_the_owner_out(tmp_path: Path) -> None:
    """Who waits for a start looks again and again, also at the moment at which the owner takes the lock."""
    looked = threading.Event()

    def look() -> None:
        with (tmp_path / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            looked.set()
            time.sleep(0.5)

    looking = threading.Thread(target=look)
    looking.start()
    assert looked.wait(30)
    background = Background(tmp_path)
    assert background.state() is None  # one who looks is no owner to another
    with background.owned(Nothing(tmp_path), RELEASE):
        state = background.state()
        assert state is not None
        assert state.release == RELEASE.name
    looking.join()
    assert background.state() is None


def test_a_second_owner_is_refused(tmp_path: Path) -> None:
    """Two clusters in the background of one folder would be one too many."""
    first, second = Background(tmp_path), Background(tmp_path)
    with (
        first.owned(Nothing(tmp_path), RELEASE),
        pytest.raises(StartError, match="already"),
        second.owned(Nothing(tmp_path), RELEASE),
    ):
        pass

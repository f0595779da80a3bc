"""The cluster that `make cluster` leaves running: one at a time, found again, and gone when asked to go."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.support.eventually import eventually
from controlplane import ControlPlaneError, release
from controlplane.background import Background, State

pytestmark = [pytest.mark.cluster, pytest.mark.verify]


@pytest.fixture
def background(tmp_path: Path) -> Iterator[Background]:
    """A place of its own for the state, with nothing running at the end."""
    place = Background(tmp_path / "state")
    yield place
    place.down()


def namespaces(state: State) -> str:
    """What a person sees who follows the printed instructions."""
    command = [f"{state.bin}/kubectl", "--kubeconfig", state.kubeconfig, "get", "namespaces", "-o", "name"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_it_stays_until_it_is_ended(background: Background) -> None:
    """Asking twice gives the same cluster; ending it ends its programs and removes its files, and may be repeated."""
    first = background.up(release.load())
    assert "namespace/default" in namespaces(first)
    assert background.up(release.load()) == first == background.state()
    assert background.down()
    assert background.state() is None
    assert not Path(first.directory).exists()
    assert not Path(first.kubeconfig).exists()
    assert not background.down()


def test_killed_one_is_not_taken_for_running(background: Background) -> None:
    """The state file of a killed owner deceives nobody, and the next cluster takes its place."""
    killed = background.up(release.load())
    os.kill(killed.pid, signal.SIGKILL)
    assert eventually(lambda: background.state() is None)
    assert eventually(lambda: not Path(killed.directory).exists())
    fresh = background.up(release.load())
    assert fresh.pid != killed.pid
    assert fresh.kubeconfig == killed.kubeconfig
    assert "namespace/default" in namespaces(fresh)


def test_one_of_another_release_is_refused(background: Background) -> None:
    """It is not ended silently, and not passed off as the release asked for."""
    running = background.up(release.load())
    other = next(name for name in release.available() if name != running.release)
    with pytest.raises(ControlPlaneError, match="down"):
        background.up(release.load(other))
    assert background.state() == running

"""A cluster that outlives the command which started it: `up --background`, `status`, `down`.

A detached process owns the cluster, and holds a lock for as long as it lives. Its state is in `.run/cluster/` of the
repository: the lock says whether the state is true, so a state file left by a killed owner deceives nobody.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from controlplane.cluster import START_TIMEOUT, Cluster
from controlplane.errors import ControlPlaneError, StartError
from controlplane.release import FOLDER, Release

STATE = FOLDER.parent.parent / ".run" / "cluster"
_POLL = 0.1  # seconds
_STOP_TIMEOUT = 60.0  # seconds
_LOOKED_AT = 2.0  # seconds for which others may hold the lock, one after the other, to look whether it is held
_TAIL = 25  # lines of the owner's log in an error


@dataclass(frozen=True, kw_only=True)
class State:
    """What there is to know about a cluster in the background.

    Attributes:
        pid: its owner.
        release: such as `v1.37`.
        server: the API server's address.
        kubeconfig: a file that stays at the same place from one background cluster to the next.
        bin: the folder with kubectl and helm.
        directory: the cluster's own directory, with the logs.
    """

    pid: int
    release: str
    server: str
    kubeconfig: str
    bin: str
    directory: str


class Background:
    """The one cluster that may run in the background of a repository."""

    def __init__(self, folder: Path = STATE) -> None:
        """Nothing is read or written yet."""
        self._folder = folder
        self._state = folder / "cluster.json"
        self._kubeconfig = folder / "kubeconfig"
        self.log = folder / "log"
        self._owner: subprocess.Popen[bytes] | None = None  # if this object has started it

    def state(self) -> State | None:
        """The running cluster; none if there is none, or it is not ready yet."""
        if not self._owned():
            return None
        try:
            text = self._state.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return State(**json.loads(text))

    def up(self, release: Release) -> State:
        """Have a cluster of the release running: the one that runs, or a new one.

        Raises:
            ControlPlaneError: it did not start, or one of another release runs.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._owned():
            self._reap()
            self._owner = self._spawn(release)
        state = self._await_state()
        if state.release != release.name:
            raise ControlPlaneError(
                f"A cluster of {state.release} runs in the background, not one of {release.name}: "
                "end it by `down` first."
            )
        return state

    def down(self) -> bool:
        """End the cluster and wait for its end; answers whether there was one.

        Raises:
            ControlPlaneError: its owner does not end.
        """
        if not self._owned():
            return False
        state = self._await_state()
        os.kill(state.pid, signal.SIGTERM)
        if not self._wait_released(_STOP_TIMEOUT):
            raise ControlPlaneError(f"Process {state.pid}, which owns the cluster, does not end: see {self.log}.")
        self._reap()
        return True

    @contextlib.contextmanager
    def owned(self, cluster: Cluster, release: Release) -> Iterator[Cluster]:
        """In the detached process: run the cluster as this folder's."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as lock:
            _take(lock)
            self._state.unlink(missing_ok=True)
            try:
                with cluster:
                    self._publish(cluster, release)
                    yield cluster
            finally:
                self._state.unlink(missing_ok=True)
                self._kubeconfig.unlink(missing_ok=True)

    def _publish(self, cluster: Cluster, release: Release) -> None:
        self._kubeconfig.touch(mode=0o600)
        self._kubeconfig.write_bytes(cluster.kubeconfig.read_bytes())
        state = State(
            pid=os.getpid(),
            release=release.name,
            server=cluster.server,
            kubeconfig=str(self._kubeconfig),
            bin=str(cluster.bin),
            directory=str(cluster.directory),
        )
        fresh = self._state.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(state), indent=2) + "\n", encoding="utf-8")
        fresh.replace(self._state)

    def _spawn(self, release: Release) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "controlplane", "up", "--release", release.name, "--state", str(self._folder)]
        with self.log.open("wb") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=FOLDER.parent,
                env={**os.environ, "PYTHONPATH": str(FOLDER.parent)},
                start_new_session=True,
            )

    def _reap(self) -> None:
        """Take note of the end of an owner that this object has started."""
        if self._owner is not None:
            self._owner.wait(timeout=_STOP_TIMEOUT)
            self._owner = None

    def _await_state(self) -> State:
        """Wait for the state of a cluster that is being started, by this object or by another process."""
        deadline = time.monotonic() + 2 * START_TIMEOUT
        try:
            while (state := self.state()) is None:
                self._still_starting(deadline)
                time.sleep(_POLL)
        except BaseException:  # a Ctrl-C too: nobody would know of that cluster
            if self._owner is not None:
                self._owner.terminate()
                self._reap()
            raise
        return state

    def _still_starting(self, deadline: float) -> None:
        ended = not self._owned() if self._owner is None else self._owner.poll() is not None
        if ended or time.monotonic() > deadline:
            raise StartError(f"The cluster did not start. The end of {self.log}:\n{self._tail()}")

    def _wait_released(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while self._owned():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL)
        return True

    def _owned(self) -> bool:
        """Whether a live process holds the lock."""
        lock = self._folder / "lock"
        if not lock.exists():
            return False
        with lock.open("r+") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _tail(self) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL:])


def _take(lock: IO[str]) -> None:
    """Hold the lock; raises `StartError` where a cluster runs."""
    deadline = time.monotonic() + _LOOKED_AT
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise StartError("A cluster runs in the background already.") from error
        time.sleep(_POLL)

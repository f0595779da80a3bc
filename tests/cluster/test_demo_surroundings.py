"""The demo where a person runs it: in a terminal, ended by Ctrl-C, and on a cluster that kind makes."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.support.demo import DEADLINE, ROOT, Demo, environment, leftovers
from cluster.support.eventually import eventually
from controlplane import Cluster

pytestmark = pytest.mark.cluster

KIND = """\
#!/bin/sh
# Stands in for kind, which needs Docker: its "cluster" is a control plane that runs already.
echo "$*" >>"$CALLS"
if [ "$1 $2" = "create cluster" ]; then
    while [ "$1" != --kubeconfig ]; do shift; done
    cp "$SOMEBODYS" "$2"
fi
"""


class Terminal:
    """`make demo` on a terminal of its own, as the shell starts it."""

    def __init__(self, scratch: Path, *arguments: str) -> None:
        master, slave = pty.openpty()
        self._master = master
        self._said = b""
        self.process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", "make", "demo", *arguments],
            cwd=ROOT,
            env=environment(scratch, TERM="xterm"),
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def output(self) -> str:
        """All that it has said."""
        return self._said.decode(errors="replace")

    def press(self, key: bytes) -> None:
        """Send what a key sends."""
        os.write(self._master, key)

    def ended(self) -> int:
        """Wait for its end; answers the exit status."""
        status = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        return status

    def close(self) -> None:
        """End it where a failed test has not."""
        if self.process.poll() is None:
            self.process.kill()
        os.close(self._master)

    def _read(self) -> None:
        try:
            while piece := os.read(self._master, 65536):
                self._said += piece
        except OSError:  # the last process that had the terminal has ended
            return


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A demo whose endpoints never become ready."""
    made = Terminal(tmp_path, "ARGS=--provisioning=600", "DEMO=once")
    yield made
    made.close()


def test_ctrl_c_is_no_failure(terminal: Terminal, tmp_path: Path) -> None:
    """In the middle of a step: one sentence, status 0 of make too, nothing left."""
    eventually(
        lambda: "Ready=False Starting" in terminal.output or terminal.process.poll() is not None,
        what="endpoints that start",
        within=DEADLINE,
    )
    terminal.press(b"\x03")
    assert terminal.ended() == 0, terminal.output
    assert "Stopped. Removing everything that the demo has started." in terminal.output
    assert "***" not in terminal.output
    assert "Traceback" not in terminal.output
    assert leftovers(tmp_path) == []


def test_kind(tmp_path: Path) -> None:
    """CLUSTER=kind: everything happens on the cluster that kind has made, which is deleted at the end."""
    programs, calls = tmp_path / "bin", tmp_path / "calls"
    programs.mkdir()
    for name, text in {"kind": KIND, "docker": "#!/bin/sh\n"}.items():
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(0o755)
    with Cluster() as cluster:
        variables = {
            "PATH": os.pathsep.join([str(programs), cluster.env()["PATH"]]),
            "CALLS": str(calls),
            "SOMEBODYS": str(cluster.kubeconfig),
            "KUBECONFIG": str(tmp_path / "of another cluster"),
        }
        demo = Demo(tmp_path, "--operator-token=a-wrong-one", DEMO="once", CLUSTER="kind", **variables)
        assert demo.ended() == 1, demo.output
        assert f"at {cluster.server}" in demo.output
    assert "Synced=False, Unauthorized" in demo.output  # the operator worked there, which is enough of the story
    assert demo.leftovers() == []
    made = [line.split(" --kubeconfig ")[0] for line in calls.read_text(encoding="utf-8").splitlines()]
    assert made == [
        "get clusters",
        "create cluster --name tokenfactory-demo",
        "delete cluster --name tokenfactory-demo",
    ]

"""The demo where a person runs it: in a terminal, ended by Ctrl-C, and on a cluster that kind makes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster.support.demo import DEADLINE, ROOT, Demo, environment, leftovers
from cluster.support.eventually import eventually
from controlplane import Cluster
from unit.support.screen import heads, screen

pytestmark = [pytest.mark.cluster, pytest.mark.verify]

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

    def __init__(self, scratch: Path, *arguments: str, width: int) -> None:
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
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
def start(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Starts `make demo` on a terminal of this width."""
    started: list[Terminal] = []

    def begin(*arguments: str, width: int) -> Terminal:
        started.append(Terminal(tmp_path, *arguments, width=width))
        return started[-1]

    yield begin
    for terminal in started:
        terminal.close()


def ended_by_ctrl_c(terminal: Terminal, scratch: Path) -> None:
    """One sentence as the last thing on the screen, status 0 of make too, nothing left."""
    terminal.press(b"\x03")
    assert terminal.ended() == 0, terminal.output
    lines = [line for line in screen(terminal.output) if line]
    assert lines[-1].endswith("Stopped. Removing everything that the demo has started.")
    assert heads(lines) == []
    assert "***" not in terminal.output
    assert "Traceback" not in terminal.output
    assert leftovers(scratch) == []


@pytest.mark.parametrize(("width", "seen"), [(80, ["Endpoint", "State"]), (130, ["Endpoint", "State", "Model", "GPU"])])
def test_ctrl_c_is_no_failure(start: Callable[..., Terminal], tmp_path: Path, width: int, seen: list[str]) -> None:
    """In the middle of a step, with endpoints that never become ready; their ids stand whole in one table."""
    terminal = start("ARGS=--provisioning=600", "DEMO=once", width=width)

    def table() -> list[str]:
        """Whole: it is drawn anew all the time, and for a moment there is none, or a part of it."""
        lines = screen(terminal.output)
        shown = heads(lines)
        assert len(shown) == 1, lines
        rows = lines[lines.index(shown[0]) :]
        for word in (r"False +Starting", r" ep-[0-9a-f]{16}( |$)"):
            assert sum(bool(re.search(word, row)) for row in rows) == 3, rows
        return rows

    head, _, *rows = eventually(table, what="endpoints that start", within=DEADLINE)
    assert [name for name in ("Endpoint", "State", "Model", "GPU", "Region") if name in head.split()] == seen
    assert max(map(len, rows)) <= width
    ended_by_ctrl_c(terminal, tmp_path)


def test_what_it_says_to_type_next_works(start: Callable[..., Terminal], tmp_path: Path) -> None:
    """Each command, in another shell, as it stands: kubectl, and a call of the endpoint that answers."""
    terminal = start("ARGS=--provisioning=1", width=200)
    eventually(
        lambda: "chat/completions" in terminal.output or terminal.process.poll() is not None,
        what="what to type next",
        within=DEADLINE,
    )

    def to_type() -> list[str]:
        lines = screen(terminal.output)
        (first,) = (number for number, line in enumerate(lines) if "Go on by hand" in line)
        below = lines[first + 1 :]
        table = heads(below)  # drawn anew all the time: for a moment there is none
        return [line.strip() for line in below[: below.index(table[0])] if line.startswith("  ")] if table else []

    typed = eventually(to_type, what="the table below it")
    shell = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(typed)],
        env=shell,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
    )
    assert done.returncode == 0, done.stderr
    for word in ("READY", "CreatedEndpoint", "scaled", "annotated", "gpu_seconds", "Hello from the simulated endpoint"):
        assert word in done.stdout, done.stdout
    ended_by_ctrl_c(terminal, tmp_path)


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

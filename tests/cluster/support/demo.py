"""A run of the demo as a process of its own, whose files and processes can be told from others'."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from cluster.support.eventually import eventually

ROOT: Final = Path(__file__).parents[3]
DEADLINE: Final = 270.0
"""Seconds for a whole run, with its own control plane, on a machine that also runs other things."""
_DROPPED: Final = ("DEMO", "CLUSTER", "CONFIRM", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "COLUMNS", "LINES")


def environment(scratch: Path, **own: str) -> dict[str, str]:
    """This process's, without what a caller of make has set, and with temporary files in `scratch`."""
    kept = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    return {**kept, "PYTHONPATH": str(ROOT / "hack"), "TMPDIR": str(scratch), **own}


def leftovers(scratch: Path) -> list[str]:
    """Files, and processes whose environment names them, that are still there."""
    processes = [path for path in Path("/proc").glob("[0-9]*/environ") if os.fsencode(scratch) in _content(path)]
    return [str(path) for path in (*scratch.iterdir(), *processes)]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended meanwhile, or is another user's
        return b""


class Demo:
    """One run without a terminal."""

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self._output = folder / "output"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "demo", *arguments],
                cwd=ROOT,
                env=environment(self.scratch, **variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """All that it has said."""
        return self._output.read_text(encoding="utf-8")

    def said(self, text: str) -> None:
        """Wait until it has said this."""
        eventually(lambda: text in self.output or self.process.poll() is not None, what=text, within=DEADLINE)
        assert text in self.output, self.output

    def ended(self) -> int:
        """Wait for its end; answers the exit status."""
        return self.process.wait(DEADLINE)

    def leftovers(self) -> list[str]:
        """What is still there of it."""
        return leftovers(self.scratch)

"""Tell a person how far a long build is.

`BuildState` is pure: it folds lines of the go command's output. `Reporter` writes: one updating line on a terminal,
otherwise a line every 15 seconds, so that a CI log stays readable and is not silent for ten minutes.
"""

from __future__ import annotations

import re
import shutil
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TextIO

QUIET_INTERVAL = 15.0  # seconds between lines when nobody watches a terminal
TERMINAL_INTERVAL = 0.2  # seconds between updates of the terminal's line
KEPT_LINES = 30

_PACKAGE = re.compile(r"^[a-z0-9][\w.~-]*(/[\w.~+-]+)*$")


@dataclass(frozen=True, kw_only=True)
class BuildState:
    """What the go command has said so far.

    Attributes:
        total: packages to build at most; 0 while unknown.
        downloads: modules whose download has begun.
        packages: packages compiled by this run; those in Go's build cache are not printed and not counted.
        tail: the last lines that are neither of the two: errors, if there are any.
    """

    total: int = 0
    downloads: int = 0
    packages: int = 0
    tail: tuple[str, ...] = ()

    def after(self, line: str) -> BuildState:
        """The state after one more line of `go list` or `go build -v`."""
        line = line.rstrip()
        if line.startswith("go: downloading "):
            return replace(self, downloads=self.downloads + 1)
        if _PACKAGE.match(line):
            return replace(self, packages=self.packages + 1)
        return replace(self, tail=(*deque(self.tail, maxlen=KEPT_LINES - 1), line)) if line else self

    def summary(self, *, linked: int, programs: int) -> str:
        """One line for people."""
        parts = [f"{self.downloads} modules downloaded"] if self.downloads else []
        if self.total:
            parts.append(f"{self.packages} packages compiled of about {self.total}")
            parts.append(f"{linked} of {programs} programs linked")
        return ", ".join(parts) or "looking at what there is"


def duration(seconds: float) -> str:
    """`75.4` → `1m15s`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


@dataclass
class Reporter:
    """Writes messages, and progress no more often than is pleasant."""

    stream: TextIO
    clock: Callable[[], float] = time.monotonic
    _started: float = field(init=False)
    _written: float = field(init=False)
    _width: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Start the clock."""
        self._started = self._written = self.clock()

    @property
    def terminal(self) -> bool:
        """Whether the line can be updated in place."""
        return self.stream.isatty()

    def say(self, message: str) -> None:
        """Write a message of its own line."""
        self._clear()
        self.stream.write(f"{message}\n")
        self.stream.flush()

    def update(self, text: str) -> None:
        """Show progress, if it is time to."""
        now = self.clock()
        if now - self._written < (TERMINAL_INTERVAL if self.terminal else QUIET_INTERVAL):
            return
        self._written = now
        line = f"  {text}, {duration(now - self._started)}"
        if not self.terminal:
            self.say(line)
            return
        self._clear()
        line = line[: shutil.get_terminal_size().columns - 1]
        self.stream.write(line)
        self.stream.flush()
        self._width = len(line)

    @property
    def elapsed(self) -> str:
        """The time since this reporter was made."""
        return duration(self.clock() - self._started)

    def _clear(self) -> None:
        if self._width:
            self.stream.write("\r" + " " * self._width + "\r")
            self._width = 0

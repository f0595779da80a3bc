"""What happened, in order: kept for the runs that somebody wants to read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Trace:
    """Lines of (virtual seconds, who, what), and the promises that were broken."""

    time: Callable[[], float]
    wanted: bool = True
    """Whether anybody will read the lines: making them costs as much as a tenth of a run."""
    lines: list[tuple[float, str, str]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def say(self, who: str, what: str) -> None:
        """Add a line."""
        if self.wanted:
            self.lines.append((self.time(), who, what))

    def violated(self, promise: str) -> None:
        """Add a broken promise, also as a line."""
        self.say("!", promise)
        self.violations.append(f"[{self.time():10.3f}] {promise}")

    def text(self, last: int | None = None) -> str:
        """All lines, or the last ones, for people."""
        shown = self.lines if last is None else self.lines[-last:]
        return "\n".join(f"{at:11.3f}  {who:<9} {what}" for at, who, what in shown)

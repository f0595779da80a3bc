"""Clocks for tests: `ports.Clock` set by hand, or in step with the virtual time of the event loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(2025, 1, 1, 12, 0, tzinfo=UTC)


@dataclass
class ManualClock:
    """Moves when told, and by `tick` seconds with each reading."""

    seconds: float = 1000.0
    tick: float = 0.0

    def monotonic(self) -> float:
        """Seconds, as set."""
        self.seconds += self.tick
        return self.seconds

    def now(self) -> datetime:
        """A wall clock in step with it."""
        return EPOCH + timedelta(seconds=self.seconds)


class LoopClock:
    """The event loop's own time, which is virtual under looptime."""

    def monotonic(self) -> float:
        """Seconds of the running loop."""
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        """A wall clock in step with it."""
        return EPOCH + timedelta(seconds=self.monotonic())

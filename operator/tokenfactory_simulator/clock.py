"""The simulator's one source of time, so that a test can own it.

Nothing else here may read the machine's clock for a decision; the record of calls stamps real time, for people.
"""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Seconds since the simulator's start. A manual clock moves only by `advance`; a real one can be moved too."""

    def __init__(self, *, manual: bool = False) -> None:
        self.manual = manual
        self._advanced = 0.0
        self._origin = time.monotonic()
        self._epoch = datetime.now(UTC)

    def now(self) -> float:
        """Seconds since the start; they only grow."""
        return self._advanced if self.manual else self._advanced + time.monotonic() - self._origin

    def advance(self, seconds: float) -> float:
        """Move forward; answers the new time."""
        self._advanced += seconds
        return self.now()

    def wall(self, instant: float) -> datetime:
        """The date and time (UTC) of an instant of this clock."""
        return self._epoch + timedelta(seconds=instant)

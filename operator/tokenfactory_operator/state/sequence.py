"""In which order did it happen? One order of all requests and answers of a process."""

from __future__ import annotations

from typing import Final

from tokenfactory_operator.domain.timing import NEVER
from tokenfactory_operator.ports import Clock


class SequenceClock:
    """Strictly growing stamps of one monotonic clock, in seconds: they order requests and answers without ties."""

    _STEP: Final = 1e-6

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = NEVER

    def take(self) -> float:
        """A stamp later than every other."""
        self._last = max(self._clock.monotonic(), self._last + self._STEP)
        return self._last

"""The LISTs of one credential: when each complete one began, and how long they were.

What is not in them is absent by the rules of docs/protocol.md, Evidence; `Absence` applies them.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from tokenfactory_operator.domain.decision_input import Absence
from tokenfactory_operator.domain.timing import NEVER, Timing

PAGE_SIZES: Final = frozenset({20, 25, 30, 50, 100, 200, 250, 500, 1000})
"""Lengths at which a list without a page token may be cut off: the usual limits of APIs."""


class Lists:
    """Times are the starts of the LISTs, as stamps."""

    def __init__(self, timing: Timing) -> None:
        self._longest_settle = timing.longest_settle
        self._horizon = 2 * (timing.delete_settle + timing.create_settle)
        self._complete: list[float] = []
        self._length = self._longest = self._left_out = 0
        """Of the last complete LIST, and of the longest one, in endpoints; and what the last one says that it lacks."""
        self.first_view = self.last_view = NEVER
        """The first and the last LIST whose pages all came, complete or not quite."""
        self._disproved = NEVER
        """By when the LISTs had left out what exists."""

    @property
    def last_complete(self) -> float:
        """The last complete LIST; `NEVER` if there was none."""
        return self._complete[-1] if self._complete else NEVER

    @property
    def horizon(self) -> float:
        """Before it nothing that a LIST left out after its deletion comes back."""
        return self.last_complete - self._horizon

    def completed(self, begun: float, length: int, *, left_out: int = 0) -> None:
        """A complete LIST of so many endpoints has come; it says that there are `left_out` more."""
        self._complete.append(begun)
        self._length, self._left_out = length, left_out
        self._longest = max(self._longest, length)
        self._prune()

    def _prune(self) -> None:
        """Keep the starts that any settle time can still need, and one before them, which proves as much as all."""
        needed = min(self.horizon, self.last_complete - self._longest_settle)
        first = bisect_left(self._complete, needed)
        del self._complete[: max(0, first - 1)]

    def viewed(self, begun: float) -> None:
        """A LIST has come with all its pages."""
        self.last_view = begun
        if self.first_view == NEVER:
            self.first_view = begun

    def disproved(self, at: float) -> None:
        """What they left out, with nothing to explain that, has shown up: what else they left out may exist too."""
        self._disproved = at

    def absence(self, evidence: float) -> Absence:
        """Of something whose last sign of life was at `evidence`."""
        return Absence(evidence, self._complete, disproved=self._disproved)

    def cut_off(self) -> str:
        """Why the last complete LIST may leave out what does not fit, as the end of a sentence; empty if it may not."""
        if self._left_out:
            return f"says that there are {self._left_out} more endpoints than it shows"
        page = self._length in PAGE_SIZES and self._length == self._longest
        return f"shows {self._length} endpoints and has never shown more" if page else ""

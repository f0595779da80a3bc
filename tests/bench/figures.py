"""Arithmetic on measured numbers, and what a figure means against its budget. Pure: measures and prints nothing."""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class Verdict(enum.Enum):
    """How a measured figure stands to its budget."""

    MET = "met"
    MISSED = "missed"
    REPORTED = "has no budget"
    SMALLER = "met at a smaller size"
    """The budget speaks of more objects than were held: no proof that it is met."""

    @property
    def sign(self) -> str:
        """What the table shows."""
        return {Verdict.REPORTED: "", Verdict.MET: "✓", Verdict.MISSED: "✗", Verdict.SMALLER: "(✓)"}[self]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the report."""

    what: str
    budget: str
    measured: str
    verdict: Verdict
    values: Mapping[str, float | str] = field(default_factory=dict)
    """The numbers behind `measured`, with their units in their names."""


def judged(met: bool, *, held: int = 0, wanted: int = 0) -> Verdict:  # noqa: FBT001 - a verdict's one natural argument
    """The verdict for a figure measured with `held` objects, where the budget speaks of `wanted`."""
    if not met:
        return Verdict.MISSED
    return Verdict.MET if held >= wanted else Verdict.SMALLER


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that at least `percent` % of all do not exceed.

    Raises:
        ValueError: there are no values, or `percent` is not within 0 and 100.
    """
    if not values or not 0 <= percent <= 100:
        raise ValueError(f"no {percent:g}th percentile of {len(values)} values")
    return sorted(values)[max(1, math.ceil(percent / 100 * len(values))) - 1]


def rate(moments: Sequence[float]) -> float:
    """Per second, from the first to the last of these moments (seconds): n of them span n - 1 steps.

    Raises:
        ValueError: they span no time.
    """
    span = max(moments) - min(moments) if moments else 0.0
    if span <= 0:
        raise ValueError(f"{len(moments)} moments span no time")
    return (len(moments) - 1) / span


def seconds_outside(begin: float, end: float, busy: Sequence[tuple[float, float]]) -> float:
    """How much of the time from `begin` to `end` lies in none of the intervals of `busy`; these do not overlap."""
    return end - begin - sum(max(0.0, min(end, until) - max(begin, since)) for since, until in busy)


def shares(count: int, parts: int) -> list[tuple[int, int]]:
    """`count` things in up to `parts` parts of two at least, as even as can be: where each begins, and its size."""
    parts = max(1, min(parts, count // 2))
    bounds = [count * part // parts for part in range(parts + 1)]
    return [(begin, end - begin) for begin, end in itertools.pairwise(bounds)]


def further_states(shown: Sequence[str]) -> int:
    """How many states an object showed between its first and its last: each may cost a status write of its own."""
    distinct = [state for state, before in zip(shown, ("", *shown), strict=False) if state and state != before]
    return max(0, len(distinct) - 2)

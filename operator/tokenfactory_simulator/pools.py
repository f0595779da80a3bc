"""GPU capacity: how many GPUs of a type a region has, and how many are taken."""

from collections import Counter
from math import inf

from tokenfactory_simulator.lifecycle import Deployment

PLENTY = 10**9
"""Free GPUs of a pool without a limit."""


class Pools:
    """GPUs taken per pool; limits are given at each question, since settings change."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def move(self, before: Deployment | None, after: Deployment | None) -> None:
        """A deployment replaces another; `None` stands for not there."""
        if before:
            self._taken[before.shape.pool] -= before.gpus_held
        if after:
            self._taken[after.shape.pool] += after.gpus_held

    def free(self, pool: str, capacity: dict[str, int]) -> int:
        """GPUs that are free; below zero after a limit was lowered."""
        limit = capacity.get(pool, inf)
        return PLENTY if limit == inf else int(limit) - self._taken[pool]

    def taken(self) -> dict[str, int]:
        """GPUs in use, by pool."""
        return {pool: number for pool, number in self._taken.items() if number}

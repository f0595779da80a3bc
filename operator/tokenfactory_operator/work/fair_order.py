"""Which of the waiting keys is next: shares for classes of urgency, and turns for the namespaces of each class.

The order within `workqueue`, apart from when anything may be worked on. It must not know what a key means.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

from tokenfactory_operator.shares import Shares

K = TypeVar("K", bound=Hashable)


class Urgency(enum.IntEnum):
    """Classes of work; a greater one has a greater share."""

    RESYNC = 1
    """Everything that nobody waits for: polls, deadlines, relists."""
    EDIT = 2
    """A user changed the spec."""
    URGENT = 3
    """Deletions, duplicates, and create attempts whose outcome is open: all may be costing money."""


WEIGHTS: Final[Mapping[Urgency, int]] = {Urgency.URGENT: 8, Urgency.EDIT: 4, Urgency.RESYNC: 1}
"""Shares of the classes while all have work. An idle class leaves its share to the others and saves up none."""

_STRIDE: Final = {urgency: math.lcm(*WEIGHTS.values()) // weight for urgency, weight in WEIGHTS.items()}


class FairOrder(Generic[K]):
    """Ready keys: a weighted share for each class, turns for the namespaces in it, first in, first out in each.

    Classes are picked by stride scheduling: each pick moves a class's next turn on by a stride that is inverse to its
    weight, and the earliest turn is picked. A class that gets work after a pause starts at the present virtual time. So
    whatever comes and goes, a class with work waits for at most `stride / other stride + 1` picks of each other class.
    The turns of its namespaces are those of `shares`. A namespace that is held back has none.
    """

    def __init__(self, share: Callable[[K], str]) -> None:
        self._share = share
        self._classes: dict[Urgency, Shares[K, None]] = {urgency: Shares() for urgency in sorted(Urgency, reverse=True)}
        self._turn = dict.fromkeys(self._classes, 0)
        self._virtual_time = 0

    def __bool__(self) -> bool:
        """Whether there is a key to `pop`."""
        return any(keys.ready for keys in self._classes.values())

    def depth(self) -> dict[Urgency, int]:
        """How many keys there are in each class, those held back among them."""
        return {urgency: len(keys) for urgency, keys in self._classes.items()}

    def push(self, key: K, urgency: Urgency) -> None:
        """Add a key that is not there."""
        with self._work_after_a_pause(urgency) as keys:
            keys.put(self._share(key), key, None)

    def remove(self, key: K, urgency: Urgency) -> None:
        """Take a key out, wherever it is."""
        self._classes[urgency].remove(self._share(key), key)

    def hold(self, share: str) -> None:
        """Give the namespace no turn until it is released."""
        for keys in self._classes.values():
            keys.hold(share)

    def release(self, share: str) -> None:
        """Let it have its turns again."""
        for urgency in self._classes:
            with self._work_after_a_pause(urgency) as keys:
                keys.release(share)

    @contextmanager
    def _work_after_a_pause(self, urgency: Urgency) -> Iterator[Shares[K, None]]:
        """Around what may give a class work: one that had none saves up no turns."""
        keys = self._classes[urgency]
        idle = not keys.ready
        yield keys
        if idle:
            self._turn[urgency] = max(self._turn[urgency], self._virtual_time)

    def pop(self) -> K:
        """The next key; there has to be one."""
        urgency = min((each for each, keys in self._classes.items() if keys.ready), key=self._turn.__getitem__)
        self._virtual_time = self._turn[urgency]
        self._turn[urgency] += _STRIDE[urgency]
        key, _ = self._classes[urgency].pop()
        return key

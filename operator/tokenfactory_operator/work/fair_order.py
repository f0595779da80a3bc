"""Which of the waiting keys is next: shares for classes of urgency, and turns for the namespaces of each class.

The order within `workqueue`, apart from when anything may be worked on. It must not know what a key means.
"""

from __future__ import annotations

import enum
import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Urgency(enum.IntEnum):
    """Classes of work; a greater one has a greater share."""

    RESYNC = 1
    """Everything that nobody waits for: polls, deadlines, relists."""
    EDIT = 2
    """A user changed the spec."""
    URGENT = 3
    """Deletions, twins, and create attempts whose outcome is open: all may be costing money."""


WEIGHTS: Final[Mapping[Urgency, int]] = {Urgency.URGENT: 8, Urgency.EDIT: 4, Urgency.RESYNC: 1}
"""Shares of the classes while all have work. An idle class leaves its share to the others and saves up none."""

_STRIDE: Final = {urgency: math.lcm(*WEIGHTS.values()) // weight for urgency, weight in WEIGHTS.items()}


class FairOrder(Generic[K]):
    """Ready keys: a weighted share for each class, turns for the namespaces in it, first in, first out in each.

    Classes are picked by stride scheduling: each pick moves a class's next turn on by a stride that is inverse to its
    weight, and the earliest turn is picked. A class that gets work after a pause starts at the present virtual time. So
    whatever comes and goes, a class with work waits for at most `stride / other stride + 1` picks of each other class.
    A namespace that was served goes to the end, so between two of its turns every other one has at most one. One that
    is held back has no turn, and its keys keep their order.
    """

    def __init__(self, share: Callable[[K], str]) -> None:
        self._share = share
        # OrderedDict and not dict: taking the first item of a dict again and again is quadratic.
        self._lanes: dict[Urgency, OrderedDict[str, OrderedDict[K, None]]] = {
            urgency: OrderedDict() for urgency in sorted(Urgency, reverse=True)
        }
        self._depth = dict.fromkeys(self._lanes, 0)
        self._turn = dict.fromkeys(self._lanes, 0)
        self._virtual_time = 0
        self._held: dict[str, dict[Urgency, OrderedDict[K, None]]] = {}

    def __bool__(self) -> bool:
        """Whether there is a key to `pop`."""
        return any(self._lanes.values())

    def depth(self) -> dict[Urgency, int]:
        """How many keys there are in each class, those held back among them."""
        return dict(self._depth)

    def push(self, key: K, urgency: Urgency) -> None:
        """Add a key that is not there."""
        share = self._share(key)
        held = self._held.get(share)
        keys = self._line(urgency, share) if held is None else held.setdefault(urgency, OrderedDict())
        keys[key] = None
        self._depth[urgency] += 1

    def _line(self, urgency: Urgency, share: str) -> OrderedDict[K, None]:
        """The keys of a namespace that has its turns; its turn is the last where it had none waiting."""
        lane = self._lanes[urgency]
        if not lane:
            self._turn[urgency] = max(self._turn[urgency], self._virtual_time)
        return lane.setdefault(share, OrderedDict())

    def remove(self, key: K, urgency: Urgency) -> None:
        """Take a key out, wherever it is."""
        share = self._share(key)
        lane = self._lanes[urgency]
        if share in self._held:
            del self._held[share][urgency][key]
        else:
            del lane[share][key]
            if not lane[share]:
                del lane[share]
        self._depth[urgency] -= 1

    def hold(self, share: str) -> None:
        """Give the namespace no turn until it is released."""
        self._held[share] = {urgency: lane.pop(share) for urgency, lane in self._lanes.items() if share in lane}

    def release(self, share: str) -> None:
        """Let it have its turns again."""
        for urgency, keys in self._held.pop(share).items():
            if keys:
                self._line(urgency, share).update(keys)

    def pop(self) -> K:
        """The next key; there has to be one."""
        urgency = min((each for each, lane in self._lanes.items() if lane), key=self._turn.__getitem__)
        self._virtual_time = self._turn[urgency]
        self._turn[urgency] += _STRIDE[urgency]
        lane = self._lanes[urgency]
        share, keys = next(iter(lane.items()))
        key, _ = keys.popitem(last=False)
        if keys:
            lane.move_to_end(share)
        else:
            del lane[share]
        self._depth[urgency] -= 1
        return key

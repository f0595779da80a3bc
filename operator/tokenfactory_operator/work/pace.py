"""How fast keys that nobody waits for are handed out while more urgent ones are worked on.

The shares of `fair_order` count only while keys of several classes wait. The last of a thousand creates wait no more.
But they are under way for a while yet, and all that nobody waits for would come before their calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from tokenfactory_operator.work.fair_order import FairOrder, Urgency

PACE: Final = 0.01
"""Seconds from one key that nobody waits for to the next while more urgent ones are worked on."""

K = TypeVar("K", bound=Hashable)


class Pace(Generic[K]):
    """Has the order hand out at most one key of the last class in each `every` seconds; 0: as many as there are."""

    def __init__(self, order: FairOrder[K], every: float, *, over: Callable[[], None]) -> None:
        """`over` is called when keys of that class may be handed out again."""
        self._order = order
        self._every = every
        self._over = over
        self._pressing: set[K] = set()
        self._timer: asyncio.TimerHandle | None = None

    def taken(self, key: K, urgency: Urgency) -> None:
        """A worker has the key."""
        if urgency > Urgency.RESYNC:
            self._pressing.add(key)
        elif self._pressing and self._every:
            self._order.resting = True
            self._timer = asyncio.get_running_loop().call_later(self._every, self.end)

    def done(self, key: K) -> None:
        """The worker has given it back."""
        self._pressing.discard(key)
        if not self._pressing:
            self.end()

    def end(self) -> None:
        """Nothing rests any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._order.resting = None, False
            self._over()

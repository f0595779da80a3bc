"""How often something may begin that several may ask for: it calls nobody, and time is an argument."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from tokenfactory_operator.buckets import Recent

K = TypeVar("K", bound=Hashable)


class Limiter:
    """When the next piece of work that somebody asks for may begin: some at once, then one in each interval."""

    def __init__(self, burst: int, *, every: float) -> None:
        """`every`: seconds."""
        self._burst = burst
        self._every = every
        self._at = self._paid_until = float("-inf")
        """When the last one may begin; and each moves the other on by an interval, to `burst` ahead of the time."""

    def wait(self, now: float) -> float:
        """Seconds until the work that is asked for at `now` may begin; what is asked for until then is one with it."""
        if now >= self._at:
            ahead = max(0.0, self._paid_until - now)
            self._at = now + max(0.0, ahead - (self._burst - 1) * self._every)
            self._paid_until = now + ahead + self._every
        return self._at - now


class Limiters(Generic[K]):
    """One limiter for each key."""

    def __init__(self, capacity: int, burst: int, *, every: float) -> None:
        """`capacity`: keys that are remembered, those of which something was asked last; `every`: seconds."""
        self._burst = burst
        self._every = every
        self._limiters: Recent[K, Limiter] = Recent(capacity)

    def wait(self, key: K, now: float) -> float:
        """Seconds until the key's next piece of work may begin, as `Limiter.wait`."""
        limiter = self._limiters.get(key) or Limiter(self._burst, every=self._every)
        self._limiters.store(key, limiter)
        return limiter.wait(now)

"""Token buckets, one for each key: so much at once, then at a pace. Time is an argument; no I/O."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(OrderedDict[K, V], Generic[K, V]):
    """A mapping that forgets the least recently stored entry beyond its capacity."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self._capacity = capacity

    def store(self, key: K, value: V) -> None:
        """As the newest."""
        self[key] = value
        self.move_to_end(key)
        if len(self) > self._capacity:
            self.popitem(last=False)


@dataclass(frozen=True)
class _Bucket:
    tokens: float
    filled_at: float


class Buckets(Generic[K]):
    """One bucket for each key: `burst` tokens at once, and one more in each `refill` seconds."""

    def __init__(self, capacity: int, *, burst: int, refill: float) -> None:
        """`capacity`: keys that are remembered; one that is forgotten has a full bucket again."""
        self._burst = burst
        self._refill = refill
        self._buckets: Recent[K, _Bucket] = Recent(capacity)

    def take(self, key: K, now: float) -> bool:
        """Whether there was a token."""
        bucket = self._buckets.get(key, _Bucket(tokens=self._burst, filled_at=now))
        tokens = min(float(self._burst), bucket.tokens + (now - bucket.filled_at) / self._refill)
        taken = tokens >= 1
        self._buckets.store(key, _Bucket(tokens=tokens - 1 if taken else tokens, filled_at=now))
        return taken

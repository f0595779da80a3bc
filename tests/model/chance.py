"""What goes wrong in a run: every choice is drawn from the seed, and each fault has a number to leave it out by.

Seeds differ in which kinds of faults they have at all (swarm testing): a run with every fault at once hardly ever gets
far enough to see any of them end well.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final

RATES: Final = (0.01, 0.04, 0.12, 0.3)
"""How often a kind of fault strikes a call that it can strike."""
LIST_RATES: Final = (0.05, 0.3, 0.95)
"""The same for what a LIST shows: rare, and nearly always."""

CALL_FAULTS: Final = (
    "cloud.lost_request",
    "cloud.lost_answer",
    "cloud.late_effect",
    "cloud.slow",
    "cloud.throttled",
    "cloud.5xx",
    "cloud.5xx_after_effect",
    "cloud.conflict",
    "cloud.quota",
    "cloud.lag",
    "cloud.lazy_delete",
    "cloud.lazy_patch",
    "list.stale",
    "list.partial",
    "list.hidden",
    "kube.lost_request",
    "kube.lost_answer",
    "kube.slow",
    "kube.conflict",
    "watch.late",
    "watch.lost",
    "watch.repeated",
)
HAPPENINGS: Final = (
    "cloud.outage",
    "cloud.revoked",
    "cloud.maintenance",
    "cloud.capacity",
    "cloud.degraded",
    "kube.down",
    "process.kill",
    "process.pause",
    "process.restart",
    "lease.handover",
    "wall.step",
    "console.edit",
    "console.stop",
    "console.delete",
    "console.unmark",
    "console.copy",
    "console.foreign",
    "console.make",
    "etcd.restore",
    "token.rotate",
    "token.wrong",
    "user.adopt",
    "user.take",
    "user.edit",
    "user.take_back",
    "user.delete",
    "user.recreate",
    "user.pause",
    "user.enable",
    "user.wipe_status",
    "user.strip",
    "user.request",
    "user.policy",
    "user.bad_gpu",
    "user.force",
)
GARBLED: Final = "list.garbled"
"""Items of a LIST that name no endpoint; only seeds with the real client have it."""
VERY_LATE: Final = "cloud.very_late"
"""Effects later than the settle time: beyond what is promised of the cloud, so in some seeds only."""


class Chance:
    """The seed's choices."""

    def __init__(self, rng: random.Random, rates: Mapping[str, float], dropped: frozenset[int] = frozenset()) -> None:
        self.rng = rng
        self.active = True
        self.rates = rates
        self.struck: list[str] = []
        """Kinds, in order; the place in the list is the number to leave it out by."""
        self._dropped = dropped

    @property
    def loses_events(self) -> bool:
        """Whether the watch may lose an event."""
        return "watch.lost" in self.rates

    def strikes(self, kind: str) -> bool:
        """Whether a fault of this kind happens here."""
        rate = self.rates.get(kind, 0.0)
        return rate > 0 and self.rng.random() < rate and self.happens(kind)

    def happens(self, kind: str) -> bool:
        """Count something that is to happen; False when its number is left out, or the time of faults is over."""
        if not self.active:
            return False
        self.struck.append(kind)
        return len(self.struck) - 1 not in self._dropped

    def between(self, low: float, high: float) -> float:
        """Seconds."""
        return low + (high - low) * self.rng.random()  # as `uniform` does, without its call


def swarm(rng: random.Random) -> dict[str, float]:
    """Which kinds of faults this seed has, and how often."""
    share = rng.choice((0.15, 0.35, 0.6))
    rates = {
        kind: rng.choice(LIST_RATES if kind.startswith("list.") else RATES)
        for kind in CALL_FAULTS
        if rng.random() < share
    }
    if rng.random() < 0.15:
        rates[VERY_LATE] = rng.choice(RATES)
    return rates

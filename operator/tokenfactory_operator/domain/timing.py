"""The protocol's times: the part of the settings that decisions depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NEVER: Final = float("-inf")
"""The stamp of what has not happened."""

OUTAGE_INTERVALS: Final = 3
"""Poll intervals without a good LIST before it is said."""

SETTLE_MOST: Final = 60.0
"""To how many times `create_settle` it grows while create calls go on to end unknown."""


@dataclass(frozen=True)
class Timing:
    """All in seconds; each is the setting of the same name."""

    poll_interval: float = 30.0
    poll_interval_in_transition: float = 5.0
    inventory_max_age: float = 600.0
    create_settle: float = 60.0
    delete_settle: float = 600.0
    lost_settle: float = 600.0
    send_deadline: float = 5.0
    request_timeout: float = 60.0
    correction_pause: float = 10.0

    @property
    def longest_settle(self) -> float:
        """The longest time over which a decision may have to see that something is absent."""
        return max(self.delete_settle, self.lost_settle, SETTLE_MOST * self.create_settle)

    @property
    def stale_after(self) -> float:
        """Age of the last complete LIST from which on it is no view of the cloud: as an outage, but told by the clock.

        A process that was suspended, or whose LIST hangs, has not failed yet, and still knows nothing.
        """
        return OUTAGE_INTERVALS * self.poll_interval + self.request_timeout

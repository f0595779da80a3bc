"""The protocol's times: the part of the settings that decisions depend on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """All in seconds; each is the setting of the same name."""

    poll_interval: float = 30.0
    poll_interval_in_transition: float = 5.0
    inventory_max_age: float = 600.0
    create_settle: float = 60.0
    delete_settle: float = 600.0
    send_deadline: float = 5.0
    request_timeout: float = 60.0

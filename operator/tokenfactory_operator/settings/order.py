"""Which times of the settings bound each other, and why."""

from __future__ import annotations

from typing import Final, NamedTuple

from tokenfactory_operator.settings.durations import format_duration
from tokenfactory_operator.settings.names import both_spellings


class _AtMost(NamedTuple):
    """`times` times the setting `small` may not be more than the setting `large`."""

    small: str
    times: int
    large: str
    why: str

    def contradiction(self, settings: object) -> str | None:
        small, large = getattr(settings, self.small), getattr(settings, self.large)
        # Compared in milliseconds, the resolution of durations: 3 times 0.1 is not more than 0.3.
        if round(self.times * small * 1_000) <= round(large * 1_000):
            return None
        factor = f"{self.times} times " if self.times > 1 else ""
        return (
            f"{both_spellings(self.small)} is {format_duration(small)} and {both_spellings(self.large)} is"
            f" {format_duration(large)}; accepted: {factor}the former at most the latter, because {self.why}"
        )


_ORDERED: Final = (
    _AtMost("poll_interval_in_transition", 1, "poll_interval", "in transition the cloud is asked more often"),
    _AtMost("poll_interval_in_transition", 2, "create_settle", "absence takes two LISTs within the settle time"),
    _AtMost("request_timeout", 1, "create_settle", "a request may take effect until it has timed out"),
    _AtMost("create_settle", 1, "delete_settle", "a deletion has to be at least as sure as a creation"),
    _AtMost("create_settle", 1, "lost_settle", "what once served is given up no sooner than what was never seen"),
    _AtMost("poll_interval", 3, "inventory_max_age", "the inventory must outlive two failed LISTs"),
)


def out_of_order(settings: object) -> list[str]:
    """What contradicts it, for people; `settings` has an attribute for each setting."""
    return [problem for rule in _ORDERED if (problem := rule.contradiction(settings))]

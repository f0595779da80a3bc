"""Durations as people write them: `30s`, `5m`, `1h30m`, `500ms`, or plain seconds.

The notation is the one of Go and of Kubernetes' own flags; the resolution is a millisecond. Pure.
"""

from __future__ import annotations

import re
from typing import Final

ACCEPTED: Final = "a duration such as 30s, 5m, 1h30m, 500ms, or plain seconds"
"""What `parse_duration` takes, for messages and documentation."""

_UNITS_MS: Final = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_NUMBER: Final = r"[0-9]{1,12}(?:\.[0-9]{1,12})?"
_PLAIN: Final = re.compile(_NUMBER)
_PARTS: Final = re.compile(
    rf"(?:(?P<h>{_NUMBER})h)?(?:(?P<m>{_NUMBER})m(?!s))?(?:(?P<s>{_NUMBER})s)?(?:(?P<ms>{_NUMBER})ms)?"
)


def parse_duration(text: str) -> float:
    """Seconds in `text`; units in falling order, each at most once. Raises `ValueError` for anything else."""
    if _PLAIN.fullmatch(text):
        return round(float(text), 3)
    parts = _PARTS.fullmatch(text)
    if not text or parts is None:
        raise ValueError("not a duration")
    found = parts.groupdict()
    milliseconds = sum(float(found[unit]) * size for unit, size in _UNITS_MS.items() if found[unit] is not None)
    return round(milliseconds) / 1_000


def format_duration(seconds: float) -> str:
    """The shortest text that `parse_duration` reads back as `seconds`, which must not be negative."""
    rest = round(seconds * 1_000)
    if rest < 0:
        raise ValueError("a duration is not negative")
    text = ""
    for unit, size in _UNITS_MS.items():
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"

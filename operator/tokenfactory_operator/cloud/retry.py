"""How long the cloud asks to wait, read from an answer's headers.

Pure, and bounded: no answer may stop a credential for longer than five minutes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

MAX_WAIT: Final = 300.0
"""Seconds; the longest wait that is obeyed (design: Errors)."""
_RESET_PREFIX: Final = "x-ratelimit-reset"
_LONGEST_RESET: Final = 86_400.0
"""Seconds; a greater number in a reset header is a point in time, not a wait, and is not used."""


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds of `Retry-After`, given as seconds or as an HTTP date (RFC 9110, 10.2.3); `None` where absent or odd.

    A date is the server's, and so is that of the answer: what lies between them does not depend on our clock.
    """
    value = headers.get("retry-after")
    if value is None:
        return None
    seconds = _longest(value)
    return _bounded(seconds if seconds is not None else _until(value, now=_date(headers.get("date", "")) or now))


def reset_hint(headers: Mapping[str, str]) -> float | None:
    """The longest of the `x-ratelimit-reset*` headers that are seconds (`20`, `1.5s`); `None` where there is none."""
    reported = (
        _seconds(value.removesuffix("s")) for name, value in headers.items() if name.lower().startswith(_RESET_PREFIX)
    )
    waits = [seconds for seconds in reported if seconds is not None and seconds <= _LONGEST_RESET]
    return _bounded(max(waits, default=None))


def _bounded(seconds: float | None) -> float | None:
    return None if seconds is None else min(max(seconds, 0.0), MAX_WAIT)


def _longest(value: str) -> float | None:
    """The longest of the waits; a gateway on the way may have added its own header."""
    waits = [_seconds(part) for part in value.split(",")]
    told = [wait for wait in waits if wait is not None]
    return max(told) if len(told) == len(waits) else None


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return None if math.isnan(seconds) else seconds


def _until(value: str, *, now: datetime) -> float | None:
    date = _date(value)
    return None if date is None else (date - now).total_seconds()


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    if date.tzinfo is None:  # "-0000": a UTC time of unknown origin, RFC 5322, 3.3
        date = date.replace(tzinfo=UTC)
    return date

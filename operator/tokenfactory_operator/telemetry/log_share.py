"""How many log lines one namespace may have: what its objects do in a loop fills no disk, and hides nobody's lines.

A line that is left out is counted, and the next one about that namespace says how many were. Errors, defects among
them, are never left out, nor are lines that are about no namespace.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from tokenfactory_operator.buckets import Buckets, Recent

BURST: Final = 5000
"""Lines about one namespace at once: a thousand objects are created in about four each."""
REFILL: Final = 0.2
"""Seconds until a namespace may have one more."""
CAPACITY: Final = 4096
"""Namespaces that are remembered."""
LEFT_OUT: Final = "left_out"
"""Field of a line: how many about its namespace were left out before it."""


class Share(logging.Filter):
    """A filter of a handler."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._buckets: Buckets[str] = Buckets(CAPACITY, burst=BURST, refill=REFILL)
        self._left_out: Recent[str, int] = Recent(CAPACITY)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        namespace = _namespace(record)
        if not namespace or record.levelno >= logging.ERROR:
            return True
        if not self._buckets.take(namespace, self._clock()):
            self._left_out.store(namespace, self._left_out.get(namespace, 0) + 1)
            return False
        left_out = self._left_out.pop(namespace, 0)
        if left_out:
            _say(record, left_out)
        return True


def _namespace(record: logging.LogRecord) -> str:
    """That the line is about: a field of structlog's or of the standard library's, or of kopf's reference."""
    fields = record.msg if isinstance(record.msg, dict) else vars(record)
    reference = vars(record).get("k8s_ref") or {}
    return str(fields.get("namespace") or reference.get("namespace") or "")


def _say(record: logging.LogRecord, left_out: int) -> None:
    if isinstance(record.msg, dict):
        record.msg = {**record.msg, LEFT_OUT: left_out}
    else:
        setattr(record, LEFT_OUT, left_out)

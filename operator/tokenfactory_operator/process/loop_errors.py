"""What the event loop does with an error that nobody has asked for: its exception handler."""

from __future__ import annotations

import asyncio
import errno
import logging
from pathlib import Path
from typing import Any, Final

import kopf

QUIET: Final = 60.0
"""Seconds between two log lines about connections that cannot be accepted."""
_KOPF: Final = Path(kopf.__file__).parent
_SHORT: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""The errors of `accept` after which asyncio tries again in a second (`asyncio.selector_events`, CPython)."""

_LOG = logging.getLogger(__name__)


class LoopErrors:
    """An exception handler of one event loop. It logs what the default handler would log, apart from two kinds.

    Failures of kopf's own tasks and generators are left out: `handlers.watch` raises the same, and at the end kopf
    cancels its own requests, which then fail in many ways. A lack of file descriptors or memory for new connections is
    logged once in `QUIET` seconds: asyncio reports it up to 128 times a second, each time with a traceback.
    """

    def __init__(self) -> None:
        self._next = float("-inf")
        self._left_out = 0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """As `loop.set_exception_handler` has it."""
        error = context.get("exception")
        if "socket" in context and isinstance(error, OSError) and error.errno in _SHORT:
            self._not_accepted(loop.time(), error)
        elif not _by_kopf(context):
            loop.default_exception_handler(context)

    def _not_accepted(self, now: float, error: OSError) -> None:
        if now < self._next:
            self._left_out += 1
            return
        left_out = f" This was reported {self._left_out} more times." if self._left_out else ""
        _LOG.error("A connection cannot be accepted: %s. It is tried again every second.%s", error.strerror, left_out)
        self._next, self._left_out = now + QUIET, 0


def _by_kopf(context: dict[str, Any]) -> bool:
    task, generator = context.get("future"), context.get("asyncgen")
    coroutine = task.get_coro() if isinstance(task, asyncio.Task) else None
    code = getattr(coroutine, "cr_code", None) or getattr(generator, "ag_code", None)
    return code is not None and Path(code.co_filename).is_relative_to(_KOPF)

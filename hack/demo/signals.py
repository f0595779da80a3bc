"""Ctrl-C, SIGTERM and a closed terminal end the demo once; its cleaning up is not interrupted."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Final, Never

from demo.errors import Stop

_STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _stop(number: int, _frame: FrameType | None) -> Never:
    ignore()
    raise Stop(number)


def listen() -> None:
    """From here on each of these signals raises `Stop`, once."""
    for number in _STOPPING:
        signal.signal(number, _stop)


def ignore() -> None:
    """From here on nothing interrupts."""
    for number in _STOPPING:
        signal.signal(number, signal.SIG_IGN)

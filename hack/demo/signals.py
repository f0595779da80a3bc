"""Ctrl-C, SIGTERM and a closed terminal end the demo once; its cleaning up is not interrupted."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
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


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Have the terminal send Ctrl-C to this process and not to make, which would end too and call it an error.

    A shell does the same for each of its commands. Ctrl-Z is ignored meanwhile: no shell would notice that this process
    has stopped.
    """
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
    except OSError:  # there is none
        yield
        return
    caller = os.getpgrp()
    try:
        if caller == os.getpid() or os.tcgetpgrp(terminal) != caller:  # alone already, or in the background
            yield
            return
        for number in (signal.SIGTTOU, signal.SIGTSTP):
            signal.signal(number, signal.SIG_IGN)
        os.setpgid(0, 0)
        os.tcsetpgrp(terminal, os.getpid())
        try:
            yield
        finally:
            os.tcsetpgrp(terminal, caller)
    finally:
        os.close(terminal)

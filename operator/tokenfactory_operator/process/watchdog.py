"""A hard end at a time that is put off again and again; it needs no event loop and no interpreter that runs.

The kernel's timer sends `SIGALRM`, whose handler is C's `_exit`. So a process ends that hangs in a library, with or
without the interpreter's lock. One that was stopped, and goes on too late, ends before it runs anything. And so does
the first process of a container, for which the kernel ignores signals that have no handler (pid_namespaces(7)).

The exit status is 14, the number of the signal: a handler gets it, and `_exit` takes it for the status.

Before it ends, it writes to standard error where it was. A thread that did so while the others go on, as
`faulthandler.dump_traceback_later` has one, crashed while it read what they changed, and let them act while it waited
for a full pipe.
"""

from __future__ import annotations

import ctypes
import faulthandler
import functools
import signal
import sys
from typing import Final

_SHORTEST: Final = 0.001
"""Seconds; 0 would switch the timer off."""


def end_after(seconds: float) -> None:
    """End the process after so many seconds, unless this is called again before."""
    _install()
    signal.setitimer(signal.ITIMER_REAL, max(seconds, _SHORTEST))


def cancel() -> None:
    """Let the process live."""
    signal.setitimer(signal.ITIMER_REAL, 0.0)


@functools.cache
def _install() -> None:
    """Make `_exit` the handler of the signal, behind one that writes where the interrupted thread was."""
    libc = ctypes.CDLL(None)
    libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
    libc.signal.restype = ctypes.c_void_p
    libc.signal(signal.SIGALRM, ctypes.cast(libc["_exit"], ctypes.c_void_p))
    faulthandler.register(signal.SIGALRM, file=sys.__stderr__ or sys.stderr, all_threads=False, chain=True)

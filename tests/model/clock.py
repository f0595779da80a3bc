"""Virtual time: an event loop whose clock jumps to the next timer, and gates that stop a process as the kernel would.

Everything of one process runs in one context, which names its gate. A dead process's callbacks are never run again (no
`finally`, no handler of `CancelledError`: that is what SIGKILL is), a paused one's are kept until it goes on (SIGSTOP).
The order of callbacks is the loop's own, first in, first out, so a run repeats exactly.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Sequence
from contextvars import Context, ContextVar
from typing import Any, Final, TypeVarTuple

Ts = TypeVarTuple("Ts")

SPIN_LIMIT: Final = 200_000
"""Rounds of the loop at one moment of virtual time, after which something goes round in circles."""


class Stuck(Exception):
    """The loop spins without time going on, or nothing will ever happen again."""


class Gate:
    """What stands between the loop and the code of one process."""

    def __init__(self) -> None:
        self.steps = 0
        """Callbacks so far: each is one resumption after an await."""
        self.dead = False
        self.paused = False
        self.crash_at: int | None = None
        """The step at which `crash` is called instead."""
        self.crash: Callable[[], None] = lambda: None
        self.backlog: list[asyncio.Handle] = []

    @property
    def open(self) -> bool:
        """Whether the process runs now."""
        return not (self.dead or self.paused)


OWNER: ContextVar[Gate | None] = ContextVar("owner", default=None)
"""The gate of the process whose code runs; None for the world's own."""


class _NoFiles(selectors.SelectSelector):
    """Waits for no file: it lets the time pass that the loop would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._rounds = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck("nothing will ever happen again")
        if timeout > 0:
            self.now += timeout
            self._rounds = 0
        else:
            self._rounds += 1
            if self._rounds > SPIN_LIMIT:
                raise Stuck(f"the loop spins at {self.now:.3f}")
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's loop on a clock of its own, in seconds from 0."""

    def __init__(self) -> None:
        self._files = _NoFiles()
        super().__init__(self._files)

    def time(self) -> float:
        """Virtual seconds."""
        return self._files.now

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's, unless the callback is a process's that does not run now."""
        gate = OWNER.get() if context is None else context.get(OWNER)
        if gate is None:
            return super().call_soon(callback, *args, context=context)
        gate.steps += 1
        if gate.steps == gate.crash_at:
            gate.crash()
        if gate.open:
            return super().call_soon(callback, *args, context=context)
        handle = asyncio.Handle(callback, args, self, context)
        gate.backlog.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's; what is due while the process is paused comes when it goes on."""
        gate = OWNER.get() if context is None else context.get(OWNER)
        if gate is None:
            return super().call_at(when, callback, *args, context=context)
        box: list[asyncio.TimerHandle] = []

        def due() -> None:
            if gate.open:
                callback(*args)
            else:
                gate.backlog.append(_After(box[0], callback, args, self))

        box.append(super().call_at(when, due, context=context))
        return box[0]

    def resume(self, gate: Gate) -> None:
        """Let a paused process go on: what came meanwhile is run in the order in which it came."""
        gate.paused = False
        waiting, gate.backlog = gate.backlog, []
        for handle in waiting:
            super().call_soon(_run, handle)


class _After(asyncio.Handle):
    """A timer's callback that came while its process was paused; cancelled with the timer."""

    def __init__(
        self, timer: asyncio.TimerHandle, callback: Callable[..., object], args: Sequence[Any], loop: VirtualLoop
    ) -> None:
        super().__init__(callback, args, loop)
        self._timer = timer

    def cancelled(self) -> bool:
        return self._timer.cancelled()


def _run(handle: asyncio.Handle) -> None:
    if not handle.cancelled():
        handle._run()  # what asyncio itself calls

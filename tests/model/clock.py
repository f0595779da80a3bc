"""Virtual time: an event loop whose clock jumps to the next timer, and gates that stop a process as the kernel would.

Everything of one process runs in one context, which names its gate. A dead process's callbacks are never run again (no
`finally`, no handler of `CancelledError`: that is what SIGKILL is), a paused one's are kept until it goes on (SIGSTOP).
Callbacks run first in, first out, and timers of one moment in the order in which they were set, so a run repeats
exactly. The loop does only what a simulation needs: no files, no threads, no debug mode.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from contextvars import Context, ContextVar, copy_context
from typing import Any, Final, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

SPIN_LIMIT: Final = 200_000
"""Rounds of the loop at one moment of virtual time, after which something goes round in circles."""
RESOLUTION: Final = 1e-9
"""Seconds within which two timers are due together."""


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
        self.backlog: list[_Call] = []


OWNER: ContextVar[Gate | None] = ContextVar("owner", default=None)
"""The gate of the process whose code runs; None for the world's own."""


class _Call(asyncio.TimerHandle):
    """A callback, now or at a time; lighter than asyncio's own, of which a run makes a few thousand."""

    __slots__ = ("at", "callback", "context", "gate", "given", "off")

    def __init__(
        self,
        callback: Callable[..., object],
        given: tuple[Any, ...],
        context: Context,
        at: float = 0.0,
        gate: Gate | None = None,
    ) -> None:
        self.callback = callback
        self.given = given
        self.context = context
        self.off = False
        self.at = at
        self.gate = gate
        """Asked when a timer is due: whose it is."""

    def cancel(self) -> None:
        self.off = True

    def cancelled(self) -> bool:
        return self.off

    def when(self) -> float:
        return self.at


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's loop on a clock of its own, in seconds from 0."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._due: list[tuple[float, int, _Call]] = []
        self._serial = 0
        self._soon: deque[_Call] = deque()
        self._ends = False

    def time(self) -> float:
        """Virtual seconds."""
        return self._now

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's, unless the callback is a process's that does not run now."""
        if context is None:
            context = copy_context()
        call = _Call(callback, args, context)
        gate = context.get(OWNER)
        if gate is None:
            self._soon.append(call)
            return call
        gate.steps += 1
        if gate.steps == gate.crash_at:
            gate.crash()
        (gate.backlog if gate.dead or gate.paused else self._soon).append(call)
        return call

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's; what is due while the process is paused comes when it goes on.

        A moment passes until then, as with a real clock: who looks again and again at the time may wait for that.
        """
        if context is None:
            context = copy_context()
        when = max(when, self._now + RESOLUTION)
        call = _Call(callback, args, context, when, context.get(OWNER))
        self._serial += 1
        heapq.heappush(self._due, (when, self._serial, call))
        return call

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's."""
        if context is None:
            context = copy_context()
        when = self._now + delay
        call = _Call(callback, args, context, when, context.get(OWNER))
        self._serial += 1
        heapq.heappush(self._due, (when, self._serial, call))
        return call

    def resume(self, gate: Gate) -> None:
        """Let a paused process go on: what came meanwhile is run in the order in which it came."""
        gate.paused = False
        waiting, gate.backlog = gate.backlog, []
        for call in waiting:
            call.gate = None
        self._soon.extend(waiting)

    def run_until_complete(self, future: Generator[Any, None, T] | Awaitable[T]) -> T:
        """As asyncio's, without what it does for signals and asynchronous generators."""
        task: asyncio.Future[T] = asyncio.ensure_future(future, loop=self)  # type: ignore[arg-type]  # generators too
        task.add_done_callback(self._end)
        self._ends = False
        asyncio._set_running_loop(self)
        try:
            self._run()
        finally:
            asyncio._set_running_loop(None)
            task.remove_done_callback(self._end)
        return task.result()

    def _end(self, _: object) -> None:
        self._ends = True

    def _run(self) -> None:
        """Rounds of the loop until it ends; in each, what was to be run at its start. Raises `Stuck`."""
        soon, due, spins, pop, take = self._soon, self._due, 0, heapq.heappop, self._soon.popleft
        while not self._ends:
            spins += 1
            if not soon:
                self._wait()
                spins = 0
            elif spins > SPIN_LIMIT:
                raise Stuck(f"the loop spins at {self._now:.3f}")
            limit = self._now + RESOLUTION
            while due and due[0][0] < limit:
                soon.append(pop(due)[2])
            for _ in range(len(soon)):
                call = take()
                if call.off:
                    continue
                gate = call.gate
                if gate is not None and (gate.dead or gate.paused):
                    gate.backlog.append(call)
                    continue
                try:
                    call.context.run(call.callback, *call.given)
                except Exception as error:  # noqa: BLE001  # as asyncio does: the world decides what it is
                    self.call_exception_handler({"message": f"Exception in {call.callback}", "exception": error})

    def _wait(self) -> None:
        """Let the time pass until the next timer."""
        due = self._due
        while due and due[0][2].off:
            heapq.heappop(due)
        if not due:
            raise Stuck("nothing will ever happen again")
        left = due[0][0] - self._now
        if left > 0:
            self._now += left

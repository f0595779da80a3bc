"""One request and what becomes of it: when it reaches the server, what it does there, when its caller learns of it.

The effect is the server's, so it happens (or not) whatever becomes of the caller meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeVar

from model.clock import VirtualLoop
from model.trace import Trace

T = TypeVar("T")

NO_ANSWER: Final = "no answer in time"
"""Why a call has failed that was given up."""


class Fate(NamedTuple):
    """Seconds, each from the one before; None where it does not happen."""

    reach: float | None
    """From the sending to the effect."""
    back: float | None
    """From the effect to the caller's answer."""
    breaks: float | None = None
    """From the sending until the caller sees the connection break, where no answer comes; None: its time-out."""
    refusal: Exception | None = None
    """What the server says in place of doing it."""
    fault: Exception | None = None
    """What the server says though it has done it."""
    name: str = ""
    """Kind of the fault, for the trace."""
    late: bool = False
    """The effect comes later than the operator can be prepared for."""


class Caller(Protocol):
    """The process that sends."""

    name: str
    flying: dict[int, Flight]


@dataclass(slots=True)
class Flight:
    """A request on its way."""

    effect: asyncio.TimerHandle
    again: Callable[[], None]
    """Does what the effect does."""


class Network:
    """Carries requests; knows no faults itself."""

    def __init__(self, loop: VirtualLoop, trace: Trace, world: Context) -> None:
        self._loop = loop
        self._trace = trace
        self._world = world
        self._serial = 0
        self.calls = 0

    async def exchange(
        self,
        caller: Caller,
        what: str,
        fate: Fate,
        effect: Callable[[], T],
        *,
        limit: float,
        broken: Callable[[str], Exception],
        shown: Callable[[T], str] = str,
    ) -> T:
        """Send, and wait for the answer; `broken` makes the error of a call that gets none."""
        self.calls += 1
        number, trace = self.calls, self._trace
        answer: asyncio.Future[T] = self._loop.create_future()
        if trace.wanted:
            trace.say(caller.name, f"→ #{number} {what}{f'   ({fate.name})' if fate.name else ''}")
        self._send(caller, number, fate, effect, answer, shown)
        if fate.breaks is not None:
            self._later(fate.breaks, _fail, answer, broken("the connection broke"))
        deadline = _Deadline(answer)
        timer = self._loop.call_later(limit, deadline.over)  # the caller's own, so it waits while that is paused
        try:
            result = await answer
            deadline.check()
        except TimeoutError:
            trace.say(caller.name, f"← #{number} no answer within {limit:g} s")
            raise broken(NO_ANSWER) from None
        except Exception as error:
            trace.say(caller.name, f"← #{number} {type(error).__name__}: {error}")
            raise
        finally:
            timer.cancel()
        if trace.wanted:
            trace.say(caller.name, f"← #{number} {shown(result)}")
        return result

    def _send(
        self,
        caller: Caller,
        number: int,
        fate: Fate,
        effect: Callable[[], T],
        answer: asyncio.Future[T],
        shown: Callable[[T], str],
    ) -> None:
        if fate.reach is None:
            return
        self._serial += 1
        serial = self._serial

        def happen() -> None:
            caller.flying.pop(serial, None)
            result: T | None = None
            error: Exception | None = fate.refusal
            if error is None:
                try:
                    result = effect()
                except Exception as refused:  # noqa: BLE001  # whatever the server says is the answer
                    error = refused
                if self._trace.wanted:
                    self._trace.say("server", f"  #{number} {error if error is not None else shown(result)}")  # type: ignore[arg-type]  # a result where there is no error
            error = error or fate.fault
            if fate.back is not None:
                self._later(fate.back, _fail if error else _end, answer, error or result)

        caller.flying[serial] = Flight(self._later(fate.reach, happen), happen)

    def lose(self, caller: Caller) -> None:
        """Everything that is on its way from here gets lost."""
        for flight in caller.flying.values():
            flight.effect.cancel()
        caller.flying.clear()

    def delay(self, caller: Caller, seconds: float) -> None:
        """Everything that is on its way from here takes longer."""
        flights = list(caller.flying.values())
        self.lose(caller)
        for flight in flights:
            self._later(seconds, flight.again)

    def _later(self, delay: float, callback: Callable[..., None], *args: object) -> asyncio.TimerHandle:
        return self._loop.call_later(delay, callback, *args, context=self._world)


class _Deadline:
    """What `asyncio.timeout` does for one answer, with half of its steps: an answer after the time-out is none."""

    def __init__(self, answer: asyncio.Future[T]) -> None:
        self._answer = answer
        self._passed = False

    def over(self) -> None:
        """The time has passed."""
        self._passed = True
        _fail(self._answer, TimeoutError())

    def check(self) -> None:
        """Raises `TimeoutError` where the answer came, and its caller could only look after the time had passed."""
        if self._passed:
            raise TimeoutError


def _end(answer: asyncio.Future[T], result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: asyncio.Future[T], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)

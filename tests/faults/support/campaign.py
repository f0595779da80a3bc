"""Every boundary of a flow, one run each.

First comes the flow without a death, which tells the boundaries; then the deaths, on several stages side by side.
"""

from __future__ import annotations

import queue
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from cluster.support.eventually import eventually
from faults.support.flows import Flow
from faults.support.points import Moment, Point
from faults.support.stage import Stage

_RECORDINGS: Final = 2
"""Runs without a death that tell the boundaries; as many again tell what a boundary that was not met is."""
_TRIES: Final = 3
"""Runs to meet a boundary in: a conflict or a late watch can lead a flow past it."""
_GRACE: Final = 3.0
"""Seconds that a flow that is done is given to come to a boundary beside it (an Event, a LIST)."""


@dataclass(frozen=True)
class Run:
    """One run of a flow."""

    flow: str
    target: Point | None
    met: bool
    """The operator was killed at the target."""
    points: frozenset[Point]
    wrong: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.flow}, killed {self.target}: {'; '.join(self.wrong)}"


RunAll = Callable[[Iterable[Point | None]], list[Run]]
"""Makes a run for each target."""


@dataclass
class Tally:
    """What the runs of one flow came to."""

    flow: str
    boundaries: int = 0
    unmet: list[Point] = field(default_factory=list)
    """Boundaries that every recording has, and no run came to die at."""
    by_chance: int = 0
    """Boundaries that a recording has and another has not: each is gone to, and need not be met."""
    runs: list[Run] = field(default_factory=list)
    lives: int = 0
    seconds: float = 0.0

    @property
    def violations(self) -> list[Run]:
        """Runs in which a promise was not kept."""
        return [run for run in self.runs if run.wrong]

    def __str__(self) -> str:
        killed = sum(run.met for run in self.runs)
        return (
            f"kills: {self.flow:<8} {self.boundaries:>3} boundaries ({self.by_chance} by chance),"
            f" {len(self.runs):>3} runs, {killed:>3} kills, {self.lives:>3} processes,"
            f" {len(self.violations)} violations, {self.seconds:.0f} s"
        )


def play(stage: Stage, kind: type[Flow], target: Point | None) -> Run:
    """One run: the operator is killed at `target`, another one takes over, and the promises are judged."""
    flow = kind(stage, f"{kind.name}-{secrets.token_hex(4)}")
    points: list[Point] = []
    met = False
    try:
        flow.prepare()
        stage.begin(flow.subject, target, starting=flow.starting)
        flow.act()
        met = target is not None and _dies(flow)
        if met:
            stage.start()
        flow.until(flow.done)
        if met and target is not None and target.moment is Moment.LATE:
            eventually(stage.tower.landed.is_set, what="the late request's answer")
            stage.after_lists()
            flow.until(flow.done)
        if target is None:
            stage.after_lists()
            points = stage.points()
        stage.begin("")
        flow.clean_up()
        wrong = flow.judge()
    except AssertionError as error:
        wrong = [*flow.wrong, str(error), stage.log_tail()]
        stage.end()
        stage.begin("")
    return Run(kind.name, target, met, frozenset(points), tuple(wrong))


def _dies(flow: Flow) -> bool:
    """Whether the operator came to the target."""
    done_since = 0.0

    def ended() -> bool:
        nonlocal done_since
        if flow.stage.tower.killed.is_set():
            return True
        if flow.done() and not done_since:
            done_since = time.monotonic()
        return bool(done_since) and time.monotonic() - done_since >= _GRACE

    eventually(ended, what=f"the death or the end of {flow.subject}")
    return flow.stage.tower.killed.is_set()


def explore(kind: type[Flow], stages: Sequence[Stage]) -> Tally:
    """All boundaries of a flow, on several stages side by side."""
    begun, lives = time.monotonic(), sum(stage.lives for stage in stages)
    tally = Tally(kind.name)
    with _abreast(kind, stages) as run_all:
        fill(tally, run_all)
    tally.lives = sum(stage.lives for stage in stages) - lives
    tally.seconds = time.monotonic() - begun
    return tally


def strike(kind: type[Flow], stages: Sequence[Stage]) -> list[Run]:
    """The three boundaries of the flow's `change`: before it, after it, and with the request on its way."""
    with _abreast(kind, stages) as run_all:
        return run_all(Point(kind.change, 1, moment) for moment in Moment)


@contextmanager
def _abreast(kind: type[Flow], stages: Sequence[Stage]) -> Iterator[RunAll]:
    free: queue.SimpleQueue[Stage] = queue.SimpleQueue()
    for stage in stages:
        free.put(stage)

    def on_a_stage(target: Point | None) -> Run:
        stage = free.get()
        try:
            return play(stage, kind, target)
        finally:
            free.put(stage)

    with ThreadPoolExecutor(len(stages)) as pool:
        yield lambda targets: list(pool.map(on_a_stage, targets))


def fill(tally: Tally, run_all: RunAll) -> None:
    """Record what boundaries there are, and go to each until it was met: `run_all` makes a run for each target."""
    recorded = run_all([None] * _RECORDINGS)
    always = frozenset[Point].intersection(*(run.points for run in recorded))
    seen = frozenset[Point].union(*(run.points for run in recorded))
    tally.by_chance = len(seen - always)
    tally.boundaries = len(seen)
    tally.runs += recorded
    left = sorted(seen)
    for _ in range(_TRIES):
        runs = run_all(left)
        tally.runs += runs
        left = [run.target for run in runs if not run.met and run.target in always]
    if left:  # a busy machine can bring the same late watch to both recordings
        again = run_all([None] * _RECORDINGS)
        tally.runs += again
        unmet = frozenset(left).intersection(*(run.points for run in again))
        tally.by_chance += len(left) - len(unmet)
        left = sorted(unmet)
    tally.unmet = left

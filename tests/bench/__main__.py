"""`python -m bench`: measure the budgets of the design on a real control plane, and report.

A missed budget is a figure, not a failure: the exit status is 0 when everything was measured, and 1 when something
could not be. What was measured until then is reported all the same.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console

from bench import (
    creation_writes,
    edits,
    fleet,
    growth,
    held,
    idle,
    machine,
    outside,
    picture,
    report,
    restart,
    shards,
    throughput,
)
from bench.figures import Figure
from bench.processes import NotMeasuredError
from bench.stage import Sizes, Stage, open_stage
from controlplane import ControlPlaneError

_WIDTH: Final = 150
"""Columns, where there is no terminal to say so."""

Measurement = Callable[[Stage], list[Figure]]

PLAN: Final[tuple[tuple[str, Measurement], ...]] = (
    ("throughput from outside", outside.measure),
    ("throughput", throughput.measure),
    ("writes of a creation", creation_writes.measure),
    ("held", held.measure),
    ("more objects", fleet.measure),
    ("more held", held.measure),
    ("edits", edits.measure),
    ("idle", idle.measure),
    ("restart", restart.measure),
)
"""In this order: each leaves the stage as the next one needs it."""
GROWTH: Final[tuple[tuple[str, Measurement], ...]] = (("growth", growth.measure),)
GROWN: Final = 10_000
"""Objects up to which it is measured, unless `--held` says another number."""
EXPECTED: Final = (
    ControlPlaneError,
    NotMeasuredError,
    AssertionError,
    RuntimeError,
    OSError,
    httpx.HTTPError,
    KeyboardInterrupt,
)
"""What keeps something from being measured; assertions are those of the tests' support."""


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    defaults = Sizes()
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    add = parser.add_argument
    add("--objects", type=_two_or_more, default=defaults.objects, help="created to measure speed (default %(default)s)")
    add("--held", type=_count, default=None, help="held while the rest is measured (default: as many as --objects)")
    add("--edits", type=_count, default=defaults.edits, help="edits (default %(default)s)")
    add(
        "--intervals", type=_count, default=defaults.intervals, help="idle poll intervals of 30 s (default %(default)s)"
    )
    add("--growth", action="store_true", help="only what each further object costs, from 1 to --held (10,000)")
    add("--shards", type=_two_or_more, help="only so many operators, each with its namespace, against one for all")
    add("--output", type=Path, default=machine.ROOT / "build" / "bench.json", help="the JSON file")
    return parser.parse_args(arguments)


def _two_or_more(text: str) -> int:
    number = _count(text)
    if number < 2:
        raise argparse.ArgumentTypeError("a rate needs 2 objects")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _plan(options: argparse.Namespace) -> tuple[tuple[str, Measurement], ...]:
    if options.growth:
        return GROWTH
    count: int | None = options.shards
    return PLAN if count is None else (("shards", lambda stage: shards.measure(stage, count)),)


def _sizes(options: argparse.Namespace) -> Sizes:
    held = options.held or (GROWN if options.growth else 0)
    objects = 1 if options.growth else options.objects
    return Sizes(objects=objects, held=held, edits=options.edits, intervals=options.intervals).complete()


def _measure(plan: tuple[tuple[str, Measurement], ...], sizes: Sizes, figures: list[Figure], console: Console) -> None:
    console.print(f"Starting the control plane, then {sizes.objects:,} objects ({sizes.held:,} held).", style="dim")
    with open_stage(sizes) as stage:
        for name, measurement in plan:
            begun = time.monotonic()
            figures += measurement(stage)
            console.print(f"{name}: {time.monotonic() - begun:.0f} s", style="dim")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report; answers the exit status."""
    options = _options(arguments)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    sizes = _sizes(options)
    facts, figures, failure = machine.facts(), list[Figure](), ""
    try:
        _measure(_plan(options), sizes, figures, console)
    except EXPECTED as error:
        failure = str(error) or type(error).__name__
    figures += held.growth(figures)
    console.print(report.table(figures), *facts.lines(), sep="\n")
    report.write(options.output, report.document(figures, facts, sizes, failure=failure))
    console.print(f"As JSON: {options.output}", soft_wrap=True)
    if options.growth and not failure:
        drawn = picture.write(options.output.with_name("growth.svg"), growth.rows(figures))
        console.print(f"As a picture: {drawn}", soft_wrap=True)
    if failure:
        console.print(f"Not everything could be measured: {failure}", style="red", markup=False)
    return 1 if failure else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    sys.exit(main())

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

from bench import creation_writes, edits, fleet, held, idle, machine, report, restart, throughput
from bench.figures import Figure
from bench.processes import NotMeasuredError
from bench.stage import Sizes, Stage, open_stage
from controlplane import ControlPlaneError

_WIDTH: Final = 150
"""Columns, where there is no terminal to say so."""

Measurement = Callable[[Stage], list[Figure]]

PLAN: Final[tuple[tuple[str, Measurement], ...]] = (
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


def _measure(sizes: Sizes, figures: list[Figure], console: Console) -> None:
    console.print(f"Starting the control plane, then {sizes.objects:,} objects ({sizes.held:,} held).", style="dim")
    with open_stage(sizes) as stage:
        for name, measurement in PLAN:
            begun = time.monotonic()
            figures += measurement(stage)
            console.print(f"{name}: {time.monotonic() - begun:.0f} s", style="dim")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report; answers the exit status."""
    options = _options(arguments)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    sizes = Sizes(
        objects=options.objects, held=options.held or 0, edits=options.edits, intervals=options.intervals
    ).complete()
    facts, figures, failure = machine.facts(), list[Figure](), ""
    try:
        _measure(sizes, figures, console)
    except EXPECTED as error:
        failure = str(error) or type(error).__name__
    figures += held.growth(figures)
    console.print(report.table(figures), *facts.lines(), sep="\n")
    report.write(options.output, report.document(figures, facts, sizes, failure=failure))
    console.print(f"As JSON: {options.output}", soft_wrap=True)
    if failure:
        console.print(f"Not everything could be measured: {failure}", style="red", markup=False)
    return 1 if failure else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    sys.exit(main())

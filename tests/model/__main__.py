"""Run the simulation: `python -m model --seeds 1000`, or one seed with its trace: `--seed 7 --trace`.

`--digests FILE` writes a digest of each seed's trace: every decision, call and write in order. Two commits of the same
behaviour write the same file, so `diff` shows whether a change of the structure changed what the operator does.

Every run happens in a process with a fixed hash seed, since the order of sets of strings is part of what repeats.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from model.run import Report, shrink, simulate
from model.scopes import FLOWS, explore, replay

CHUNK: Final = 10
"""Seeds that a worker takes at once."""
SHOWN: Final = 20
"""Failing seeds that are named with what they broke; the others are counted."""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m model", description="Deterministic simulation of the operator.")
    parser.add_argument("--seed", type=int, help="run this seed alone")
    parser.add_argument("--trace", action="store_true", help="with --seed: print what happened")
    parser.add_argument("--shrink", action="store_true", help="with --seed: leave out what is not needed to fail")
    parser.add_argument("--drop", default="", help="with --seed: numbers of faults to leave out, such as 0-3,7")
    parser.add_argument("--seeds", type=int, default=0, help="run so many seeds")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--digests", type=Path, help="with --seeds: write a digest of each seed's trace to this file")
    parser.add_argument("--exhaustive", action="store_true", help="explore the small scopes")
    parser.add_argument("--flow", help="run one flow of the small scopes alone; prints its trace")
    parser.add_argument("--at", default="", help="with --flow: where something goes wrong, as a failure names it")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def say(line: str) -> None:
    """A line for people."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _numbers(text: str) -> frozenset[int]:
    parts = [part.partition("-") for part in text.split(",") if part]
    return frozenset(number for low, _, high in parts for number in range(int(low), int(high or low) + 1))


def _ranges(numbers: frozenset[int]) -> str:
    """The inverse of `_numbers`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{low}-{high}" if low != high else str(low) for low, high in runs)


def _one(seed: int, *, drop: frozenset[int], trace: bool, smaller: bool) -> int:
    report = simulate(seed, drop, traced=trace)
    if smaller and report.violations:
        drop = shrink(report)
        report = simulate(seed, drop, traced=trace)
        say(f"python -m model --seed {seed} --drop {_ranges(drop)} --trace")
    if trace:
        say(report.trace)
    kept = [f"{number}:{kind}" for number, kind in enumerate(report.struck) if number not in drop]
    say(f"seed {seed}: {report.calls} calls, faults {' '.join(kept) or 'none'}")
    for violation in report.violations:
        say(violation)
    return 1 if report.violations else 0


def _many(first: int, count: int, workers: int, digests: Path | None = None) -> int:
    started, calls, duplicates, failed = time.monotonic(), 0, 0, 0
    lines = []
    for report in _reports(first, count, workers, traced=digests is not None):
        lines.append(f"{report.seed} {hashlib.sha256(report.trace.encode()).hexdigest()[:16]}\n")
        calls += report.calls
        duplicates += report.late_duplicates
        if report.violations:
            failed += 1
            if failed <= SHOWN:
                say(f"seed {report.seed}: {report.violations[0]}")
    seconds = time.monotonic() - started
    if digests:
        digests.write_text("".join(lines), encoding="utf-8")
    say(
        f"simulation: {count} seeds from {first}, {calls} calls, {duplicates} late duplicates, "
        f"{failed} seeds broke a promise; {seconds:.0f} s"
    )
    if failed:
        say("replay with: python -m model --seed N --trace (--shrink leaves out what is not needed)")
    return 1 if failed else 0


def _reports(first: int, count: int, workers: int, *, traced: bool) -> Iterator[Report]:
    seeds, run = range(first, first + count), partial(simulate, traced=traced)
    if workers <= 1:
        yield from map(run, seeds)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(run, seeds, chunksize=CHUNK)


def _exhaustive(workers: int) -> int:
    failed = 0
    with ProcessPoolExecutor(workers) as pool:
        for scope in pool.map(explore, FLOWS):
            say(f"exhaustive: {scope.summary}")
            failed += len(scope.failures)
            for failure in scope.failures[:SHOWN]:
                say(failure)
    return 1 if failed else 0


def main() -> int:
    """Do what the command line says; answers the exit status."""
    logging.getLogger("tokenfactory_operator").addHandler(logging.NullHandler())  # the trace tells it in order
    given = arguments()
    if given.flow:
        outcome = replay(given.flow, given.at)
        say(outcome.trace)
        say("\n".join(outcome.violations))
        return 1 if outcome.violations else 0
    if given.seed is not None:
        return _one(given.seed, drop=_numbers(given.drop), trace=given.trace, smaller=given.shrink)
    status = _exhaustive(given.workers) if given.exhaustive else 0
    return max(status, _many(given.first_seed, given.seeds, given.workers, given.digests)) if given.seeds else status


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        again = [sys.executable, "-m", "model", *sys.argv[1:]]
        os.execve(sys.executable, again, {**os.environ, "PYTHONHASHSEED": "0"})  # noqa: S606  # this very program
    sys.exit(main())

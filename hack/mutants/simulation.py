"""The simulation's side of a run in a changed tree: `python -m mutants.simulation create edit` explores these flows.

Ends at the first broken promise, and reports it as pytest's side reports a failed test.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from itertools import chain

from model.scopes import FLOWS, Flow, Place, Run, places
from mutants import report


def _explored(flow: Flow) -> Iterator[tuple[str, str]]:
    """Each place of a flow where one thing goes wrong, and the promise that was broken then; empty where none was."""
    plain = Run(flow, Place()).go()
    yield f"flow '{flow.name}'", next(iter(plain.violations), "")
    for place in places(plain):
        outcome = Run(flow, place).go()
        yield f"flow '{flow.name}' at '{place}'", next(iter(outcome.violations), "")


def main() -> int:
    """Exit status 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m mutants.simulation")
    parser.add_argument("flow", nargs="+", choices=[flow.name for flow in FLOWS])
    given = parser.parse_args()
    logging.getLogger("tokenfactory_operator").addHandler(logging.NullHandler())
    passed = 0
    flows = [flow for flow in FLOWS if flow.name in given.flow]
    for run, violation in chain.from_iterable(map(_explored, flows)):
        if violation:
            report.write(passed=passed, failures=[report.Failure(test=run, error=violation)], broken=[])
            return 1
        passed += 1
    report.write(passed=passed, failures=[], broken=[])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

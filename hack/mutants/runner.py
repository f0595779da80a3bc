"""Runs tests in a changed tree, each in a process of its own that reports which code it has run."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from mutants import report
from mutants.catalogue import PACKAGE, SOURCE, CatalogueError, Mutant
from mutants.tree import Tree
from mutants.verdict import Ended, Kind, Verdict, judged

TIMEOUT: Final = 300.0
"""Seconds that one run may take."""
LAST_LINES: Final = 12
"""Lines of a broken run's output that are shown."""
PYTEST: Final = (
    *("-m", "pytest", "-p", "mutants.plugin", "-p", "no:cacheprovider", "-q", "--no-header", "--tb=no"),
    *("-m", "not verify"),  # who breaks the protocol shall learn it from `make test`
)
COUNTS: Final = "TEST_COUNTS"
"""What a run of CI counts its tests in: those that fail here are no failures."""
SIMULATION: Final = ("-m", "mutants.simulation")


class Runner:
    """Trees under `folder`, one for each worker, copied from `project`."""

    def __init__(self, project: Path, folder: Path, *, workers: int, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout
        self._trees: queue.SimpleQueue[Tree] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(workers)
        for number in range(workers):
            self._trees.put(Tree(project, folder / str(number)))

    def misfits(self, mutants: Sequence[Mutant]) -> list[str]:
        """What of the catalogue does not fit the code as it was copied."""
        tree, problems = self._trees.get(), []
        for mutant in mutants:
            try:
                mutant.applied(tree.text(mutant))
            except (CatalogueError, OSError) as error:
                problems.append(str(error))
        self._trees.put(tree)
        return problems

    def sound(self, mutants: Sequence[Mutant]) -> list[str]:
        """Run every selection on the code as it is; answers what fails: with it, nothing that follows would count."""
        tests = sorted({test for mutant in mutants for test in mutant.tests})
        flows = sorted({flow for mutant in mutants for flow in mutant.flows})
        commands = [[*PYTEST, *tests]] if tests else []
        commands += [[*SIMULATION, *flows]] if flows else []
        return [problem for found in self._pool.map(self._unchanged, commands) for problem in found]

    def verdicts(self, mutants: Sequence[Mutant]) -> Iterator[Verdict]:
        """One for each, in order. Where tests and the simulation are named, both have to notice."""
        return self._pool.map(self._verdict, mutants)

    def _unchanged(self, command: Sequence[str]) -> list[str]:
        tree = self._trees.get()
        try:
            ended = self._run(tree, command, PACKAGE, timeout=10 * self._timeout)
            kind, reported = judged(ended, loaded=str(tree.root / SOURCE / "__init__.py"))
            if kind is not Kind.SURVIVED and ended.report is not None and ended.report.failures:
                return [f"{failure.test} ({failure.error})" for failure in ended.report.failures]
            return [] if kind is Kind.SURVIVED else [reported]
        finally:
            self._trees.put(tree)

    def _verdict(self, mutant: Mutant) -> Verdict:
        tree, begun = self._trees.get(), time.monotonic()
        try:
            with tree.changed(mutant):
                kind, reported = self._judged(tree, mutant)
        finally:
            self._trees.put(tree)
        return Verdict(mutant, kind, reported, time.monotonic() - begun)

    def _judged(self, tree: Tree, mutant: Mutant) -> tuple[Kind, str]:
        commands = [[*PYTEST, "-x", *mutant.tests]] if mutant.tests else []
        commands += [[*SIMULATION, *mutant.flows]] if mutant.flows else []
        noticed: list[str] = []
        for command in commands:
            ended = self._run(tree, command, mutant.module, timeout=self._timeout)
            kind, reported = judged(ended, loaded=str(tree.root / SOURCE / mutant.file), hangs=mutant.hangs)
            if kind is not Kind.KILLED:
                return kind, reported
            noticed.append(reported)
        return Kind.KILLED, "; ".join(noticed)

    def _run(self, tree: Tree, command: Sequence[str], module: str, *, timeout: float) -> Ended:
        written = tree.root.with_suffix(".json")
        written.unlink(missing_ok=True)
        environment = {
            **{name: value for name, value in os.environ.items() if name != COUNTS},
            "PYTHONPATH": tree.path,
            "PYTHONHASHSEED": "0",  # the simulation repeats only with a fixed one
            report.REPORT: str(written),
            report.MODULE: module,
        }
        try:
            done = subprocess.run(
                [sys.executable, *command],
                cwd=tree.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Ended(None, None)
        reported = report.Report.model_validate_json(written.read_text()) if written.exists() else None
        broken = reported is None or bool(reported.broken)
        return Ended(done.returncode, reported, "\n".join(done.stdout.splitlines()[-LAST_LINES:]) if broken else "")

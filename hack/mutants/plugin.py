"""pytest's side of a run in a changed tree: which tests failed, by what, and what could not even be tried."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from mutants import report


class Witness:
    """Notes the outcome of each test."""

    def __init__(self) -> None:
        self._passed = 0
        self._failures: list[report.Failure] = []
        self._broken: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be imported says nothing about the protocol."""
        if report.failed:
            self._broken.append(f"{report.nodeid} cannot be collected")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Only the body of a test judges; its set-up and its end do not."""
        outcome = yield
        if outcome.failed and call.excinfo is not None:
            name = call.excinfo.type.__name__
            if call.when == "call":
                self._failures.append(report.Failure(test=item.nodeid, error=name))
            else:
                self._broken.append(f"{item.nodeid} fails in its {call.when}: {name}")
        elif call.when == "call" and outcome.passed:
            self._passed += 1
        return outcome

    def pytest_sessionfinish(self) -> None:
        """Tell the tool."""
        report.write(passed=self._passed, failures=self._failures, broken=self._broken)


def pytest_configure(config: pytest.Config) -> None:
    """Loaded with `-p mutants.plugin`."""
    config.pluginmanager.register(Witness())

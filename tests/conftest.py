"""What several levels of tests share: the loop's hygiene, and one control plane for a whole run of tests."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import hypothesis
import pytest

from cluster.support.kube import KubeApi
from cluster.support.rights import beyond_the_chart
from cluster.support.worlds import chart, kube, name, new_world, shared, shared_by_module
from controlplane import Cluster, ControlPlaneError, acquire, release

__all__ = ["chart", "kube", "name", "new_world", "shared", "shared_by_module"]  # fixtures: pytest finds them here

REPORTED: Final = "told"
"""Name under which a report carries what its test has counted."""
COUNTS: Final = os.environ.pop("TEST_COUNTS", None)
"""A file to which the run appends how many tests passed and failed; not for runs that a test starts."""
SLOW_FIRST: Final = (
    *("model", "packaging/test_pages.py", "cluster/test_canary.py", "cluster/test_errors_cloud.py"),
    *("cluster/test_credentials.py", "cluster/test_bad_input.py", "cluster/test_cli_plan.py"),
    *("faults", "hostile", "gitops", "cluster", "packaging"),
)
"""Files and folders that are handed to the workers before all others, so that no worker ends long after them.

The files are those that take longest: a worker that begins one of them last would be waited for.
"""


def pytest_configure() -> None:
    """Keep pytest-asyncio from leaking a loop, and Hypothesis from failing a test because the machine is busy.

    Before its first test it asks for the main thread's loop, which Python up to 3.13 makes on demand and nobody closes;
    a ResourceWarning then ends the run, wherever the collector happens to find it. Told that there is none, it makes
    none.
    """
    asyncio.set_event_loop(None)
    hypothesis.settings.register_profile("any machine", deadline=None)  # no test asserts a speed
    hypothesis.settings.load_profile("any machine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The order in which workers get the files; within a file it stays."""
    order = {config.rootpath / "tests" / name: place for place, name in enumerate(SLOW_FIRST)}
    assert all(path.exists() for path in order), "a file or folder of SLOW_FIRST has another name now"

    def place(item: pytest.Item) -> int:
        return next((order[path] for path in (item.path, *item.path.parents) if path in order), len(order))

    items.sort(key=place)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have the programs before the first test: a build takes longer than a test may, and its progress must be seen."""
    names = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    needed = ("cluster", release.load), ("flux", release.flux), ("argocd", release.argocd)
    programs = [load for name, load in needed if name in names]
    if programs and not session.config.option.collectonly:
        capture = session.config.pluginmanager.getplugin("capturemanager")
        try:
            with capture.global_and_fixture_disabled():
                for load in programs:
                    acquire.acquire(load())
        except ControlPlaneError as error:
            pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Have a line of counts printed at the end of the run, whichever worker the test runs in."""

    def say(line: str) -> None:
        record_property(REPORTED, line)

    return say


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the tests have counted."""
    reports = [report for group in terminalreporter.stats.values() for report in group]
    reported = [
        value
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == REPORTED
    ]
    if reported:
        terminalreporter.section("counts")
        for line in reported:
            terminalreporter.write_line(str(line))
    if COUNTS:
        passed, failed, errors = (len(terminalreporter.stats.get(kind, ())) for kind in ("passed", "failed", "error"))
        with Path(COUNTS).open("a", encoding="utf-8") as counts:
            counts.write(f"{passed} {failed + errors}\n")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The control plane of this run; its release is that of CONTROLPLANE_VERSION.

    At its end no operator of the run has asked for a right that the chart cannot grant: every worker has its own.
    """
    with Cluster(max_requests_inflight=2000, max_mutating_requests_inflight=2000) as running:
        yield running
        assert beyond_the_chart(running) == set(), "asked for by an operator of this run, and not granted by the chart"


@pytest.fixture
def namespace(kube: KubeApi, request: pytest.FixtureRequest) -> str:
    """A fresh namespace, which goes with the control plane: its end costs more than most tests."""
    readable = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:40].strip("-")
    name = f"{readable}-{secrets.token_hex(4)}"
    kube.create_namespace(name)
    return name

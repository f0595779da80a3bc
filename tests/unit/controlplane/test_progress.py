"""What a person sees of a build, folded from the go command's output."""

from __future__ import annotations

import io

import pytest

from controlplane.progress import QUIET_INTERVAL, BuildState, Reporter, duration


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("go: downloading k8s.io/api v0.37.2\n", BuildState(downloads=1), id="module"),
        pytest.param("k8s.io/kubernetes/cmd/kube-apiserver\n", BuildState(packages=1), id="package"),
        pytest.param("internal/goarch\n", BuildState(packages=1), id="package-of-go-itself"),
        pytest.param("gopkg.in/yaml.v3\n", BuildState(packages=1), id="package-with-dots"),
        pytest.param("go.opentelemetry.io/otel/semconv/v1.40.0\n", BuildState(packages=1), id="package-with-version"),
        pytest.param("# k8s.io/api/core/v1\n", BuildState(tail=("# k8s.io/api/core/v1",)), id="heading-of-errors"),
        pytest.param("x.go:1:2: undefined: y\n", BuildState(tail=("x.go:1:2: undefined: y",)), id="error"),
        pytest.param("\n", BuildState(), id="empty"),
    ],
)
def test_line_is_counted_as_what_it_is(line: str, expected: BuildState) -> None:
    """Only compiled packages and downloads are counted; what is neither is kept for the error message."""
    assert BuildState().after(line) == expected


def test_kept_lines_are_bounded() -> None:
    """A flood of errors does not become a flood on the terminal."""
    state = BuildState()
    for number in range(100):
        state = state.after(f"error {number}")
    assert len(state.tail) == 30
    assert state.tail[-1] == "error 99"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(BuildState(), "looking at what there is", id="nothing-yet"),
        pytest.param(BuildState(downloads=7), "7 modules downloaded", id="downloading"),
        pytest.param(
            BuildState(total=3000, packages=12),
            "12 packages compiled of about 3000, 1 of 6 programs linked",
            id="compiling",
        ),
    ],
)
def test_summary_says_how_far_it_is(state: BuildState, expected: str) -> None:
    """Each phase shows the numbers that it has."""
    assert state.summary(linked=1, programs=6) == expected


def test_log_gets_a_line_now_and_then() -> None:
    """Without a terminal, progress is one line per interval, each with the time that has passed."""
    now = [0.0]
    stream = io.StringIO()
    reporter = Reporter(stream, clock=lambda: now[0])
    for second in range(int(2 * QUIET_INTERVAL) + 1):
        now[0] = float(second)
        reporter.update(f"at {second}")
    assert stream.getvalue().splitlines() == ["  at 15, 15s", "  at 30, 30s"]


class Terminal(io.StringIO):
    """A stream that claims to be one."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def test_terminal_gets_one_updating_line() -> None:
    """On a terminal the line is replaced, and a message wipes it first."""
    now = [0.0]
    stream = Terminal()
    reporter = Reporter(stream, clock=lambda: now[0])
    for now[0] in (1.0, 2.0):
        reporter.update("working")
    reporter.say("done")
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().rpartition("\r")[2] == "done\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [pytest.param(9.9, "9s", id="seconds"), pytest.param(75.4, "1m15s", id="minutes")]
)
def test_duration_reads_well(seconds: float, text: str) -> None:
    """Minutes appear when there are any."""
    assert duration(seconds) == text

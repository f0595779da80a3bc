import json
import subprocess
import sys
from typing import NoReturn

import pytest
import structlog

from tokenfactory_operator.cli.run import build_parser, main
from tokenfactory_operator.settings import Settings, StartupError
from tokenfactory_operator.settings.loading import described_settings

CANARY = "v1.canary-9f31c7"


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENFACTORY_TOKEN", CANARY)


class Operator:
    """Stands where `app.main` does: keeps what it was started with and ends as told."""

    def __init__(self, *, status: int = 0, error: BaseException | None = None) -> None:
        self.started: list[Settings] = []
        self._status = status
        self._error = error

    def __call__(self, settings: Settings) -> int:
        """Start."""
        self.started.append(settings)
        if self._error is not None:
            raise self._error
        return self._status


def never(settings: Settings) -> NoReturn:
    pytest.fail(f"started with {settings}")


def test_flags_reach_the_operator() -> None:
    """The operator gets the settings that the flags ask for, and its status is the process's."""
    operator = Operator(status=3)
    arguments = ["run", "--poll-interval", "1m", "--watch-namespaces=ml,web", "--metrics-address", ""]
    assert main(arguments, start=operator) == 3
    (settings,) = operator.started
    assert (settings.poll_interval, settings.watch_namespaces, settings.metrics_address) == (60.0, ("ml", "web"), None)


def test_every_setting_but_the_token_is_a_flag() -> None:
    """Flags and model are the same set; the help tells name, default, accepted values and variable of each."""
    shown = subprocess.run(
        [sys.executable, "-m", "tokenfactory_operator", "run", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"COLUMNS": "2000", "NO_COLOR": "1"},
    ).stdout
    for setting in described_settings():
        (line,) = [line for line in shown.splitlines() if f"Environment: {setting.environment}." in line] or [""]
        if setting.flag is None:
            assert line == ""
            assert setting.environment in shown
        else:
            assert f"{setting.flag} {setting.metavar}\n" in shown.replace("  ", "\n")
            assert setting.description in line
            assert f"Accepted: {setting.accepts}." in line
            assert (f"Default: {setting.default}." in line) == bool(setting.default)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        pytest.param(["run", "--token", CANARY], "--token is not accepted", id="token"),
        pytest.param(["run", f"--token={CANARY}"], "--token is not accepted", id="token with ="),
        pytest.param(["run", "--token"], "--token is not accepted", id="token without value"),
        pytest.param(["run", "--tok", CANARY], "nearest one is --token-file", id="short form"),
        pytest.param(["run", f"--toke-file={CANARY}"], "nearest one is --token-file", id="misspelt"),
        pytest.param(["run", CANARY], "belongs to no flag", id="stray argument"),
        pytest.param(["run", "--concurrency"], "expected one argument", id="no value"),
        pytest.param(["run", "--concurrency", "x"], "--concurrency (TOKENFACTORY_CONCURRENCY): 'x'", id="wrong value"),
        pytest.param([], "COMMAND", id="no command"),
    ],
)
def test_wrong_usage_is_one_sentence(capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str) -> None:
    """Status 2, one line on standard error that says what is wrong, no secret, no traceback."""
    assert main(arguments, start=never) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert problem in printed.err
    assert len(printed.err.splitlines()) == 1
    assert CANARY not in printed.err


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(StartupError("the CRD is missing"), id="plain"),
        pytest.param(ExceptionGroup("tasks", [StartupError("the CRD is missing")]), id="from a task group"),
    ],
)
def test_expected_failure_at_the_start_is_one_sentence(capsys: pytest.CaptureFixture[str], error: Exception) -> None:
    """What the operator finds wrong at its start is printed like a wrong setting."""
    assert main(["run"], start=Operator(error=error)) == 2
    assert capsys.readouterr().err == "tokenfactory-operator: the CRD is missing\n"


def test_defect_is_logged_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    """Anything unexpected ends with status 1 and one log line with its traceback, the token hidden."""
    assert main(["run"], start=Operator(error=RuntimeError(f"sent {CANARY}"))) == 1
    printed = capsys.readouterr()
    (line,) = [json.loads(text) for text in printed.err.splitlines()]
    assert line["level"] == "critical"
    assert "RuntimeError: sent [redacted]" in line["exception"]
    assert CANARY not in printed.out + printed.err


def test_interrupt_ends_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C gives the shell's status and no traceback."""
    assert main(["run"], start=Operator(error=KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == ""


def test_unknown_variable_is_logged(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt variable is warned of, and the operator starts all the same."""
    monkeypatch.setenv("TOKENFACTORY_POLL_INTERVALL", "9s")
    operator = Operator()
    assert main(["run"], start=operator) == 0
    (line,) = [json.loads(text) for text in capsys.readouterr().err.splitlines()]
    assert line["level"] == "warning"
    assert "TOKENFACTORY_POLL_INTERVALL" in line["message"]
    assert len(operator.started) == 1


def test_log_settings_are_in_force(capsys: pytest.CaptureFixture[str]) -> None:
    """The operator finds logging as the settings ask."""

    def start(_settings: Settings) -> int:
        structlog.stdlib.get_logger("ours").debug("hello", name="a")
        return 0

    assert main(["run", "--log-level", "debug", "--log-format", "console"], start=start) == 0
    assert "hello" in capsys.readouterr().err
    assert main(["run"], start=start) == 0
    assert capsys.readouterr().err == ""


def test_needs_no_extra() -> None:
    """Version, help and flags work where typer and rich are not installed."""
    program = (
        "import sys; sys.modules.update(dict.fromkeys(('typer', 'rich', 'click')))\n"
        "from tokenfactory_operator.__main__ import main\n"
        "print(main(['run'], start=lambda settings: 7) if len(sys.argv) == 1 else main())"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert (ran.stdout, ran.stderr) == ("7\n", "")


def test_version_is_the_distributions() -> None:
    """`--version` prints name and version."""
    command = [sys.executable, "-m", "tokenfactory_operator", "--version"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    name, _, version = shown.strip().partition(" ")
    assert name == "tokenfactory-operator"
    assert version[0].isdigit()


def test_parser_guesses_no_abbreviations() -> None:
    """A prefix of a flag is not that flag."""
    _, unknown = build_parser().parse_known_args(["run", "--poll-inter", "5s"])
    assert unknown == ["--poll-inter", "5s"]

"""The entry point: which part of the command line runs, and how every failure is told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tokenfactory_operator.cli import app
from tokenfactory_operator.cli.errors import CliError, Exit
from tokenfactory_operator.cli.main import COMPLETION, PLUGIN, main
from tokenfactory_operator.domain.errors import KubeError, Unauthorized
from tokenfactory_operator.kube.errors import ApiServerError
from tokenfactory_operator.settings import Settings
from tokenfactory_operator.version import operator_version

WITHOUT_THE_EXTRA: Final = """
import sys
for name in ("rich", "typer"):
    sys.modules[name] = None  # an import of it fails, as where it is not installed
from tokenfactory_operator.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def without_the_extra(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line as in the operator's image."""
    command = [sys.executable, "-c", WITHOUT_THE_EXTRA, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env={"COLUMNS": "100"})


@pytest.mark.parametrize("arguments", [["doctor"], ["why", "x"], ["nonsense"], []], ids=str)
def test_a_command_says_how_to_install_the_extra(arguments: list[str]) -> None:
    """One sentence and status 2, no traceback."""
    ran = without_the_extra(*arguments)
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert f"pip install './tokenfactory_operator-{operator_version()}-py3-none-any.whl[cli]'" in ran.stderr


@pytest.mark.parametrize(("arguments", "says"), [(["run", "--help"], "--poll-interval"), (["--version"], "operator ")])
def test_run_needs_no_extra(arguments: list[str], says: str) -> None:
    """The image has no rich and no typer."""
    ran = without_the_extra(*arguments)
    assert ran.returncode == 0
    assert says in ran.stdout


def test_run_gets_its_flags() -> None:
    """Whatever stands behind `run` is the operator's own."""
    started: list[Settings] = []

    def start(settings: Settings) -> int:
        started.append(settings)
        return 7

    assert main(["run", "--token-file", __file__], start=start) == 2  # this file is no token
    assert main(["run", "--token-file", "/dev/null"], start=start) == 2
    assert not started


@pytest.mark.parametrize(
    ("called", "program"), [(PLUGIN, "kubectl tokenfactory"), ("tokenfactory-operator", "tokenfactory-operator")]
)
def test_help_names_the_program_as_it_was_called(
    called: str, program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plugin of kubectl is called as one."""
    monkeypatch.setattr(sys, "argv", [f"/usr/bin/{called}", "--help"])
    assert main() == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"Usage: {program} ")
    assert all(f"\n  {name} " in printed for name, _, _ in app.COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--context", "x", "list"], "Options come after the command: `kubectl tokenfactory list --context …`."),
        (["-n", "x", "why", "a"], "Options come after the command: `kubectl tokenfactory why -n …`."),
        (["--context=x"], "Options come after the command: `kubectl tokenfactory COMMAND --context …`."),
        (["--nonsense", "list"], "See `kubectl tokenfactory --help`."),
        (["list", "--nonsense"], "See `kubectl tokenfactory list --help`."),
    ],
    ids=str,
)
def test_an_option_before_the_command(
    arguments: list[str], hint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kubectl's own options may stand before its commands; those of a plugin may not."""
    monkeypatch.setattr(sys, "argv", [f"/usr/bin/{PLUGIN}"])
    assert main(arguments) != 0
    assert hint in " ".join(capsys.readouterr().err.split())


def test_kubectl_gets_completions(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A line each with its help, and the directive that no file names are to be offered."""
    monkeypatch.setattr(sys, "argv", [f"/usr/bin/{COMPLETION}", "doc"])
    assert main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("doctor\t")
    assert lines[-1] == ":4"


@pytest.mark.parametrize("shell", app.SHELLS)
def test_each_shell_has_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It names the program and the variable that a completion is asked with."""
    assert main(["completion", shell]) == 0
    assert "_TOKENFACTORY_OPERATOR_COMPLETE" in capsys.readouterr().out


def failing(error: BaseException) -> Callable[[], int]:
    """A command that ends so."""

    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        pytest.param(
            CliError("It is so.", hint="Do that."), Exit.ERROR, ["Error: It is so.", "Hint: Do that."], id="own"
        ),
        pytest.param(CliError("Found.", code=Exit.FOUND), Exit.FOUND, ["Error: Found."], id="own status"),
        pytest.param(Unauthorized("401"), Exit.ERROR, ["Error: 401", "Hint: Check the token"], id="cloud"),
        pytest.param(KubeError("no"), Exit.ERROR, ["Error: no", "Hint: `kubectl tokenfactory doctor`"], id="cluster"),
        pytest.param(
            ApiServerError("GET /apis/x: 404: 404 page not found", status=404),
            Exit.ERROR,
            ["Error: This cluster has no DedicatedEndpoint ", "Hint: `kubectl tokenfactory crd apply`"],
            id="no CRD",
        ),
        pytest.param(KeyboardInterrupt(), Exit.INTERRUPTED, [], id="Ctrl-C"),
    ],
)
def test_a_failure_is_a_sentence(
    error: BaseException,
    code: Exit,
    says: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On standard error, with its own status; nothing on standard output, and no traceback."""
    monkeypatch.setattr(app, "COMMANDS", (("fail", failing(error), "Fail."),))
    assert main(["fail"]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert len(lines) == len(says)
    assert all(line.startswith(said) for line, said in zip(lines, says, strict=True))


@pytest.mark.parametrize("command", [["reconcile", "x"], ["why", "x", "--watch"]], ids=lambda command: command[0])
@pytest.mark.parametrize("given", ["30", "0.5", "500ms", "1h30m"])
def test_a_time_is_written_as_for_kubectl(
    command: list[str], given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The flag is taken: what fails then is the kubeconfig."""
    assert main([*command, "--timeout", given, "--kubeconfig", str(tmp_path / "none")]) == Exit.ERROR
    assert "does not exist" in capsys.readouterr().err


def test_a_defect_has_its_traceback_in_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The message names the file to send with a report."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(app, "COMMANDS", (("fail", failing(ZeroDivisionError("oops")), "Fail."),))
    assert main(["fail"]) == Exit.ERROR
    (file,) = tmp_path.iterdir()
    printed = capsys.readouterr().err
    assert str(file) in printed
    assert "Traceback" not in printed
    assert "ZeroDivisionError: oops" in file.read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["docto"], "Did you mean", id="command"),
        pytest.param(["doctor", "--nonsense"], "--nonsense", id="option"),
        pytest.param(["doctor", "-o", "xml"], "xml", id="value"),
        pytest.param(["completion", "tcsh"], "tcsh", id="shell"),
    ],
)
def test_wrong_usage(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1: 2 means that a command has found something."""
    assert main(arguments) == Exit.ERROR
    printed = capsys.readouterr()
    assert says in printed.err
    assert "Traceback" not in printed.err

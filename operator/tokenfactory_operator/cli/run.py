"""The command line of the operator's image: `tokenfactory-operator run`, its flags made from the settings' model.

It needs nothing but the operator's own dependencies (typer and rich are an extra that the image lacks). It turns
failures that are expected at the start into one sentence; whatever else fails is a defect and is logged as one.
"""

from __future__ import annotations

import argparse
import difflib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NoReturn

import structlog

from tokenfactory_operator.settings import Settings, StartupError, load_settings, unknown_environment
from tokenfactory_operator.settings.loading import Setting, described_settings
from tokenfactory_operator.telemetry.logging import configure_logging, redact, register_secret
from tokenfactory_operator.version import operator_version

PROGRAM: Final = "tokenfactory-operator"
EXIT_DEFECT: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130
"""128 + SIGINT, as shells have it."""

REFUSAL: Final = (
    "--token is not accepted, since everybody on the machine can read a process's arguments:"
    " use --token-file (TOKENFACTORY_TOKEN_FILE) or the environment variable TOKENFACTORY_TOKEN"
)

_EPILOG: Final = (
    "The token itself has no flag, since everybody on the machine can read a process's arguments:"
    " use --token-file or TOKENFACTORY_TOKEN. A flag beats its environment variable."
)

Start = Callable[[Settings], int]
"""Runs the operator until it ends and answers the exit status: `app.main`."""


def main(arguments: Sequence[str] | None = None, *, start: Start | None = None) -> int:
    """Run the command line `arguments` (default: the process's own) and answer the exit status.

    `start` stands in for the operator itself, in tests.
    """
    configure_logging()  # a defect met before the settings are known must be logged with secrets hidden, too
    try:
        settings = load_settings(_parse(arguments))
        _prepare_logging(settings)
        return (start or _operator())(settings)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001  the outermost frame: what is left is told apart here
        sentences = list(_startup_errors(error))
        if not sentences:
            structlog.stdlib.get_logger(__name__).critical("the operator failed", exc_info=error)
            return EXIT_DEFECT
        sys.stderr.write(redact("".join(f"{PROGRAM}: {line}\n" for text in sentences for line in text.splitlines())))
        return EXIT_USAGE


def build_parser() -> argparse.ArgumentParser:
    """The parser: one flag for each setting, so that none is ever written down twice."""
    parser = _Parser(prog=PROGRAM, description="Kubernetes operator for Token Factory dedicated endpoints.")
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {operator_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run", help="run the operator", description="Run the operator.", epilog=_EPILOG, usage="%(prog)s [flags]"
    )
    run.add_argument("--token", action=_RefuseToken, nargs="?", help=argparse.SUPPRESS)
    groups: dict[str, Any] = {}
    for setting in described_settings():
        if setting.flag is None:
            continue
        if setting.group not in groups:
            groups[setting.group] = run.add_argument_group(setting.group)
        groups[setting.group].add_argument(
            setting.flag, dest=setting.field, metavar=setting.metavar, default=argparse.SUPPRESS, help=_help(setting)
        )
    return parser


class _Parser(argparse.ArgumentParser):
    """argparse without guesses (`--token` is no short form of `--token-file`), failing as the settings do."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  argparse's own
        super().__init__(**options, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise StartupError(f"{message}; see {self.prog} --help")


class _RefuseToken(argparse.Action):
    def __call__(self, *_: object, **__: object) -> NoReturn:
        raise StartupError(REFUSAL)


def _parse(arguments: Sequence[str] | None) -> dict[str, str]:
    """The flags given, by field. Raises `StartupError`; exits for --help and --version."""
    namespace, unknown = build_parser().parse_known_args(arguments)
    if unknown:
        raise StartupError(_unknown(unknown))
    flags = vars(namespace)
    return {name: flags[name] for name in flags if name in Settings.model_fields and flags[name] is not None}


def _unknown(arguments: list[str]) -> str:
    """Names flags only: whatever else stands there may be a secret."""
    flags = [argument.partition("=")[0] for argument in arguments if argument.startswith("-")]
    if not flags:
        return f"an argument that belongs to no flag was given; see {PROGRAM} run --help"
    known = [setting.flag for setting in described_settings() if setting.flag]
    nearest = difflib.get_close_matches(flags[0], known, n=1, cutoff=0.0)[0]
    return f"{flags[0]} is not a flag; the nearest one is {nearest}; see {PROGRAM} run --help"


def _help(setting: Setting) -> str:
    default = f" Default: {setting.default}." if setting.default else ""
    text = f"{setting.description}{default} Accepted: {setting.accepts}. Environment: {setting.environment}."
    return text.replace("%", "%%")


def _prepare_logging(settings: Settings) -> None:
    configure_logging(log_format=settings.log_format, log_level=settings.log_level)
    settings.token_source(on_read=register_secret).read()
    for sentence in unknown_environment(os.environ):
        structlog.stdlib.get_logger(__name__).warning(sentence)


def _operator() -> Start:
    # Loading takes seconds where processors are busy; `app` takes the signal over. See there what has no handler.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Imported late: --help and a wrong setting need not wait for kopf and the Kubernetes client.
    from tokenfactory_operator import app  # noqa: PLC0415

    return app.main


def _startup_errors(error: BaseException) -> Iterator[str]:
    """The sentences of what is expected to fail; a task group wraps them."""
    if isinstance(error, StartupError):
        yield str(error)
    elif isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _startup_errors(inner)

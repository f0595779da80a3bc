"""All commands but `run`, and what is the same for each: help, usage errors, completion, and how a failure is told."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Final

import typer
from typer.completion import completion_init, get_completion_script  # type: ignore[attr-defined]  # they are there
from typer.exceptions import Abort, TyperException
from typer.exceptions import Exit as TyperExit
from typer.main import get_command

from tokenfactory_operator.cli import (
    asking,
    crds,
    creating,
    doctor,
    importing,
    listing,
    pausing,
    plan,
    run,
    simulating,
    templates,
    why,
)
from tokenfactory_operator.cli.errors import CliError, Exit, defect, explained
from tokenfactory_operator.cli.output import Output
from tokenfactory_operator.domain.errors import OperatorError
from tokenfactory_operator.version import operator_version

HELP: Final = "Dedicated endpoints of Nebius Token Factory, as objects of Kubernetes."
SHELLS: Final = ("bash", "zsh", "fish", "powershell")
_VARIABLE: Final = "_TOKENFACTORY_OPERATOR_COMPLETE"
_NO_FILES: Final = ":4"
"""What kubectl is told besides: offer no file names (cobra's ShellCompDirectiveNoFileComp)."""

COMMANDS: Final[tuple[tuple[str, Callable[..., int], str], ...]] = (
    ("doctor", doctor.doctor, "Look at all that the operator needs."),
    ("plan", plan.plan, "Say what applying manifests would do."),
    ("import", importing.importing, "Write manifests for endpoints that exist."),
    ("why", why.why, "Say how an object stands, and what to type."),
    ("list", listing.listing, "List endpoints and objects side by side."),
    ("templates", templates.templates, "List what can be deployed."),
    ("create", creating.create, "Create an object of what is offered."),
    ("pause", pausing.pause, "Have nothing changed for objects."),
    ("resume", pausing.resume, "End a pause."),
    ("reconcile", asking.reconcile, "Have the operator look now."),
    ("confirm", asking.confirm, "Answer what objects ask a person."),
    ("crd", crds.crd, "Print, apply or compare the CRD."),
    ("simulator", simulating.simulator, "Start a simulated cloud."),
)
"""Each with its name, what it does, and that in a line."""


def build(program: str) -> typer.Typer:
    """The commands, under the name by which the program was called."""
    app = typer.Typer(
        name=program,
        help=HELP,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name, function, brief in COMMANDS:
        summary, _, examples = (function.__doc__ or "").partition("Examples:")
        epilog = "\b\nExamples:\n" + "\n".join(f"  {line.strip()}" for line in examples.strip().splitlines())
        app.command(name, help=_paragraphs(summary), short_help=brief, epilog=epilog if examples else None)(function)
    app.command("completion", help="Print the completion for a shell.")(_completion(program))
    app.command(
        "run",
        help="Run the operator itself.",
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(_run_operator)
    app.callback()(_version)
    return app


def _paragraphs(text: str) -> str:
    """The docstring without the indentation and line breaks of the source."""
    parts = (" ".join(part.split()) for part in text.split("\n\n"))
    return "\n\n".join(part for part in parts if part)


def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,  # noqa: FBT002  # typer's form
) -> None:
    if version:  # pragma: no cover - `main.main` answers it first
        sys.stdout.write(f"{run.PROGRAM} {operator_version()}\n")


def _run_operator(context: typer.Context) -> int:
    return run.main(["run", *context.args])


def _completion(program: str) -> Callable[..., int]:
    def completion(
        shell: Annotated[str, typer.Argument(metavar="|".join(SHELLS), help="The shell.")],
    ) -> int:
        if shell not in SHELLS:
            raise CliError(f"There is no completion for {shell}.", hint=f"There is: {', '.join(SHELLS)}.")
        if " " in program:
            raise CliError(
                "kubectl completes its plugins by itself.",
                hint="Have kubectl_complete-tokenfactory on the PATH beside kubectl-tokenfactory, as the wheel does.",
            )
        script = get_completion_script(prog_name=program, complete_var=_VARIABLE, shell=shell)
        sys.stdout.write(script + "\n")
        return Exit.DONE

    return completion


def main(arguments: Sequence[str], *, program: str) -> int:
    """Run one command and answer its exit status; whatever fails is one sentence on standard error."""
    logging.getLogger().addHandler(logging.NullHandler())  # what libraries log is no result of a command
    out = Output()
    try:
        return int(_dispatch(list(arguments), program) or Exit.DONE)
    except TyperExit as ended:
        return ended.exit_code
    except (KeyboardInterrupt, Abort):
        return Exit.INTERRUPTED
    except TyperException as error:
        failure = _wrong_usage(error, program, arguments)
    except CliError as error:
        failure = error
    except OperatorError as error:
        failure = explained(error)
    except BrokenPipeError:
        with contextlib.suppress(OSError):  # whoever read has gone, and nothing is left to say
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.ERROR
    except Exception as error:  # noqa: BLE001 - the outermost frame
        failure = defect(error)
    out.failure(failure.message, failure.hint)
    return failure.code


def _wrong_usage(error: TyperException, program: str, arguments: Sequence[str]) -> CliError:
    """As one sentence, with the help of the command that was meant."""
    context = getattr(error, "ctx", None)
    option = getattr(error, "option_name", "")
    message = " ".join(error.format_message().replace("Value error, ", "").split())
    return CliError(
        message if message.endswith((".", "?", ")")) else f"{message}.",
        hint=_misplaced(option, arguments, program, context)
        or f"See `{context.command_path if context else program} --help`.",
    )


def _misplaced(option: str, arguments: Sequence[str], program: str, context: Any) -> str:  # noqa: ANN401  # typer's
    """Where an option belongs that stands before the command, as those of kubectl itself may."""
    if context is None or context.parent is not None:
        return ""
    commands = get_command(build(program)).commands  # type: ignore[attr-defined]  # of a group
    if not any(option in each.opts for command in commands.values() for each in command.params):
        return ""
    meant = next((word for word in arguments if word in commands), "COMMAND")
    return f"Options come after the command: `{program} {meant} {option} …`."


def _dispatch(arguments: list[str], program: str) -> Any:  # noqa: ANN401  # what the command answers
    completion_init()
    command = get_command(build(program))
    if not arguments and _VARIABLE not in os.environ:
        arguments = ["--help"]
    return command.main(arguments, prog_name=program, complete_var=_VARIABLE, standalone_mode=False)


def complete(words: list[str]) -> int:
    """Answer kubectl's question for completions of its plugin: a line each, then a directive."""
    line = " ".join([run.PROGRAM, *words])
    said = io.StringIO()
    with (
        _asked({_VARIABLE: "complete_fish", "_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
        contextlib.redirect_stdout(said),
        contextlib.suppress(SystemExit),
    ):
        _dispatch([], run.PROGRAM)
    sys.stdout.write(f"{said.getvalue().rstrip()}\n{_NO_FILES}\n".lstrip())
    return Exit.DONE


@contextlib.contextmanager
def _asked(variables: dict[str, str]) -> Iterator[None]:
    """As a shell asks for completions: by variables."""
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]

"""Makes a command of an asynchronous function: it gets the options that all commands have, as a `Session`."""

from __future__ import annotations

import asyncio
import enum
import functools
import inspect
import typing
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

import typer

from tokenfactory_operator.cli.errors import Exit
from tokenfactory_operator.cli.output import Output
from tokenfactory_operator.cli.session import Options, Session

_PANEL: Final = "Cluster"


class Format(enum.StrEnum):
    """Forms of a result."""

    TABLE = "table"
    JSON = "json"


def _option(kind: type, *flags: str, default: object, text: str, metavar: str | None = None) -> inspect.Parameter:
    name = flags[0].removeprefix("--").replace("-", "_")
    annotation = Annotated[kind, typer.Option(*flags, help=text, metavar=metavar, show_default=False)]  # type: ignore[valid-type]  # made here
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


_COMMON: Final = (
    _option(str, "--namespace", "-n", default="", metavar="NAME", text="Namespace. Default: the context's."),
    _option(str, "--context", default="", metavar="NAME", text="Context of the kubeconfig."),
    _option(
        str, "--kubeconfig", default="", metavar="FILE", text="Kubeconfig. Default: KUBECONFIG, then ~/.kube/config."
    ),
    _option(
        str,
        "--operator",
        default="",
        metavar="NAMESPACE/NAME",
        text="Deployment of the operator, where there are several.",
    ),
)
_ALL: Final = _option(bool, "--all-namespaces", "-A", default=False, text="Look into all namespaces.")
_FORMAT: Final = _option(
    Format, "--output", "-o", default=Format.TABLE, metavar="table|json", text="Form of the result."
)

Command = Callable[..., Awaitable[Exit]]


def command(*, everywhere: bool = False, formats: bool = True) -> Callable[[Command], Callable[..., int]]:
    """Give a command the common options; with `everywhere` also `-A`, with `formats` also `-o`."""

    def made(function: Command) -> Callable[..., int]:
        hints = typing.get_type_hints(function, include_extras=True)
        own = [
            each.replace(annotation=hints[each.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for each in inspect.signature(function).parameters.values()
            if each.name != "session"
        ]
        extra = [*((_ALL,) if everywhere else ()), *((_FORMAT,) if formats else ()), *_COMMON]

        @functools.wraps(function)
        def run(**given: Any) -> int:  # noqa: ANN401  # the options of any command
            return int(asyncio.run(_run(function, given)))

        signature = inspect.Signature([*own, *extra], return_annotation=int)
        run.__signature__ = signature  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {name: each.annotation for name, each in signature.parameters.items()}
        del run.__wrapped__
        return run

    return made


async def _run(function: Command, given: dict[str, Any]) -> Exit:
    options = Options(
        namespace=given.pop("namespace"),
        all_namespaces=given.pop("all_namespaces", False),
        context=given.pop("context"),
        kubeconfig=given.pop("kubeconfig"),
        operator=given.pop("operator"),
    )
    out = Output(as_json=given.pop("output", Format.TABLE) is Format.JSON)
    async with Session(options, out) as session:
        return await function(session, **given)

"""Annotations as a person's word to the operator: on which objects, written, and waited for until it has an effect."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from tokenfactory_operator.cli import times
from tokenfactory_operator.cli.errors import CliError, Exit
from tokenfactory_operator.cli.objects import Shown
from tokenfactory_operator.cli.output import count
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.kube.client import MERGE_PATCH
from tokenfactory_operator.kube.paths import OBJECTS
from tokenfactory_operator.ports import JsonObject, Key
from tokenfactory_operator.process.leadership import SystemClock

FIELD_MANAGER: Final = "kubectl-tokenfactory"
"""Under which name the commands write, as `metadata.managedFields` shows it."""
LOOK: Final = 0.5
"""Seconds between two looks."""

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]…", help="The objects.")]
Selector = Annotated[
    str, typer.Option("--selector", "-l", metavar="LABELS", help="All with these labels.", show_default=False)
]
Everything = Annotated[bool, typer.Option("--all", help="All of the namespace, or with -A of all.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait for the operator.")]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="DURATION", parser=times.timeout, help="How long to wait.")
]


@dataclass(frozen=True)
class Selection:
    """Which objects are meant."""

    names: Sequence[str] = ()
    selector: str = ""
    everything: bool = False


@dataclass(frozen=True)
class Word:
    """One annotation, and how its effect shows."""

    annotation: str
    value: str | None
    """None removes it."""
    effect: Callable[[Shown], str]
    """What has come of it, such as `is paused`; empty while nothing has."""


def fresh_request() -> str:
    """A new value for the request annotation: the operator acts on each new one once."""
    return f"{SystemClock().now():%Y-%m-%dT%H:%M:%SZ}-{secrets.token_hex(2)}"


async def selected(session: Session, selection: Selection) -> list[Shown]:
    """The objects that are meant. Raises `CliError` where none is named, or one is not there."""
    ways = (bool(selection.names), bool(selection.selector), selection.everything)
    if sum(ways) != 1:
        raise CliError("Name objects, or give --selector, or --all.", hint="kubectl get dep lists what there is.")
    objects = await session.objects()
    if not selection.names:
        bodies, _ = await objects.list_all(await session.namespaces(), selection.selector)
        if not bodies:
            raise CliError("No object is selected.", hint="kubectl get dep --show-labels lists what there is.")
        return [Shown.of(body) for body in bodies]
    namespace = await session.namespace()
    bodies = [await _read(session, Key(namespace, name)) for name in dict.fromkeys(selection.names)]
    return [Shown.of(body) for body in bodies]


async def _read(session: Session, key: Key) -> JsonObject:
    body = await (await session.objects()).get(key)
    if body is None:
        raise CliError(
            f"There is no DedicatedEndpoint {key}.", hint=f"kubectl -n {key.namespace} get dep lists what there is."
        )
    return body


async def say(session: Session, chosen: Sequence[Shown], word: Word, *, wait: bool, timeout: float) -> Exit:  # noqa: ASYNC109  # an option
    """Write the annotation to each, and wait until the operator has acted on all."""
    for shown in chosen:
        await _write(session, shown.key, word)
    if not wait:
        session.out.line(f"Asked for: {count(len(chosen), 'object')}.")
        return Exit.DONE
    waiting = {shown.key for shown in chosen}
    try:
        async with asyncio.timeout(timeout):
            with session.out.working("Waiting for the operator"):
                await _until_done(session, waiting, word)
    except TimeoutError:
        names = ", ".join(map(str, sorted(waiting)))
        session.out.failure(
            f"Asked for, but the operator has not acted on {names} within {timeout:g} s.", "kubectl tokenfactory doctor"
        )
        return Exit.LATE
    return Exit.DONE


async def _write(session: Session, key: Key, word: Word) -> None:
    path = OBJECTS.at(key)
    body = {"metadata": {"annotations": {word.annotation: word.value}}}
    query = (("fieldManager", FIELD_MANAGER),)
    await (await session.client()).request("PATCH", path, query=query, body=body, content_type=MERGE_PATCH)


async def _until_done(session: Session, waiting: set[Key], word: Word) -> None:
    while True:
        for key in sorted(waiting):
            shown = Shown.of(await _read(session, key))
            if effect := word.effect(shown):
                waiting.remove(key)
                session.out.mark("ok", f"{key} {effect}.")
        if not waiting:
            return
        await asyncio.sleep(LOOK)

"""`reconcile` and `confirm`: the operator looks at the cloud now; a person confirms what an object asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.cli.annotating import (
    Everything,
    Names,
    NoWait,
    Selection,
    Selector,
    Timeout,
    Word,
    fresh_request,
    say,
    selected,
)
from tokenfactory_operator.cli.commands import command
from tokenfactory_operator.cli.errors import CliError, Exit
from tokenfactory_operator.cli.objects import Shown
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.domain.reasons import DOUBTS

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask: the cloud's console was looked at.")]


def _request(past: str) -> Word:
    value = fresh_request()

    def effect(shown: Shown) -> str:
        return past if shown.resource.status.last_handled_reconcile_at == value else ""

    return Word(api.RECONCILE_REQUESTED_AT, value, effect)


@command(everywhere=True, formats=False)
async def reconcile(
    session: Session,
    names: Names = None,
    selector: Selector = "",
    all: Everything = False,  # noqa: A002, FBT002  # the option's name
    no_wait: NoWait = False,  # noqa: FBT002  # typer's form
    timeout: Timeout = 60.0,  # noqa: ASYNC109  # an option
) -> Exit:
    """Have the operator look at the cloud now, and bring it to the spec.

    Objects that ask a person about a missing endpoint are left out: that is what confirm is for.

    Examples:
    kubectl tokenfactory reconcile gpt-oss-120b -n ml
    kubectl tokenfactory reconcile --all -A
    """
    chosen = await selected(session, Selection(names or (), selector, all))
    asked = [shown for shown in chosen if _question(shown)]
    if asked and names:
        raise CliError(
            f"{asked[0].key} asks: {_question(asked[0])}",
            hint=f"Answer it: kubectl tokenfactory confirm {asked[0].key.name}",
        )
    for shown in asked:
        session.out.note(f"Left out, since it asks a person: {shown.key}: {_question(shown)}")
    rest = [shown for shown in chosen if shown not in asked]
    return await say(session, rest, _request("was looked at"), wait=not no_wait, timeout=timeout)


@command(everywhere=True, formats=False)
async def confirm(
    session: Session,
    names: Names = None,
    selector: Selector = "",
    all: Everything = False,  # noqa: A002, FBT002  # the option's name
    yes: Yes = False,  # noqa: FBT002  # typer's form
    no_wait: NoWait = False,  # noqa: FBT002  # typer's form
    timeout: Timeout = 60.0,  # noqa: ASYNC109  # an option
) -> Exit:
    """Answer what objects ask: that a missing endpoint is really gone, or that two credentials are of one project.

    Look at the cloud's console first. A wrong answer costs a second endpoint, or leaves one behind. Only objects that
    ask are answered.

    Examples:
    kubectl tokenfactory confirm gpt-oss-120b -n ml
    kubectl tokenfactory confirm -l team=search --yes
    """
    chosen = await selected(session, Selection(names or (), selector, all))
    asked = [shown for shown in chosen if _question(shown)]
    if not asked:
        raise CliError(
            "None of these objects asks for a confirmation.",
            hint="kubectl tokenfactory why NAME says what it waits for.",
        )
    if not yes:
        _ask(session, asked)
    return await say(session, asked, _request("has the answer"), wait=not no_wait, timeout=timeout)


def _question(shown: Shown) -> str:
    """What an object asks a person; empty where it asks nothing that can be confirmed."""
    stalled = shown.stalled
    return stalled.message if stalled is not None and stalled.reason in set(DOUBTS) else ""


def _ask(session: Session, asked: Sequence[Shown]) -> None:
    for shown in asked:
        session.out.err.print(f"{shown.key}: {_question(shown)}", soft_wrap=True)
    if not session.interactive:
        raise CliError("Nobody can be asked here.", hint="Look at the cloud's console, then add --yes.")
    if not typer.confirm("Was the cloud's console looked at, and is it so?", err=True):
        raise CliError("Nothing was confirmed.", hint="Look at the cloud's console first.")

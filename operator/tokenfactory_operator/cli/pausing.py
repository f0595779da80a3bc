"""`pause` and `resume`: whether the operator may change the cloud for an object."""

from __future__ import annotations

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.cli.annotating import (
    Everything,
    Names,
    NoWait,
    Selection,
    Selector,
    Timeout,
    Word,
    say,
    selected,
)
from tokenfactory_operator.cli.commands import command
from tokenfactory_operator.cli.errors import Exit
from tokenfactory_operator.cli.objects import Shown
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.domain.reasons import ConditionType, Reason


def _reported_as_paused(shown: Shown) -> bool:
    synced = shown.condition(ConditionType.SYNCED)
    return synced is not None and synced.reason == Reason.RECONCILE_PAUSED


@command(everywhere=True, formats=False)
async def pause(
    session: Session,
    names: Names = None,
    selector: Selector = "",
    all: Everything = False,  # noqa: A002, FBT002  # the option's name
    no_wait: NoWait = False,  # noqa: FBT002  # typer's form
    timeout: Timeout = 60.0,  # noqa: ASYNC109  # an option
) -> Exit:
    """Have the operator change nothing in the cloud for these objects.

    The status goes on telling the truth, and a deletion waits. It ends when the operator says that it is paused.

    Examples:
    kubectl tokenfactory pause gpt-oss-120b -n ml
    kubectl tokenfactory pause -l team=search -A
    """
    chosen = await selected(session, Selection(names or (), selector, all))
    word = Word(api.PAUSED, "true", _reported_as_paused, "is paused")
    return await say(session, chosen, word, wait=not no_wait, timeout=timeout)


@command(everywhere=True, formats=False)
async def resume(
    session: Session,
    names: Names = None,
    selector: Selector = "",
    all: Everything = False,  # noqa: A002, FBT002  # the option's name
    no_wait: NoWait = False,  # noqa: FBT002  # typer's form
    timeout: Timeout = 60.0,  # noqa: ASYNC109  # an option
) -> Exit:
    """End a pause: the operator brings the cloud to the spec again.

    Examples:
    kubectl tokenfactory resume gpt-oss-120b -n ml
    kubectl tokenfactory resume --all -n ml
    """
    chosen = await selected(session, Selection(names or (), selector, all))
    word = Word(api.PAUSED, None, lambda shown: not _reported_as_paused(shown), "goes on")
    return await say(session, chosen, word, wait=not no_wait, timeout=timeout)

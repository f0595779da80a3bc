"""`pause` and `resume`: whether the operator may change the cloud for an object."""

from __future__ import annotations

from typing import Final

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
from tokenfactory_operator.domain.reasons import DOUBTS, ConditionType, Reason

JUDGED: Final = frozenset({*DOUBTS, Reason.OPERATOR_DEFECT})
"""Reasons with which `Ready` is `Unknown` though the cloud is seen."""


def _reported_as_paused(shown: Shown) -> bool:
    synced = shown.condition(ConditionType.SYNCED)
    return synced is not None and synced.reason == Reason.RECONCILE_PAUSED


def _paused(shown: Shown) -> str:
    """While the cloud is not seen, nothing is judged and nothing is sent: no status says then that it is paused."""
    return "is paused" if _reported_as_paused(shown) else f"is paused{_unseen(shown)}" if _unseen(shown) else ""


def _resumed(shown: Shown) -> str:
    return "" if _reported_as_paused(shown) else f"goes on{_unseen(shown)}"


def _unseen(shown: Shown) -> str:
    """That the cloud is not seen at present, and for which reason; empty if it is."""
    ready = shown.condition(ConditionType.READY)
    if ready is None or ready.status != "Unknown" or ready.reason in JUDGED:
        return ""
    return f"; the cloud is not seen at present ({ready.reason})"


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

    The status goes on telling the truth, and a deletion waits. It ends when the operator says that it is paused. Where
    it says that it does not see the cloud, nothing more is waited for.

    Examples:
    kubectl tokenfactory pause gpt-oss-120b -n ml
    kubectl tokenfactory pause -l team=search -A
    """
    chosen = await selected(session, Selection(names or (), selector, all))
    word = Word(api.PAUSED, "true", _paused)
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
    word = Word(api.PAUSED, None, _resumed)
    return await say(session, chosen, word, wait=not no_wait, timeout=timeout)

"""`doctor`: is everything there that the operator needs, and does a person have to act? It changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Annotated

import typer

from tokenfactory_operator.cli.checks.cloud import cloud
from tokenfactory_operator.cli.checks.cluster import cluster
from tokenfactory_operator.cli.checks.endpoints import endpoints
from tokenfactory_operator.cli.checks.operator import operator
from tokenfactory_operator.cli.checks.result import Check, Verdict, problem, unknown
from tokenfactory_operator.cli.commands import command
from tokenfactory_operator.cli.errors import CliError, Exit, explained
from tokenfactory_operator.cli.output import Output, count
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.domain.errors import OperatorError

MetricsUrl = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="Where the operator serves its metrics, if it is no pod of this cluster.",
        show_default=False,
    ),
]


@command()
async def doctor(session: Session, metrics_url: MetricsUrl = "") -> Exit:
    """Look at all that the operator needs, and say what a person has to do.

    The cluster, the CRD, the operator's pods, rights and leader, the token, the catalog, and each object that does not
    go on by itself. It changes nothing. The exit status is 0 if there is no problem, and 2 if there is one.

    Examples:
    kubectl tokenfactory doctor
    kubectl tokenfactory doctor -o json | jq '.checks[] | select(.status == "problem")'
    """
    found: list[tuple[str, Check]] = []
    async for section, check in examined(session, metrics_url):
        if not session.out.as_json:
            show(session.out, section, check, first=not found or found[-1][0] != section)
        found.append((section, check))
    summarise(session.out, found)
    return Exit.FOUND if any(check.verdict is Verdict.PROBLEM for _, check in found) else Exit.DONE


async def examined(session: Session, metrics_url: str) -> AsyncIterator[tuple[str, Check]]:
    """Each check as it is done, with the section that it belongs to. What cannot be looked at is a check too."""
    parts: tuple[tuple[str, Callable[[], AsyncIterator[Check]]], ...] = (
        ("Cluster", lambda: cluster(session)),
        ("Operator", lambda: operator(session, metrics_url=metrics_url)),
        ("Cloud", lambda: cloud(session)),
        ("Endpoints", lambda: endpoints(session)),
    )
    reached = True
    for section, part in parts:
        if not reached and section != "Cloud":
            yield section, unknown(section.lower(), "Not looked at, since the cluster cannot be used.")
            continue
        try:
            async for check in part():
                yield section, check
        except (CliError, OperatorError) as error:
            failure = explained(error) if isinstance(error, OperatorError) else error
            reached = reached and section != "Cluster"
            yield section, problem(section.lower(), failure.message, failure.hint)


def show(out: Output, section: str, check: Check, *, first: bool) -> None:
    """One line of the report, and one for the next step."""
    if first:
        out.heading(section)
    out.mark(check.verdict, check.message)
    if check.next_step:
        out.line(f"  → {check.next_step}" if out.unicode else f"  -> {check.next_step}")


def summarise(out: Output, found: list[tuple[str, Check]]) -> None:
    """The end of the report, or all of it for programs."""
    counts = Counter(check.verdict for _, check in found)
    if out.as_json:
        checks = [
            {
                "section": section,
                "name": check.name,
                "status": str(check.verdict),
                "message": check.message,
                "next": check.next_step,
            }
            for section, check in found
        ]
        out.json({"healthy": not counts[Verdict.PROBLEM], "checks": checks})
        return
    reported = f"{count(counts[Verdict.PROBLEM], 'problem')}, {count(counts[Verdict.WARNING], 'warning')}"
    out.line(f"\n{reported}." if counts[Verdict.PROBLEM] + counts[Verdict.WARNING] else "\nAll is well.")

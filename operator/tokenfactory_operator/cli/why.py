"""`why`: how an object stands, why, what is waited for, and what to type. It only reads."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import typer

from tokenfactory_operator.cli import times
from tokenfactory_operator.cli.commands import command
from tokenfactory_operator.cli.errors import CliError, Exit
from tokenfactory_operator.cli.objects import Shown
from tokenfactory_operator.cli.output import Output, count
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.cli.story import Story, story, when
from tokenfactory_operator.domain.resource import Resource
from tokenfactory_operator.ports import JsonObject, Key

LOOK: Final = 1.0
"""Seconds between two looks."""
NOTHING: Final = "-"
ABOVE: Final = "(see above)"

Name = Annotated[
    str, typer.Argument(metavar="[NAME]", help="The object. Default: all that are not Ready.", show_default=False)
]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Tell each change until it is Ready.")]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        parser=times.timeout,
        help="With --watch: how long. Default: for ever.",
        show_default=False,
    ),
]


@command(everywhere=True)
async def why(session: Session, name: Name = "", watch: Watch = False, timeout: Timeout = 0.0) -> Exit:  # noqa: ASYNC109, FBT002  # options
    """Say how an object stands, why, what is waited for, and what to type.

    Its spec, endpoint, credential, conditions and last Events. Without a name: one line for each object that is not
    Ready. The exit status is 0 if it is Ready (or all are), 2 if not, and 3 if a watch has ended before.

    Examples:
    kubectl tokenfactory why gpt-oss-120b -n ml
    kubectl tokenfactory why gpt-oss-120b -n ml --watch --timeout 10m
    kubectl tokenfactory why -A
    """
    if not name:
        if watch:
            raise CliError("Only one object can be watched.", hint="Name it: kubectl tokenfactory why NAME --watch")
        return await _all(session)
    key = Key(await session.namespace(), name)
    reported = await story(session, await _read(session, key))
    if session.out.as_json:
        session.out.json(reported.as_json())
    else:
        show(session.out, reported)
    if watch and not reported.shown.ready:
        return await _watch(session, key, reported, timeout or None)
    return Exit.DONE if reported.shown.ready else Exit.FOUND


async def _read(session: Session, key: Key) -> JsonObject:
    body = await (await session.objects()).get(key)
    if body is None:
        raise CliError(
            f"There is no DedicatedEndpoint {key}.", hint=f"kubectl -n {key.namespace} get dep shows what there is."
        )
    return body


async def _all(session: Session) -> Exit:
    bodies, _ = await (await session.objects()).list_all(await session.namespaces())
    waiting = [Story(shown, "", "") for shown in map(Shown.of, bodies) if not shown.ready]
    if session.out.as_json:
        session.out.json([_brief(each) for each in waiting])
    elif not waiting:
        session.out.line(
            f"Nothing to tell: {count(len(bodies), 'object')}, all Ready." if bodies else await _none(session)
        )
    else:
        rows = [
            (
                each.shown.key.namespace,
                each.shown.key.name,
                each.shown.state,
                each.reason,
                f"{each.message} → {each.next_step}",
            )
            for each in waiting
        ]
        session.out.table(("NAMESPACE", "NAME", "STATE", "REASON", "WHY, AND WHAT TO TYPE"), rows)
    return Exit.FOUND if waiting else Exit.DONE


async def _none(session: Session) -> str:
    places = await session.namespaces()
    return f"There is no object in the namespace {places[0]}." if places else "There is no object in any namespace."


def _brief(each: Story) -> dict[str, str]:
    return {
        "namespace": each.shown.key.namespace,
        "name": each.shown.key.name,
        "state": each.shown.state,
        "reason": each.reason,
        "message": each.message,
        "next": each.next_step,
    }


# One object


def show(out: Output, reported: Story) -> None:
    """All of it, from the spec to what to type."""
    out.mark(_mark(reported), headline(reported))
    out.line()
    out.table(("", ""), _facts(reported))
    out.line()
    rows = [
        (item.type, item.status, item.reason, item.last_transition_time or NOTHING, _once(reported, item.message))
        for item in reported.shown.conditions
    ]
    if rows:
        out.table(("CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE"), rows)
        out.line()
    if reported.events:
        out.table(
            ("EVENT", "LAST", "MESSAGE"),
            [(str(e.get("reason")), when(e), _once(reported, str(e.get("message")))) for e in reported.events],
        )
        out.line()
    for label, text in (("Waits for", reported.waits_for), ("Until", reported.until), ("Next", reported.next_step)):
        if text:
            out.line(f"{label}: {text}")


def _once(reported: Story, message: str) -> str:
    """A message that stands in the first line is not repeated."""
    return ABOVE if message == reported.message else message


def headline(reported: Story) -> str:
    """How it stands, in one line."""
    return f"{reported.shown.key} is {reported.shown.state}: {reported.reason}: {reported.message}"


def _mark(reported: Story) -> str:
    if reported.shown.stalled:
        return "problem"
    return "ok" if reported.shown.ready else "warning"


def _facts(reported: Story) -> list[tuple[str, str]]:
    resource, attempt = reported.shown.resource, reported.shown.attempt
    facts = [("Spec", spec_in_words(resource)), ("Endpoint", reported.endpoint), ("Credential", reported.credential)]
    if attempt is not None:
        facts.append(("Create call", " ".join(filter(None, (attempt.state, attempt.id, attempt.since)))))
    if resource.paused:
        facts.append(("Paused", "the cloud is not changed"))
    if reported.shown.deleted_at:
        facts.append(
            (
                "Deleted",
                f"since {reported.shown.deleted_at}; its deletion policy is {resource.deletion_policy}",
            )
        )
    return facts


def spec_in_words(resource: Resource) -> str:
    """What is asked for, in one line."""
    spec = resource.spec
    if spec is None:
        return f"cannot be read: {resource.problem}"
    replicas = f"{spec.scaling.min_replicas} to {spec.scaling.max_replicas} replicas"
    stopped = ", stopped" if spec.enabled is False else ""
    policy = "" if resource.management_policy == "Manage" else ", observed only"
    gpus = f"{spec.gpu.count} x {spec.gpu.type}"
    asked = f"{spec.model}, {spec.flavor}, {gpus}, {replicas}, {spec.region}{stopped}{policy}"
    return f"{asked} (generation {resource.generation})"


# Watching


async def _watch(session: Session, key: Key, reported: Story, timeout: float | None) -> Exit:  # noqa: ASYNC109  # an option
    try:
        async with asyncio.timeout(timeout):
            return await _until_ready(session, key, reported)
    except TimeoutError:
        session.out.failure(f"{key} is not Ready after {timeout:g} s.", hint=reported.next_step)
        return Exit.LATE


async def _until_ready(session: Session, key: Key, reported: Story) -> Exit:
    last = headline(reported)
    while True:
        await asyncio.sleep(LOOK)
        shown = Shown.of(await _read(session, key))
        now = Story(shown, reported.endpoint, reported.credential, timing=reported.timing)
        if headline(now) != last:
            last = headline(now)
            if session.out.as_json:
                session.out.json(now.as_json())
            else:
                session.out.mark(_mark(now), last)
        if shown.ready:
            return Exit.DONE

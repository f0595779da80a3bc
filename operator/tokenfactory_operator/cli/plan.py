"""`plan`: what would applying these manifests do? The operator's own decision, rehearsed; nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from tokenfactory_operator.cli import manifests
from tokenfactory_operator.cli.applying import Applied, apply_dry
from tokenfactory_operator.cli.commands import command
from tokenfactory_operator.cli.errors import CliError, Exit
from tokenfactory_operator.cli.forecast import FAILING, FieldChange, Forecast, Gpus, Verb, foretold, ignored, refused
from tokenfactory_operator.cli.output import Output, count
from tokenfactory_operator.cli.reach import left_out
from tokenfactory_operator.cli.rehearsal.prepare import Troubled, prepared
from tokenfactory_operator.cli.rehearsal.stage import Stage
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.domain.errors import visible
from tokenfactory_operator.ports import Key

Files = Annotated[
    list[str],
    typer.Option("--filename", "-f", metavar="FILE", help="File or folder of manifests, or - for standard input."),
]
Recursive = Annotated[bool, typer.Option("--recursive", "-R", help="Read the folders in a folder, too.")]
SIGNS: Final = {
    Verb.CREATE: "+",
    Verb.ADOPT: "~",
    Verb.CHANGE: "~",
    Verb.REPLACE: "!",
    Verb.BLOCKED: "!",
    Verb.REFUSED: "!",
    Verb.UNKNOWN: "?",
    Verb.IGNORED: "?",
    Verb.WAIT: "?",
}
REPLACING: Final = (
    "to have it so, delete the object and create another one: the endpoint gets another id and routing key"
)


@command()
async def plan(session: Session, filename: Files, recursive: Recursive = False) -> Exit:  # noqa: FBT002  # typer's form
    """Say what applying manifests would do, and change nothing.

    For each object: create an endpoint, adopt one, change one (each field from what to what), nothing, or why it
    cannot be applied; and the GPUs before and after. The API server is asked what it would store (a dry run), and the
    operator's own decision is rehearsed on what the cloud lists. The exit status is 0 if nothing would change, 2 if
    something would, and 1 if something could not be applied.

    Examples:
    kubectl tokenfactory plan -f endpoints/
    kustomize build . | kubectl tokenfactory plan -f -
    """
    read = manifests.read(filename, recursive=recursive)
    found = read.needed()
    if read.others:
        session.out.note(f"{count(read.others, 'object')} of other kinds left out.")
    for file in read.kustomizations:
        session.out.note(f"{file} is left out: `kubectl kustomize` reads it, and `kubectl apply -k`.")
    forecasts = await foresee(session, found)
    await session.note_unknown_settings()
    show(session.out, forecasts)
    if any(each.verb in FAILING for each in forecasts):
        return Exit.ERROR
    return Exit.FOUND if any(each.changes_something for each in forecasts) else Exit.DONE


async def foresee(session: Session, found: Sequence[manifests.Manifest]) -> list[Forecast]:
    """A forecast for each manifest, in their order."""
    client, namespace = await session.client(), await session.namespace()
    with session.out.working("Asking the API server"):
        applied = [await apply_dry(client, manifest, namespace=namespace) for manifest in found]
    twice = [key for key, number in Counter(each.key for each in applied).items() if number > 1]
    if twice:
        raise CliError(f"{', '.join(map(str, twice))} is there more than once.", hint="Leave one manifest of it.")
    unseen = {each.key: cause for each in applied if each.after and (cause := await left_out(session, each.after))}
    seen = [body for each in applied if each.key not in unseen and (body := each.after or each.before)]
    stage, troubles = await prepared(session, seen)
    return [await _forecast(each, stage, troubles, unseen) for each in applied]


async def _forecast(applied: Applied, stage: Stage, troubles: Troubled, unseen: Mapping[Key, str]) -> Forecast:
    endpoint_id = ((applied.before or {}).get("status") or {}).get("endpointId") or ""
    if applied.failure is not None:
        return refused(applied, applied.failure, stage.endpoint(endpoint_id))
    if applied.key in unseen:
        return ignored(applied, unseen[applied.key], stage.endpoint(endpoint_id))
    if applied.key in troubles:
        return Forecast(applied.key, Verb.UNKNOWN, "unchanged", message=troubles[applied.key])
    return foretold(applied, await stage.rehearse(applied.key))


# What is shown


def show(out: Output, forecasts: Sequence[Forecast]) -> None:
    """All of them, and what they are together."""
    before, after = (sum((getattr(each, when) for each in forecasts), Gpus()) for when in ("before", "after"))
    if out.as_json:
        out.json({"objects": [_as_json(each) for each in forecasts], "gpus": _gpus_as_json(before, after)})
        return
    for each in forecasts:
        out.change(SIGNS.get(each.verb, "="), _line(each))
        for line in _details(each):
            out.line(f"    {line}")
    out.line(
        f"\nGPUs reserved: {_from_to(before.reserved, after.reserved)}, at most: {_from_to(before.most, after.most)}."
    )
    verbs = Counter(each.verb for each in forecasts)
    out.line("Plan: " + ", ".join(f"{number} {verb}" for verb, number in sorted(verbs.items())) + ".")


def _line(each: Forecast) -> str:
    endpoint = f" endpoint {each.endpoint_id}" if each.endpoint_id else ""
    stored = "" if each.stored == "unchanged" else f" (the object is {each.stored})"
    return f"{each.key}: {each.verb}{endpoint}{stored}"


def _details(each: Forecast) -> list[str]:
    lines = [_shown(change) for change in each.changes]
    lines += [f"delete the duplicate {endpoint_id}" for endpoint_id in each.duplicates]
    if each.message:
        lines.append(f"{each.reason}: {each.message}" if each.reason else each.message)
    if each.verb is Verb.REPLACE:
        lines.append(REPLACING)
    if each.verb is Verb.CREATE:
        lines.append(f"{count(each.after.reserved, 'GPU')} reserved, {each.after.most} at most")
    return lines


def _shown(change: FieldChange) -> str:
    if change.before is None:
        return f"{change.field}: {_value(change.after)}"
    return f"{change.field}: {_value(change.before)} → {_value(change.after)}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "(left out)" if value is None else visible(str(value)) or '""'


def _from_to(before: int, after: int) -> str:
    return f"{before}" if before == after else f"{before} → {after}"


def _as_json(each: Forecast) -> dict[str, Any]:
    return {
        "namespace": each.key.namespace,
        "name": each.key.name,
        "action": str(each.verb),
        "object": each.stored,
        "endpointId": each.endpoint_id,
        "changes": [{"field": change.field, "from": change.before, "to": change.after} for change in each.changes],
        "deletesDuplicates": list(each.duplicates),
        "reason": each.reason,
        "message": each.message,
        "gpus": _gpus_as_json(each.before, each.after),
    }


def _gpus_as_json(before: Gpus, after: Gpus) -> dict[str, Any]:
    return {
        "reserved": {"before": before.reserved, "after": after.reserved},
        "most": {"before": before.most, "after": after.most},
    }

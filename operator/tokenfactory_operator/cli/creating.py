"""`create`: an object by flags, or by questions whose answers the cloud's catalog offers."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.cli import manifests
from tokenfactory_operator.cli.commands import command
from tokenfactory_operator.cli.errors import CliError, Exit
from tokenfactory_operator.cli.offer import FIELDS, Choice, choices
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.decision.offered import wanted
from tokenfactory_operator.domain.catalog import Catalog, Wanted
from tokenfactory_operator.kube.paths import OBJECTS

FLAGS = {"model": "--model", "flavor": "--flavor", "gpu": "--gpu", "count": "--count", "region": "--region"}

Name = Annotated[str, typer.Argument(help="Name of the object.")]
Model = Annotated[str, typer.Option(metavar="NAME", help="Model, such as openai/gpt-oss-120b.", show_default=False)]
Flavor = Annotated[str, typer.Option(metavar="NAME", help="Flavor of the model.", show_default=False)]
Gpu = Annotated[str, typer.Option(metavar="TYPE", help="GPU type.", show_default=False)]
Count = Annotated[int, typer.Option(metavar="NUMBER", help="GPUs of each replica.", show_default=False)]
Region = Annotated[str, typer.Option(metavar="NAME", help="Region.", show_default=False)]
Least = Annotated[
    int, typer.Option("--min-replicas", metavar="NUMBER", help="Reserved replicas. Default: 1.", show_default=False)
]
Most = Annotated[
    int,
    typer.Option(
        "--max-replicas", metavar="NUMBER", help="Most replicas. Default: the reserved ones.", show_default=False
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the manifest, and create nothing.")]


@command(formats=False)
async def create(  # noqa: PLR0913, PLR0917  # each is an option
    session: Session,
    name: Name,
    model: Model = "",
    flavor: Flavor = "",
    gpu: Gpu = "",
    count: Count = 0,
    region: Region = "",
    min_replicas: Least = 1,
    max_replicas: Most = 0,
    dry_run: DryRun = False,  # noqa: FBT002  # typer's form
) -> Exit:
    """Create an object, of combinations that the cloud offers.

    What is left out is taken where the catalog offers one value only, else asked for. With --dry-run the manifest is
    printed for Git, and nothing is created.

    Examples:
    kubectl tokenfactory create gpt-oss-120b -n ml
    kubectl tokenfactory create qwen --model Qwen/Qwen3-32B --flavor base --count 1 --region eu-north1
    kubectl tokenfactory create gpt-oss-120b --model openai/gpt-oss-120b --dry-run > endpoint.yaml
    """
    _named(name)
    catalog = Catalog(await session.templates())
    chosen = _complete(session, catalog, Choice(model, flavor, gpu, count, region))
    most = max_replicas or min_replicas
    manifest = _manifest(name, await session.namespace(), chosen, min_replicas, most)
    spec = _checked(manifest["spec"])
    mismatch = catalog.mismatch(wanted(spec))
    _refuse(mismatch, f"kubectl tokenfactory templates {chosen.model} lists all combinations.")
    if dry_run:
        session.out.write(manifests.written([manifest]))
        return Exit.DONE
    namespace = manifest["metadata"]["namespace"]
    await (await session.client()).request("POST", OBJECTS.within(namespace), body=manifest)
    session.out.mark("ok", f"{namespace}/{name} is created.")
    session.out.line(f"Next: kubectl tokenfactory why {name} -n {namespace} --watch")
    return Exit.DONE


def _complete(session: Session, catalog: Catalog, chosen: Choice) -> Choice:
    """Take the only value of a field, and ask for one of several."""
    _known(catalog, chosen)
    if not any(chosen.missing()):
        return chosen
    for field in FIELDS:
        offered = choices(catalog, chosen, field)
        if getattr(chosen, field):
            _offered(chosen, field, offered)
            continue
        value = offered[0] if len(offered) == 1 else _ask(session, field, offered)
        try:
            chosen = chosen.having(field, value)
        except ValueError:
            raise CliError(f"{value} is no number.", hint=f"Give {FLAGS[field]} as a number, such as 1.") from None
    return chosen


def _named(name: str) -> None:
    """Raise `CliError` for a name that Kubernetes does not take (Kubernetes: object names, DNS subdomain names)."""
    if len(name) > api.LONGEST_NAME or not re.fullmatch(api.DNS_SUBDOMAIN, name):
        raise CliError(
            f'"{name}" is no name of an object.',
            hint=f"A name has small letters, digits, - and . only, {api.LONGEST_NAME} characters at most, and begins "
            "and ends with a letter or a digit.",
        )


def _known(catalog: Catalog, chosen: Choice) -> None:
    """Raise `CliError` for a model or flavor that the catalog does not have, before anything else is asked for."""
    template = catalog.template(chosen.model)
    if chosen.model and (template is None or (chosen.flavor and template.flavor(chosen.flavor) is None)):
        asked = Wanted(chosen.model, chosen.flavor, "", "", 1, 1)
        _refuse(catalog.mismatch(asked), "kubectl tokenfactory templates lists all models and flavors.")


def _offered(chosen: Choice, field: str, offered: tuple[str, ...]) -> None:
    """Raise `CliError` for a value that does not go with the others; a catalog that tells nothing rules out nothing."""
    value = str(getattr(chosen, field))
    if offered and value not in offered:
        _refuse(f"{FLAGS[field]} {value} is not offered.", f"Choose one of: {', '.join(offered)}.")


def _refuse(problem: str, hint: str) -> None:
    if problem:
        raise CliError(problem, hint=hint)


def _ask(session: Session, field: str, offered: tuple[str, ...]) -> str:
    if not session.interactive:
        there = f" It offers: {', '.join(offered)}." if offered else ""
        raise CliError(f"{FLAGS[field]} is missing, and nobody can be asked here.{there}", hint=f"Give {FLAGS[field]}.")
    if not offered:
        return str(typer.prompt(field, err=True))
    for number, value in enumerate(offered, 1):
        session.out.err.print(f"  {number}  {value}")
    return _picked(str(typer.prompt(f"{field} (number or value)", err=True)), offered)


def _picked(answer: str, offered: tuple[str, ...]) -> str:
    """A value as it is, or by its number in the list; a value comes first."""
    text = answer.strip()
    if text in offered:
        return text
    if text.isdecimal() and 1 <= int(text) <= len(offered):
        return offered[int(text) - 1]
    raise CliError(f"{text} is not offered.", hint=f"Choose one of: {', '.join(offered)}.")


def _manifest(name: str, namespace: str, chosen: Choice, least: int, most: int) -> dict[str, Any]:
    return {
        "apiVersion": api.API_VERSION,
        "kind": api.KIND,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "model": chosen.model,
            "flavor": chosen.flavor,
            "region": chosen.region,
            "gpu": {"type": chosen.gpu, "count": chosen.count},
            "scaling": {"minReplicas": least, "maxReplicas": most},
        },
    }


def _checked(spec: dict[str, Any]) -> api.Spec:
    try:
        return api.Spec.model_validate(spec)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        said = str(first["msg"]).removeprefix("Value error, ")
        raise CliError(
            f"spec.{'.'.join(map(str, first['loc']))}: {said}.", hint="docs/resource.md says what each field may be."
        ) from None

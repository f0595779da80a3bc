"""`templates`: what can be deployed, as the cloud's catalog tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import typer

from tokenfactory_operator.cli.commands import command
from tokenfactory_operator.cli.errors import CliError, Exit
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.domain.catalog import Catalog, Combination, Template, Wanted

COLUMNS = ("MODEL", "FLAVOR", "GPU", "COUNT", "REGIONS", "MAX REPLICAS")
NOT_REPORTED = "any"

Model = Annotated[str, typer.Argument(metavar="[MODEL]", help="Only this model.", show_default=False)]


@command()
async def templates(session: Session, model: Model = "") -> Exit:
    """List the models that can be deployed, with their flavors, GPUs, counts and regions.

    Examples:
    kubectl tokenfactory templates
    kubectl tokenfactory templates openai/gpt-oss-120b
    """
    await session.access_without_cluster()
    catalog = Catalog(await session.templates())
    found = [each for each in catalog.templates if model in ("", each.name)]
    if model and not found:
        raise CliError(
            catalog.mismatch(Wanted(model, "", "", "", 1, 1)) or "The catalog is empty.",
            hint="kubectl tokenfactory templates lists all models.",
        )
    if session.out.as_json:
        session.out.json([_as_json(each) for each in found])
    else:
        session.out.table(COLUMNS, list(rows(found)))
    return Exit.DONE


def rows(found: Iterable[Template]) -> Iterator[tuple[str, ...]]:
    """A row for each flavor and what goes together in it; what is not told is `any`."""
    for template in found:
        for flavor in template.flavors:
            for combination in flavor.combinations or (Combination(),):
                yield (template.name, flavor.name, *_cells(combination))


def _cells(each: Combination) -> tuple[str, ...]:
    return (
        ", ".join(each.gpu_types) or NOT_REPORTED,
        ", ".join(map(str, each.gpu_counts)) or NOT_REPORTED,
        ", ".join(each.regions) or NOT_REPORTED,
        NOT_REPORTED if each.max_replicas is None else str(each.max_replicas),
    )


def _as_json(template: Template) -> dict[str, Any]:
    flavors = [
        {
            "name": flavor.name,
            "combinations": [
                {
                    "gpuTypes": list(each.gpu_types),
                    "gpuCounts": list(each.gpu_counts),
                    "regions": list(each.regions),
                    "maxReplicas": each.max_replicas,
                }
                for each in flavor.combinations
            ],
        }
        for flavor in template.flavors
    ]
    return {"model": template.name, "flavors": flavors}

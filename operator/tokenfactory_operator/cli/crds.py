"""`crd`: the CustomResourceDefinition of this version: printed, applied, or compared with the cluster's."""

from __future__ import annotations

import enum
import json
from typing import Annotated, Final

import typer

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.api.schema import custom_resource_definition, render
from tokenfactory_operator.cli.applying import APPLY_PATCH, changes
from tokenfactory_operator.cli.commands import command
from tokenfactory_operator.cli.errors import Exit
from tokenfactory_operator.cli.output import count
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.domain.errors import KubeNotFound
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.ports import JsonObject

NAME: Final = f"{api.PLURAL}.{api.GROUP}"
PATH: Final = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{NAME}"
MANAGER: Final = "kubectl"
SHOWN: Final = 20


class Action(enum.StrEnum):
    """What to do with it."""

    PRINT = "print"
    APPLY = "apply"
    COMPARE = "compare"


What = Annotated[
    Action, typer.Argument(help="print it, apply it, or compare it with the cluster's.", show_default=False)
]


@command(formats=False)
async def crd(session: Session, action: What) -> Exit:
    """Print the CRD of this version, apply it, or compare it with that of the cluster.

    apply takes it over from whatever has installed it before, as kubectl apply --server-side --force-conflicts does.
    compare changes nothing; its exit status is 2 if they differ.

    Examples:
    kubectl tokenfactory crd print > crds.yaml
    kubectl tokenfactory crd compare
    kubectl tokenfactory crd apply
    """
    if action is Action.PRINT:
        session.out.write(render())
        return Exit.DONE
    client, dry = await session.client(), {Action.APPLY: False, Action.COMPARE: True}[action]
    before = await _stored(client)
    after = await _applied(client, dry=dry)
    found = changes((before or {}).get("spec") or {}, after["spec"])
    if before is None:
        session.out.mark(
            "warning" if dry else "ok", f"The CRD {NAME} {'is not installed' if dry else 'was installed'}."
        )
        return Exit.FOUND if dry else Exit.DONE
    if not found:
        session.out.mark("ok", f"The CRD {NAME} is that of this version.")
        return Exit.DONE
    reported = "differs from" if dry else "was brought to"
    session.out.mark(
        "warning" if dry else "ok", f"The CRD {NAME} {reported} that of this version: {count(len(found), 'field')}."
    )
    for path, old, new in found[:SHOWN]:
        session.out.line(f"  {path}: {_short(old)} → {_short(new)}")
    return Exit.FOUND if dry else Exit.DONE


async def _stored(client: KubeClient) -> JsonObject | None:
    try:
        return await client.request("GET", PATH)
    except KubeNotFound:
        return None


async def _applied(client: KubeClient, *, dry: bool) -> JsonObject:
    query = [("fieldManager", MANAGER), ("force", "true"), *([("dryRun", "All")] if dry else [])]
    body = custom_resource_definition()
    return await client.request("PATCH", PATH, query=query, body=body, content_type=APPLY_PATCH)


def _short(value: object) -> str:
    text = "(none)" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"  # noqa: PLR2004  # characters of one line

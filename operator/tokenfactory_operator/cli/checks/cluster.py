"""Can the cluster be used: its API server, the CRD, and the rights of whoever types?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.cli.checks.result import Check, ok, problem, warning
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.kube.access import Right, missing, named_by_place
from tokenfactory_operator.kube.crd import check_crd
from tokenfactory_operator.kube.errors import SetupError
from tokenfactory_operator.kube.server import check_version

_YOURS: Final = (Right("list", api.PLURAL, api.GROUP), Right("list", "deployments", "apps"), Right("list", "events"))
"""Without these a report leaves something out."""


async def cluster(session: Session) -> AsyncIterator[Check]:
    """Raises `CliError` or `KubeError` where the API server cannot be asked at all."""
    client = await session.client()
    version = str((await client.request("GET", "/version")).get("gitVersion", "of an unknown version"))
    try:
        await check_version(client)
        yield ok("api-server", f"The API server answers: Kubernetes {version}.")
    except SetupError as error:
        yield problem("api-server", error.message, "upgrade the cluster")
    try:
        await check_crd(client, settle=0.0)
        yield ok("crd", f"The CRD {api.PLURAL}.{api.GROUP} has all that this version needs.")
    except SetupError as error:
        yield problem("crd", error.message, "kubectl tokenfactory crd apply")
    lacking = await missing(client, _YOURS)
    if lacking:
        text = f"You may not {named_by_place(lacking)}, so parts of this report are left out."
        yield warning("your-rights", text, "ask for these rights, or choose another user with --context")
    else:
        yield ok("your-rights", "You may read all that this report needs of Kubernetes.")

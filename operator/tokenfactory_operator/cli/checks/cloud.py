"""Can the cloud be used with the operator's token: the token, its project, and the catalog?"""

from __future__ import annotations

from collections.abc import AsyncIterator

from tokenfactory_operator.cli.access import NEEDED
from tokenfactory_operator.cli.checks.result import Check, ok, problem, unknown, warning
from tokenfactory_operator.cli.errors import explained
from tokenfactory_operator.cli.output import count
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.domain.errors import CloudError
from tokenfactory_operator.domain.identity import scope
from tokenfactory_operator.domain.observed import EndpointList


async def cloud(session: Session) -> AsyncIterator[Check]:
    """Raises `CliError` or `KubeError` where there are no settings, for want of a cluster too."""
    found = await session.access_without_cluster()
    if found.token is None:
        yield problem("token", found.problem, found.mend) if found.mend else unknown("token", found.problem, NEEDED)
        return
    try:
        listed = await session.endpoints()
    except CloudError as error:
        yield problem("token", f"{found.settings.api_url}: {error.message}", explained(error).hint)
        return
    place = scope(project_id=found.settings.project_id, token=found.token.get_secret_value())
    yield judged(listed, origin=found.origin, place=place)
    try:
        templates = await (await session.cloud()).list_templates()
    except CloudError as error:
        yield warning("catalog", f"The catalog cannot be read: {error.message}", "nothing is checked before a create")
        return
    if templates:
        yield ok("catalog", f"The catalog offers {count(len(templates), 'model')}.")
    else:
        yield warning("catalog", "The catalog is empty.", "ask the vendor, or check TOKENFACTORY_PROJECT_ID")


def judged(listed: EndpointList, *, origin: str, place: str) -> Check:
    """Whether the list is whole."""
    text = f"The token of {origin} is accepted. It lists {count(len(listed.endpoints), 'endpoint')} in {place}."
    if listed.complete:
        return ok("token", text)
    return warning(
        "token", f"{text} The list is not complete: {listed.problem}", "nothing that is missing counts as gone"
    )

"""The cloud as one LIST shows it, beside the objects: the operator's own inventory and cache, filled once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.domain.identity import scope
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.ports import JsonObject
from tokenfactory_operator.process.leadership import SystemClock
from tokenfactory_operator.state.cache import ObjectCache
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.state.sequence import SequenceClock


@dataclass(frozen=True)
class Sight:
    """What was seen."""

    inventory: Inventory
    cache: ObjectCache
    cluster_id: str
    endpoints: tuple[ObservedEndpoint, ...]
    """In the order of the cloud."""


async def sight(session: Session, bodies: Iterable[JsonObject]) -> Sight:
    """List the cloud with the operator's token.

    Raises:
        CliError: there is no token.
        CloudError: the cloud cannot be listed.
        KubeError: the cluster's id cannot be read.
    """
    found, cluster_id = await session.access(), await session.cluster_id()
    settings, token = found.settings, found.needed().get_secret_value()
    place = scope(project_id=settings.project_id, token=token)
    inventory = Inventory(
        scope=place, cluster_id=cluster_id, sequence=SequenceClock(SystemClock()), timing=settings.timing()
    )
    begun = inventory.stamp()
    listed = await session.endpoints()
    inventory.listed(begun, listed)
    cache = ObjectCache()
    for body in bodies:
        cache.put(body)
    return Sight(inventory, cache, cluster_id, listed.endpoints)

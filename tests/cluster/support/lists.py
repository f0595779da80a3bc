"""LISTs of the endpoints in the simulator's record: by them a test knows that the operator has seen the cloud."""

from __future__ import annotations

from typing import Any, Final

from cluster.support.eventually import eventually
from tokenfactory_simulator.client import AdminClient

COLLECTION: Final = "/v0/dedicated_endpoints"


def lists(cloud: AdminClient, since: int = 0) -> list[dict[str, Any]]:
    """Those after the call of that sequence number."""
    return cloud.calls(since=since, method="GET", path=COLLECTION)


def after_lists(cloud: AdminClient, count: int) -> None:
    """So many LISTs have begun and been answered: the operator has seen the cloud, and acted if it wanted to."""
    since: int = cloud.summary()["calls"]

    def answered() -> bool:
        return sum(call["status"] is not None for call in lists(cloud, since)) >= count

    eventually(answered, what=f"{count} more LISTs")

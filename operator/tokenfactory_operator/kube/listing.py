"""A listing page by page, over any number of collections of one kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.ports import JsonObject

PAGE_SIZE: Final = 500
"""Objects a page of a listing holds."""


async def list_pages(client: KubeClient, paths: Sequence[str], selector: str) -> tuple[list[JsonObject], str]:
    """Every object of the collections that the label selector takes, and a resourceVersion.

    What is newer than that version may be missing: with several collections it is the oldest of their listings.

    Raises:
        KubeError: a page failed; a 410 when the listing took so long that its snapshot was compacted.
    """
    objects: list[JsonObject] = []
    versions: list[str] = []
    for path in paths:
        items, version = await _list(client, path, selector)
        objects += items
        versions.append(version)
    return objects, min(versions, key=int, default="0")


async def _list(client: KubeClient, path: str, selector: str) -> tuple[list[JsonObject], str]:
    query = [("limit", str(PAGE_SIZE))] + ([("labelSelector", selector)] if selector else [])
    objects: list[JsonObject] = []
    page = await client.request("GET", path, query=query)
    objects += page["items"]
    while token := page["metadata"].get("continue"):
        page = await client.request("GET", path, query=[*query, ("continue", token)])
        objects += page["items"]
    return objects, page["metadata"]["resourceVersion"]

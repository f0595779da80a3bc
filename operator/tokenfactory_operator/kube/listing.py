"""A listing page by page, over any number of collections of one kind; of each object only what is needed is held."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from tokenfactory_operator.kube.client import JSON, KubeClient
from tokenfactory_operator.kube.errors import TooLarge
from tokenfactory_operator.kube.forms import Page
from tokenfactory_operator.kube.lean import PAGE_BYTES, PAGE_SIZE, fewer, fitting, lean
from tokenfactory_operator.ports import JsonObject

Keep = Callable[[JsonObject], JsonObject]


async def list_pages(
    client: KubeClient, paths: Sequence[str], selector: str, *, accept: str = JSON, keep: Keep = lean
) -> tuple[list[JsonObject], str]:
    """Every object of the collections that the label selector takes, and a resourceVersion.

    Of each object is held what `keep` answers, from the moment at which its page has come.

    What is newer than that version may be missing: with several collections it is the oldest of their listings.

    Raises:
        KubeError: a page failed; a 410 when the listing took so long that its snapshot was compacted.
    """
    objects: list[JsonObject] = []
    versions = [await _list(client, path, selector, accept, objects, keep) for path in paths]
    return objects, min(versions, key=int, default="0")


async def _list(
    client: KubeClient, path: str, selector: str, accept: str, objects: list[JsonObject], keep: Keep
) -> str:
    limit, token = PAGE_SIZE, ""

    def ask() -> asyncio.Task[tuple[Page, int]]:
        query = [("limit", str(limit))]
        query += [("labelSelector", selector)] if selector else []
        query += [("continue", token)] if token else []
        most = PAGE_BYTES if limit > 1 else None
        return asyncio.create_task(client.page(path, query=query, accept=accept, most=most))

    asked = ask()
    try:
        while True:
            try:
                page, size = await asked
            except TooLarge:
                limit = fewer(limit)
                asked = ask()
                continue
            token, limit = page.token, fitting(limit, size)
            if token:
                asked = ask()
                # It is sent: the API server makes the next page while this one is looked through.
                await asyncio.sleep(0)
            objects += map(keep, page.items)
            if not token:
                return page.version
    finally:
        asked.cancel()

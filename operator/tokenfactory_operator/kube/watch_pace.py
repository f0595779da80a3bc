"""How often a watch may begin: kopf opens the next one at once, and a proxy may close each as soon as it is open.

Without a pause that is a request after the other, at the cost of a core here and of as much at the API server.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Final

import aiohttp

EVERY: Final = 1.0
"""Seconds from the begin of one watch to that of the next; it costs one that ends as it should nothing."""


class WatchPace:
    """By the path that is watched: a few, all from the settings."""

    def __init__(self, every: float = EVERY) -> None:
        """`every`: seconds."""
        self._every = every
        self._begun: dict[str, float] = {}

    async def wait(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, start: aiohttp.TraceRequestStartParams
    ) -> None:
        """Before each request, as `TraceConfig.on_request_start` has it: return when it may be sent."""
        if start.url.query.get("watch"):
            path, loop = start.url.path, asyncio.get_running_loop()
            await asyncio.sleep(self._begun.get(path, float("-inf")) + self._every - loop.time())
            self._begun[path] = loop.time()

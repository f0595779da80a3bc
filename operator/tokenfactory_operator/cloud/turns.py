"""Whose call is next where calls have to wait: namespaces take turns, and LIST has every other one.

A lock, but for its order: one namespace's thousand waiting changes are one change's wait for every other namespace.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator


class Turns:
    """One at a time."""

    def __init__(self) -> None:
        self._taken = False
        self._lists: deque[asyncio.Future[None]] = deque()
        self._changes: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """By namespace; the one that has waited longest for its turn is first."""
        self._listed = False
        """The last turn was a LIST's."""

    @contextlib.asynccontextmanager
    async def one(self, namespace: str | None) -> AsyncIterator[None]:
        """Wait for a turn, and hold it; `None` in place of a namespace is a LIST."""
        if self._taken:
            await self._wait(self._lists if namespace is None else self._changes.setdefault(namespace, deque()))
        self._taken = True
        self._listed = namespace is None
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, line: deque[asyncio.Future[None]]) -> None:
        future = asyncio.get_running_loop().create_future()
        line.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled():  # it had the turn already
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """To the next one that has not given up; whoever gets it finds it taken."""
        while (line := self._next()) is not None:
            future = line.popleft()
            if not future.done():
                future.set_result(None)
                return
        self._taken = False

    def _next(self) -> deque[asyncio.Future[None]] | None:
        while self._changes and not next(iter(self._changes.values())):
            self._changes.popitem(last=False)
        if self._lists and not (self._listed and self._changes):
            return self._lists
        if not self._changes:
            return None
        namespace = next(iter(self._changes))
        self._changes.move_to_end(namespace)
        return self._changes[namespace]

"""Whose call is next where calls have to wait: namespaces take turns, and LIST has every other one.

A lock, but for its order: one namespace's thousand waiting changes are one change's wait for every other namespace.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from tokenfactory_operator.shares import Shares

_LISTS: Final = ""
"""Whose turn a LIST is, among the LISTs."""
_Line = Shares[asyncio.Future[None], None]


class Turns:
    """One at a time."""

    def __init__(self) -> None:
        self._taken = False
        self._lists: _Line = Shares()
        self._changes: _Line = Shares()
        self._listed = False
        """The last turn was a LIST's."""

    @contextlib.asynccontextmanager
    async def one(self, namespace: str | None) -> AsyncIterator[None]:
        """Wait for a turn, and hold it; `None` in place of a namespace is a LIST."""
        turn = asyncio.get_running_loop().create_future()
        line = self._lists if namespace is None else self._changes
        line.put(namespace or _LISTS, turn, None)
        if not self._taken:
            self._pass_on()
        try:
            await turn
            yield
        finally:
            if not turn.cancelled():  # it had the turn, be it that it was cancelled just then
                self._pass_on()

    def _pass_on(self) -> None:
        """To the next one that has not given up."""
        self._taken = False
        while not self._taken and (self._lists.ready or self._changes.ready):
            listing = self._lists.ready and not (self._listed and self._changes.ready)
            turn, _ = (self._lists if listing else self._changes).pop()
            if not turn.done():
                turn.set_result(None)
                self._taken, self._listed = True, listing

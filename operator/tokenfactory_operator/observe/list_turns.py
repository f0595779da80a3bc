"""How many LISTs of the cloud may run at once, and how many people may have at once by asking for one.

A LIST costs memory and processor time of this process, whoever wants it, so both are bounded here. It calls nobody.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Final

BURST: Final = 3
"""LISTs of a credential that people may have at once by the request annotation."""


class ListTurns:
    """How many LISTs may run at once, over all credentials: large answers are held in memory.

    Those that failed last time wait in a line of their own, so that a hundred dead credentials delay no healthy one. A
    namespace has `share` turns at most, so that its slow LISTs delay nobody else's, and the operator's own credential
    (no namespace) waits for none of them.
    """

    def __init__(self, *, healthy: int = 16, failing: int = 4, share: int = 2) -> None:
        self._healthy = asyncio.Semaphore(healthy)
        self._failing = asyncio.Semaphore(failing)
        self._share = share
        self._shares: dict[str, asyncio.Semaphore] = {}
        self._users: Counter[str] = Counter()

    def turn(self, namespace: str, *, failing: bool) -> AbstractAsyncContextManager[None]:
        """Wait for a turn, and hold it."""
        return self._shared(namespace, failing=failing) if namespace else nullcontext()

    @asynccontextmanager
    async def _shared(self, namespace: str, *, failing: bool) -> AsyncIterator[None]:
        share = self._shares.setdefault(namespace, asyncio.Semaphore(self._share))
        self._users[namespace] += 1
        try:
            async with share, self._failing if failing else self._healthy:
                yield
        finally:
            self._users[namespace] -= 1
            if not self._users[namespace]:
                del self._users[namespace], self._shares[namespace]

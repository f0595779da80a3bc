"""The workers of one queue: as many as there is work for, up to a limit, and one that waits for more.

A credential without work costs one task, however many objects of it may be worked on at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from tokenfactory_operator.ports import Key
from tokenfactory_operator.work.workqueue import WorkQueue

Take = Callable[[], Awaitable[Key | None]]
"""The next key of a worker; `None` when it is to end."""
Work = Callable[[WorkQueue[Key], Take], Coroutine[Any, Any, None]]
"""A worker's life."""
Spawn = Callable[[Callable[[], Coroutine[Any, Any, None]], str], asyncio.Task[None]]


def share_of(workers: int) -> int:
    """How many workers one namespace may have at once: the others find one free, however long its calls hang."""
    return workers - workers // 4


class Crew:
    """Hires and dismisses them."""

    def __init__(self, queue: WorkQueue[Key], work: Work, *, limit: int, spawn: Spawn, name: str) -> None:
        self.workers: dict[asyncio.Task[None], None] = {}
        """In the order in which they were hired: that of a set is another one in each run."""
        self.queue = queue
        self._work = work
        self._limit = limit
        self._spawn = spawn
        self._name = name
        self._waiting = False

    def start(self) -> None:
        """Have the first one, unless there is one."""
        if not self.workers:
            self._hire()

    async def take(self) -> Key | None:
        """See `Take`. Whoever gets the last key that one waited for sees to it that another one waits."""
        if self._waiting:
            return None  # one is enough
        self._waiting = True
        try:
            key = await self.queue.get()
        finally:
            self._waiting = False
        if key is not None and sum(not task.done() for task in self.workers) < self._limit:
            self._hire()  # one that has just ended may still stand there
        return key

    def _hire(self) -> None:
        task = self._spawn(lambda: self._work(self.queue, self.take), f"worker {self._name}")
        self.workers[task] = None
        task.add_done_callback(lambda ended: self.workers.pop(ended, None))

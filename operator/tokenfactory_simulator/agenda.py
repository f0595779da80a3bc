"""What is still to happen, without a timer or a task: it is caught up with whenever somebody looks."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count


@dataclass(order=True)
class _Entry:
    due: float
    order: int
    action: Callable[[], None] = field(compare=False)


class Agenda:
    """Actions in the order of their instants; those of the same instant in the order they were planned."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._order = count()

    def plan(self, due: float, action: Callable[[], None]) -> None:
        """Let `action` happen at that instant."""
        heapq.heappush(self._entries, _Entry(due, next(self._order), action))

    def pop(self, now: float) -> tuple[float, Callable[[], None]] | None:
        """The next action that is due, and its instant."""
        if not self._entries or self._entries[0].due > now:
            return None
        entry = heapq.heappop(self._entries)
        return entry.due, entry.action

"""Whether anything else has run since a moment: what was decided then stands as long as nothing has."""

from __future__ import annotations

import asyncio


class Pause:
    """Begins when it is made, in the running loop. A task that was not put off leaves no room for any other one.

    What is ready comes in turn: a callback that was given to the loop before this task was put off runs before the task
    goes on.
    """

    def __init__(self) -> None:
        self._happened = False
        self._handle = asyncio.get_running_loop().call_soon(self._happen)

    def _happen(self) -> None:
        self._happened = True

    def happened(self) -> bool:
        """Whether this task was put off since; ask once, at the end."""
        self._handle.cancel()
        return self._happened

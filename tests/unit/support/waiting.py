"""Waiting in the loop for what another task does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(check: Callable[[], bool], within: float = 60.0) -> None:
    """Let the other tasks run until `check` holds; raises `TimeoutError` after so many seconds."""
    async with asyncio.timeout(within):
        while not check():  # noqa: ASYNC110 - what is waited for is the code's own, and sets no event
            await asyncio.sleep(0.001)

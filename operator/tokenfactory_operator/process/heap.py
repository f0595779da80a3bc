"""Keeps the garbage collector away from what is held for long.

A full collection walks over everything that is held, and nothing else runs meanwhile: a third of a second with ten
thousand objects. What lives long is set aside, so that a collection in between walks over what is new only.
"""

from __future__ import annotations

import asyncio
import gc
from typing import Final

FIRST: Final = (5.0, 25.0)
"""Seconds after which it is done at the start, when most of what is held for long comes."""
INTERVAL: Final = 600.0
"""Seconds between two times; what was set aside and is garbage by now is found then."""


async def keep_apart() -> None:
    """Set aside what is held, from now on and until cancelled."""
    for pause in FIRST:
        gc.freeze()
        await asyncio.sleep(pause)
    while True:
        set_aside()
        await asyncio.sleep(INTERVAL)


def set_aside() -> None:
    """Collect what is garbage, and have later collections leave out what is not."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()

"""Keeps the garbage collector away from what is held for long.

A full collection walks over everything that is held, and nothing else runs meanwhile: a third of a second with ten
thousand objects. What lives long is set aside, so that a collection in between walks over what is new only.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
from typing import Final

FIRST: Final = (5.0, 25.0)
"""Seconds after which it is done at the start, when most of what is held for long comes."""
INTERVAL: Final = 600.0
"""Seconds between two times; what was set aside and is garbage by now is found then."""

THRESHOLD: Final = (10_000, 10, 10)
"""Objects that are new since a collection until the next one, in place of 700 (gc.set_threshold).

The JSON of a LIST is nothing but new objects, and no garbage: collections took two fifths of the time to read it.
"""

LARGE: Final = 128 * 1024
"""Bytes from which on a block is given back to the system when it is free: glibc's own first value (mallopt(3))."""
_M_MMAP_THRESHOLD: Final = -3


def collect_seldom() -> None:
    """Look for garbage less often, from the start on, and never in what was imported."""
    gc.freeze()
    gc.set_threshold(*THRESHOLD)


def give_back_large_blocks() -> bool:
    """Have the allocator give each large block back, if it can be told so; answers whether it could.

    glibc raises the limit whenever a large block is freed. Then it keeps the texts of LISTs of many endpoints: with
    10,000 of them 131 MiB were resident in place of 84.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_MMAP_THRESHOLD, LARGE))


async def keep_apart() -> None:
    """Set aside what is held, from now on and until cancelled."""
    give_back_large_blocks()
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

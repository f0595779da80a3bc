"""What is held for long is left out of garbage collections, and garbage is found all the same."""

from __future__ import annotations

import asyncio
import gc
import json
import platform
import weakref
from collections.abc import Iterator

import pytest

from tokenfactory_operator.process import heap

pytestmark = pytest.mark.looptime


class Node:
    """Something that can be part of a cycle."""

    other: Node


def cycle() -> weakref.ref[Node]:
    """Garbage that only a collection finds."""
    node = Node()
    node.other = node
    return weakref.ref(node)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Other tests have the collector as it was."""
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have no such setting")
def test_the_allocator_gives_large_blocks_back() -> None:
    """The setting is accepted."""
    assert heap.give_back_large_blocks()


def test_reading_a_page_of_objects_collects_nothing() -> None:
    """By default each seven hundred new objects bring a collection, and a page has thousands."""
    before_it = gc.get_freeze_count()
    heap.collect_seldom()
    assert gc.get_freeze_count() > before_it, "nor is what was imported looked through"
    gc.collect()
    before = [each["collections"] for each in gc.get_stats()]
    page = json.loads(json.dumps([{"metadata": {"name": str(number)}} for number in range(2_000)]))
    assert [each["collections"] for each in gc.get_stats()] == before
    assert len(page) == 2_000


async def test_what_is_held_is_set_aside_at_the_start() -> None:
    """From the first moment on: the LIST of the objects has come by then."""
    before = gc.get_freeze_count()
    task = asyncio.create_task(heap.keep_apart())
    await asyncio.sleep(0)
    assert gc.get_freeze_count() > before
    task.cancel()


async def test_garbage_that_was_set_aside_is_found() -> None:
    """It is so after each interval, also what became garbage later."""
    task = asyncio.create_task(heap.keep_apart())
    await asyncio.sleep(sum(heap.FIRST) + 1)
    garbage = cycle()
    gc.freeze()
    assert garbage() is not None
    await asyncio.sleep(heap.INTERVAL)
    assert garbage() is None
    assert gc.get_freeze_count() > 0
    task.cancel()

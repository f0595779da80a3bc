"""What the loop tells of kopf's own tasks and generators: nothing, since `watch` raises what matters."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from typing import Any, Final

import kopf
import pytest

from tokenfactory_operator.process import handlers

FAILS: Final = """
async def task():
    raise AssertionError

async def generator():
    try:
        yield
    finally:
        raise AssertionError
"""


def compiled(file: Path) -> dict[str, Any]:
    """The functions above, as if they stood in that file."""
    found: dict[str, Any] = {}
    exec(compile(FAILS, str(file), "exec"), found)  # noqa: S102 - the text above
    return found


async def nobody_asks(file: Path) -> None:
    """A task fails and nobody asks for it; a generator fails while the loop closes it."""
    asyncio.get_running_loop().set_exception_handler(handlers.left_out)
    functions = compiled(file)
    await asyncio.wait([asyncio.create_task(functions["task"]())])
    gc.collect()
    generator = functions["generator"]()
    await anext(generator)
    await asyncio.get_running_loop().shutdown_asyncgens()


@pytest.mark.parametrize(
    ("file", "told"),
    [
        pytest.param(Path(kopf.__file__).parent / "_core" / "any.py", [], id="kopf"),
        pytest.param(
            Path(handlers.__file__),
            ["Task exception was never retrieved", "an error occurred during closing"],
            id="own",
        ),
    ],
)
async def test_what_nobody_asked_for(file: Path, told: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """Kopf's is left out, at any time; that of anybody else is told."""
    await nobody_asks(file)
    assert [record.message[: len(text)] for record, text in zip(caplog.records, told, strict=True)] == told


async def test_nothing_is_remembered_between_two_events() -> None:
    """Kopf's memory of an object is for kinds of handlers that this operator does not have."""
    memories, body = handlers.Forgetful(), kopf.RawBody(metadata={"uid": "a"})
    await memories.recall(body, noticed_by_listing=True)
    assert list(memories.iter_all_memories()) == []


def test_kopf_copies_no_object_to_find_differences() -> None:
    """What it asks of its storage costs the same whatever the object is, and writes nothing to it."""
    storage = handlers.build_settings("").persistence.diffbase_storage
    body = kopf.Body({"metadata": {"uid": "a"}, "spec": {"model": "m"}})
    patch = kopf.Patch()
    essence = storage.build(body=body)
    storage.store(body=body, patch=patch, essence=essence)
    assert (essence, storage.fetch(body=body), patch) == ({}, None, {})

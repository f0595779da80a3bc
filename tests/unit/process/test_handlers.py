"""What kopf is set to: it remembers nothing between two events and copies nothing."""

from __future__ import annotations

import kopf

from tokenfactory_operator.process import handlers


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

"""What kopf is set to: it remembers nothing between two events and copies nothing."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, cast

import kopf
import pytest
from kopf._cogs.structs.credentials import Vault
from kopf._core.engines.activities import authenticate
from kopf._core.engines.indexing import OperatorIndexers

from tokenfactory_operator.kube.errors import SetupError
from tokenfactory_operator.kube.login import Connection
from tokenfactory_operator.ports import JsonObject
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


async def test_a_token_that_is_being_replaced_is_read_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kopf would wait for a minute, and nothing would be watched meanwhile; a certificate may be half written too."""
    failures: list[Exception] = [SetupError("empty"), ssl.SSLError("half a file"), ValueError("no certificate")]

    async def load() -> Connection:
        if failures:
            raise failures.pop()
        return Connection(server="http://127.0.0.1:1")

    monkeypatch.setattr(handlers, "load_connection", load)
    monkeypatch.setattr(handlers, "LOGIN_AGAIN", 0.01)
    settings, vault, memo = handlers.build_settings(""), Vault(), cast("Any", kopf.Memo())

    async def settled(_body: JsonObject) -> None:
        """Nothing is under way."""

    registry = handlers.build_registry(
        settings, lambda _kind, _body: None, None, is_known=lambda _: False, settled=settled
    )
    async with asyncio.timeout(5.0):
        await authenticate(
            registry=registry, settings=settings, indices=OperatorIndexers().indices, vault=vault, memo=memo
        )
    _, item = vault.select()
    assert isinstance(item.info, kopf.AiohttpSession)
    await item.info.aiohttp_session.close()

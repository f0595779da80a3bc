"""Secrets by their metadata, and of one that is read only the keys that are asked for."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.kube.lean import METADATA, METADATA_LIST
from tokenfactory_operator.kube.secrets import KubeSecrets, is_collection
from tokenfactory_operator.ports import Key
from unit.kube.loopback import Request, answer, client_of, loopback

KEY = Key("ml", "key")


def stored(labels: dict[str, str], **data: bytes) -> dict[str, Any]:
    """As the API server has it."""
    values = {name: base64.b64encode(value).decode() for name, value in data.items()}
    metadata = {"namespace": "ml", "name": "key", "uid": "u", "resourceVersion": "1", "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": values}


LABELS = {api.CREDENTIALS_LABEL: "true"}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        pytest.param(b"token", "token", id="a token"),
        pytest.param(b"\n token \n", "token", id="white space around it"),
        pytest.param(b" " * 9000 + b"token", "token", id="much of it"),
        pytest.param(b"x" * 700_000, "x" * 4097, id="too long to be one"),
        pytest.param(b"\xff\xfe", "\ufffd\ufffd", id="no text"),
    ],
)
async def test_only_what_is_asked_for_is_read(value: bytes, read: str) -> None:
    """Other keys stay in the answer; what is kept is bounded."""
    body = stored(LABELS, token=value, spare=b"never-read")
    async with loopback(lambda _: answer(body)) as server, client_of(server) as client:
        found = await KubeSecrets(client).read(KEY, {"token", "none"})
    assert found is not None
    assert {name: each.get_secret_value() for name, each in found["data"].items()} == {"token": read}
    assert "labels" not in found["metadata"]


async def test_all_else_is_metadata() -> None:
    """Listing, looking and writing ask for no value."""
    body = stored(LABELS)

    def respond(request: Request) -> bytes:
        return answer({"metadata": {"resourceVersion": "9"}, "items": [body]} if "limit" in request.target else body)

    async with loopback(respond) as server, client_of(server) as client:
        secrets = KubeSecrets(client)
        listed, _ = await secrets.list_all(["ml"])
        looked = await secrets.get(KEY)
        written = await secrets.set_finalizers(KEY, ("x",), resource_version="1")
    assert listed[0] == looked == written
    assert set(written) == {"apiVersion", "kind", "metadata"}
    assert [request.headers["Accept"] for request in server.requests] == [METADATA_LIST, METADATA, METADATA]
    assert [is_collection(request.target.partition("?")[0]) for request in server.requests] == [True, False, False]


async def test_a_stranger_is_not_there() -> None:
    """Nobody can point the operator at a Secret that its owner has not labelled."""
    async with loopback(lambda _: answer(stored({}, token=b"x"))) as server, client_of(server) as client:
        assert await KubeSecrets(client).read(KEY, {"token"}) is None
        assert await KubeSecrets(client).get(KEY) is None

"""Whatever is raised at a call, or at its answer, the caller gets a `CloudError`."""

from __future__ import annotations

import json

import httpx
import pytest
from pydantic import SecretStr

from tokenfactory_operator.cloud.client import HttpCloud
from tokenfactory_operator.cloud.paging import CURSOR_LIMIT, parse_page
from tokenfactory_operator.cloud.transport import CloudSettings
from tokenfactory_operator.domain.errors import CloudError, OperatorDefect
from tokenfactory_operator.network.proxies import ProxyError
from unit.cloud.support import (
    CREATE,
    TOKEN,
    URL,
    ManualClock,
    Operation,
    chain,
    cloud_before,
    endpoint_json,
    every_operation,
    reply,
    scripted,
)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(KeyError("x"), id="KeyError"),
        pytest.param(UnicodeEncodeError("utf-8", "x", 0, 1, "surrogates not allowed"), id="UnicodeEncodeError"),
        pytest.param(httpx.InvalidURL("URL too long"), id="InvalidURL"),
        pytest.param(RecursionError(), id="RecursionError"),
        pytest.param(MemoryError(), id="MemoryError"),
    ],
)
@every_operation
async def test_any_exception_is_a_failed_call(operation: Operation, error: Exception) -> None:
    """A fault of ours is told as such, without what hangs on it, and the client goes on serving."""
    script = scripted(error, reply(200, {"data": []}))
    async with cloud_before(script) as cloud:
        with pytest.raises(OperatorDefect) as raised:
            await operation(cloud)
        assert not raised.value.refused
        assert list(chain(raised.value)) == [raised.value]
        assert (await cloud.list_endpoints()).complete


async def test_a_defect_is_handed_on() -> None:
    """Whoever counts and logs defects gets the exception itself, once."""
    noted: list[tuple[BaseException, str, bool]] = []

    def note(error: BaseException, doing: str, /, *, refused: bool = False) -> CloudError:
        noted.append((error, doing, refused))
        return OperatorDefect("told")

    def answer(_: httpx.Request) -> httpx.Response:
        raise cause

    cause = KeyError("x")
    client = HttpCloud(
        CloudSettings(base_url=URL),
        token=lambda: SecretStr(TOKEN),
        clock=ManualClock(),
        transport=httpx.MockTransport(answer),
    )
    client.on_defect = note
    async with client as cloud:
        with pytest.raises(OperatorDefect, match="told"):
            await cloud.create_endpoint(CREATE)
    assert noted == [(cause, "creating the endpoint", False)]


CURSORS = [
    pytest.param("x" * 70_000, id="70,000 characters"),
    pytest.param("x" * (CURSOR_LIMIT + 1), id="one too long"),
    pytest.param("\ud800", id="half of a surrogate pair"),
    pytest.param("a\r\nb", id="line break"),
    pytest.param("\u202e", id="bidirectional"),
    pytest.param(10**4000, id="a number without end"),
    pytest.param(1.5, id="a fraction"),
    pytest.param(["x"], id="a list"),
]


@pytest.mark.parametrize("field", ["next_page_token", "after"])
@pytest.mark.parametrize("cursor", CURSORS)
async def test_a_page_token_that_cannot_be_sent(field: str, cursor: object) -> None:
    """The LIST ends there as incomplete, whatever else the page says; what it shows is taken."""
    page = {"data": [endpoint_json()], field: cursor, "has_more": False}
    script = scripted(httpx.Response(200, content=json.dumps(page)))
    async with cloud_before(script) as cloud:
        listed = await cloud.list_endpoints()
    assert ([endpoint.id for endpoint in listed.endpoints], listed.complete) == (["ep-1"], False)
    assert "page token" in listed.problem
    assert len(script.requests) == 1


def test_the_longest_page_token_is_followed() -> None:
    """The bound is where it is said to be."""
    page = parse_page({"data": [], "next_page_token": "x" * CURSOR_LIMIT})
    assert page is not None
    assert page.next is not None


def test_an_unusable_proxy_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable, not its value."""
    monkeypatch.setenv("HTTPS_PROXY", "gopher://user:secret@127.0.0.1:1")
    with pytest.raises(ProxyError, match="HTTPS_PROXY") as raised:
        HttpCloud(CloudSettings(base_url="https://api.invalid"), token=lambda: SecretStr(TOKEN), clock=ManualClock())
    assert "secret" not in "".join(map(str, chain(raised.value)))


@pytest.mark.parametrize("host", ["10.0.0.300", "-\u00fc"])
def test_a_proxy_whose_host_is_none_ends_the_start(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """It would fail at each call."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@{host}:3128")
    with pytest.raises(ProxyError, match="HTTPS_PROXY") as raised:
        HttpCloud(CloudSettings(base_url="https://api.invalid"), token=lambda: SecretStr(TOKEN), clock=ManualClock())
    assert "secret" not in "".join(map(str, chain(raised.value)))

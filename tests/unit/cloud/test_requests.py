"""Requests and the connection that one is sent on: addresses as httpx joins them, and nothing after the end."""

from __future__ import annotations

import httpx
import pytest
from pydantic import SecretStr

from tokenfactory_operator.cloud.call import Call
from tokenfactory_operator.cloud.client import HttpCloud
from tokenfactory_operator.cloud.requests import Connection, Requests
from tokenfactory_operator.cloud.transport import CloudSettings, Progress
from tokenfactory_operator.domain.errors import OperatorDefect
from unit.cloud.support import CREATE, TOKEN, URL, ManualClock, chain, reply, scripted


def requests_to(base_url: str) -> Requests:
    """Requests to an address."""
    return Requests(base_url, request_timeout=9, connect_timeout=10, agent="tests")


def asked(requests: Requests, call: Call) -> httpx.Request:
    """The request of a call."""
    return requests.of(call, SecretStr(TOKEN), Progress().trace)


@pytest.mark.parametrize("params", [{}, {"ai_project_id": "p-1"}, {"after": "a b&c=d/é", "x": ""}], ids=len)
@pytest.mark.parametrize("path", ["/v0/dedicated_endpoints", "/v0/dedicated_endpoints/a%2Fb%3A"])
@pytest.mark.parametrize(
    "base", ["https://host", "https://host/", "http://host:81/pre/fix", "http://[::1]:81/p/", "https://bücher.test"]
)
def test_an_address(base: str, path: str, params: dict[str, str]) -> None:
    """It is the one that a client of httpx would ask, the second time too, and so is the host."""
    requests = requests_to(base)
    expected = httpx.AsyncClient(base_url=base).build_request("GET", path, params=params or None)
    for _ in range(2):
        request = asked(requests, Call("GET", path, "listing", params=params))
        assert (request.url, request.headers["host"]) == (expected.url, expected.headers["host"])


def test_two_calls_in_turns() -> None:
    """A call gets its own address, whatever was asked before it."""
    requests = requests_to(URL)
    calls = [Call("GET", "/a", "listing", params={"page": str(number)}) for number in range(20)]
    urls = [str(asked(requests, call).url) for call in (*calls, *calls)]
    assert urls == [f"{URL}/a?page={number}" for number in range(20)] * 2


@pytest.mark.parametrize(("method", "body"), [("POST", {"name": "ü"}), ("PATCH", {}), ("GET", None), ("DELETE", None)])
async def test_a_body_has_its_length(method: str, body: dict[str, str] | None) -> None:
    """A body is JSON of the length that the headers say; without one they say nothing of it."""
    request = asked(requests_to(URL), Call(method, "/a", "calling", body=body))
    expected = httpx.Request(method, f"{URL}/a", json=body)
    names = ("content-length", "content-type", "transfer-encoding")
    assert [request.headers.get(name) for name in names[1:]] == [expected.headers.get(name) for name in names[1:]]
    sent = await request.aread()
    assert request.headers.get("content-length") == (str(len(sent)) if body is not None else None)


def test_no_step_takes_longer_than_the_request() -> None:
    """Connecting has a time-out of its own, which is within that of the request."""
    timeouts = asked(requests_to(URL), Call("GET", "/a", "listing")).extensions["timeout"]
    assert timeouts == {"connect": 9, "read": 9, "write": 9, "pool": 9}


async def test_nothing_is_sent_after_the_end() -> None:
    """A transport of httpx would connect again."""
    script = scripted(reply(200, {}))
    connection = Connection(httpx.MockTransport(script), requests_to(URL))
    await connection.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await connection.send(asked(connection.requests, Call("GET", "/a", "listing")))
    assert not script.requests


async def test_a_defect_in_reading_the_token() -> None:
    """Nothing was sent, and the error says so: no endpoint can have been made."""

    def broken() -> SecretStr:
        raise KeyError("x")

    script = scripted(reply(200, {}))
    transport = httpx.MockTransport(script)
    async with HttpCloud(CloudSettings(base_url=URL), token=broken, clock=ManualClock(), transport=transport) as cloud:
        with pytest.raises(OperatorDefect) as raised:
            await cloud.create_endpoint(CREATE)
    assert (raised.value.refused, script.requests, list(chain(raised.value))) == (True, [], [raised.value])

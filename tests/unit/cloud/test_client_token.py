"""What a request carries of the caller, and what is told of it: the token of the moment, no cookie, one observation."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from pydantic import SecretStr

from tokenfactory_operator.cloud.client import HttpCloud
from tokenfactory_operator.cloud.transport import CloudSettings
from tokenfactory_operator.domain.errors import CloudError, CredentialsError, Unauthorized
from unit.cloud.support import (
    OPERATIONS,
    URL,
    ManualClock,
    Operation,
    cloud_before,
    every_operation,
    reply,
    scripted,
)


async def test_a_rotated_token_is_followed() -> None:
    """Each request carries the token as it is then."""
    script = scripted(reply(200, {"data": []}))
    tokens = iter(["first-token", " second-token\n"])
    client = HttpCloud(
        CloudSettings(base_url=URL),
        token=lambda: SecretStr(next(tokens)),
        clock=ManualClock(),
        transport=httpx.MockTransport(script),
    )
    async with client as cloud:
        await cloud.list_endpoints()
        await cloud.list_endpoints()
    assert [request.headers["authorization"] for request in script.requests] == [
        "Bearer first-token",
        "Bearer second-token",
    ]


def _no_file() -> SecretStr:
    raise FileNotFoundError(2, "No such file", "/etc/token")


def _no_secret() -> SecretStr:
    raise CredentialsError("the Secret has no key token")


@every_operation
@pytest.mark.parametrize(
    "provider",
    [
        pytest.param(lambda: SecretStr(""), id="empty"),
        pytest.param(lambda: SecretStr("two\nlines-of-token"), id="line break"),
        pytest.param(lambda: SecretStr("schlüssel"), id="not ASCII"),
        pytest.param(_no_file, id="no file"),
        pytest.param(_no_secret, id="no Secret"),
    ],
)
async def test_without_a_usable_token_nothing_is_sent(operation: Operation, provider: Callable[[], SecretStr]) -> None:
    """A missing token waits for the user, and surely had no effect."""
    script = scripted(reply(200, {}))
    client = HttpCloud(
        CloudSettings(base_url=URL), token=provider, clock=ManualClock(), transport=httpx.MockTransport(script)
    )
    async with client as cloud:
        with pytest.raises(Unauthorized) as raised:
            await operation(cloud)
    assert (raised.value.refused, script.requests) == (True, [])
    assert "TOKENFACTORY_TOKEN_FILE" in raised.value.message


async def test_cookies_are_not_kept() -> None:
    """An answer cannot make later requests carry anything."""
    script = scripted(reply(200, {"data": []}, set_cookie="session=1; Path=/"))
    async with cloud_before(script) as cloud:
        await cloud.list_endpoints()
        await cloud.list_endpoints()
    assert "cookie" not in script.requests[1].headers


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param(reply(500, {"detail": "x"}), "500", id="an answer"),
        pytest.param(httpx.ReadError("reset"), "none", id="no answer"),
    ],
)
@pytest.mark.parametrize("name", OPERATIONS)
async def test_each_request_is_observed_once(name: str, answer: httpx.Response | Exception, code: str) -> None:
    """By its operation and what came of it, failed ones too: the metrics are made from this."""
    seen: list[tuple[str, int | str, float]] = []
    client = HttpCloud(
        CloudSettings(base_url=URL),
        token=lambda: SecretStr("a-token-for-tests"),
        clock=ManualClock(),
        transport=httpx.MockTransport(scripted(answer)),
        observe=lambda operation, status, seconds: seen.append((operation, status, seconds)),
    )
    async with client as cloud:
        with pytest.raises(CloudError):
            await OPERATIONS[name](cloud)
    assert seen == [(name, code, 0.0)]

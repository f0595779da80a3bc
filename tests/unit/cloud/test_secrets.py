"""The token stays inside, whatever the cloud echoes and whatever the libraries log."""

from __future__ import annotations

import asyncio
import base64
import html
import json
import logging
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tokenfactory_operator.cloud.auth import REDACTED, BearerAuth, redacted
from tokenfactory_operator.cloud.call import Answer, Call
from tokenfactory_operator.cloud.client import HttpCloud
from tokenfactory_operator.cloud.failures import Advice, from_answer
from tokenfactory_operator.cloud.requests import Requests
from tokenfactory_operator.cloud.transport import CloudSettings, Progress
from tokenfactory_operator.domain.errors import CloudError
from unit.cloud.support import CREATE, OPERATIONS, TOKEN, ManualClock, Operation, chain, cloud_before, scripted

VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=40)
QUOTINGS = st.sampled_from(
    [str, quote, html.escape, lambda token: json.dumps(token)[1:-1], lambda token: repr(token)[1:-1]]
)


@asynccontextmanager
async def echoing_server(answer: Callable[[str], bytes]) -> AsyncIterator[str]:
    """A raw HTTP server that answers bytes made of the Authorization header it got, then hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        sent = next(line for line in head.splitlines() if line.lower().startswith("authorization:"))
        writer.write(answer(sent.partition(":")[2].strip()))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def _json_echo(header: str) -> bytes:
    body = json.dumps({"detail": f"Invalid API key: {header.removeprefix('Bearer ')}"}).encode()
    return b"HTTP/1.1 401 No\r\nX-Echo: %b\r\nContent-Length: %d\r\n\r\n%b" % (header.encode(), len(body), body)


def _page_echo(header: str) -> bytes:
    body = f"<html><title>Bad header Authorization: {header}</title>".encode()
    return b"HTTP/1.1 502 Bad\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def _broken_echo(header: str) -> bytes:
    return f"{header} is no HTTP\r\n\r\n".encode()


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.parametrize("answer", [_json_echo, _page_echo, _broken_echo], ids=["JSON", "page", "no HTTP"])
async def test_an_echo_does_not_come_out(
    operation: Operation, answer: Callable[[str], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the error, nor what hangs on it, nor a log line at the lowest level shows the token."""
    caplog.set_level(logging.DEBUG)
    async with echoing_server(answer) as url:
        settings = CloudSettings(base_url=url, trust_env=False)
        async with HttpCloud(settings, token=lambda: SecretStr(TOKEN), clock=ManualClock()) as cloud:
            with pytest.raises(CloudError) as raised:
                await operation(cloud)
            seen = [repr(cloud), str(vars(cloud)), *_everything(raised.value), caplog.text]
    assert {record.name.partition(".")[0] for record in caplog.records} >= {"httpcore"}
    assert not [text for text in seen if TOKEN in text]


def _everything(error: BaseException) -> list[str]:
    """All that anybody could print of an error; nothing of the transport hangs on it."""
    linked = list(chain(error))
    assert not [each for each in linked if isinstance(each, httpx.HTTPError)]
    return [text for each in linked for text in (str(each), repr(each), str(vars(each)))] + traceback.format_exception(
        error
    )


async def test_a_token_that_the_transport_refuses(caplog: pytest.LogCaptureFixture) -> None:
    """A token with a line break inside never reaches the library that would quote it."""
    caplog.set_level(logging.DEBUG)
    bad = f"{TOKEN}\r\nX-Injected: 1"
    async with cloud_before(scripted(httpx.Response(200)), token=bad) as cloud:
        with pytest.raises(CloudError) as raised:
            await cloud.create_endpoint(CREATE)
    assert not [text for text in (*_everything(raised.value), caplog.text) if TOKEN in text]


def test_a_transport_log_line_with_the_token_is_cleaned(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever version of the transport logs headers or an exception that quotes them, they are cut."""
    HttpCloud(CloudSettings(), token=lambda: SecretStr(TOKEN), clock=ManualClock())
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpcore.http11").debug(
        "send_request_headers.started headers=[(b'Authorization', b'x %s')]", TOKEN
    )
    logging.getLogger("httpcore.connection").debug("connect_tcp.failed exception=E('Bearer %s')", TOKEN)
    logging.getLogger("httpx").info("HTTP Request: %s", "GET https://host/?x=1")
    assert [record.getMessage() for record in caplog.records] == [
        "send_request_headers.started",
        f"connect_tcp.failed exception=E('Bearer {REDACTED}')",
        "HTTP Request: GET https://host/?x=1",
    ]


def test_reprs() -> None:
    """What holds a token or a way to it does not show it."""
    auth = BearerAuth(lambda: SecretStr(TOKEN))
    requests = Requests("http://cloud.test", request_timeout=1, connect_timeout=1, agent="tests")
    request = requests.of(Call("GET", "/", "listing"), auth.token(), Progress().trace)
    answer = Answer(401, httpx.Headers({"x-echo": TOKEN}), TOKEN.encode(), SecretStr(TOKEN))
    shown = f"{auth!r} {vars(auth)} {vars(requests)} {request!r} {request.headers!r} {answer!r}"
    assert request.headers["authorization"].endswith(TOKEN)
    assert TOKEN not in shown


@given(VISIBLE, st.text(max_size=20), QUOTINGS, st.sampled_from(["detail", "message", "page"]))
def test_canary(tail: str, around: str, quoted: Callable[[str], str], form: str) -> None:
    """A token of any visible characters, quoted in any usual way, is taken out of error texts."""
    token = f"canary-{tail}"
    text = f"{around} {quoted(token)} {around}"
    content = text.encode(errors="replace") if form == "page" else json.dumps({form: text}).encode()
    answer = Answer(500, httpx.Headers(), content, SecretStr(token))
    error = from_answer(Call("GET", "/", "listing"), answer, retry_after=None, advice=Advice())
    assert "canary-" not in error.message


PARTS = [
    pytest.param(lambda token: f"begins with {token[:20]}…", id="its head"),
    pytest.param(lambda token: f"ends in …{token[-20:]}", id="its tail"),
    pytest.param(lambda token: f"<title>{token[5:17]}</title>", id="twelve characters in a page's title"),
    pytest.param(lambda token: base64.b64encode(token.encode()).decode(), id="base64"),
    pytest.param(lambda token: base64.b64encode(f"Bearer {token}".encode()).decode(), id="base64 of the header"),
    pytest.param(lambda token: base64.b64encode(f"user:{token}".encode()).decode(), id="base64 of basic credentials"),
    pytest.param(lambda token: "Bearer " + "".join(f"&#{ord(char)};" for char in token), id="entities after Bearer"),
]


@pytest.mark.parametrize("echo", PARTS)
def test_a_part_does_not_come_out(echo: Callable[[str], str]) -> None:
    """Twelve characters in a row are taken out as the whole is, in base64 too: servers cut and wrap what they quote."""
    token = "Xk7-9fQ2+mB4/tR8vL0=zP3wN6yH1cJ5"
    said = echo(token)
    spelt = (token, *(base64.b64encode(bytes(moved) + token.encode()).decode()[4:-4] for moved in range(3)))
    for content in (said.encode(), json.dumps({"detail": said}).encode()):
        answer = Answer(500, httpx.Headers(), content, SecretStr(token))
        message = from_answer(Call("GET", "/", "listing"), answer, retry_after=None, advice=Advice()).message
        assert REDACTED in message
        assert not [part for form in spelt for at in range(len(form) - 11) if (part := form[at : at + 12]) in message]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Bearer abc123def456 is wrong", f"Bearer {REDACTED} is wrong", id="a token that is not ours"),
        pytest.param("authorization: bearer abc123", f"authorization: bearer {REDACTED}", id="header line"),
        pytest.param("{'Authorization': 'Bearer a1b2'}", f"{{'Authorization': 'Bearer {REDACTED}'}}", id="quoted"),
        pytest.param("Bearer authentication is required", "Bearer authentication is required", id="prose"),
    ],
)
def test_bearer(text: str, expected: str) -> None:
    """Anything like a bearer token goes, sentences about them stay."""
    assert redacted(text, SecretStr("other-token")) == expected


def test_a_cut_token_does_not_come_out() -> None:
    """Bounding a text never leaves the head of a token at its end."""
    for padding in range(180, 260):
        content = json.dumps({"detail": "x" * padding + TOKEN}).encode()
        answer = Answer(500, httpx.Headers(), content, SecretStr(TOKEN))
        error = from_answer(Call("GET", "/", "listing"), answer, retry_after=None, advice=Advice())
        assert TOKEN[:6] not in error.message

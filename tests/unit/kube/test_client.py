"""Requests that end badly, and credentials that change."""

from __future__ import annotations

import asyncio
import socket
import traceback
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from tokenfactory_operator.domain.errors import KubeConflict, KubeError
from tokenfactory_operator.kube import sessions
from tokenfactory_operator.kube.client import DRY_RUN, MERGE_PATCH, KubeClient, connect
from tokenfactory_operator.kube.errors import ApiServerError, NoAnswer, SetupError
from tokenfactory_operator.kube.login import Connection
from unit.kube.loopback import CANARY, Request, Respond, answer, client_of, loopback, status_answer


async def test_sends_what_was_asked() -> None:
    """Method, path, query, body, media type, user agent and credentials arrive."""
    async with loopback(lambda _: answer({"kind": "X"})) as server, client_of(server) as client:
        document = await client.request(
            "PATCH", "/x", query=[("fieldManager", "m")], body={"a": ("b", None)}, content_type=MERGE_PATCH
        )
    assert document == {"kind": "X"}
    (request,) = server.requests
    assert (request.method, request.target) == ("PATCH", "/x?fieldManager=m")
    assert request.json == {"a": ["b", None]}
    assert request.headers["Content-Type"] == MERGE_PATCH
    assert request.headers["User-Agent"] == "tokenfactory-operator"
    assert request.headers["Authorization"] == f"Bearer {CANARY}"


SILENCE: Final = 3.0
"""Seconds for a request that is not answered: it has arrived by then, however busy the machine."""


@pytest.mark.parametrize(
    ("respond", "expected"),
    [
        pytest.param(lambda _: None, NoAnswer, id="no answer"),
        pytest.param(lambda _: b"", NoAnswer, id="closed without an answer"),
        pytest.param(lambda _: b"garbage\r\n\r\n", KubeError, id="no HTTP"),
        pytest.param(lambda _: b"HTTP/1.1 200 X\r\nContent-Length: 99\r\n\r\n{", NoAnswer, id="cut off"),
        pytest.param(lambda _: answer("<html>"), KubeError, id="no JSON"),
        pytest.param(lambda _: answer(""), KubeError, id="empty 200"),
        pytest.param(lambda _: answer([1]), KubeError, id="a list"),
        pytest.param(lambda _: answer("<html>", status=502), ApiServerError, id="HTML error"),
        pytest.param(lambda _: status_answer(409, "Conflict"), KubeConflict, id="conflict"),
        pytest.param(lambda _: status_answer(401, "Unauthorized"), ApiServerError, id="unauthorized"),
    ],
)
async def test_every_failure_is_a_kube_error(respond: Respond, expected: type[KubeError]) -> None:
    """Nothing else gets out, a write is sent once, and no trace shows the token."""
    within = SILENCE if respond(Request("", "", {}, b"")) is None else 30.0
    async with loopback(respond) as server, client_of(server, request_timeout=within) as client:
        with pytest.raises(KubeError) as caught:
            await client.request("PATCH", "/x", body={})
    assert type(caught.value) is expected
    assert len(server.requests) == 1
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert CANARY not in repr(caught.value.__cause__)


async def test_retry_after_reaches_the_caller() -> None:
    """An overloaded API server says how long to wait."""
    respond = status_answer(429, "TooManyRequests", Retry_After="3")
    async with loopback(lambda _: respond) as server, client_of(server) as client:
        with pytest.raises(ApiServerError) as caught:
            await client.request("GET", "/x")
    assert caught.value.retry_after == 3.0


async def test_connection_refused() -> None:
    """A server that is not there is a transient failure like any other."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refuses, and nobody else gets the port
        connection = Connection(server=f"http://127.0.0.1:{taken.getsockname()[1]}")

        async def load() -> Connection:
            return connection

        async with await connect(load) as client:
            with pytest.raises(NoAnswer):
                await client.request("GET", "/x")


async def test_another_clusters_token_is_not_sent() -> None:
    """The current context of a kubeconfig may be another one by the time at which the token is read again."""
    async with loopback(lambda _: answer({})) as server:

        async def load() -> Connection:
            return replace(server.connection(token="of-another-cluster"), server="https://other.example")

        connection = server.connection(token="old", expires_in=timedelta(seconds=-1))
        async with KubeClient(connection, load) as client:
            with pytest.raises(KubeError, match=r"https://other\.example by now.*start it again"):
                await client.request("GET", "/x")
    assert server.requests == []


@pytest.mark.parametrize(
    ("expires_in", "first_status", "tokens"),
    [
        pytest.param(timedelta(hours=1), 200, ["old", "old"], id="still good"),
        pytest.param(timedelta(seconds=-1), 200, ["new", "new"], id="expired"),
        pytest.param(timedelta(hours=1), 401, ["old", "new"], id="rejected"),
    ],
)
async def test_credentials_are_loaded_again(expires_in: timedelta, first_status: int, tokens: list[str]) -> None:
    """A token is read again once it has expired or was not accepted, and not before."""

    def respond(_: object) -> bytes:
        return status_answer(401, "Unauthorized") if (len(server.requests), first_status) == (1, 401) else answer({})

    async with loopback(respond) as server:

        async def load() -> Connection:
            return server.connection(token="new")

        async with KubeClient(server.connection(token="old", expires_in=expires_in), load) as client:
            for status in (first_status, 200):
                if status == 200:
                    await client.request("GET", "/x")
                else:
                    with pytest.raises(ApiServerError):
                        await client.request("GET", "/x")
    assert [request.headers["Authorization"] for request in server.requests] == [f"Bearer {name}" for name in tokens]


@pytest.mark.parametrize(
    ("query", "told"),
    [pytest.param((), ["event 403", "refused"], id="a write"), pytest.param((DRY_RUN,), [], id="dry")],
)
async def test_a_dry_run_is_no_write(query: tuple[tuple[str, str], ...], told: list[str]) -> None:
    """Nobody counts it, and its refusal is not that of a write."""
    heard: list[str] = []
    async with loopback(lambda _: status_answer(403, "Forbidden")) as server:

        async def load() -> Connection:
            return server.connection()

        async with await connect(
            load,
            written=lambda kind, code: heard.append(f"{kind} {code}"),
            answered=lambda _method, _path, error: heard.append("refused" if error else "taken"),
        ) as client:
            with pytest.raises(ApiServerError):
                await client.request("POST", "/api/v1/namespaces/a/events", query=query, body={})
    assert heard == told


async def test_unreadable_credentials_are_transient_in_flight() -> None:
    """A token file that is unreadable for a moment fails the request, not the process."""

    async def load() -> Connection:
        raise SetupError("gone")

    async with loopback(lambda _: answer({})) as server:
        connection = server.connection(expires_in=timedelta(seconds=-1))
        async with KubeClient(connection, load) as client:
            with pytest.raises(KubeError, match="gone"):
                await client.request("GET", "/x")
    assert not server.requests


async def test_credentials_that_take_longer_than_a_request() -> None:
    """A program of the kubeconfig may: it is run once for all requests, to its end, and the next request has them."""
    done, loads = asyncio.Event(), 0
    async with loopback(lambda _: answer({})) as server:

        async def load() -> Connection:
            nonlocal loads
            loads += 1
            await done.wait()
            return server.connection(token="new")

        connection = server.connection(expires_in=timedelta(seconds=-1))
        async with KubeClient(connection, load, request_timeout=SILENCE) as client:
            failed = await asyncio.gather(*(client.request("GET", "/x") for _ in range(2)), return_exceptions=True)
            assert all(isinstance(each, NoAnswer) for each in failed)
            assert all("no credentials were read within 3 s" in str(each) for each in failed)
            done.set()
            await client.request("GET", "/x")
    assert (loads, [request.headers["Authorization"] for request in server.requests]) == (1, ["Bearer new"])


async def test_credentials_that_are_never_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The reason is told, and the look at whether they were renewed comes to an end."""
    monkeypatch.setattr(sessions, "LOAD_TIMEOUT", 0.1)
    source = tmp_path / "kubeconfig"
    source.write_text("old", encoding="utf-8")

    async def load() -> Connection:
        await asyncio.Event().wait()
        raise AssertionError

    async with loopback(lambda _: answer({})) as server, asyncio.timeout(30.0):
        connection = replace(server.connection(expires_in=timedelta(seconds=-1)), sources=(str(source),))
        async with KubeClient(connection, load) as client:
            with pytest.raises(KubeError, match=r"within 0\.1 s: does the program"):
                await client.request("GET", "/x")
            source.write_text("new", encoding="utf-8")
            assert not await client.renewed()


async def test_unusable_certificates_are_a_setup_error(tmp_path: Path) -> None:
    """A CA that is none ends the start with a sentence, not with a traceback of ssl."""
    authority = tmp_path / "ca.crt"
    authority.write_text("no PEM", encoding="utf-8")

    async def load() -> Connection:
        return Connection(server="https://192.0.2.1", ca_path=str(authority))

    with pytest.raises(SetupError, match="certificates"):
        await connect(load)

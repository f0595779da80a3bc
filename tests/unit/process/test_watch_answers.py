"""Whatever the API server answers to kopf, or a proxy in its place, kopf goes on and brings the object in the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import kopf
import pytest
from kopf._cogs.clients.auth import vault_var
from kopf._cogs.clients.fetching import fetch_objs
from kopf._cogs.clients.scanning import scan_resources
from kopf._cogs.clients.watching import infinite_watch
from kopf._cogs.structs.credentials import Vault

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.kube import watch_session
from tokenfactory_operator.kube.lean import METADATA_LIST
from tokenfactory_operator.process import handlers
from unit.kube.loopback import Loopback, Request, answer, client_of, loopback, status_answer, status_object
from unit.process.discovery import OURS, SERVED, group, served
from unit.support.waiting import until

OBJECTS = kopf.Resource(api.GROUP, "v1", api.PLURAL, namespaced=True)
HTML = "<html><h1>Bad Gateway</h1></html>"
LISTED, NEXT, WATCHED = "list", "next page", "watch"
SECONDS = 60.0
"""For what takes a tenth of one, on whatever machine."""


def body(number: int, **metadata: object) -> dict[str, Any]:
    """An object."""
    given = {"name": f"dep-{number}", "namespace": "ml", "uid": f"uid-{number}", "resourceVersion": str(10 + number)}
    return {"metadata": {**given, **metadata}, "spec": {}}


def page(*items: object, token: object = "", version: object = "9") -> dict[str, Any]:
    """A page of a listing."""
    return {"metadata": {"resourceVersion": version, "continue": token}, "items": list(items)}


def event(kind: object, given: object) -> str:
    """A line of a watch."""
    return json.dumps({"type": kind, "object": given}) + "\n"


def without(name: str) -> dict[str, Any]:
    """An object that lacks a part of its metadata."""
    found = body(1)
    del found["metadata"][name]
    return found


class Quick:
    """Kopf's pauses, without end."""

    def __iter__(self) -> Iterator[float]:
        while True:
            yield 0.01


class Server:
    """Answers two pages and a watch; what is asked as `place` gets `bad` the first time."""

    def __init__(self, place: str, bad: bytes) -> None:
        self.place = place
        self.bad = bad
        self.asked: list[str] = []

    def __call__(self, request: Request) -> bytes:
        """An answer."""
        place = WATCHED if "watch=true" in request.target else NEXT if "continue=" in request.target else LISTED
        first = place == self.place and place not in self.asked
        self.asked.append(place)
        if first:
            return self.bad
        if place == WATCHED:
            return answer(event("ADDED", body(2)))
        return answer(page(body(0), token="more") if place == LISTED else page(body(1)))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the pauses of a loop."""
    monkeypatch.setattr(watch_session, "WATCH_EVERY", 0.01)


@contextlib.asynccontextmanager
async def session(url: str, proxy_url: str | None = None) -> AsyncIterator[kopf.OperatorSettings]:
    """Kopf is logged in, by our session."""
    settings = handlers.build_settings("")
    settings.networking.error_backoffs = Quick()
    async with client_of(Loopback(url), proxy_url=proxy_url) as client:
        info = handlers.session_of(client, settings)
        vault_var.set(Vault({"login": info}))
        try:
            yield settings
        finally:
            await info.aiohttp_session.close()


async def watched(url: str, proxy_url: str | None = None) -> AsyncIterator[Mapping[str, Any]]:
    """The events that kopf gets by our session, for ever."""
    async with session(url, proxy_url) as settings:
        async for found in infinite_watch(settings=settings, resource=OBJECTS, namespace=None):
            if isinstance(found, dict) and found["type"] != "BOOKMARK":
                yield found


async def brought(url: str) -> list[str]:
    """The names of the objects until that of the watch has come."""
    names = list[str]()
    async with asyncio.timeout(SECONDS):
        async for found in watched(url):
            names.append(found["object"]["metadata"]["name"])
            if names[-1] == "dep-2":
                return names
    raise AssertionError(names)


async def watch_for(seconds: float, url: str, proxy_url: str | None = None) -> None:
    """Watch, and give up."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for _ in watched(url, proxy_url):
                pass


ANYWHERE = [
    pytest.param(answer(HTML, status=502), id="a page of a proxy"),
    pytest.param(answer(HTML, status=503, Retry_After="Fri, 31 Dec 1999 23:59:59 GMT"), id="503 until a date"),
    pytest.param(answer(HTML), id="a page of a proxy as a success"),
    pytest.param(answer("", status=204), id="no content"),
    pytest.param(answer(""), id="nothing"),
    pytest.param(answer(HTML, status=404), id="404 of a proxy"),
    pytest.param(status_answer(429, "TooManyRequests", Retry_After="Fri, 31 Dec 2999 23:59:59 GMT"), id="a date"),
    pytest.param(status_answer(429, "TooManyRequests", Retry_After="inf"), id="for ever"),
    pytest.param(status_answer(429, "TooManyRequests", Retry_After="1e9"), id="for thirty years"),
    pytest.param(answer({"kind": "Status", "details": "soon"}, status=429), id="details that are none"),
    pytest.param(answer("", status=302, Location="/elsewhere"), id="a redirect"),
    pytest.param(answer("", status=307, Location="http://127.0.0.1:1/"), id="a redirect to nowhere"),
    pytest.param(answer("", status=308), id="a redirect without address"),
    pytest.param(status_answer(401, "Unauthorized"), id="401"),
    pytest.param(b"HTTP/1.1 401 X\r\nContent-Length: 2\r\n\r\n\xff\xfe", id="a 401 that is no text"),
    pytest.param(status_answer(410, "Expired"), id="410"),
    pytest.param(status_answer(400, "BadRequest"), id="400"),
    pytest.param(status_answer(409, "Conflict"), id="409"),
    pytest.param(answer("x", status=418), id="418"),
    pytest.param(answer("x", status=999), id="999"),
    pytest.param(b"HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\n\xff\xfe", id="an error that is no text"),
    pytest.param(b"no HTTP at all\r\n\r\n", id="no HTTP"),
    pytest.param(b"HTTP/1.1 200 X\r\nContent-Length: nine\r\n\r\n", id="a wrong head"),
    pytest.param(b"HTTP/1.1 200 X\r\nContent-Length: 900\r\n\r\n{", id="cut off"),
    pytest.param(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="wrong chunks"),
    pytest.param(b"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd", id="wrong gzip"),
    pytest.param(b"", id="closed"),
    pytest.param(answer([]), id="a list"),
    pytest.param(answer("null"), id="null"),
    pytest.param(answer("[" * 100_000), id="a deep answer"),
    pytest.param(answer(status_object(500, "InternalError")), id="a Status as a success"),
    pytest.param(
        answer({"kind": "DedicatedEndpointList", "metadata": {"resourceVersion": "9"}, "items": None}), id="null items"
    ),
    pytest.param(answer({"kind": "DedicatedEndpointList", "metadata": {"resourceVersion": "9"}}), id="no items"),
    pytest.param(answer({"items": []}), id="no version"),
    pytest.param(answer(page(version="nine")), id="a wrong version"),
    pytest.param(answer(page(token=7)), id="a token that is no text"),
    pytest.param(answer(page(None)), id="no object"),
    pytest.param(answer(page(without("uid"))), id="no uid"),
    pytest.param(answer(page({"metadata": None})), id="no metadata"),
]
WATCHES = [
    pytest.param(event("ERROR", status_object(500, "InternalError")), id="an error"),
    pytest.param(event("ERROR", {"kind": "Status", "code": 410}), id="too old"),
    pytest.param(event("ERROR", {}), id="an error without a code"),
    pytest.param(event("ERROR", None), id="an error without an object"),
    pytest.param(event("ADDED", None), id="no object"),
    pytest.param('{"object": {}}\n', id="no type"),
    pytest.param('{"type": "ADDED"}\n', id="nothing but a type"),
    pytest.param(event(["ADDED"], body(1)), id="a type that is no text"),
    pytest.param(event("ADDED", {}), id="no metadata"),
    pytest.param(event("ADDED", {"metadata": []}), id="metadata that are a list"),
    pytest.param(event("ADDED", without("uid")), id="no uid"),
    pytest.param(event("ADDED", without("name")), id="no name"),
    pytest.param(event("MODIFIED", without("resourceVersion")), id="no version"),
    pytest.param(event("DELETED", without("resourceVersion")), id="deleted without a version"),
    pytest.param(event("MODIFIED", body(1, resourceVersion="9" * 5000)), id="an endless version"),
    pytest.param(event("ADDED", body(1, uid=["a"])), id="a uid that is no text"),
    pytest.param(event("ADDED", body(1, finalizers=[1])), id="finalizers that are no text"),
    pytest.param(event("ADDED", body(1, labels=["a"])), id="labels that are none"),
    pytest.param(event("MODIFIED", {**body(9), "kind": "ConfigMap"}), id="an object of another kind"),
    pytest.param(event("BOOKMARK", {"metadata": None}), id="a bookmark without a place"),
    pytest.param(event("BOOKMARK", {"metadata": {"resourceVersion": "?"}}), id="a bookmark with a wrong place"),
    pytest.param("no JSON\n", id="no JSON"),
    pytest.param("7\n", id="a number"),
    pytest.param(event("ADDED", body(1))[:40], id="cut off"),
    pytest.param("\n\n", id="empty lines"),
]


DOCUMENTS: list[Any] = [[], {}, "no JSON", {"kind": "Status"}]
VERSIONS: list[Any] = [None, 7, {}, ""]
GROUPS: list[Any] = [
    None,
    7,
    {},
    group(name=None),
    group(name=["a"]),
    group(versions=None),
    group(versions=[None]),
    group(versions=[{}]),
    group(versions=[{"version": 7}]),
    group(preferredVersion=None),
    group(preferredVersion={}),
]
RESOURCES: list[Any] = [
    None,
    "x",
    {},
    served("x", name=None),
    served("x", name=7),
    served("x", kind=None),
    served("x", singularName=7),
    served("x", namespaced=None),
    served("x", namespaced="yes"),
    served("x", verbs=7),
    served("x", verbs=[["list"]]),
    served("x", shortNames=7),
    served("x", shortNames=[{}]),
    served("x", categories=[[]]),
]
DISCOVERIES: list[tuple[str, Any]] = [
    *((path, bad) for path in SERVED for bad in DOCUMENTS),
    *((path, {name: [] for name in document}) for path, document in SERVED.items()),
    *(("/api", {"versions": [bad, "v1"]}) for bad in VERSIONS),
    *(("/apis", {"groups": [bad, group()]}) for bad in GROUPS),
    *((path, {"resources": [bad, *SERVED[path]["resources"]]}) for path in ("/api/v1", OURS) for bad in RESOURCES),
]


@pytest.mark.parametrize("place", [LISTED, NEXT, WATCHED])
@pytest.mark.parametrize("bad", ANYWHERE)
async def test_an_answer_that_cannot_be_used(place: str, bad: bytes) -> None:
    """It ends nothing: the same is asked again, or all is listed anew."""
    async with loopback(Server(place, bad)) as server:
        names = await brought(server.url)
    assert {"dep-0", "dep-1", "dep-2"} == set(names)


@pytest.mark.rule(E39="an object of another kind")
@pytest.mark.parametrize("line", WATCHES)
async def test_a_line_that_is_no_event(line: str) -> None:
    """No part of it is believed, and all is listed anew."""
    async with loopback(Server(WATCHED, answer(line))) as server:
        names = await brought(server.url)
    assert set(names) == {"dep-0", "dep-1", "dep-2"}


@pytest.mark.parametrize(("path", "bad"), DISCOVERIES)
async def test_a_document_of_discovery_that_cannot_be_used(path: str, bad: object) -> None:
    """It is asked for again, and kopf finds what it is to watch."""
    documents, tried = dict(SERVED), [bad]

    def respond(request: Request) -> bytes:
        return answer(tried.pop() if request.target == path and tried else documents[request.target])

    async with loopback(respond) as server, session(server.url) as settings, asyncio.timeout(SECONDS):
        groups = {"", api.GROUP}
        found = await scan_resources(groups=groups, settings=settings, logger=logging.getLogger(__name__))
    assert {each.plural for each in found} == {"secrets", "namespaces", api.PLURAL}


async def test_a_server_behind_a_path() -> None:
    """As a proxy for many clusters has it: what is discovery, and what are Secrets, is known all the same."""
    root, accepted = "/k8s/clusters/c-1", dict[str, str]()

    def respond(request: Request) -> bytes:
        path = request.target.removeprefix(root)
        accepted[path.partition("?")[0]] = request.headers["Accept"]
        return answer(SERVED.get(path) or page(body(0)))

    async with loopback(respond) as server, session(server.url + root) as settings, asyncio.timeout(SECONDS):
        given: Any = {"settings": settings, "logger": logging.getLogger(__name__)}
        found = await scan_resources(groups={"", api.GROUP}, **given)
        for resource in found:
            async for _ in fetch_objs(resource=resource, namespace=None, **given):
                pass
    assert {each.plural for each in found} == {"secrets", "namespaces", api.PLURAL}
    assert accepted["/api/v1/secrets"] == METADATA_LIST
    assert accepted[f"{OURS}/{api.PLURAL}"] != METADATA_LIST


@pytest.mark.parametrize("reply", [b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", b"no HTTP\r\n\r\n", b""])
async def test_a_proxy_that_lets_nobody_through(reply: bytes) -> None:
    """It is asked again, until it does."""
    tried, often = list[int](), asyncio.Event()

    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tried.append(1)
        if len(tried) > 2:
            often.set()
        writer.write(reply)
        await writer.drain()
        writer.close()

    proxy = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with proxy:
        port = proxy.sockets[0].getsockname()[1]
        watching = asyncio.create_task(watch_for(30.0, "https://127.0.0.1:1", proxy_url=f"http://127.0.0.1:{port}"))
        await asyncio.wait_for(often.wait(), 30.0)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def test_a_page_that_is_asked_for_again_is_not_the_whole_listing() -> None:
    """A page in the middle of ten thousand objects may fail: the others are not read again."""
    api_server = Server(NEXT, answer(HTML, status=502))
    async with loopback(api_server) as server:
        await brought(server.url)
    assert api_server.asked == [LISTED, NEXT, NEXT, WATCHED]


async def test_lists_from_the_beginning_have_a_pace() -> None:
    """Each costs the API server and this process all objects, whatever is answered to the watch."""

    def respond(request: Request) -> bytes:
        return answer(event("ERROR", {"code": 500}) if "watch=true" in request.target else page(body(0)))

    def listed() -> int:
        return len([request for request in server.requests if "watch=true" not in request.target])

    async with loopback(respond) as server:
        watching = asyncio.create_task(watch_for(SECONDS, server.url))
        await until(lambda: listed() > handlers.LISTS_AT_ONCE)
        await asyncio.sleep(2.0)
        assert not watching.done()
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    assert listed() == handlers.LISTS_AT_ONCE + 1


async def test_a_redirect_is_not_followed() -> None:
    """Nobody else gets the token, and nobody else answers for the API server."""
    elsewhere = Server("", b"")
    async with loopback(elsewhere) as other:
        moved = answer("", status=302, Location=f"{other.url}/x")
        async with loopback(Server(LISTED, moved)) as server:
            await brought(server.url)
        assert other.requests == []

"""What is kept of an object, and how a listing is read whose pages would be too large."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import aiohttp
import kopf
import pytest
from kopf._cogs.clients.api import iter_jsonlines
from kopf._cogs.clients.auth import vault_var
from kopf._cogs.clients.fetching import fetch_objs
from kopf._cogs.clients.watching import infinite_watch
from kopf._cogs.structs.credentials import Vault

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.kube.echoes import Known
from tokenfactory_operator.kube.lean import METADATA, METADATA_LIST, OTHERS, PAGE_BYTES, PAGE_SIZE, SMALLEST, lean
from tokenfactory_operator.kube.listing import list_pages
from tokenfactory_operator.kube.watch_session import WATCH_EVERY
from tokenfactory_operator.process import handlers
from unit.kube.loopback import Loopback, Request, answer, client_of, loopback
from unit.support.waiting import until

BIG = "x" * (PAGE_BYTES // 40)


def item(number: int) -> dict[str, Any]:
    """An object of 200 kB, of which little is needed."""
    return {
        "metadata": {
            "name": f"dep-{number}",
            "namespace": "ml",
            "uid": f"uid-{number}",
            "resourceVersion": str(number),
            "labels": {"team": "a"},
            "managedFields": [{"manager": "kubectl"}],
            "annotations": {"example.com/foreign": BIG, api.PAUSED: "true", api.RECONCILE_REQUESTED_AT: "y" * 60_000},
        },
        "spec": {"model": "m"},
    }


class Collection:
    """Objects that are listed page by page, as the API server does."""

    def __init__(self, count: int) -> None:
        self.items = [item(number) for number in range(count)]
        self.limits: list[int] = []
        self.accepted: list[str] = []

    def __call__(self, request: Request) -> bytes:
        """One page."""
        query = parse_qs(urlsplit(request.target).query)
        first, limit = int(query.get("continue", ["0"])[0]), int(query["limit"][0])
        self.limits.append(limit)
        self.accepted.append(request.headers["Accept"])
        rest = str(first + limit) if first + limit < len(self.items) else ""
        items = self.items[first : first + limit] or None
        page = {"metadata": {"resourceVersion": "9", "continue": rest}, "items": items}
        bare = request.headers["Accept"] == METADATA_LIST
        return answer({"kind": "PartialObjectMetadataList", **page} if bare else {**page, "items": items or []})


def test_only_what_is_needed_is_kept() -> None:
    """No labels, no field owners, no annotation of others; what is ours has a bounded length; twice is as once."""
    kept = lean(item(1))
    assert set(kept["metadata"]) == {"name", "namespace", "uid", "resourceVersion", "annotations"}
    assert set(kept["metadata"]["annotations"]) == {api.PAUSED, api.RECONCILE_REQUESTED_AT}
    assert kept["spec"] == {"model": "m"}
    assert len(json.dumps(kept)) < 1000
    assert lean(kept) == kept
    assert "annotations" not in lean({"metadata": {"annotations": {"example.com/foreign": "x"}}})["metadata"]


def test_other_peoples_finalizers_are_not_kept_where_they_are_many() -> None:
    """They may be 1.5 MB of an object. Ours are known by all the same, and whether there are others."""
    few = {"metadata": {"finalizers": ["example.com/a", api.FINALIZER]}}
    assert lean(few) == few
    names = [f"example.com/{number}" for number in range(5_000)]
    for ours in ((), (api.FINALIZER,), (api.IN_USE,)):
        kept = lean({"metadata": {"finalizers": [*names, *ours, *names]}})
        assert kept["metadata"]["finalizers"] == [*ours, OTHERS]
        assert lean(kept) == kept


async def test_pages_get_smaller_until_they_fit() -> None:
    """Each object comes once, and lean; a page that fits is not made smaller."""
    collection = Collection(100)
    async with loopback(collection) as server, client_of(server) as client:
        objects, version = await list_pages(client, ["/x"], "a=b")
    assert [body["metadata"]["name"] for body in objects] == [f"dep-{number}" for number in range(100)]
    assert max(len(json.dumps(body)) for body in objects) < 1000
    assert version == "9"
    first, second, third, *rest = collection.limits
    assert (first, second, third) == (PAGE_SIZE, PAGE_SIZE // 4, PAGE_SIZE // 16)
    assert set(rest) == {15}  # half of what a page may have


async def test_a_few_large_objects_make_no_other_page_small() -> None:
    """The editor of one namespace would else have everybody's objects be listed one by one."""
    collection = Collection(3_000)
    for number, body in enumerate(collection.items):
        body["metadata"]["annotations"] = {"example.com/foreign": "x" * (PAGE_BYTES // 6)} if number < 10 else {}
    async with loopback(collection) as server, client_of(server) as client:
        objects, _ = await list_pages(client, ["/x"], "")
    assert len(objects) == 3_000
    assert len(collection.limits) < 30


async def test_none_is_no_failure() -> None:
    """The API server lists no Secrets as `null`, where only their metadata are asked for."""
    async with loopback(Collection(0)) as server, client_of(server) as client:
        assert await list_pages(client, ["/x", "/y"], "") == ([], "9")
        assert await pages_of_kopf(server, handlers.build_settings(""), "", "secrets") == []


async def test_one_object_is_read_whatever_it_weighs() -> None:
    """There is no smaller page."""
    collection = Collection(2)
    for body in collection.items:
        body["metadata"]["annotations"]["example.com/foreign"] = BIG * 50
    async with loopback(collection) as server, client_of(server) as client:
        objects, _ = await list_pages(client, ["/x"], "")
    assert len(objects) == 2
    assert collection.limits[-2:] == [1, 1]


async def test_kopf_does_not_get_what_is_held_already() -> None:
    """It would make a task for each, and remember it."""
    async with loopback(Collection(10)) as server:
        settings = handlers.build_settings("")
        listed = await pages_of_kopf(
            server, settings, "g", "dependables", lambda body: body["metadata"]["name"] != "dep-7"
        )
    assert [body["metadata"]["name"] for body in listed] == ["dep-7"]


@contextlib.asynccontextmanager
async def logged_in(server: Loopback, settings: kopf.OperatorSettings, *more: Any) -> AsyncIterator[Any]:  # noqa: ANN401
    """Kopf's connections, by our session."""
    async with client_of(server) as client:
        info = handlers.session_of(client, settings, *more)
        vault_var.set(Vault({"login": info}))
        try:
            yield info.aiohttp_session
        finally:
            await info.aiohttp_session.close()


async def pages_of_kopf(
    server: Loopback,
    settings: kopf.OperatorSettings,
    group: str,
    plural: str,
    is_known: Known = lambda _: False,
) -> list[dict[str, Any]]:
    """What kopf lists by our session."""
    asked: Any = {
        "settings": settings,
        "resource": kopf.Resource(group, "v1", plural, namespaced=True),
        "namespace": None,
        "logger": logging.getLogger("test"),
    }
    async with logged_in(server, settings, is_known):
        return [cast("dict[str, Any]", body) async for page, _ in fetch_objs(**asked) for body in page]


@pytest.mark.parametrize("line", [b"", b'{"type": "ERROR", "object": {"code": 410}}'], ids=["empty", "too old"])
async def test_a_watch_that_ends_at_once_is_not_begun_in_a_loop(line: bytes) -> None:
    """Kopf opens the next one at once: a core here, and as much at the API server, as long as a proxy closes each."""

    def respond(request: Request) -> bytes:
        listed = {"metadata": {"resourceVersion": "9"}, "items": []}
        return answer(line.decode() if "watch=true" in request.target else listed)

    settings, loop = handlers.build_settings(""), asyncio.get_running_loop()
    begun = loop.time()

    async def watch() -> None:
        resource = kopf.Resource(api.GROUP, "v1", api.PLURAL, namespaced=True)
        async for _ in infinite_watch(settings=settings, resource=resource, namespace=None):
            pass

    def watches() -> int:
        return len([request for request in server.requests if "watch=true" in request.target])

    async with loopback(respond) as server, logged_in(server, settings):
        watching = asyncio.create_task(watch())
        await until(lambda: watches() >= 2 or watching.done(), within=60.0)
        took = loop.time() - begun
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert watches() == 2
    assert took >= WATCH_EVERY


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        pytest.param(f"/apis/{api.API_VERSION}/{api.PLURAL}?watch=true", "*/*", id="objects"),
        pytest.param("/api/v1/secrets?watch=true", METADATA, id="Secrets"),
        pytest.param("/api/v1/namespaces/ml/secrets?limit=1&watch=true", METADATA, id="Secrets of a namespace"),
        pytest.param("/api/v1/namespaces/ml/secrets?limit=1", METADATA_LIST, id="their listing"),
        pytest.param("/api/v1/namespaces/secrets?watch=true", "*/*", id="a namespace of that name"),
    ],
)
async def test_what_the_session_asks_for(path: str, accept: str) -> None:
    """A watch of metadata names another type than a listing."""
    nothing = answer({"metadata": {"resourceVersion": "9"}, "items": []})
    async with (
        loopback(lambda _: nothing) as server,
        logged_in(server, handlers.build_settings("")) as session,
        session.get(server.url + path) as response,
    ):
        await response.json()
    assert [request.headers["Accept"] for request in server.requests] == [accept]


@pytest.mark.parametrize(
    ("group", "plural", "accept"),
    [
        pytest.param(api.GROUP, api.PLURAL, "*/*", id="objects"),
        pytest.param("", "secrets", METADATA_LIST, id="Secrets by their metadata"),
    ],
)
async def test_the_listing_of_the_watch(group: str, plural: str, accept: str) -> None:
    """Kopf's own LIST asks for no more, holds no more, and begins anew with smaller pages over one too large."""
    collection, settings = Collection(100), handlers.build_settings("")
    async with loopback(collection) as server:
        for _ in range(2):
            with pytest.raises(aiohttp.ClientPayloadError):
                await pages_of_kopf(server, settings, group, plural)
        found = await pages_of_kopf(server, settings, group, plural)
    assert [body["metadata"]["name"] for body in found] == [f"dep-{number}" for number in range(100)]
    assert max(len(json.dumps(body)) for body in found) < 1000
    assert set(collection.accepted) == {accept}
    assert collection.limits == [PAGE_SIZE, PAGE_SIZE // 4, *[PAGE_SIZE // 16] * 4]


async def test_the_listing_of_the_watch_is_never_one_by_one() -> None:
    """All its pages have one size, and a few large objects of one namespace would make it that of everybody's."""
    collection, settings = Collection(20), handlers.build_settings("")
    for body in collection.items:
        body["metadata"]["annotations"]["example.com/foreign"] = "x" * (PAGE_BYTES // 6)
    async with loopback(collection) as server:
        while settings.watching.chunk_size != SMALLEST:
            with pytest.raises(aiohttp.ClientPayloadError):
                await pages_of_kopf(server, settings, api.GROUP, api.PLURAL)
        found = await pages_of_kopf(server, settings, api.GROUP, api.PLURAL)
    assert len(found) == 20
    assert collection.limits[-3:] == [SMALLEST] * 3


def event(kind: str, number: int) -> bytes:
    """A line of a watch."""
    return json.dumps({"type": kind, "object": item(number)}).encode() + b"\n"


async def test_an_echo_of_the_watch_is_a_bookmark() -> None:
    """Kopf gets what is new as it came, and where the watch is by now; a deletion is always new."""
    lines = [event("ADDED", 1), event("MODIFIED", 7), event("MODIFIED", 2), event("DELETED", 3), b"cut of"]
    async with loopback(lambda _: answer(b"".join(lines).decode())) as server:
        told = await watched(server, f"/apis/{api.API_VERSION}/{api.PLURAL}?watch=true")
    assert told[1] == lines[1].strip()
    assert told[3:] == [lines[3].strip()]
    for line, version in ((told[0], "1"), (told[2], "2")):
        assert json.loads(line) == {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}}


async def test_the_watch_of_secrets_is_as_it_comes() -> None:
    """What is held of the objects says nothing about Secrets."""
    async with loopback(lambda _: answer(event("MODIFIED", 1).decode())) as server:
        assert await watched(server, "/api/v1/secrets?watch=true") == [event("MODIFIED", 1).strip()]


async def test_an_event_that_is_quicker_than_the_answer_to_our_write_waits_for_it() -> None:
    """What the answer has brought by then is no news; what it has not brought is."""
    lines = [event("MODIFIED", 7), event("MODIFIED", 8)]
    async with loopback(lambda _: answer(b"".join(lines).decode())) as server:
        told = await watched(server, f"/apis/{api.API_VERSION}/{api.PLURAL}?watch=true", unknown=["dep-7", "dep-8"])
    assert [json.loads(line)["type"] for line in told] == ["BOOKMARK", "MODIFIED"]


async def watched(server: Loopback, path: str, *, unknown: Sequence[str] = ("dep-7",)) -> list[bytes]:
    """The lines that kopf reads, where all is held but these objects, of which an answer brings the first but one."""
    missing = list(unknown)

    def is_known(body: Mapping[str, Any]) -> bool:
        return body["metadata"]["name"] not in missing

    async def settled(body: Mapping[str, Any]) -> None:
        await asyncio.sleep(0)
        if len(missing) > 1:
            missing.remove(body["metadata"]["name"])

    kept = handlers.build_settings(""), is_known, settled
    async with logged_in(server, *kept) as session, session.get(server.url + path) as response:
        return [line async for line in iter_jsonlines(response.content, chunk_size=1000)]

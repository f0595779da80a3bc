"""The parts of the adapter that a real API server shows only with thousands of objects, or when it is broken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from tokenfactory_operator.domain.errors import KubeError, KubeNotFound
from tokenfactory_operator.kube.errors import ApiServerError
from tokenfactory_operator.kube.objects import KubeObjects
from tokenfactory_operator.ports import Key
from unit.kube.loopback import Request, answer, client_of, loopback, status_answer

KEY = Key("ml", "a")


def page(*names: str, version: str, token: str = "") -> bytes:
    """One page of a listing."""
    items = [{"metadata": {"name": name, "uid": name, "resourceVersion": "1"}} for name in names]
    return answer({"metadata": {"resourceVersion": version, "continue": token}, "items": items})


def query(request: Request) -> dict[str, list[str]]:
    return parse_qs(urlsplit(request.target).query)


async def test_list_follows_every_page() -> None:
    """All pages make one listing, each with the same limit and selector."""
    pages = {
        None: page("a", "b", version="7", token="t1"),
        "t1": page("c", version="7", token="t2"),
        "t2": page(version="7"),
    }

    def respond(request: Request) -> bytes:
        return pages[query(request).get("continue", [None])[0]]

    async with loopback(respond) as server, client_of(server) as client:
        objects, version = await KubeObjects(client).list_all(selector="team=ml")
    assert [item["metadata"]["name"] for item in objects] == ["a", "b", "c"]
    assert version == "7"
    assert [query(request)["limit"] for request in server.requests] == [["500"]] * 3
    assert [query(request)["labelSelector"] for request in server.requests] == [["team=ml"]] * 3


async def test_list_of_namespaces_answers_the_oldest_version() -> None:
    """What is newer than the oldest listing may be missing from it, so that one is told; 9 is older than 10."""
    pages = {"one": page("a", version="10"), "two": page("b", version="9")}

    def respond(request: Request) -> bytes:
        return pages[request.target.split("/")[5]]

    async with loopback(respond) as server, client_of(server) as client:
        objects, version = await KubeObjects(client).list_all(["one", "two"])
    assert [item["metadata"]["name"] for item in objects] == ["a", "b"]
    assert version == "9"


async def test_expired_page_fails_the_whole_listing() -> None:
    """A listing that lost its snapshot is not a short listing."""

    def respond(request: Request) -> bytes:
        return status_answer(410, "Expired") if "continue" in query(request) else page("a", version="7", token="t")

    async with loopback(respond) as server, client_of(server) as client:
        with pytest.raises(ApiServerError):
            await KubeObjects(client).list_all()


async def test_bare_404_is_not_absence() -> None:
    """While the CRD is not served (deleted, or the API server is starting) no object is called absent."""
    async with loopback(lambda _: answer("404 page not found\n", status=404)) as server, client_of(server) as client:
        with pytest.raises(ApiServerError):
            await KubeObjects(client).get(KEY)


async def test_answer_of_another_object_is_not_taken() -> None:
    """Should the API server answer with another uid, the caller does not mistake it for its own object."""
    stranger = answer({"metadata": {"name": "a", "uid": "other", "resourceVersion": "8"}})
    async with loopback(lambda _: stranger) as server, client_of(server) as client:
        with pytest.raises(KubeNotFound):
            await KubeObjects(client).patch_status(KEY, {}, uid="mine", resource_version="7")


async def test_cluster_id_needs_a_uid() -> None:
    """A uid too short to name a cluster is not used."""
    namespace = answer({"metadata": {"name": "kube-system", "uid": "1-2", "resourceVersion": "1"}})
    async with loopback(lambda _: namespace) as server, client_of(server) as client:
        with pytest.raises(KubeError, match="CLUSTER_ID"):
            await KubeObjects(client).cluster_id()


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda objects: objects.set_finalizers(KEY, ("f",), resource_version="1"), id="finalizers"),
        pytest.param(lambda objects: objects.patch_status(KEY, {}, uid="u", resource_version="1"), id="status"),
    ],
)
async def test_an_object_is_not_settled_before_the_answer_to_a_write(
    write: Callable[[KubeObjects], Awaitable[object]],
) -> None:
    """Whoever waits for that finds what the answer has brought."""
    ended = []

    async def step(name: str, work: Awaitable[object]) -> None:
        await work
        ended.append(name)

    written = answer({"metadata": {"name": "a", "uid": "u", "resourceVersion": "2"}})
    async with loopback(lambda _: written) as server, client_of(server) as client, asyncio.TaskGroup() as group:
        objects = KubeObjects(client)
        group.create_task(step("written", write(objects)))
        group.create_task(step("settled", objects.settled(KEY)))
        group.create_task(step("another", objects.settled(Key("ml", "b"))))
    assert ended == ["another", "written", "settled"]

"""Answers of another form than they should have: each is a failed call, and nothing is concluded from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tokenfactory_operator.domain.errors import KubeError
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.config_maps import KubeConfigMaps
from tokenfactory_operator.kube.leases import KubeLeases
from tokenfactory_operator.kube.objects import KubeObjects
from tokenfactory_operator.kube.secrets import KubeSecrets
from tokenfactory_operator.kube.supervision import Supervisor
from tokenfactory_operator.leader.lease import LeaseRecord
from tokenfactory_operator.ports import Key
from tokenfactory_operator.state.cache import ObjectCache
from unit.kube.loopback import answer, client_of, loopback, status_object

KEY = Key("ml", "a")
RECORD = LeaseRecord(holder="me", duration=15, version="1")


def leases(client: KubeClient) -> KubeLeases:
    """The adapter of one Lease."""
    return KubeLeases(client, namespace="ops", name="l")


CALLS: list[Callable[[KubeClient], Awaitable[object]]] = [
    lambda client: KubeObjects(client).get(KEY),
    lambda client: KubeObjects(client).list_all(),
    lambda client: KubeObjects(client).set_finalizers(KEY, ("f",), resource_version="1"),
    lambda client: KubeObjects(client).patch_status(KEY, {}, uid="u", resource_version="1"),
    lambda client: KubeObjects(client).cluster_id(),
    lambda client: KubeSecrets(client).get(KEY),
    lambda client: KubeSecrets(client).read(KEY, ["k"]),
    lambda client: KubeSecrets(client).list_all(),
    lambda client: KubeSecrets(client).set_finalizers(KEY, ("f",), resource_version="1"),
    lambda client: KubeConfigMaps(client).get(KEY),
    lambda client: KubeConfigMaps(client).create(KEY, {"metadata": {"name": "a"}}),
    lambda client: leases(client).get(),
    lambda client: leases(client).create(RECORD),
    lambda client: leases(client).write(RECORD),
]
METADATA = {"name": "a", "uid": "u", "resourceVersion": "1"}
FORMS: list[Any] = [
    {},
    [],
    "null",
    "7",
    "[" * 100_000,
    status_object(200, "OK"),
    {"metadata": None, "items": []},
    {"metadata": [], "items": []},
    {"metadata": {**METADATA, "uid": None}, "items": None},
    {"metadata": {**METADATA, "name": 7}, "items": {}},
    {"metadata": {**METADATA, "resourceVersion": "one"}, "items": []},
    {"metadata": {**METADATA, "resourceVersion": "9" * 5000}, "items": []},
    {"metadata": {**METADATA, "labels": ["a"]}, "items": [None]},
    {"metadata": {**METADATA, "finalizers": "f"}, "items": [{"metadata": {}}]},
    {"metadata": {**METADATA, "annotations": 7}, "items": "x"},
    {"metadata": METADATA, "spec": ["s"], "status": [], "items": [{"metadata": METADATA, "spec": 7}]},
    {"metadata": {**METADATA, "continue": 7, "namespace": 7}, "items": []},
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("form", FORMS)
async def test_an_answer_of_another_form(call: Callable[[KubeClient], Awaitable[object]], form: object) -> None:
    """The adapters raise `KubeError` and nothing else."""
    async with loopback(lambda _: answer(form)) as server, client_of(server) as client:
        with pytest.raises(KubeError):
            await call(client)


OTHERS: list[Any] = [
    {"kind": "Event", "metadata": METADATA, "items": []},
    {"kind": "EventList", "metadata": METADATA, "items": []},
    {"kind": "Status", "metadata": METADATA, "items": []},
    {"metadata": {**METADATA, "name": "other"}},
    {"metadata": {**METADATA, "namespace": "other"}},
]


@pytest.mark.rule("E39", "X52")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("other", OTHERS)
async def test_an_answer_about_something_else(call: Callable[[KubeClient], Awaitable[object]], other: object) -> None:
    """A proxy's, or one to another request: nothing of it is taken for what was asked for."""
    async with loopback(lambda _: answer(other)) as server, client_of(server) as client:
        with pytest.raises(KubeError) as caught:
            await call(client)
    assert type(caught.value) is KubeError


@pytest.mark.rule("E39")
@pytest.mark.parametrize(
    "about", [{"name": "other"}, {"kind": "events"}, {"name": "a", "kind": "pods"}], ids=["name", "kind", "its kind"]
)
async def test_that_something_else_is_not_there(about: dict[str, str]) -> None:
    """Nobody concludes from it that an object, a Secret, a ConfigMap or the Lease is gone."""
    reply = answer(status_object(404, "NotFound", **about), status=404)
    async with loopback(lambda _: reply) as server, client_of(server) as client:
        for call in (CALLS[0], CALLS[5], CALLS[6], CALLS[9], CALLS[11]):
            with pytest.raises(KubeError):
                await call(client)


async def test_that_it_is_not_there() -> None:
    """By its name and its kind, in the words of the API server."""
    reply = answer(status_object(404, "NotFound", name="a", kind="dedicatedendpoints"), status=404)
    async with loopback(lambda _: reply) as server, client_of(server) as client:
        assert await KubeObjects(client).get(KEY) is None


@pytest.mark.rule("E39")
@pytest.mark.parametrize("kind", ["PartialObjectMetadata", "PartialObjectMetadataList"])
async def test_metadata_in_place_of_the_object(kind: str) -> None:
    """What has no status says nothing of it; of a Secret's metadata it is the right answer."""
    bare = answer({"kind": kind, "metadata": METADATA, "items": []})
    async with loopback(lambda _: bare) as server, client_of(server) as client:
        for call in (CALLS[0], CALLS[1], CALLS[2], CALLS[3], CALLS[6]):
            with pytest.raises(KubeError):
                await call(client)
        assert await (CALLS[7] if kind.endswith("List") else CALLS[8])(client)


@pytest.mark.rule("E39")
async def test_a_page_of_another_namespace() -> None:
    """It is no listing of this one."""
    page = answer({"metadata": {"resourceVersion": "1"}, "items": [{"metadata": {**METADATA, "namespace": "other"}}]})
    async with loopback(lambda _: page) as server, client_of(server) as client:
        assert len((await KubeObjects(client).list_all())[0]) == 1
        with pytest.raises(KubeError, match=r"metadata\.namespace"):
            await KubeObjects(client).list_in("ml")


@pytest.mark.parametrize("call", CALLS)
async def test_no_redirect_is_followed(call: Callable[[KubeClient], Awaitable[object]]) -> None:
    """A PATCH would become a GET whose answer says what was there before, and the token would go along."""
    async with loopback(lambda _: answer({"metadata": METADATA, "items": []})) as other:
        moved = answer("", status=303, Location=f"{other.url}/x")
        async with loopback(lambda _: moved) as server, client_of(server) as client:
            with pytest.raises(KubeError):
                await call(client)
        assert other.requests == []


@pytest.mark.parametrize("form", FORMS)
async def test_the_supervisor_goes_on(form: object) -> None:
    """It says what is wrong, and looks again."""
    async with loopback(lambda _: answer(form)) as server, client_of(server) as client:
        supervisor = Supervisor(client, namespaces=(), secrets=False)
        await supervisor.look(review=True)
        assert supervisor.problem() is not None


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 429, 500])
@pytest.mark.parametrize(
    "details", [None, [], "x", {"causes": "x"}, {"causes": [None, 7, {"reason": ["r"], "field": 7}]}, {"causes": {}}]
)
async def test_an_error_of_another_form(status: int, details: object) -> None:
    """It is an error all the same."""
    error = {"kind": "Status", "reason": ["r"], "message": {}, "details": details}
    refusal = answer(error, status=status, Retry_After="soon")
    async with loopback(lambda _: refusal) as server, client_of(server) as client:
        with pytest.raises(KubeError):
            await client.request("PATCH", "/x", body={})


async def test_an_object_that_is_listed_twice_is_held_once() -> None:
    """A page may bring again what an earlier one had."""
    items = [{"metadata": METADATA}, {"metadata": {**METADATA, "resourceVersion": "2"}}, {"metadata": METADATA}]
    page = answer({"metadata": {"resourceVersion": "9"}, "items": items})
    async with loopback(lambda _: page) as server, client_of(server) as client:
        found, version = await KubeObjects(client).list_all()
    cache = ObjectCache()
    assert cache.replace(found, version) == {Key("", "a")}
    held = cache.get(Key("", "a"))
    assert held is not None
    assert held["metadata"]["resourceVersion"] == "2"

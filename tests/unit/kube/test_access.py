"""Rights are asked for one by one, a bounded number at once, and those that are missing have names."""

from __future__ import annotations

import asyncio

import pytest

from tokenfactory_operator.domain.errors import KubeError
from tokenfactory_operator.kube.access import (
    AT_ONCE,
    CLUSTER_ID_RIGHT,
    Right,
    config_map_rights,
    event_rights,
    lease_rights,
    missing,
    named_by_place,
    object_rights,
    secret_rights,
)
from unit.kube.loopback import Request, answer, client_of, loopback, status_answer

EVERYTHING = (
    *object_rights("ml"),
    *event_rights("ml"),
    *secret_rights("ml"),
    *config_map_rights("ml"),
    *lease_rights("ops", "l"),
    CLUSTER_ID_RIGHT,
)


def reviewed(request: Request) -> dict[str, str]:
    """What was asked."""
    attributes: dict[str, str] = request.json["spec"]["resourceAttributes"]
    return attributes


async def test_each_right_is_asked_for_as_it_is() -> None:
    """Verb, group, resource, subresource, namespace and name reach the API server; nothing empty does."""
    async with loopback(lambda _: answer({"status": {"allowed": True}})) as server, client_of(server) as client:
        assert await missing(client, EVERYTHING) == ()
    asked = [reviewed(request) for request in server.requests]
    assert {"verb": "get", "resource": "namespaces", "name": "kube-system"} in asked
    assert {
        "verb": "patch",
        "group": "tokenfactory.nebius.com",
        "resource": "dedicatedendpoints",
        "subresource": "status",
        "namespace": "ml",
    } in asked
    assert {
        "verb": "patch",
        "group": "coordination.k8s.io",
        "resource": "leases",
        "namespace": "ops",
        "name": "l",
    } in asked
    assert len(asked) == len(EVERYTHING)


@pytest.mark.parametrize(
    "answered",
    [
        pytest.param({"status": {"allowed": False}}, id="denied"),
        pytest.param({"status": {"allowed": False, "evaluationError": "no"}}, id="not decided"),
    ],
)
async def test_what_is_not_allowed_is_missing(answered: dict[str, object]) -> None:
    """Only a plain yes is a right."""
    rights = object_rights("ml")
    async with loopback(lambda _: answer(answered)) as server, client_of(server) as client:
        assert await missing(client, rights) == rights


@pytest.mark.parametrize("answered", [{}, {"status": None}, {"status": []}, {"status": {}}, {"status": "allowed"}])
async def test_an_answer_about_no_right(answered: dict[str, object]) -> None:
    """It says neither yes nor no: nobody is told to grant what may be granted."""
    async with loopback(lambda _: answer(answered)) as server, client_of(server) as client:
        with pytest.raises(KubeError, match="cannot be used"):
            await missing(client, object_rights("ml"))


async def test_the_order_is_that_of_the_question() -> None:
    """Whichever answer comes first, what is missing stands in the order of the table."""

    def respond(request: Request) -> bytes:
        return answer({"status": {"allowed": reviewed(request)["verb"] in ("list", "watch")}})

    async with loopback(respond) as server, client_of(server) as client:
        lacking = await missing(client, object_rights("ml"))
    assert [right.verb for right in lacking] == ["get", "patch", "patch"]


async def test_a_question_without_an_answer_is_an_error() -> None:
    """A right that could not be asked for is neither there nor missing."""
    async with loopback(lambda _: status_answer(500, "InternalError")) as server, client_of(server) as client:
        with pytest.raises(KubeError):
            await missing(client, object_rights("ml"))


async def test_questions_under_way_are_bounded() -> None:
    """However many namespaces there are, no more than `AT_ONCE` questions are under way."""
    rights = tuple(right for number in range(20) for right in object_rights(f"ns{number}"))
    full = asyncio.Event()

    def respond(_: Request) -> None:
        if len(server.requests) >= AT_ONCE:
            full.set()

    async with loopback(respond) as server, client_of(server, request_timeout=30.0) as client:
        asking = asyncio.create_task(missing(client, rights))
        async with asyncio.timeout(10.0):
            await full.wait()
        for _ in range(200):
            await asyncio.sleep(0)
        assert len(server.requests) == AT_ONCE
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


def test_rights_in_words() -> None:
    """Verbs of one resource stand together, and each place is named."""
    rights = (*object_rights("ml"), Right("create", "events"))
    assert named_by_place(rights) == (
        "get, list, watch and patch dedicatedendpoints, patch dedicatedendpoints/status in namespace ml; "
        "create events in the whole cluster"
    )

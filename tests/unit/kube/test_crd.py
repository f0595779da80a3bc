"""The start ends with a sentence where the CRD is missing or older than the operator."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tokenfactory_operator.domain.errors import KubeError
from tokenfactory_operator.kube.crd import check_crd
from tokenfactory_operator.kube.errors import SetupError
from unit.kube.loopback import Request, Respond, answer, client_of, loopback

DISCOVERY = "/apis/tokenfactory.nebius.com/v1alpha1"
OPENAPI = f"/openapi/v3{DISCOVERY}"
CRD = Path(__file__).parents[3] / "crds" / "tokenfactory.nebius.com_dedicatedendpoints.yaml"
VERSION = answer({"gitVersion": "v1.37.2"})
NOT_FOUND = answer("404 page not found\n", status=404)


def discovery(*, without: str = "", verbs: str = "get list watch patch") -> bytes:
    """What the API server lists of our group, less one resource."""
    names = ["dedicatedendpoints", "dedicatedendpoints/status", "dedicatedendpoints/scale"]
    said = {"kind": "DedicatedEndpoint", "singularName": "", "namespaced": True, "verbs": verbs.split()}
    return answer({"resources": [{"name": name, **said} for name in names if name != without]})


@cache
def generated() -> dict[str, Any]:
    """The generated CRD, read once."""
    crd: dict[str, Any] = yaml.safe_load(CRD.read_text(encoding="utf-8"))
    return crd


def openapi(*without: str) -> bytes:
    """The generated CRD's schema as the API server publishes it, less one field given by its path."""
    schema: dict[str, Any] = copy.deepcopy(generated()["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    node = schema
    for name in without[:-1]:
        node = node["properties"][name]
        node = node.get("items", node)
    if without:
        del node["properties"][without[-1]]
    return answer({"components": {"schemas": {"com.nebius.tokenfactory.v1alpha1.DedicatedEndpoint": schema}}})


def serving(listed: bytes, schemas: bytes) -> Respond:
    """An API server with these two documents."""

    def respond(request: Request) -> bytes:
        return {DISCOVERY: listed, OPENAPI: schemas, "/version": VERSION}[request.target]

    return respond


async def test_the_generated_crd_is_enough() -> None:
    """The CRD of this commit has all fields that the models of this commit know."""
    async with loopback(serving(discovery(), openapi())) as server, client_of(server) as client:
        await check_crd(client)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("listed", "schemas", "named"),
    [
        pytest.param(NOT_FOUND, NOT_FOUND, "--force-conflicts -f crds/", id="not installed"),
        pytest.param(discovery(without="dedicatedendpoints"), openapi(), "the verb list", id="another resource only"),
        pytest.param(discovery(verbs="get"), openapi(), "the verb watch", id="verbs missing"),
        pytest.param(discovery(without="dedicatedendpoints/status"), openapi(), "status", id="no status"),
        pytest.param(discovery(), openapi("status", "createAttempt"), ".status.createAttempt", id="status field"),
        pytest.param(discovery(), openapi("status", "gpus", "max"), ".status.gpus.max", id="nested field"),
        pytest.param(discovery(), openapi("status", "conditions", "reason"), ".status.conditions.reason", id="in list"),
        pytest.param(discovery(), openapi("spec", "endpointId"), ".spec.endpointId", id="spec field"),
        pytest.param(discovery(), NOT_FOUND, "and", id="no schema at all"),
    ],
)
async def test_missing_or_old_crd(listed: bytes, schemas: bytes, named: str) -> None:
    """The message names what is lacking and how to install it; it is short enough to be shown whole."""
    async with loopback(serving(listed, schemas)) as server, client_of(server) as client:
        with pytest.raises(SetupError) as caught:
            await check_crd(client, settle=0)
    assert named in caught.value.message
    assert "kubectl apply --server-side --force-conflicts -f crds/tokenfactory.nebius.com_dedic" in caught.value.message
    assert caught.value.message.endswith(".")


async def test_waits_for_a_schema_that_was_applied_just_now() -> None:
    """OpenAPI follows discovery after a moment; that moment is not called an old CRD."""

    def respond(request: Request) -> bytes:
        if request.target == DISCOVERY:
            return discovery()
        return openapi() if len(server.requests) > 3 else openapi("status", "uid")

    async with loopback(respond) as server, client_of(server) as client:
        await check_crd(client)
    assert len(server.requests) == 4


async def test_outage_is_not_a_missing_crd() -> None:
    """A server that cannot answer is told apart from one that has no CRD."""
    async with loopback(lambda _: answer("<html>", status=503)) as server, client_of(server) as client:
        with pytest.raises(KubeError) as caught:
            await check_crd(client)
    assert not isinstance(caught.value, SetupError)


@pytest.mark.parametrize(
    ("listed", "schemas"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"resources": None}, {}, id="null"),
        pytest.param({"resources": [7]}, {}, id="numbers"),
        pytest.param({"resources": [{"verbs": []}]}, {}, id="no name"),
        pytest.param(None, {}, id="no schemas"),
        pytest.param(None, {"components": {"schemas": []}}, id="a list of schemas"),
        pytest.param(None, {"components": {"schemas": {"x.DedicatedEndpoint": {"properties": 7}}}}, id="a number"),
    ],
)
async def test_what_is_no_discovery_says_nothing_of_the_crd(listed: object, schemas: object) -> None:
    """A person is not told to update a CRD that nobody has seen."""
    found = discovery() if listed is None else answer(listed)
    async with loopback(serving(found, answer(schemas))) as server, client_of(server) as client:
        with pytest.raises(KubeError) as caught:
            await check_crd(client, settle=0)
    assert not isinstance(caught.value, SetupError)


async def test_a_proxy_that_knows_no_path_is_no_missing_crd() -> None:
    """What answers 404 to everything is not the API server: the process does not end for it."""
    async with loopback(lambda _: NOT_FOUND) as server, client_of(server) as client:
        with pytest.raises(KubeError):
            await check_crd(client)

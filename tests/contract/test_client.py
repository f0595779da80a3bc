"""The cloud client before the simulator: every operation, in every answer form and with every refusal of the API."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from contract.client_support import CREATE, PROJECTS, TOKEN, client_of, sent
from tokenfactory_operator.domain.catalog import Wanted
from tokenfactory_operator.domain.errors import (
    EndpointNotFound,
    Forbidden,
    InvalidSpec,
    QuotaExceeded,
    RateLimited,
    Unauthorized,
)
from tokenfactory_operator.domain.observed import EndpointCreate, EndpointPatch
from tokenfactory_simulator.testing import RunningSimulator, running_simulator


@pytest.fixture(scope="module")
def server() -> Iterator[RunningSimulator]:
    """One simulator for the module."""
    with running_simulator(provisioning_time=0, tokens={TOKEN: PROJECTS}) as running:
        yield running


@pytest.fixture
def sim(server: RunningSimulator) -> RunningSimulator:
    """The simulator as at its start."""
    server.admin.reset()
    return server


FORMS = [
    pytest.param(
        {"answer_form": create, "update_answer_form": update, "id_field": id_field, "delete_status": deleted},
        id=f"{create}-{update}-{id_field}-{deleted}",
    )
    for create, update, (id_field, deleted) in itertools.product(
        ("wrapped", "flat"), ("wrapped", "flat"), (("id", 204), ("endpoint_id", 200))
    )
]


@pytest.mark.parametrize("forms", FORMS)
async def test_a_life(sim: RunningSimulator, forms: dict[str, object]) -> None:
    """Create, read, list, update and delete agree on one endpoint, whichever forms the cloud answers in."""
    sim.admin.configure(**forms)
    async with client_of(sim) as cloud:
        made = await cloud.create_endpoint(CREATE)
        assert (made.name, made.description, made.min_replicas) == (CREATE.name, CREATE.description, 1)
        assert [mark.attempt for mark in made.marks] == ["a1"]
        read = await cloud.get_endpoint(made.id)
        listed = await cloud.list_endpoints()
        assert read is not None
        assert [endpoint.id for endpoint in listed.endpoints] == [made.id] == [read.id]
        assert (listed.complete, read.routing_key) == (True, made.routing_key)
        patch = EndpointPatch(name="new", gpu_type="gpu-h200-sxm", gpu_count=2, scaling=(2, 3), enabled=False)
        changed = await cloud.update_endpoint(made.id, patch)
        assert (changed.id, changed.name, changed.gpu_type, changed.gpu_count) == (made.id, "new", "gpu-h200-sxm", 2)
        assert (changed.min_replicas, changed.max_replicas, changed.enabled) == (2, 3, False)
        assert changed.description == CREATE.description
        assert await cloud.delete_endpoint(made.id)
        assert not await cloud.delete_endpoint(made.id)
        assert (await cloud.list_endpoints()).endpoints == ()
    assert [call["status"] for call in sent(sim, "delete")] == [forms["delete_status"], 404]
    assert len(sent(sim, "create")) == 1


async def test_options(sim: RunningSimulator) -> None:
    """Weights and routing key are sent, told, and weights can be cleared."""
    create = replace(CREATE, custom_weights_id="model-artifact_1", routing_key="dedicated/of-my-own")
    async with client_of(sim) as cloud:
        made = await cloud.create_endpoint(create)
        cleared = await cloud.update_endpoint(made.id, EndpointPatch(custom_weights_id=""))
    assert (made.custom_weights_id, made.routing_key) == ("model-artifact_1", "dedicated/of-my-own")
    assert (cleared.custom_weights_id, cleared.routing_key) == ("", "dedicated/of-my-own")


@pytest.mark.parametrize(
    ("paging", "requests"), [pytest.param("none", 1), pytest.param("token", 3), pytest.param("after", 3)]
)
async def test_pages(sim: RunningSimulator, paging: str, requests: int) -> None:
    """Every endpoint is listed, with one request a page, whichever way the cloud pages."""
    ids = {str(sim.admin.console_create(project=PROJECTS[0])["id"]) for _ in range(7)}
    sim.admin.configure(paging=paging, page_size=3)
    async with client_of(sim) as cloud:
        listed = await cloud.list_endpoints()
    assert ({endpoint.id for endpoint in listed.endpoints}, listed.complete) == (ids, True)
    assert len(sent(sim, "list")) == requests


async def test_a_project_is_chosen(sim: RunningSimulator) -> None:
    """With a project set, create, list and templates are of that project; one that is not ours is forbidden."""
    async with client_of(sim, project_id=PROJECTS[1]) as cloud:
        made = await cloud.create_endpoint(CREATE)
        assert [endpoint.id for endpoint in (await cloud.list_endpoints()).endpoints] == [made.id]
        assert await cloud.list_templates()
    async with client_of(sim) as cloud:
        assert (await cloud.list_endpoints()).endpoints == ()
    async with client_of(sim, project_id="project-x") as cloud:
        with pytest.raises(Forbidden) as raised:
            await cloud.create_endpoint(CREATE)
    assert raised.value.refused
    assert "project-x" in raised.value.message


@pytest.mark.parametrize("form", ["data", "templates"])
@pytest.mark.parametrize("details", ["configurations", "configuration_lists", "lists", "combinations"])
async def test_templates(sim: RunningSimulator, form: str, details: str) -> None:
    """The catalog reads alike in both answer forms and each form of its details."""
    sim.admin.configure(templates_form=form, template_details=details)
    async with client_of(sim) as cloud:
        templates = {template.name: template for template in await cloud.list_templates()}
    flavor = templates["openai/gpt-oss-120b"].flavor("base")
    assert flavor is not None
    good = Wanted("openai/gpt-oss-120b", "base", "eu-north1", "gpu-h100-sxm", 8, 64)
    assert flavor.allows(good)
    for change in ({"gpu_type": "gpu-l40s-a"}, {"gpu_count": 3}, {"region": "mars"}):
        assert not flavor.allows(replace(good, **change))
    assert flavor.allows(replace(good, max_replicas=65)) == (not details.startswith("configuration"))


@pytest.mark.parametrize("status", [404, 405])
async def test_get_may_not_exist(sim: RunningSimulator, status: int) -> None:
    """Where the cloud has no GET by id, nothing is told."""
    endpoint_id = str(sim.admin.console_create()["id"])
    sim.admin.configure(get_by_id=status)
    async with client_of(sim) as cloud:
        assert await cloud.get_endpoint(endpoint_id) is None


async def test_old_answers_have_no_status(sim: RunningSimulator) -> None:
    """An answer without status and readiness leaves them untold."""
    sim.admin.configure(deployment_status=False)
    async with client_of(sim) as cloud:
        made = await cloud.create_endpoint(CREATE)
    assert (made.status, made.readiness) == (None, None)
    assert made.ready_replicas is not None


async def test_answers_from_the_future(sim: RunningSimulator) -> None:
    """Unknown fields are passed over, unknown values kept as they are."""
    sim.admin.fault(effect="unknown_fields")
    sim.admin.fault(effect="unknown_enum", status="hibernating", readiness="warming_up")
    async with client_of(sim) as cloud:
        made = await cloud.create_endpoint(CREATE)
        (listed,) = (await cloud.list_endpoints()).endpoints
    assert (listed.id, listed.status, listed.readiness) == (made.id, "hibernating", "warming_up")


@pytest.mark.parametrize(
    ("create", "mentions"),
    [
        pytest.param(replace(CREATE, min_replicas=3, max_replicas=2), "scaling", id="scaling upside down"),
        pytest.param(replace(CREATE, min_replicas=0), "scaling.min_replicas: ", id="no replica"),
        pytest.param(replace(CREATE, gpu_count=3), "gpu_count: ", id="not on offer"),
        pytest.param(replace(CREATE, model_name="no/such"), "model_name: ", id="no such model"),
        pytest.param(replace(CREATE, description="x" * 501), "description: ", id="too long"),
    ],
)
async def test_invalid_creates(sim: RunningSimulator, create: EndpointCreate, mentions: str) -> None:
    """What the cloud finds invalid is refused for sure, in the cloud's words and with the field's name."""
    async with client_of(sim) as cloud:
        with pytest.raises(InvalidSpec) as raised:
            await cloud.create_endpoint(create)
    assert (raised.value.refused, raised.value.status) == (True, 422)
    assert mentions in raised.value.message
    assert sim.admin.endpoints() == []


@pytest.mark.parametrize("form", ["detail", "openai"])
async def test_an_unknown_token(sim: RunningSimulator, form: str) -> None:
    """A wrong token waits for the user on every call, and its value is in no message."""
    sim.admin.configure(error_form=form)
    async with client_of(sim, token="wrong-token-1") as cloud:
        calls = [
            cloud.create_endpoint(CREATE),
            cloud.list_endpoints(),
            cloud.list_templates(),
            cloud.get_endpoint("ep-1"),
            cloud.update_endpoint("ep-1", EndpointPatch(name="x")),
            cloud.delete_endpoint("ep-1"),
        ]
        for call in calls:
            with pytest.raises(Unauthorized) as raised:
                await call
            assert raised.value.refused
            assert "wrong-token-1" not in raised.value.message


@pytest.mark.parametrize("form", ["detail", "openai"])
@pytest.mark.parametrize("status", [403, 409, 429])
async def test_quota(*, sim: RunningSimulator, form: str, status: int) -> None:
    """An exceeded quota waits for the cloud whatever its code, and nothing was made."""
    sim.admin.configure(error_form=form, quota_status=status, quotas={"*": 1})
    async with client_of(sim) as cloud:
        made = await cloud.create_endpoint(CREATE)
        with pytest.raises(QuotaExceeded) as raised:
            await cloud.create_endpoint(CREATE)
        with pytest.raises(QuotaExceeded):
            await cloud.update_endpoint(made.id, EndpointPatch(scaling=(2, 2)))
    assert (raised.value.refused, raised.value.status) == (True, status)


@pytest.mark.parametrize("form", ["detail", "openai"])
async def test_conflict_and_not_found(sim: RunningSimulator, form: str) -> None:
    """A routing key that is taken is refused for good, and named; a missing endpoint is a refusal too."""
    sim.admin.configure(error_form=form, unique_routing_keys=True)
    create = replace(CREATE, routing_key="dedicated/of-my-own")
    async with client_of(sim) as cloud:
        await cloud.create_endpoint(create)
        with pytest.raises(InvalidSpec, match="dedicated/of-my-own") as conflict:
            await cloud.create_endpoint(create)
        with pytest.raises(EndpointNotFound) as missing:
            await cloud.update_endpoint("ep-none", EndpointPatch(name="x"))
    assert (conflict.value.refused, missing.value.refused) == (True, True)


async def test_too_many_requests(sim: RunningSimulator) -> None:
    """After a 429 with a wait nothing more is sent until it is over."""
    sim.admin.configure(rate_limit=0.01, rate_burst=1)
    async with client_of(sim) as cloud:
        await cloud.list_endpoints()
        with pytest.raises(RateLimited) as limited:
            await cloud.create_endpoint(CREATE)
        with pytest.raises(RateLimited) as blocked:
            await cloud.list_endpoints()
        assert 50 < cloud.blocked_for() <= 100
    assert (limited.value.refused, limited.value.status) == (True, 429)
    assert (blocked.value.refused, blocked.value.status) == (True, None)
    assert len(sim.admin.calls()) == 2


async def test_many_at_once(sim: RunningSimulator) -> None:
    """More calls than connections wait for each other; each is sent once, and LIST goes on meanwhile."""
    async with client_of(sim, max_connections=3) as cloud:

        async def create() -> str:
            async with cloud.slot():
                return (await cloud.create_endpoint(CREATE)).id

        made = await asyncio.gather(*(create() for _ in range(30)), cloud.list_endpoints())
        listed = await cloud.list_endpoints()
    assert {endpoint.id for endpoint in listed.endpoints} == {each for each in made if isinstance(each, str)}
    assert len(sent(sim, "create")) == 30

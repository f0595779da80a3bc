"""The cloud client before a simulator that fails: what each fault looks like, and what it leaves certain."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from contract.client_support import CREATE, TOKEN, SystemClock, client_of, sent
from tokenfactory_operator.cloud.client import HttpCloud
from tokenfactory_operator.cloud.refusals import REFUSALS
from tokenfactory_operator.cloud.transport import CloudSettings
from tokenfactory_operator.domain.errors import CloudError, CloudUnavailable, RateLimited, Unauthorized
from tokenfactory_operator.domain.observed import EndpointPatch
from tokenfactory_simulator.testing import RunningSimulator, running_simulator

POST = {"method": "POST"}
LIST = {"method": "GET", "path_regex": "endpoints$"}
SLOW = {"effect": "delay", "seconds": 60}


@pytest.fixture(scope="module")
def server() -> Iterator[RunningSimulator]:
    """One simulator for the module."""
    with running_simulator(provisioning_time=0, tokens={TOKEN: "project-a"}) as running:
        yield running


@pytest.fixture
def sim(server: RunningSimulator) -> RunningSimulator:
    """The simulator as at its start."""
    server.admin.reset()
    return server


@pytest.mark.rule("C18")
@pytest.mark.parametrize(
    ("fault", "made"),
    [
        pytest.param({"effect": "answer_lost", "how": "close"}, 1, id="closed after the effect"),
        pytest.param({"effect": "answer_lost", "how": "reset"}, 1, id="reset after the effect"),
        pytest.param({"effect": "answer_lost", "how": "truncate"}, 1, id="cut within the answer"),
        pytest.param({"effect": "effect_lost", "how": "close"}, 0, id="closed before the effect"),
        pytest.param({"effect": "effect_lost", "how": "reset"}, 0, id="reset before the effect"),
        pytest.param({"effect": "effect_late", "seconds": 0, "answer": 504}, 1, id="504, then the effect"),
        pytest.param(SLOW, 0, id="slow before the effect"),
        pytest.param({**SLOW, "when": "after"}, 1, id="slow after the effect"),
        pytest.param({"effect": "missing_id"}, 1, id="201 without an id"),
        pytest.param({"effect": "status", "code": 500, "after_effect": True}, 1, id="500 after the effect"),
        pytest.param({"effect": "status", "code": 502, "form": "html"}, 0, id="HTML 502"),
        pytest.param(
            {"effect": "status", "code": 201, "form": "malformed", "after_effect": True}, 1, id="malformed 201"
        ),
        pytest.param({"effect": "status", "code": 201, "form": "empty", "after_effect": True}, 1, id="empty 201"),
    ],
)
async def test_a_create_whose_outcome_is_open(sim: RunningSimulator, fault: dict[str, Any], made: int) -> None:
    """The same error whether or not an endpoint came to be, one POST, and nothing claimed."""
    sim.admin.fault(POST, **fault)
    # Only what is slow has to be given up, and no sooner than it has surely been sent.
    async with client_of(sim, request_timeout=3.0 if fault["effect"] == "delay" else 30.0) as cloud:
        with pytest.raises(CloudUnavailable) as raised:
            await cloud.create_endpoint(CREATE)
    sim.admin.clear_faults()
    async with client_of(sim) as cloud:
        assert len((await cloud.list_endpoints()).endpoints) == made
    assert not raised.value.refused
    assert len(sent(sim, "create")) == 1


@pytest.mark.rule("C14")
@pytest.mark.parametrize("form", ["detail", "openai", "html", "empty", "malformed"])
@pytest.mark.parametrize("code", sorted({*REFUSALS, 402, 408, 409, 425, 499, 500, 502, 503, 504}))
async def test_refused_or_open(sim: RunningSimulator, code: int, form: str) -> None:
    """A create is refused exactly by the listed statuses in one of the API's own forms."""
    sim.admin.fault(POST, effect="status", code=code, form=form, message="the reason")
    async with client_of(sim) as cloud:
        with pytest.raises(CloudError) as raised:
            await cloud.create_endpoint(CREATE)
    assert raised.value.refused == (code in REFUSALS and form in {"detail", "openai"})
    assert raised.value.status == code
    assert "<" not in raised.value.message
    assert ("the reason" in raised.value.message) == (form in {"detail", "openai"})


@pytest.mark.parametrize("as_", ["seconds", "date"])
@pytest.mark.parametrize(
    ("code", "form", "kind"),
    [
        pytest.param(429, "detail", RateLimited, id="429"),
        pytest.param(503, "html", CloudUnavailable, id="503"),
    ],
)
async def test_retry_after(sim: RunningSimulator, code: int, form: str, kind: type[CloudError], as_: str) -> None:
    """The wait is read in both forms. A 429 holds calls of every kind; a 503 only what it answered."""
    sim.admin.fault(POST, effect="status", code=code, form=form, retry_after=100, retry_after_form=as_)
    async with client_of(sim) as cloud:
        with pytest.raises(kind) as raised:
            await cloud.create_endpoint(CREATE)
        assert raised.value.retry_after == pytest.approx(100, abs=30)
        if kind is RateLimited:
            assert 0 < cloud.blocked_for() <= 101  # both dates have whole seconds
            with pytest.raises(RateLimited):
                async with cloud.slot():
                    pass
            with pytest.raises(RateLimited):
                await cloud.list_endpoints()
        else:
            assert cloud.blocked_for() == 0.0
            await cloud.list_endpoints()
    assert len(sim.admin.calls()) == (1 if kind is RateLimited else 2)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"effect": "status", "code": 500}, id="500"),
        pytest.param({"effect": "status", "code": 404}, id="404"),
        pytest.param({"effect": "status", "code": 200, "form": "html"}, id="a page with 200"),
        pytest.param({"effect": "status", "code": 200, "form": "empty"}, id="empty"),
        pytest.param({"effect": "status", "code": 200, "form": "malformed"}, id="malformed"),
        pytest.param({"effect": "status", "code": 200, "form": "detail"}, id="an error with 200"),
        pytest.param({"effect": "answer_lost", "how": "truncate"}, id="cut"),
    ],
)
async def test_a_list_that_fails(sim: RunningSimulator, fault: dict[str, Any]) -> None:
    """No failure of a LIST can be taken for an empty one."""
    sim.admin.console_create()
    sim.admin.fault({**LIST, "count": 1}, **fault)
    async with client_of(sim) as cloud:
        with pytest.raises(CloudUnavailable):
            await cloud.list_endpoints()
        assert len((await cloud.list_endpoints()).endpoints) == 1


@pytest.mark.parametrize("paging", ["token", "after"])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"effect": "status", "code": 500}, id="500"),
        pytest.param({"effect": "answer_lost"}, id="connection closed"),
        pytest.param({"effect": "status", "code": 200, "form": "detail"}, id="not a list"),
    ],
)
async def test_a_later_page_that_fails(sim: RunningSimulator, paging: str, fault: dict[str, Any]) -> None:
    """What was listed before the failure is kept, and called incomplete."""
    for _ in range(5):
        sim.admin.console_create()
    sim.admin.configure(paging=paging, page_size=2)
    sim.admin.fault({**LIST, "skip": 1}, **fault)
    async with client_of(sim) as cloud:
        listed = await cloud.list_endpoints()
    assert (len(listed.endpoints), listed.complete) == (2, False)


async def test_items_without_an_id(sim: RunningSimulator) -> None:
    """A LIST with items that have no id proves no absence of what their marks name: they are handed on."""
    sim.admin.console_create()
    sim.admin.fault(LIST, effect="missing_id")
    async with client_of(sim) as cloud:
        listed = await cloud.list_endpoints()
    assert (listed.endpoints, len(listed.nameless), listed.view) == ((), 1, True)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"effect": "stale_list", "seconds": 3600}, id="stale"),
        pytest.param({"effect": "partial_list", "drop_first": 1}, id="partial"),
        pytest.param({"effect": "partial_list", "cap": 0}, id="capped"),
    ],
)
async def test_a_list_that_lies(sim: RunningSimulator, fault: dict[str, Any]) -> None:
    """A LIST that leaves things out without saying so looks complete: only evidence over time can tell."""
    sim.admin.console_create()
    sim.admin.fault(LIST, **fault)
    async with client_of(sim) as cloud:
        listed = await cloud.list_endpoints()
    assert (listed.endpoints, listed.complete) == ((), True)


@pytest.mark.parametrize("code", [404, 200])
async def test_a_gateway_ends_no_deletion(sim: RunningSimulator, code: int) -> None:
    """A page in the place of the answer to a DELETE is a failure, whatever its status."""
    endpoint_id = str(sim.admin.console_create()["id"])
    sim.admin.fault({"method": "DELETE"}, effect="status", code=code, form="html")
    sim.admin.fault({"method": "PATCH"}, effect="status", code=code, form="html")
    async with client_of(sim) as cloud:
        with pytest.raises(CloudUnavailable):
            await cloud.delete_endpoint(endpoint_id)
        with pytest.raises(CloudUnavailable) as raised:
            await cloud.update_endpoint(endpoint_id, EndpointPatch(name="x"))
    assert not raised.value.refused
    assert len(sim.admin.endpoints()) == 1


async def test_a_token_is_replaced(sim: RunningSimulator) -> None:
    """A revoked token fails, its successor works at the next call of the same client."""
    current = TOKEN
    settings = CloudSettings(base_url=sim.url, trust_env=False)
    async with HttpCloud(settings, token=lambda: SecretStr(current), clock=SystemClock()) as cloud:
        await cloud.list_endpoints()
        sim.admin.remove_token(TOKEN)
        with pytest.raises(Unauthorized):
            await cloud.list_endpoints()
        sim.admin.add_token("contract-token-2", "project-a")
        current = "contract-token-2"
        assert (await cloud.list_endpoints()).complete


async def test_nobody_listens() -> None:
    """A refused connection has sent nothing, and names the setting to check."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refuses, and nobody else gets the port
        settings = CloudSettings(base_url=f"http://127.0.0.1:{taken.getsockname()[1]}", trust_env=False)
        async with HttpCloud(settings, token=lambda: SecretStr(TOKEN), clock=SystemClock()) as cloud:
            with pytest.raises(CloudUnavailable) as raised:
                await cloud.create_endpoint(CREATE)
    assert raised.value.refused
    assert "TOKENFACTORY_API_URL" in raised.value.message

"""The whole process between an API server and a cloud on loopback: the order of its steps, and its wiring."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NoReturn

import pytest
import structlog
from pydantic import SecretStr

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.app import Operator
from tokenfactory_operator.domain.resource import parse
from tokenfactory_operator.kube.events import EventRecorder
from tokenfactory_operator.leader.election import Election
from tokenfactory_operator.process.leadership import SystemClock
from tokenfactory_operator.process.standing import make_supervisor
from tokenfactory_operator.settings import Settings
from tokenfactory_operator.state.cache import key_of
from tokenfactory_operator.telemetry.health import HealthServer
from tokenfactory_operator.telemetry.logging import configure_logging, forget_secret
from tokenfactory_operator.telemetry.metrics import Metrics
from tokenfactory_operator.work.workqueue import Urgency
from unit.kube.loopback import Request, answer, client_of, loopback
from unit.support.builders import an_object
from unit.support.waiting import until

OBJECTS: Final = f"/apis/{api.GROUP}/{api.VERSION}/{api.PLURAL}"
TOKEN: Final = "canary-of-a-whole-process"


@pytest.fixture(autouse=True)
def logged_into_nothing() -> Iterator[None]:
    """The process's own handler, and none after the test."""
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    level = root.level
    configure_logging(stream=io.StringIO())
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()
    forget_secret(TOKEN)


class LateLease(Election):
    """Another process holds it until a test says otherwise."""

    def __init__(self) -> None:
        self.free = asyncio.Event()

    async def acquire(self) -> None:
        """Wait until it is free."""
        await self.free.wait()

    async def keep(self) -> NoReturn:
        """Until cancelled."""
        while True:
            await asyncio.Event().wait()

    async def release(self) -> None:
        """Nobody has it then."""
        self.free.clear()

    def held(self) -> bool:
        """Whether the test has given it."""
        return self.free.is_set()

    def lead(self) -> None:
        """As long as nobody asks, it leads."""

    def problem(self) -> str | None:
        """None."""
        return None

    def leader(self) -> str:
        """Nobody is told of."""
        return ""


class Worlds:
    """An API server without objects, and a cloud without endpoints; both note who lists them."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.silent = False
        """The cloud answers nothing."""

    def kubernetes(self, request: Request) -> bytes | None:
        """What the API server answers."""
        path, _, query = request.target.partition("?")
        if path != OBJECTS or "limit=1" in query.split("&"):
            return None  # kopf waits: each list is one of the operator's own
        self.steps.append("objects")
        return answer({"metadata": {"resourceVersion": "10"}, "items": []}, Content_Type="application/json")

    def cloud(self, _request: Request) -> bytes | None:
        """What the cloud answers."""
        self.steps.append("cloud")
        return None if self.silent else answer({"data": []}, Content_Type="application/json")


@asynccontextmanager
async def an_operator(
    worlds: Worlds,
    lease: Election,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    token_file: Path | None = None,
    metrics: Metrics | None = None,
) -> AsyncIterator[Operator]:
    async with loopback(worlds.kubernetes) as server, loopback(worlds.cloud) as cloud, client_of(server) as client:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(folder)))
        token = None if token_file else SecretStr(TOKEN)
        settings = Settings(token=token, token_file=token_file, api_url=cloud.url, concurrency=1)
        yield Operator(
            settings,
            client=client,
            lease=lease,
            recorder=EventRecorder(client, clock=SystemClock()),
            metrics=metrics or Metrics(version="1"),
            cluster_id="0f1e2d3c",
            supervisor=make_supervisor(settings, client),
        )


@pytest.mark.rule("O2")
async def test_who_leads_late_lists_the_objects_again_before_it_calls_the_cloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From an absence that is older than its lease it concludes nothing."""
    worlds, lease = Worlds(), LateLease()
    async with an_operator(worlds, lease, tmp_path, monkeypatch) as operator:
        running = asyncio.create_task(operator.run())
        await until(lambda: bool(worlds.steps) or running.done())
        lease.free.set()
        await until(lambda: "cloud" in worlds.steps or running.done())
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    assert worlds.steps[:3] == ["objects", "objects", "cloud"]


async def test_what_a_list_costs_is_measured_by_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A poller rests in proportion to that, so that a large project does not take all of a core."""
    async with an_operator(Worlds(), LateLease(), tmp_path, monkeypatch) as operator:
        spent = operator.accounts.poller_of(parse(an_object())).common.spent
        before = spent()
        until_then = time.process_time() + 0.01
        while time.process_time() < until_then:
            pass
        assert spent() - before >= 0.01


async def test_passes_that_wait_for_nothing_do_not_hold_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else the process does has a turn after each of them."""
    worlds, lease = Worlds(), LateLease()
    worlds.silent = True
    lease.free.set()
    async with an_operator(worlds, lease, tmp_path, monkeypatch) as operator:
        for number in range(200):
            body = an_object(uid=f"uid-{number}", name=f"a-{number}")
            operator.cache.put(body)
            operator.accounts.queue_of(key_of(body)).add(key_of(body), Urgency.EDIT)
        operator.accounts.start()
        turns = 0
        while (stats := operator.accounts.stats()).depth[Urgency.EDIT] + stats.processing:
            turns += 1
            await asyncio.sleep(0)
        await operator.accounts.shut_down(1.0)
    assert turns >= 200


async def test_a_token_file_that_cannot_be_used_any_more_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its account is closed, and yet the age of the operator's own list does not vanish: an alert has to fire on it."""
    metrics, lease, token_file = Metrics(version="1"), LateLease(), tmp_path / "token"
    token_file.write_text(TOKEN)
    health = HealthServer(health_address=None, metrics_address=None, exposition=metrics.render)
    ready: dict[str, Callable[[], str | None]] = {}
    monkeypatch.setattr(health, "add_readiness", ready.__setitem__)

    def age() -> list[str]:
        lines = metrics.render()[0].decode().splitlines()
        return [line.partition(" ")[2] for line in lines if line.startswith("tokenfactory_inventory_age_seconds{")]

    async with an_operator(Worlds(), lease, tmp_path, monkeypatch, token_file=token_file, metrics=metrics) as operator:
        operator.report_to(health, metrics)
        assert age() == []  # a standby has no list, and needs none
        running = asyncio.create_task(operator.run())
        lease.free.set()
        await until(lambda: age() not in ([], ["+Inf"]) or running.done())
        assert float(age()[0]) < 60
        token_file.write_text("")
        await until(lambda: not operator.accounts.inventories() or running.done())
        assert age() == ["+Inf"]
        assert "is empty" in str(ready["cloud"]())
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_a_token_file_that_cannot_be_used_at_the_start_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was usable when the settings were read; a Secret that is replaced meanwhile is no defect of the operator."""
    worlds, lease, token_file = Worlds(), LateLease(), tmp_path / "token"
    token_file.write_text("")
    lease.free.set()
    async with an_operator(worlds, lease, tmp_path, monkeypatch, token_file=token_file) as operator:
        running = asyncio.create_task(operator.run())
        await until(lambda: "objects" in worlds.steps or running.done())
        token_file.write_text(TOKEN)
        await until(lambda: "cloud" in worlds.steps or running.done())
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    assert "cloud" in worlds.steps

"""The simulator as a process, in a thread, and under many endpoints."""

import signal
import subprocess
import sys
import warnings
from contextlib import nullcontext

import httpx
import pytest

from contract.simulator.builders import ENDPOINTS, caller, create_body, created, eventually, listed
from tokenfactory_simulator.app import create_app
from tokenfactory_simulator.clock import Clock
from tokenfactory_simulator.faults import FaultPlan
from tokenfactory_simulator.listing import listing
from tokenfactory_simulator.settings import Settings
from tokenfactory_simulator.simulator import Simulator
from tokenfactory_simulator.testing import running_simulator, simulator_process

COMMAND = [sys.executable, "-m", "tokenfactory_simulator"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_the_process_says_one_line_and_ends_with_0(number: signal.Signals) -> None:
    """Ready is one line on standard output; a signal ends it, even with a call under way that waits for long."""
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout
        url = child.stdout.readline().removeprefix("listening on ").strip()
        assert url.startswith("http://127.0.0.1:")
        fault = {"match": {}, "effect": {"effect": "delay", "seconds": "1h"}}
        assert httpx.post(f"{url}/_admin/faults", json=fault, trust_env=False).status_code == 201
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{url}{ENDPOINTS}", timeout=0.2, trust_env=False)
        child.send_signal(number)
        rest, errors = child.communicate(timeout=20)
    assert (child.returncode, rest, errors) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        pytest.param(["--provisioning-time", "soon"], "provisioning_time", id="no-duration"),
        pytest.param(["--token", "lonely"], "--token", id="token-without-project"),
        pytest.param(["--capacity", "eu-north1/gpu-h100-sxm=many"], "capacity", id="capacity-no-number"),
        pytest.param(["--host", "192.0.2.1"], "192.0.2.1", id="not-this-machine"),
    ],
)
def test_wrong_arguments_end_with_one_message(arguments: list[str], named: str) -> None:
    """Non-zero, and the message names the argument; no traceback."""
    ended = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode != 0
    assert named in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_the_process_takes_its_arguments() -> None:
    """Tokens with their projects, capacity, times, and an admin API under its own token."""
    arguments = ["--token", "tok-a=p1", "--token", "tok-a=p2", "--token", "tok-b=p3", "--provisioning-time", "250ms"]
    capacity = ["--capacity", "eu-north1/gpu-h100-sxm=3"]
    with simulator_process(*arguments, *capacity, admin_token="root") as sim:
        settings = sim.admin.settings()
        assert (settings["provisioning_time"], settings["capacity"]) == (0.25, {"eu-north1/gpu-h100-sxm": 3})
        with caller(sim, "tok-a") as http:
            assert http.get(ENDPOINTS, params={"ai_project_id": "p2"}).status_code == 200
            assert http.get(ENDPOINTS, params={"ai_project_id": "p3"}).status_code == 403
        assert httpx.get(f"{sim.url}/_admin/summary", trust_env=False).status_code == 401


def test_the_default_token_is_the_demos() -> None:
    """In real time an endpoint becomes ready by itself."""
    with running_simulator(provisioning_time=0.01) as sim, caller(sim, "demo-token") as http:
        created(http)
        eventually(lambda: listed(http)[0]["deployment"]["status"] == "running")
        assert sim.admin.endpoints()[0]["project"] == "project-demo"


async def test_a_defect_of_its_own_is_told_to_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 500 that no test has scripted says where it comes from."""
    simulator = Simulator(Settings())
    monkeypatch.setattr(simulator, "reset", lambda: simulator.catalog.models["no such model"])
    transport = httpx.ASGITransport(create_app(simulator), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as http:
        answer = await http.post("/_admin/reset")
    assert answer.status_code == 500
    assert "Traceback" in answer.text
    assert "KeyError: 'no such model'" in answer.text


async def test_a_defect_in_the_api_is_told_recorded_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The vendor's routes answer it likewise, and the call has its place in the record."""
    simulator = Simulator(Settings())
    monkeypatch.setattr(simulator.cloud, "alive", lambda _: simulator.catalog.models["no such model"])
    transport, token = httpx.ASGITransport(create_app(simulator)), {"authorization": "Bearer demo-token"}
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator", headers=token) as http:
        answer = await http.get(ENDPOINTS)
    assert answer.status_code == 500
    assert "KeyError: 'no such model'" in answer.text
    assert "KeyError: 'no such model'" in caplog.text
    assert [call["status"] for call in simulator.recorder.calls(since=0)] == [500]


def test_other_threads_may_switch_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first request does not rest on a filter, which pytest switches back whenever a test ends."""
    with monkeypatch.context() as switched:
        switched.setattr(warnings, "catch_warnings", lambda **_: nullcontext())
        switched.setattr(warnings, "simplefilter", lambda *_, **__: None)
        with running_simulator() as sim, caller(sim, "demo-token") as http:
            assert listed(http) == []


def test_an_unknown_setting_does_not_start() -> None:
    """A misspelt setting is an error of the caller."""
    with pytest.raises(ValueError, match="provisioning"), running_simulator(provisioning=1):
        pass


def test_the_address_is_free_afterwards() -> None:
    """Nothing listens once the simulator ended."""
    with running_simulator() as sim:
        url = sim.url
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_a_list_of_ten_thousand_is_made_of_cached_parts() -> None:
    """Each endpoint is rendered once until it changes, and LIST holds every one."""
    simulator = Simulator(Settings(), manual_clock=True)
    body = {name: value for name, value in create_body().items() if name != "scaling"}
    entries = [simulator.cloud.create("p", body | {"min_replicas": 1, "max_replicas": 1}) for _ in range(10_000)]

    def parts() -> list[bytes]:
        return [entry.rendered(simulator.cloud.now, simulator.clock, simulator.settings) for entry in entries]

    first = parts()
    assert listing(simulator, "p", FaultPlan(), None).count(b'"routing_key"') == 10_000
    assert all(one is two for one, two in zip(first, parts(), strict=True))
    simulator.cloud.change(entries[7], {"name": "changed"})
    changed = [number for number, (one, two) in enumerate(zip(first, parts(), strict=True)) if one is not two]
    assert changed == [7]
    simulator.clock.advance(1)
    simulator.cloud.settle()
    assert all(b'"running"' in part for part in parts())


def test_clocks() -> None:
    """A manual clock stands still; a real one goes on and can be moved as well."""
    manual, real = Clock(manual=True), Clock()
    assert (manual.now(), manual.now()) == (0, 0)
    assert manual.advance(5) == 5
    before = real.now()
    assert real.advance(100) >= before + 100
    assert (manual.wall(60) - manual.wall(0)).total_seconds() == 60

"""The record of calls, the summary and the console."""

import json
import threading
from typing import Any

import httpx
import pytest

from contract.simulator.builders import ENDPOINTS, caller, create_body, created, eventually, listed, scaling
from tokenfactory_simulator.record import Recorder
from tokenfactory_simulator.testing import RunningSimulator


def test_a_call_is_recorded_whole(sim: RunningSimulator, http: httpx.Client) -> None:
    """Method, path, query, project, body, status, times and the endpoint made; never the token."""
    answer = http.post(ENDPOINTS, params={"ai_project_id": "project-shared"}, json=create_body())
    (call,) = sim.admin.calls()
    started, ended = call.pop("started_monotonic"), call.pop("ended_monotonic")
    assert started <= ended
    assert call.pop("started_wall") <= call.pop("ended_wall")
    assert call == {
        "sequence": 1,
        "method": "POST",
        "path": ENDPOINTS,
        "query": "ai_project_id=project-shared",
        "project": "project-shared",
        "body": create_body(),
        "operation": "create",
        "status": 201,
        "effect": "applied",
        "faults": [],
        "endpoint_id": answer.json()["endpoint"]["id"],
    }


def test_refused_calls_are_recorded(sim: RunningSimulator, http: httpx.Client) -> None:
    """Also those of strangers and those without a readable body."""
    with caller(sim, "tok-canary") as stranger:
        stranger.get(ENDPOINTS)
    http.post(ENDPOINTS, content=b"{oops", headers={"content-type": "application/json"})
    recorded = sim.admin.calls()
    assert [(call["project"], call["body"], call["status"], call["effect"]) for call in recorded] == [
        (None, None, 401, "none"),
        ("project-a", "{oops", 422, "none"),
    ]
    assert "tok-canary" not in json.dumps([recorded, sim.admin.summary()])


@pytest.mark.parametrize(
    ("wanted", "operations"),
    [
        pytest.param({}, ["create", "list", "update", "get", "delete", "templates"], id="all"),
        pytest.param({"since": 4}, ["delete", "templates"], id="since"),
        pytest.param({"method": "GET"}, ["list", "get", "templates"], id="method"),
        pytest.param({"path": ENDPOINTS}, ["create", "list"], id="path-is-whole"),
        pytest.param({"path": f"{ENDPOINTS}/ep-.*", "method": "PATCH"}, ["update"], id="path-pattern"),
    ],
)
def test_the_record_can_be_searched(
    sim: RunningSimulator, http: httpx.Client, wanted: dict[str, Any], operations: list[str]
) -> None:
    """By sequence number, method and path."""
    path = f"{ENDPOINTS}/{created(http)['id']}"
    listed(http)
    http.patch(path, json={})
    http.get(path)
    http.delete(path)
    http.get(f"{ENDPOINTS}/templates")
    assert [call["operation"] for call in sim.admin.calls(**wanted)] == operations


def test_a_call_under_way_is_recorded(sim: RunningSimulator, http: httpx.Client) -> None:
    """It has no status yet, and one when it is answered."""
    sim.admin.fault({"method": "POST"}, effect="effect_late", seconds=5, answer="hold")
    with caller(sim) as other:
        waiting = threading.Thread(target=other.post, args=(ENDPOINTS,), kwargs={"json": create_body()})
        waiting.start()
        eventually(lambda: sim.admin.calls(method="POST"))
        assert listed(http) == []
        assert sim.admin.calls(method="POST")[0]["status"] is None
        sim.admin.advance(5)
        waiting.join(timeout=20)
    assert sim.admin.calls(method="POST")[0]["status"] == 201


def test_the_summary_counts(sim: RunningSimulator, http: httpx.Client) -> None:
    """Per operation, per status and per endpoint, alive or not."""
    kept, gone = created(http)["id"], created(http, name="two", description="d")["id"]
    http.patch(f"{ENDPOINTS}/{kept}", json={"name": ""})
    http.patch(f"{ENDPOINTS}/{kept}", json={"name": "three"})
    http.delete(f"{ENDPOINTS}/{gone}")
    http.delete(f"{ENDPOINTS}/{gone}")
    summary = sim.admin.summary()

    assert summary["operations"] == {"create": 2, "update": 2, "delete": 2}
    assert summary["statuses"]["delete"] == {"204": 1, "404": 1}
    assert (summary["calls"], summary["dropped"], summary["alive"]) == (6, 0, 1)
    counts = {"gpu_seconds": 0.0, "project": "project-a", "get": 0, "post": 1}
    assert summary["endpoints"] == {
        kept: counts | {"name": "three", "description": None, "alive": True, "patch": 2, "delete": 0},
        gone: counts | {"name": "two", "description": "d", "alive": False, "patch": 0, "delete": 2},
    }


def test_the_record_is_bounded_and_says_so() -> None:
    """The oldest calls go, the counters do not."""
    recorder = Recorder(limit=3)
    for number in range(5):
        call = recorder.begin(method="GET", path=ENDPOINTS, query="", project=None, body=number)
        recorder.end(call, 200)
    assert [call["sequence"] for call in recorder.calls()] == [3, 4, 5]
    assert (recorder.dropped, recorder.operations["list"], recorder.statuses["list"]["200"]) == (2, 5, 5)


def test_a_long_record_is_read_in_pages(sim: RunningSimulator, http: httpx.Client) -> None:
    """The admin API says where to go on."""
    for _ in range(5):
        listed(http)
    page = httpx.get(f"{sim.url}/_admin/calls", params={"limit": 2, "since": 1}, trust_env=False).json()
    assert [call["sequence"] for call in page["calls"]] == [2, 3]
    assert (page["last"], page["complete"], page["dropped"]) == (3, False, 0)


def test_the_console_makes_an_endpoint_of_any_kind(sim: RunningSimulator, http: httpx.Client) -> None:
    """Unchecked, without a POST in the record; what is left out has a default."""
    made = sim.admin.console_create(name="by hand", region="moon-1", scaling=scaling(2, 5), enabled=False)
    (seen,) = listed(http)
    assert (seen["id"], seen["region"], seen["scaling"]) == (made["id"], "moon-1", scaling(2, 5))
    assert seen["deployment"]["status"] == "stopped"
    assert sim.admin.calls(method="POST") == []


def test_the_console_changes_any_field(sim: RunningSimulator, http: httpx.Client) -> None:
    """Also those that the API cannot change."""
    endpoint = created(http, description="ours")["id"]
    changes = {"description": None, "model_name": "lab/other", "region": "eu-west1", "max_replicas": 7}
    sim.admin.console_patch(endpoint, **changes)
    (seen,) = listed(http)
    assert {name: seen[name] for name in ("description", "model_name", "region")} == {
        "description": None,
        "model_name": "lab/other",
        "region": "eu-west1",
    }
    assert seen["scaling"] == scaling(1, 7)


def test_the_console_deletes(sim: RunningSimulator, http: httpx.Client) -> None:
    """Gone from LIST, kept for the record, unknown the second time."""
    endpoint = created(http)["id"]
    sim.admin.console_delete(endpoint)
    assert listed(http) == []
    assert sim.admin.endpoints() == []
    (kept,) = sim.admin.endpoints(alive_only=False)
    assert (kept["id"], kept["alive"]) == (endpoint, False)
    assert kept["deleted_at"] >= kept["created_at"]
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        sim.admin.console_delete(endpoint)


def test_internals_ignore_faults_and_forms(sim: RunningSimulator, http: httpx.Client) -> None:
    """Who asserts on the truth sees it, whatever the API is made to say."""
    endpoint = created(http)["id"]
    sim.admin.configure(id_field="endpoint_id", deployment_status=False)
    sim.admin.fault({}, effect="status", code=500)
    (seen,) = sim.admin.endpoints()
    assert (seen["id"], seen["deployment"]["status"], seen["gpus_held"]) == (endpoint, "starting", 1)
    assert seen["calls"] == {"POST": 1}


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"provisioning_time": "soon"}, id="no-duration"),
        pytest.param({"provisioning": 1}, id="unknown"),
        pytest.param({"quota_status": 200}, id="no-choice"),
        pytest.param({"capacity": {"h100": 1}}, id="no-pool"),
    ],
)
def test_a_wrong_setting_is_refused_and_changes_nothing(sim: RunningSimulator, wrong: dict[str, Any]) -> None:
    """422 that names it."""
    before = sim.admin.settings()
    with pytest.raises(httpx.HTTPStatusError, match=next(iter(wrong))):
        sim.admin.configure(page_size=7, **wrong)
    assert sim.admin.settings() == before


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"effect": "delay", "seconds": 3}, id="delayed"),
        pytest.param({"effect": "effect_late", "seconds": 5, "answer": "hold"}, id="held"),
    ],
)
def test_reset_drops_calls_under_way(sim: RunningSimulator, fault: dict[str, Any]) -> None:
    """A call of before the reset has no effect after it, and is not in the new record."""
    answers: list[int] = []
    sim.admin.fault({"method": "POST"}, **fault)
    with caller(sim) as other:
        waiting = threading.Thread(target=lambda: answers.append(other.post(ENDPOINTS, json=create_body()).status_code))
        waiting.start()
        eventually(lambda: sim.admin.calls(method="POST"))
        sim.admin.reset()
        sim.admin.advance(5)
        waiting.join(timeout=20)
    assert answers == [503]
    assert (sim.admin.endpoints(), sim.admin.calls(), sim.admin.summary()["statuses"]) == ([], [], {})


def test_reset_forgets_everything(sim: RunningSimulator, http: httpx.Client) -> None:
    """Endpoints, faults, record, settings and tokens are those of the start."""
    before = sim.admin.settings()
    created(http)
    sim.admin.fault({}, effect="answer_lost")
    sim.admin.configure(provisioning_time="5m", capacity={"a/b": 1})
    sim.admin.remove_token("tok-b")
    sim.admin.reset()
    assert (sim.admin.endpoints(alive_only=False), sim.admin.calls(), sim.admin.faults()) == ([], [], [])
    assert sim.admin.settings() == before
    with caller(sim, "tok-b") as other:
        assert listed(other) == []

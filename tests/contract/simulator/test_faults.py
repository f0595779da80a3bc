"""Each fault effect as a raw HTTP client meets it."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from contract.simulator.builders import ENDPOINTS, caller, create_body, created, deployment, eventually, listed, scaling
from tokenfactory_simulator.testing import RunningSimulator

ONE_POST = {"method": "POST", "count": 1}
CUT = (httpx.RemoteProtocolError, httpx.ReadError)


@pytest.mark.parametrize(
    ("how", "error"),
    [
        pytest.param("close", httpx.RemoteProtocolError, id="closed"),
        pytest.param("reset", httpx.ReadError, id="reset"),
        pytest.param("truncate", httpx.RemoteProtocolError, id="in-the-middle-of-the-answer"),
    ],
)
def test_a_lost_answer_has_its_effect(
    sim: RunningSimulator, http: httpx.Client, how: str, error: type[httpx.HTTPError]
) -> None:
    """The connection is cut and the endpoint is there; the next call is answered."""
    sim.admin.fault(ONE_POST, effect="answer_lost", how=how)
    with pytest.raises(error):
        http.post(ENDPOINTS, json=create_body())
    assert len(listed(http)) == 1
    (call,) = sim.admin.calls(method="POST")
    assert (call["status"], call["effect"], call["faults"]) == ("cut", "applied", ["answer_lost"])
    assert call["endpoint_id"] == listed(http)[0]["id"]


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_lost_effect_has_none(sim: RunningSimulator, http: httpx.Client, how: str) -> None:
    """The connection is cut and nothing was made."""
    sim.admin.fault(ONE_POST, effect="effect_lost", how=how)
    with pytest.raises(CUT):
        http.post(ENDPOINTS, json=create_body())
    assert listed(http) == []
    (call,) = sim.admin.calls(method="POST")
    assert (call["status"], call["effect"]) == ("cut", "none")


@pytest.mark.parametrize(
    ("method", "body"),
    [
        pytest.param("PATCH", {"enabled": False}, id="update"),
        pytest.param("DELETE", None, id="delete"),
        pytest.param("GET", None, id="get"),
    ],
)
def test_any_operation_can_be_cut(sim: RunningSimulator, http: httpx.Client, method: str, body: Any) -> None:  # noqa: ANN401 - JSON
    """Not only POST loses its answer."""
    endpoint = created(http)["id"]
    sim.admin.fault({"method": method, "count": 1}, effect="answer_lost")
    with pytest.raises(CUT):
        http.request(method, f"{ENDPOINTS}/{endpoint}", json=body)
    alive = {found["id"]: found["enabled"] for found in sim.admin.endpoints()}
    assert alive == {"PATCH": {endpoint: False}, "DELETE": {}, "GET": {endpoint: True}}[method]


def test_a_late_effect_comes_after_the_caller_gave_up(sim: RunningSimulator, http: httpx.Client) -> None:
    """Cut at once, made 30 s later, to the second, with the time of its making."""
    sim.admin.fault(ONE_POST, effect="effect_late", seconds=30)
    with pytest.raises(CUT):
        http.post(ENDPOINTS, json=create_body())
    sim.admin.advance(29.9)
    assert listed(http) == []
    assert sim.admin.calls(method="POST")[0]["effect"] == "pending"
    sim.admin.advance(8)
    (endpoint,) = listed(http)
    assert deployment(http, endpoint["id"]) == ("starting", "not_ready", 0)
    sim.admin.advance(0.2)
    assert deployment(http, endpoint["id"]) == ("running", "ready", 1)
    (call,) = sim.admin.calls(method="POST")
    assert (call["effect"], call["endpoint_id"]) == ("applied", endpoint["id"])


def test_a_late_effect_can_be_answered_with_a_status(sim: RunningSimulator, http: httpx.Client) -> None:
    """A gateway's 504 before the effect."""
    sim.admin.fault(ONE_POST, effect="effect_late", seconds=5, answer=504)
    assert http.post(ENDPOINTS, json=create_body()).status_code == 504
    sim.admin.advance(5)
    assert len(listed(http)) == 1


def test_a_held_answer_comes_with_the_effect(sim: RunningSimulator, http: httpx.Client) -> None:
    """The true answer, later; a caller that does not wait for it does not prevent the effect."""
    sim.admin.fault({"method": "POST", "count": 2}, effect="effect_late", seconds=1, answer="hold")
    for _ in range(2):
        with pytest.raises(httpx.ReadTimeout):
            http.post(ENDPOINTS, json=create_body(), timeout=0.05)
    assert listed(http) == []
    sim.admin.advance(1)
    assert len(listed(http)) == 2


def test_a_late_update_of_what_is_gone_is_refused(sim: RunningSimulator, http: httpx.Client) -> None:
    """The effect is judged at its own time."""
    path = f"{ENDPOINTS}/{created(http)['id']}"
    sim.admin.fault({"method": "PATCH"}, effect="effect_late", seconds=5)
    with pytest.raises(CUT):
        http.patch(path, json={"name": "late"})
    http.delete(path)
    sim.admin.advance(5)
    assert listed(http) == []
    assert sim.admin.calls(method="PATCH")[0]["effect"] == "refused"


def test_an_invalid_request_is_refused_at_once_even_if_effects_are_late(
    sim: RunningSimulator, http: httpx.Client
) -> None:
    """There is no effect to wait for."""
    sim.admin.fault(ONE_POST, effect="effect_late", seconds=5)
    assert http.post(ENDPOINTS, json=create_body(name="")).status_code == 422


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_delayed_call_has_its_effect_without_the_caller(sim: RunningSimulator, http: httpx.Client, when: str) -> None:
    """The caller's time-out ends the waiting and not the call."""
    sim.admin.fault(ONE_POST, effect="delay", seconds=3, when=when)
    with pytest.raises(httpx.ReadTimeout):
        http.post(ENDPOINTS, json=create_body(), timeout=0.1)
    # LIST is not delayed; the effect is there before the delay or comes after it.
    assert len(listed(http)) == (1 if when == "after" else 0)
    eventually(lambda: len(listed(http)) == 1)
    sim.admin.fault(ONE_POST, effect="delay", seconds=0.3)
    assert http.post(ENDPOINTS, json=create_body()).status_code == 201
    assert len(listed(http)) == 2


@pytest.mark.parametrize(
    ("fault", "content_type", "body"),
    [
        pytest.param({"code": 500}, "application/json", {"detail": "simulated fault"}, id="detail"),
        pytest.param(
            {"code": 503, "form": "openai", "message": "busy"},
            "application/json",
            {"error": {"message": "busy", "type": "simulated_fault", "code": "503"}},
            id="openai",
        ),
        pytest.param({"code": 502, "form": "html"}, "text/html; charset=utf-8", None, id="html"),
        pytest.param({"code": 504, "form": "empty"}, "text/plain", None, id="empty"),
        pytest.param({"code": 500, "form": "malformed"}, "application/json", None, id="malformed"),
        pytest.param({"code": 200, "form": "malformed"}, "application/json", None, id="malformed-success"),
        pytest.param({"code": 302, "headers": {"Location": "/login"}}, "application/json", ..., id="redirect"),
    ],
)
def test_a_status_can_be_scripted(
    sim: RunningSimulator, http: httpx.Client, fault: dict[str, Any], content_type: str, body: object
) -> None:
    """Code, body form and headers are the script's, and nothing was made."""
    sim.admin.fault(ONE_POST, effect="status", **fault)
    answer = http.post(ENDPOINTS, json=create_body())

    assert answer.status_code == fault["code"]
    assert answer.headers["content-type"] == content_type
    if body is None:
        with pytest.raises(json.JSONDecodeError):
            answer.json()
    elif body is not ...:
        assert answer.json() == body
    for name, value in fault.get("headers", {}).items():
        assert answer.headers[name] == value
    assert listed(http) == []


def test_a_status_can_hide_an_effect(sim: RunningSimulator, http: httpx.Client) -> None:
    """500, and the endpoint is there."""
    sim.admin.fault(ONE_POST, effect="status", code=500, after_effect=True)
    assert http.post(ENDPOINTS, json=create_body()).status_code == 500
    assert len(listed(http)) == 1


def test_retry_after_has_two_forms(sim: RunningSimulator, http: httpx.Client) -> None:
    """Seconds, or an HTTP date."""
    sim.admin.fault({"count": 1}, effect="status", code=429, retry_after=7)
    sim.admin.fault({"count": 1}, effect="status", code=503, retry_after=60, retry_after_form="date")
    first, second = http.get(ENDPOINTS), http.get(ENDPOINTS)
    assert (first.status_code, first.headers["retry-after"]) == (429, "7")
    ahead = parsedate_to_datetime(second.headers["retry-after"]) - datetime.now(UTC)
    assert timedelta(seconds=30) < ahead < timedelta(seconds=61)


def test_a_list_can_be_stale(sim: RunningSimulator, http: httpx.Client) -> None:
    """It shows what was: who did not exist yet is absent, who is gone is there, states are those of then."""
    old = created(http, name="old")
    doomed = created(http, name="doomed")
    sim.admin.advance(10)
    http.patch(f"{ENDPOINTS}/{old['id']}", json={"name": "renamed"})
    http.delete(f"{ENDPOINTS}/{doomed['id']}")
    created(http, name="new")
    sim.admin.fault({"path_regex": "endpoints$", "count": 1}, effect="stale_list", seconds=5)

    stale = listed(http)
    assert [(endpoint["name"], endpoint["deployment"]["status"]) for endpoint in stale] == [
        ("old", "starting"),
        ("doomed", "starting"),
    ]
    assert [(endpoint["name"], endpoint["deployment"]["status"]) for endpoint in listed(http)] == [
        ("renamed", "running"),
        ("new", "starting"),
    ]


@pytest.mark.parametrize(
    ("effect", "shown"),
    [
        pytest.param({"effect": "partial_list", "drop_first": 2}, [2, 3], id="without-the-first"),
        pytest.param({"effect": "partial_list", "cap": 3}, [0, 1, 2], id="capped"),
        pytest.param({"effect": "partial_list", "drop_ids": [1]}, [0, 2, 3], id="without-an-id"),
        pytest.param({"effect": "partial_list", "drop_ids": [0], "drop_first": 1, "cap": 1}, [2], id="all-of-it"),
        pytest.param({"effect": "hide", "ids": [0, 3]}, [1, 2], id="hidden"),
    ],
)
def test_a_list_can_be_partial(
    sim: RunningSimulator, http: httpx.Client, effect: dict[str, Any], shown: list[int]
) -> None:
    """It says nothing of what it leaves out, and GET by id still answers."""
    ids = [created(http)["id"] for _ in range(4)]
    wanted: dict[str, Any] = {
        name: [ids[number] for number in value] if isinstance(value, list) else value for name, value in effect.items()
    }
    sim.admin.fault({}, **wanted)
    answer = http.get(ENDPOINTS).json()
    assert [endpoint["id"] for endpoint in answer["data"]] == [ids[number] for number in shown]
    assert answer.keys() == {"object", "data"}
    assert all(http.get(f"{ENDPOINTS}/{endpoint}").status_code == 200 for endpoint in ids)


def test_a_cap_hides_what_is_beyond_it_from_every_page(sim: RunningSimulator, http: httpx.Client) -> None:
    """A paged LIST ends at the cap without saying that there is more."""
    ids = [created(http)["id"] for _ in range(5)]
    sim.admin.configure(paging="token", page_size=2)
    sim.admin.fault({}, effect="partial_list", cap=3)
    first = http.get(ENDPOINTS).json()
    second = http.get(ENDPOINTS, params={"page_token": first["next_page_token"]}).json()
    assert [endpoint["id"] for endpoint in first["data"] + second["data"]] == ids[:3]
    assert second["next_page_token"] is None


def test_answers_can_carry_what_nobody_knows(sim: RunningSimulator, http: httpx.Client) -> None:
    """Unknown fields beside the known ones, unknown values in the deployment."""
    endpoint = created(http)
    sim.admin.fault({"count": 1}, effect="unknown_fields")
    sim.admin.fault({"count": 1}, effect="unknown_enum", status="dreaming")
    answer = http.get(ENDPOINTS).json()
    (seen,) = answer["data"]
    assert (seen["id"], seen["deployment"]["status"]) == (endpoint["id"], "dreaming")
    assert {"serving_tier", "tags"} <= seen.keys()
    assert {"meta"} <= answer.keys()
    assert listed(http) == [endpoint]


@pytest.mark.parametrize("form", ["wrapped", "flat"])
def test_an_answer_can_lack_the_id(sim: RunningSimulator, http: httpx.Client, form: str) -> None:
    """201 without an id, in either form; the endpoint is there."""
    sim.admin.configure(answer_form=form)
    sim.admin.fault(ONE_POST, effect="missing_id")
    answer = http.post(ENDPOINTS, json=create_body())
    endpoint = answer.json().get("endpoint", answer.json())
    assert answer.status_code == 201
    assert endpoint["name"] == "one"
    assert "id" not in endpoint
    assert len(listed(http)) == 1


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        pytest.param({}, [500, 500, 500, 500], id="all"),
        pytest.param({"count": 2}, [500, 500, 200, 200], id="count"),
        pytest.param({"skip": 1, "count": 1}, [200, 500, 200, 200], id="skip"),
        pytest.param({"method": "post"}, [200, 200, 200, 200], id="another-method"),
        pytest.param({"method": "get"}, [500, 500, 500, 500], id="method-in-any-case"),
        pytest.param({"path_regex": "templates$"}, [200, 200, 200, 200], id="another-path"),
        pytest.param({"token": "tok-b"}, [200, 200, 200, 200], id="another-token"),
        pytest.param({"token": "tok-a"}, [500, 500, 500, 500], id="token"),
        pytest.param({"project": "project-a"}, [500, 500, 500, 500], id="project"),
        pytest.param({"probability": 0}, [200, 200, 200, 200], id="never"),
    ],
)
def test_a_rule_meets_the_calls_it_describes(
    sim: RunningSimulator, http: httpx.Client, match: dict[str, Any], expected: list[int]
) -> None:
    """Four LISTs against one rule."""
    sim.admin.fault(match, effect="status", code=500)
    assert [http.get(ENDPOINTS).status_code for _ in range(4)] == expected
    (rule,) = sim.admin.faults()
    assert rule["applied"] == expected.count(500)


def test_a_rule_can_look_into_the_body(sim: RunningSimulator, http: httpx.Client) -> None:
    """One object's POST fails, another's does not."""
    sim.admin.fault({"body_regex": '"unlucky"'}, effect="status", code=500)
    statuses = [http.post(ENDPOINTS, json=create_body(name=name)).status_code for name in ("lucky", "unlucky")]
    assert statuses == [201, 500]


def test_probability_is_seeded(sim: RunningSimulator, http: httpx.Client) -> None:
    """The same seed meets the same calls, another seed others."""

    def met(seed: int) -> list[int]:
        sim.admin.clear_faults()
        sim.admin.fault({"probability": 0.5, "seed": seed}, effect="status", code=500)
        return [http.get(ENDPOINTS).status_code for _ in range(24)]

    first = met(1)
    assert met(1) == first
    assert met(2) != first
    assert {200, 500} == set(first)


def test_outcomes_queue_up_and_delays_join_them(sim: RunningSimulator, http: httpx.Client) -> None:
    """Three outcomes of one call each meet three calls in order; a delay applies beside them."""
    for code in (500, 502, 503):
        sim.admin.fault({"count": 1}, effect="status", code=code)
    sim.admin.fault({"count": 1}, effect="delay", seconds=0)
    assert [http.get(ENDPOINTS).status_code for _ in range(4)] == [500, 502, 503, 200]
    assert [call["faults"] for call in sim.admin.calls()] == [["status", "delay"], ["status"], ["status"], []]


def test_rules_can_be_forgotten(sim: RunningSimulator, http: httpx.Client) -> None:
    """One by its id, or all."""
    first = sim.admin.fault({}, effect="status", code=500)
    sim.admin.fault({}, effect="status", code=502)
    sim.admin.clear_faults(first)
    assert http.get(ENDPOINTS).status_code == 502
    sim.admin.clear_faults()
    assert http.get(ENDPOINTS).status_code == 200


@pytest.mark.parametrize(
    ("match", "effect"),
    [
        pytest.param({}, {"effect": "earthquake"}, id="unknown-effect"),
        pytest.param({}, {"effect": "status"}, id="without-code"),
        pytest.param({}, {"effect": "delay", "seconds": -1}, id="negative-delay"),
        pytest.param({}, {"effect": "answer_lost", "seconds": 1}, id="foreign-parameter"),
        pytest.param({"path_regex": "("}, {"effect": "answer_lost"}, id="no-regular-expression"),
        pytest.param({"verb": "POST"}, {"effect": "answer_lost"}, id="unknown-condition"),
    ],
)
def test_a_wrong_script_is_refused(sim: RunningSimulator, match: dict[str, Any], effect: dict[str, Any]) -> None:
    """A test that scripts nonsense learns it at once."""
    with pytest.raises(httpx.HTTPStatusError) as caught:
        sim.admin.fault(match, **effect)
    assert caught.value.response.status_code == 422
    assert sim.admin.faults() == []


def test_faults_do_not_show_tokens(sim: RunningSimulator) -> None:
    """A rule for a token is listed without it."""
    sim.admin.fault({"token": "tok-canary"}, effect="answer_lost")
    assert "tok-canary" not in json.dumps(sim.admin.faults())


def test_other_connections_survive_a_cut(sim: RunningSimulator, http: httpx.Client) -> None:
    """Only the call's own connection is cut."""
    with caller(sim) as other:
        assert listed(other) == []
        sim.admin.fault(ONE_POST, effect="answer_lost")
        with pytest.raises(CUT):
            http.post(ENDPOINTS, json=create_body(scaling=scaling(1, 2)))
        assert len(listed(other)) == 1

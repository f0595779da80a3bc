"""What the vendor would refuse is refused, with the code and in the form that the vendor uses."""

from typing import Any

import httpx
import pytest

from contract.simulator.builders import ENDPOINTS, caller, create_body, created, listed, scaling
from tokenfactory_simulator.testing import RunningSimulator

CREATE = [
    *(
        pytest.param({field: None}, [field], "missing", id=f"without-{field}")
        for field in ("name", "model_name", "flavor_name", "gpu_type", "gpu_count", "region", "scaling")
    ),
    pytest.param({"name": ""}, ["name"], "string_too_short", id="name-empty"),
    pytest.param({"name": "x" * 101}, ["name"], "string_too_long", id="name-101"),
    pytest.param({"name": 7}, ["name"], "string_type", id="name-no-text"),
    pytest.param({"description": "x" * 501}, ["description"], "string_too_long", id="description-501"),
    pytest.param({"gpu_count": 0}, ["gpu_count"], "greater_than_equal", id="gpu-count-0"),
    pytest.param({"gpu_count": "1"}, ["gpu_count"], "int_type", id="gpu-count-text"),
    pytest.param({"gpu_count": True}, ["gpu_count"], "int_type", id="gpu-count-boolean"),
    pytest.param({"gpu_count": 3}, ["gpu_count"], "value_error", id="gpu-count-not-offered"),
    pytest.param({"gpu_type": "gpu-abacus"}, ["gpu_type"], "value_error", id="gpu-type-not-offered"),
    pytest.param({"region": "moon-1"}, ["region"], "value_error", id="region-not-offered"),
    pytest.param({"model_name": "openai/gpt-2"}, ["model_name"], "value_error", id="model-not-offered"),
    pytest.param({"flavor_name": "slow"}, ["flavor_name"], "value_error", id="flavor-not-offered"),
    pytest.param({"scaling": scaling(0, 1)}, ["scaling", "min_replicas"], "greater_than_equal", id="min-0"),
    pytest.param({"scaling": scaling(2, 1)}, ["scaling"], "greater_than_equal", id="max-below-min"),
    pytest.param({"scaling": {"min_replicas": 1}}, ["scaling", "max_replicas"], "missing", id="without-max"),
    pytest.param({"scaling": scaling(1, 1) | {"step": 1}}, ["scaling", "step"], "extra_forbidden", id="scaling-extra"),
    pytest.param({"routing_key": "dedicated/"}, ["routing_key"], "string_too_short", id="routing-key-10"),
    pytest.param({"routing_key": "dedicated/" + "x" * 119}, ["routing_key"], "string_too_long", id="routing-key-129"),
    pytest.param({"routing_key": "shared/abcdef"}, ["routing_key"], "string_pattern_mismatch", id="routing-key-prefix"),
    pytest.param({"custom_weights_id": "w1"}, ["custom_weights_id"], "string_pattern_mismatch", id="weights-prefix"),
    pytest.param({"custom_weights_id": "UNSET"}, ["custom_weights_id"], "string_pattern_mismatch", id="weights-unset"),
    pytest.param({"enabled": True}, ["enabled"], "extra_forbidden", id="enabled"),
    pytest.param({"replicas": 1}, ["replicas"], "extra_forbidden", id="unknown-field"),
]

UPDATE = [
    *(
        pytest.param({field: value}, [field], "extra_forbidden", id=f"immutable-{field}")
        for field, value in (("model_name", "openai/gpt-oss-20b"), ("flavor_name", "fast"), ("region", "eu-west1"))
    ),
    pytest.param({"reservation_policy": "x"}, ["reservation_policy"], "extra_forbidden", id="reservation"),
    pytest.param({"name": ""}, ["name"], "string_too_short", id="name-empty"),
    pytest.param({"name": None}, ["name"], "null_not_allowed", id="name-null"),
    pytest.param({"description": "x" * 501}, ["description"], "string_too_long", id="description-501"),
    pytest.param({"enabled": "yes"}, ["enabled"], "bool_type", id="enabled-text"),
    pytest.param({"gpu_count": 5}, ["gpu_count"], "value_error", id="gpu-count-not-offered"),
    pytest.param({"gpu_type": "gpu-abacus"}, ["gpu_type"], "value_error", id="gpu-type-not-offered"),
    pytest.param({"scaling": scaling(3, 2)}, ["scaling"], "greater_than_equal", id="max-below-min"),
    pytest.param({"scaling": {"max_replicas": 2}}, ["scaling", "min_replicas"], "missing", id="scaling-in-part"),
    pytest.param({"routing_key": "short"}, ["routing_key"], "string_too_short", id="routing-key-short"),
    pytest.param({"custom_weights_id": ""}, ["custom_weights_id"], "string_pattern_mismatch", id="weights-empty"),
]


def assert_refused(answer: httpx.Response, location: list[str], kind: str) -> None:
    assert answer.status_code == 422, answer.text
    (problem,) = answer.json()["detail"]
    assert problem["loc"] == ["body", *location]
    assert problem["type"] == kind
    assert problem["msg"]
    assert "input" in problem


@pytest.mark.parametrize(("change", "location", "kind"), CREATE)
def test_create_refuses(http: httpx.Client, change: dict[str, Any], location: list[str], kind: str) -> None:
    """A body that breaks one rule makes nothing, and the answer names the field at fault."""
    assert_refused(http.post(ENDPOINTS, json=create_body(**change)), location, kind)
    assert listed(http) == []


@pytest.mark.parametrize(("change", "location", "kind"), UPDATE)
def test_update_refuses(http: httpx.Client, change: dict[str, Any], location: list[str], kind: str) -> None:
    """A body that breaks one rule changes nothing, even where its other fields are good."""
    before = created(http)
    answer = http.patch(f"{ENDPOINTS}/{before['id']}", json={"description": "good"} | change)

    assert_refused(answer, location, kind)
    assert listed(http) == [before]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("name", "x" * 100, id="name-100"),
        pytest.param("description", "x" * 500, id="description-500"),
        pytest.param("routing_key", "dedicated/x", id="routing-key-11"),
        pytest.param("routing_key", "dedicated/" + "x" * 118, id="routing-key-128"),
    ],
)
def test_limits_are_inclusive(http: httpx.Client, name: str, value: str) -> None:
    """The longest and the shortest allowed value pass."""
    assert created(http, **{name: value})[name] == value


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param(b"{", "json_invalid", id="broken-json"),
        pytest.param(b"[]", "model_attributes_type", id="no-object"),
        pytest.param(b"", "missing", id="empty"),
    ],
)
def test_a_body_that_is_no_object_is_refused(http: httpx.Client, content: bytes, kind: str) -> None:
    """422 in the same form."""
    answer = http.post(ENDPOINTS, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["type"] == kind


@pytest.mark.parametrize("token", ["", "tok-unknown"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", ENDPOINTS, id="list"),
        pytest.param("GET", f"{ENDPOINTS}/templates", id="templates"),
        pytest.param("POST", ENDPOINTS, id="create"),
        pytest.param("GET", f"{ENDPOINTS}/ep-1", id="get"),
        pytest.param("PATCH", f"{ENDPOINTS}/ep-1", id="update"),
        pytest.param("DELETE", f"{ENDPOINTS}/ep-1", id="delete"),
    ],
)
def test_an_unknown_token_is_refused(sim: RunningSimulator, token: str, method: str, path: str) -> None:
    """401 comes before anything is said about body or id."""
    with caller(sim, token) as stranger:
        answer = stranger.request(method, path, json={} if method in {"POST", "PATCH"} else None)
    assert answer.status_code == 401
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", ENDPOINTS, id="list"),
        pytest.param("POST", ENDPOINTS, id="create"),
        pytest.param("GET", f"{ENDPOINTS}/templates", id="templates"),
    ],
)
def test_a_strangers_project_is_refused(http: httpx.Client, method: str, path: str) -> None:
    """403 for a project that the token may not use."""
    body = create_body() if method == "POST" else None
    answer = http.request(method, path, params={"ai_project_id": "project-b"}, json=body)
    assert answer.status_code == 403
    assert "project-b" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", f"{ENDPOINTS}/ep-none", 404, id="get-unknown-id"),
        pytest.param("PATCH", f"{ENDPOINTS}/ep-none", 404, id="update-unknown-id"),
        pytest.param("DELETE", f"{ENDPOINTS}/ep-none", 404, id="delete-unknown-id"),
        pytest.param("GET", f"{ENDPOINTS}/", 404, id="trailing-slash"),
        pytest.param("GET", "/v0/elsewhere", 404, id="unknown-path"),
        pytest.param("PUT", f"{ENDPOINTS}/ep-none", 405, id="unknown-method"),
    ],
)
def test_what_is_not_there_is_said_in_json(http: httpx.Client, method: str, path: str, status: int) -> None:
    """404 and 405 carry the API's own JSON form."""
    answer = http.request(method, path, json={} if method == "PATCH" else None)
    assert answer.status_code == status
    assert isinstance(answer.json()["detail"], str)


def test_errors_can_have_the_other_form(sim: RunningSimulator, http: httpx.Client) -> None:
    """The OpenAI-like form for refusals other than validation."""
    sim.admin.configure(error_form="openai")
    error = http.delete(f"{ENDPOINTS}/ep-none").json()["error"]
    assert error == {"message": "Dedicated endpoint ep-none not found", "type": "not_found_error", "code": "404"}


def test_a_revoked_token_is_refused_and_a_new_one_accepted(sim: RunningSimulator) -> None:
    """Tokens come and go while the simulator runs."""
    sim.admin.remove_token("tok-b")
    sim.admin.add_token("tok-c", "project-b")
    statuses = []
    for token in ("tok-b", "tok-c"):
        with caller(sim, token) as http:
            statuses.append(http.get(ENDPOINTS).status_code)
    assert statuses == [401, 200]

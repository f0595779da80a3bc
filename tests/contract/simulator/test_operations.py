"""Every operation of the vendor's API, in each answer form."""

from typing import Any

import httpx
import pytest

from contract.simulator.builders import ENDPOINTS, caller, create_body, created, listed, scaling
from tokenfactory_simulator.testing import RunningSimulator


def test_create_answers_the_endpoint_wrapped_and_starting(http: httpx.Client) -> None:
    """POST answers 201 with every field of the endpoint, one made by the server where it was left out."""
    answer = http.post(ENDPOINTS, json=create_body(description="hello", scaling=scaling(1, 4)))

    assert answer.status_code == 201
    endpoint = answer.json()["endpoint"]
    assert endpoint.pop("id").startswith("ep-")
    assert endpoint.pop("routing_key").startswith("dedicated/")
    assert endpoint.pop("created_at").endswith("Z")
    assert endpoint == create_body(description="hello", scaling=scaling(1, 4)) | {
        "enabled": True,
        "custom_weights_id": None,
        "deployment": {"status": "starting", "readiness": "not_ready", "ready_replicas": 0},
    }


def test_the_same_body_twice_makes_two_endpoints(http: httpx.Client) -> None:
    """POST is not idempotent and names are not unique."""
    first, second = created(http), created(http)

    assert first["id"] != second["id"]
    assert first["routing_key"] != second["routing_key"]
    assert [endpoint["id"] for endpoint in listed(http)] == [first["id"], second["id"]]


def test_create_keeps_what_the_caller_chose(http: httpx.Client) -> None:
    """Routing key, weights and reservation are those of the request."""
    chosen = {"routing_key": "dedicated/mine", "custom_weights_id": "model-artifact_1", "reservation_policy": "r"}
    endpoint = created(http, **chosen)

    assert endpoint["routing_key"] == "dedicated/mine"
    assert endpoint["custom_weights_id"] == "model-artifact_1"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        pytest.param({"name": "two"}, {"name": "two"}, id="name"),
        pytest.param({"description": "new"}, {"description": "new"}, id="description"),
        pytest.param({"gpu_count": 2}, {"gpu_count": 2}, id="gpu-count"),
        pytest.param({"gpu_type": "gpu-h200-sxm"}, {"gpu_type": "gpu-h200-sxm"}, id="gpu-type"),
        pytest.param({"scaling": scaling(2, 3)}, {"scaling": scaling(2, 3)}, id="scaling"),
        pytest.param({"enabled": False}, {"enabled": False}, id="enabled"),
        pytest.param(
            {"custom_weights_id": "model-artifact_2"}, {"custom_weights_id": "model-artifact_2"}, id="weights"
        ),
        pytest.param({"custom_weights_id": "UNSET"}, {"custom_weights_id": None}, id="weights-unset"),
        pytest.param({"routing_key": "dedicated/other"}, {"routing_key": "dedicated/other"}, id="routing-key"),
        pytest.param({}, {}, id="nothing"),
    ],
)
def test_update_changes_only_what_is_given(http: httpx.Client, sent: dict[str, Any], shown: dict[str, Any]) -> None:
    """PATCH answers the whole endpoint, flat, with the given fields changed and LIST agrees."""
    before = created(http, description="old", custom_weights_id="model-artifact_1")
    answer = http.patch(f"{ENDPOINTS}/{before['id']}", json=sent)

    assert answer.status_code == 200
    after = answer.json()
    del after["deployment"], before["deployment"]
    assert after == before | shown
    (seen,) = listed(http)
    assert {name: seen[name] for name in shown} == shown


def test_delete_ends_an_endpoint_for_good(http: httpx.Client) -> None:
    """After 204 the id is unknown to every operation, and never comes back."""
    endpoint = created(http)
    path = f"{ENDPOINTS}/{endpoint['id']}"

    assert http.delete(path).status_code == 204
    assert listed(http) == []
    again = (http.get(path), http.patch(path, json={"name": "x"}), http.delete(path))
    assert [answer.status_code for answer in again] == [404, 404, 404]
    assert all("not found" in answer.json()["detail"] for answer in again)
    assert created(http)["id"] != endpoint["id"]


def test_templates_tell_what_create_accepts(http: httpx.Client) -> None:
    """Each GPU type of a template can be created."""
    (template, *_) = http.get(f"{ENDPOINTS}/templates").json()["data"]
    details = template["flavors"]["base"]

    assert template["metadata"]["license"].keys() == {"url", "name"}
    for gpu_type, each in details["available_configurations"]["gpu_configurations"].items():
        created(http, model_name=template["name"], gpu_type=gpu_type, region=each["allowed_regions"][-1])


@pytest.mark.parametrize(
    ("settings", "field", "name_field"),
    [
        pytest.param({}, "data", "name", id="today"),
        pytest.param({"templates_form": "templates"}, "templates", "template_name", id="older"),
    ],
)
def test_templates_have_two_forms(
    sim: RunningSimulator, http: httpx.Client, settings: dict[str, Any], field: str, name_field: str
) -> None:
    """The older form has `template_name` and flavors as a list."""
    sim.admin.configure(**settings, template_details="combinations")
    (template, *_) = http.get(f"{ENDPOINTS}/templates").json()[field]

    flavors = template["flavors"]
    base = flavors["base"] if field == "data" else next(part for part in flavors if part["flavor_name"] == "base")
    assert template[name_field] == "openai/gpt-oss-120b"
    assert {"gpu_type": "gpu-h100-sxm", "gpu_count": 1, "region": "eu-north1"} in base["combinations"]


def test_a_model_can_be_offered_later(sim: RunningSimulator, http: httpx.Client) -> None:
    """A model added to the catalog can be created at once, and no more once it is withdrawn."""
    offer = {"gpu_types": ["gpu-x"], "gpu_counts": [3], "regions": ["mars-1"]}
    body = create_body(model_name="lab/new", gpu_type="gpu-x", gpu_count=3, region="mars-1")
    sim.admin.add_model("lab/new", base=offer)
    assert http.post(ENDPOINTS, json=body).status_code == 201
    sim.admin.remove_model("lab/new")
    assert http.post(ENDPOINTS, json=body).status_code == 422


def test_answers_can_be_flat_or_wrapped(sim: RunningSimulator, http: httpx.Client) -> None:
    """POST flat and PATCH wrapped, the reverse of the default."""
    sim.admin.configure(answer_form="flat", update_answer_form="wrapped")
    endpoint = http.post(ENDPOINTS, json=create_body()).json()

    assert endpoint["name"] == "one"
    assert http.patch(f"{ENDPOINTS}/{endpoint['id']}", json={}).json()["endpoint"]["id"] == endpoint["id"]


def test_older_answers_can_be_had(sim: RunningSimulator, http: httpx.Client) -> None:
    """`endpoint_id` for `id`, and a deployment that tells only its ready replicas; a cached answer follows."""
    endpoint = created(http)
    assert listed(http) == [endpoint]
    sim.admin.configure(id_field="endpoint_id", deployment_status=False)
    (old,) = listed(http)

    assert "id" not in old
    assert old["endpoint_id"] == endpoint["id"]
    assert old["deployment"] == {"ready_replicas": 0}


@pytest.mark.parametrize("status", [404, 405])
def test_get_by_id_can_be_absent(sim: RunningSimulator, http: httpx.Client, status: int) -> None:
    """GET by id is undocumented: it works, or is configured away."""
    endpoint = created(http)
    path = f"{ENDPOINTS}/{endpoint['id']}"
    assert http.get(path).json() == endpoint
    sim.admin.configure(get_by_id=status)
    assert http.get(path).status_code == status


def test_delete_can_answer_200(sim: RunningSimulator, http: httpx.Client) -> None:
    """Both successes were seen."""
    sim.admin.configure(delete_status=200)
    assert http.delete(f"{ENDPOINTS}/{created(http)['id']}").status_code == 200


@pytest.mark.parametrize(
    ("paging", "given", "asked"),
    [
        pytest.param("token", "next_page_token", "page_token", id="token"),
        pytest.param("token", "next_page_token", "next_page_token", id="token-by-its-own-name"),
        pytest.param("after", "after", "after", id="after"),
    ],
)
def test_list_can_be_paged(sim: RunningSimulator, http: httpx.Client, paging: str, given: str, asked: str) -> None:
    """Pages hold every endpoint once, also when one of an earlier page is deleted between them."""
    sim.admin.configure(paging=paging, page_size=2)
    ids = [created(http)["id"] for _ in range(5)]
    seen: list[str] = []
    parameters: dict[str, str] = {}
    while True:
        page = http.get(ENDPOINTS, params=parameters).json()
        seen += [endpoint["id"] for endpoint in page["data"]]
        assert len(page["data"]) <= 2
        if not page.get(given):
            break
        parameters = {asked: page[given]}
        if len(seen) == 2:
            http.delete(f"{ENDPOINTS}/{seen[-1]}")
    assert seen == ids
    assert page.get("has_more", False) is False
    assert http.get(ENDPOINTS, params={asked: "nonsense"}).status_code == 422


def test_projects_do_not_see_each_other(sim: RunningSimulator, http: httpx.Client) -> None:
    """LIST shows the default or the chosen project; another's endpoint is 404 to every call by id."""
    mine = created(http)
    shared = http.post(ENDPOINTS, params={"ai_project_id": "project-shared"}, json=create_body()).json()["endpoint"]

    assert [endpoint["id"] for endpoint in listed(http)] == [mine["id"]]
    chosen = http.get(ENDPOINTS, params={"ai_project_id": "project-shared"}).json()["data"]
    assert [endpoint["id"] for endpoint in chosen] == [shared["id"]]
    with caller(sim, "tok-b") as stranger:
        path = f"{ENDPOINTS}/{mine['id']}"
        calls = (stranger.get(path), stranger.patch(path, json={"name": "x"}), stranger.delete(path))
        assert [answer.status_code for answer in calls] == [404, 404, 404]
        assert listed(stranger) == []
    assert len(sim.admin.endpoints()) == 2

"""The vendor's JSON: read whatever comes, write only what was meant."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.cloud.wire import create_body, parse_endpoint, patch_body
from tokenfactory_operator.domain.observed import EndpointPatch, ObservedEndpoint
from unit.cloud.support import CREATE, endpoint_json

WHOLE = ObservedEndpoint(
    id="ep-1",
    name="ml/llm",
    description="text",
    enabled=True,
    routing_key="dedicated/gpt-oss-1",
    model_name="openai/gpt-oss-120b",
    flavor_name="base",
    region="eu-north1",
    gpu_type="gpu-h100-sxm",
    gpu_count=2,
    custom_weights_id="",
    min_replicas=1,
    max_replicas=4,
    ready_replicas=1,
    status="running",
    readiness="ready",
    created_at="2025-01-01T00:00:00Z",
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from([*endpoint_json(), "endpoint_id", "endpoint"])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(endpoint_json(), WHOLE, id="flat"),
        pytest.param({"endpoint": endpoint_json()}, WHOLE, id="wrapped"),
        pytest.param({**endpoint_json(), "surprise": {"x": 1}}, WHOLE, id="unknown field"),
        pytest.param({"endpoint_id": "ep-1"}, ObservedEndpoint(id="ep-1"), id="endpoint_id, nothing else told"),
        pytest.param({"id": 7, "endpoint_id": "ep-1"}, ObservedEndpoint(id="ep-1"), id="endpoint_id beside another id"),
        pytest.param({"id": 7}, ObservedEndpoint(id="7"), id="id that is a number"),
        pytest.param({"id": None, "endpoint_id": "ep-1"}, ObservedEndpoint(id="ep-1"), id="null id beside endpoint_id"),
        pytest.param({"id": "a", "endpoint": "https://x"}, ObservedEndpoint(id="a"), id="endpoint that is no object"),
        pytest.param({"name": "no id"}, None, id="no id"),
        pytest.param({"id": "  "}, None, id="blank id"),
        pytest.param({"id": 7.5}, None, id="no whole number for an id"),
        pytest.param([endpoint_json()], None, id="list"),
        pytest.param(None, None, id="null"),
    ],
)
def test_endpoint_forms(answer: object, expected: ObservedEndpoint | None) -> None:
    """Every answer form in the vendor's pages reads as the same endpoint."""
    assert parse_endpoint(answer) == expected


@pytest.mark.parametrize(
    ("field", "value", "name", "expected"),
    [
        pytest.param("custom_weights_id", None, "custom_weights_id", "", id="weights told as none"),
        pytest.param("custom_weights_id", "UNSET", "custom_weights_id", "", id="weights echoed as unset"),
        pytest.param("custom_weights_id", "model-artifact_1", "custom_weights_id", "model-artifact_1", id="weights"),
        pytest.param("custom_weights_id", 5, "custom_weights_id", None, id="weights of a wrong type"),
        pytest.param("description", None, "description", "", id="description told as none"),
        pytest.param("description", ["x"], "description", None, id="description of a wrong type"),
        pytest.param("name", None, "name", None, id="null name"),
        pytest.param("enabled", " True", "enabled", True, id="flag written as a text"),
        pytest.param("enabled", "false", "enabled", False, id="flag written as a text that is false"),
        pytest.param("enabled", 1, "enabled", True, id="flag written as a number"),
        pytest.param("enabled", 0.0, "enabled", False, id="flag written as a number that is zero"),
        pytest.param("enabled", "on", "enabled", None, id="text for a flag"),
        pytest.param("enabled", 2, "enabled", None, id="number for a flag"),
        pytest.param("gpu_count", True, "gpu_count", None, id="flag for a count"),
        pytest.param("gpu_count", "2", "gpu_count", 2, id="count written as a text"),
        pytest.param("gpu_count", "2.0", "gpu_count", 2, id="whole float written as a text"),
        pytest.param("gpu_count", "2.5", "gpu_count", None, id="broken float written as a text"),
        pytest.param("gpu_count", "two", "gpu_count", None, id="text for a count"),
        pytest.param("gpu_count", "9" * 40, "gpu_count", None, id="text that is too long for a count"),
        pytest.param("gpu_count", "\u0662", "gpu_count", None, id="digit of another script"),
        pytest.param("gpu_count", 2.0, "gpu_count", 2, id="whole float"),
        pytest.param("gpu_count", 2.5, "gpu_count", None, id="broken float"),
        pytest.param("gpu_count", float("inf"), "gpu_count", None, id="infinity"),
        pytest.param("gpu_count", -1, "gpu_count", None, id="negative"),
        pytest.param("gpu_count", 2**31, "gpu_count", None, id="larger than a status field"),
        pytest.param("scaling", None, "min_replicas", None, id="no scaling"),
        pytest.param("scaling", [1, 2], "max_replicas", None, id="scaling of a wrong type"),
        pytest.param("scaling", {"min_replicas": 3}, "min_replicas", 3, id="half of scaling"),
        pytest.param("deployment", None, "status", None, id="no deployment"),
        pytest.param("deployment", {"ready_replicas": 2}, "ready_replicas", 2, id="old deployment"),
        pytest.param("deployment", {"status": "hibernating"}, "status", "hibernating", id="status from the future"),
        pytest.param("region", "eu-nord\ud800", "region", "eu-nord?", id="half a surrogate pair"),
    ],
)
def test_single_fields(field: str, value: object, name: str, expected: object) -> None:
    """One odd field is not told, or told as none; the rest of the endpoint stays readable."""
    endpoint = parse_endpoint({**endpoint_json(), field: value})
    assert endpoint is not None
    assert endpoint.id == "ep-1"
    assert getattr(endpoint, name) == expected


@pytest.mark.parametrize("field", ["custom_weights_id", "description", "routing_key", "enabled", "deployment"])
def test_absence_is_not_told(field: str) -> None:
    """A field that an answer lacks says nothing, unlike a null."""
    fields = endpoint_json()
    del fields[field]
    endpoint = parse_endpoint(fields)
    assert endpoint is not None
    reported = {"deployment": "ready_replicas"}.get(field, field)
    assert getattr(endpoint, reported) is None


@given(JSON | st.dictionaries(FIELDS, JSON), st.dictionaries(FIELDS, JSON))
def test_parsing_never_raises(answer: object, fields: dict[str, Any]) -> None:
    """Whatever JSON comes, parsing answers an endpoint with an id and sound types, or none."""
    for candidate in (answer, {"endpoint": answer}, {**endpoint_json(), **fields}):
        endpoint = parse_endpoint(candidate)
        if endpoint is not None:
            assert endpoint.id.strip()
            assert all(type(value) in {str, int, bool, type(None)} for value in astuple(endpoint))


def test_create_sends_what_is_required_and_no_null() -> None:
    """A create without options carries the required fields and nothing else."""
    assert create_body(CREATE) == {
        "name": "ml/llm",
        "description": "[k8s c1 ml/llm uid=u1 try=a1]",
        "model_name": "openai/gpt-oss-120b",
        "flavor_name": "base",
        "gpu_type": "gpu-h100-sxm",
        "gpu_count": 1,
        "region": "eu-north1",
        "scaling": {"min_replicas": 1, "max_replicas": 2},
    }


@pytest.mark.parametrize(
    ("field", "value", "sent"),
    [
        pytest.param("custom_weights_id", "model-artifact_1", {"custom_weights_id": "model-artifact_1"}, id="weights"),
        pytest.param("custom_weights_id", "", {}, id="nothing to clear on create"),
        pytest.param("routing_key", "dedicated/mine", {"routing_key": "dedicated/mine"}, id="routing key"),
    ],
)
def test_create_options(field: str, value: str, sent: dict[str, str]) -> None:
    """Options are sent only where they say something."""
    fields = {**vars(CREATE), field: value}
    body = create_body(type(CREATE)(**fields))
    assert {name: body[name] for name in body if name in {"custom_weights_id", "routing_key"}} == sent


@pytest.mark.parametrize(
    ("patch", "sent"),
    [
        pytest.param(EndpointPatch(), {}, id="nothing"),
        pytest.param(EndpointPatch(name="n", description=""), {"name": "n", "description": ""}, id="texts"),
        pytest.param(EndpointPatch(enabled=False), {"enabled": False}, id="false is a value"),
        pytest.param(EndpointPatch(gpu_type="t", gpu_count=2), {"gpu_type": "t", "gpu_count": 2}, id="type and count"),
        pytest.param(
            EndpointPatch(scaling=(1, 3)), {"scaling": {"min_replicas": 1, "max_replicas": 3}}, id="scaling whole"
        ),
        pytest.param(EndpointPatch(custom_weights_id=""), {"custom_weights_id": "UNSET"}, id="weights cleared"),
        pytest.param(EndpointPatch(custom_weights_id="w"), {"custom_weights_id": "w"}, id="weights set"),
    ],
)
def test_patch_sends_only_what_it_names(patch: EndpointPatch, sent: dict[str, object]) -> None:
    """A PATCH has the fields that differ, and never a null."""
    assert patch_body(patch) == sent

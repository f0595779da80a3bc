"""The models of the resource: what they accept, refuse, ignore and write."""

from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from tokenfactory_operator.api import v1alpha1 as api
from unit.api.invalid_specs import INVALID_SPECS, TEXT_BOUNDS, InvalidSpec, JsonObject, valid_spec, with_text


def models_within(model: type[BaseModel]) -> set[type[BaseModel]]:
    """``model`` and all models that its fields are made of."""
    found = {model}
    for field in model.model_fields.values():
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found |= models_within(part)
    return found


def at(spec: JsonObject, path: str) -> object:
    """What stands at a path such as ``gpu.type``."""
    value: Any = spec
    for name in path.split("."):
        value = value[name]
    return value


ALL_FIELDS = [
    pytest.param(model, name, id=f"{model.__name__}.{name}")
    for root in (api.Spec, api.Status)
    for model in sorted(models_within(root), key=lambda model: model.__name__)
    for name in model.model_fields
]


@pytest.mark.rule(I6="owner mark in description")
@pytest.mark.parametrize("case", [pytest.param(row, id=row.id) for row in INVALID_SPECS if row.offline])
def test_an_invalid_spec_is_refused_at_its_field(case: InvalidSpec) -> None:
    """What the API server refuses is refused offline as well, at the same field or the object that holds it."""
    with pytest.raises(ValidationError) as caught:
        api.Spec.model_validate(case.spec)
    places = {".".join(("spec", *map(str, error["loc"]))) for error in caught.value.errors()}
    assert any(case.field == place or case.field.startswith(f"{place}.") for place in places), places


@pytest.mark.parametrize(
    ("path", "length"),
    [pytest.param(path, length, id=f"{path}-{length}") for path, bounds in TEXT_BOUNDS.items() for length in bounds],
)
def test_bounds_of_texts_are_inclusive(path: str, length: int) -> None:
    """The shortest and the longest text pass and come out as they went in."""
    changes = with_text(path, length)
    parsed = api.Spec.model_validate(valid_spec(**changes)).to_dict()
    assert at(parsed, path) == at(changes, path)


@pytest.mark.parametrize(
    ("changes", "attribute", "value"),
    [
        pytest.param({"region": "xx-moon9"}, "region", "xx-moon9", id="region of tomorrow"),
        pytest.param(
            {"gpu": {"type": "gpu-x900-sxm", "count": 16}},
            "gpu",
            api.Gpu(type="gpu-x900-sxm", count=16),
            id="GPU of tomorrow",
        ),
        pytest.param({"description": "é" * 300}, "description", "é" * 300, id="characters, not bytes, are counted"),
        pytest.param({"description": ""}, "description", "", id="empty description"),
        pytest.param({"customWeightsId": ""}, "custom_weights_id", "", id="weights cleared"),
        pytest.param({"endpointId": "ep-1.a_B~:9"}, "endpoint_id", "ep-1.a_B~:9", id="opaque id"),
        pytest.param({"enabled": False}, "enabled", False, id="stopped"),
        pytest.param({"deletionPolicy": "Retain"}, "deletion_policy", api.DeletionPolicy.RETAIN, id="retained"),
        pytest.param({"managementPolicy": "Observe"}, "management_policy", api.ManagementPolicy.OBSERVE, id="observed"),
        pytest.param(
            {"credentials": {"secretRef": {"name": "key"}, "projectId": "p"}},
            "credentials",
            api.Credentials(secret_ref=api.SecretRef(name="key", key="token"), project_id="p"),
            id="own credentials",
        ),
        pytest.param(
            {"connection": {"configMapName": "a.b-c"}},
            "connection",
            api.Connection(config_map_name="a.b-c"),
            id="connection",
        ),
        pytest.param({"connection": {}}, "connection", api.Connection(), id="connection by the default name"),
    ],
)
def test_values_at_the_limits_are_kept_as_given(changes: JsonObject, attribute: str, value: object) -> None:
    """Limits are inclusive, and what the vendor may add tomorrow needs no release."""
    assert getattr(api.Spec.model_validate(valid_spec(**changes)), attribute) == value


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        pytest.param("enabled", None, id="enabled"),
        pytest.param("display_name", None, id="display name"),
        pytest.param("description", None, id="description"),
        pytest.param("custom_weights_id", None, id="weights"),
        pytest.param("routing_key", None, id="routing key"),
        pytest.param("endpoint_id", None, id="endpoint id"),
        pytest.param("deletion_policy", None, id="deletion policy"),
        pytest.param("credentials", None, id="credentials"),
        pytest.param("connection", None, id="connection"),
        pytest.param("management_policy", api.ManagementPolicy.MANAGE, id="management policy"),
    ],
)
def test_what_is_left_out_is_the_clouds(attribute: str, value: object) -> None:
    """A field that the user left out has no value here, so that nothing can be sent for it."""
    assert getattr(api.Spec.model_validate(valid_spec()), attribute) == value


def test_min_replicas_defaults_to_one() -> None:
    """Git may leave minReplicas to an autoscaler."""
    assert api.Scaling.model_validate({"maxReplicas": 3}) == api.Scaling(min_replicas=1, max_replicas=3)


def test_fields_of_a_newer_crd_are_ignored() -> None:
    """An older operator survives fields that it does not know, at every level."""
    newer = valid_spec(future=1, gpu={"type": "gpu-h100-sxm", "count": 1, "topology": "ring"})
    assert api.Spec.model_validate(newer) == api.Spec.model_validate(valid_spec())


def test_models_cannot_be_changed() -> None:
    """Layers pass models on without fear of each other."""
    spec = api.Spec.model_validate(valid_spec())
    with pytest.raises(ValidationError, match="frozen"):
        spec.enabled = True  # type: ignore[misc]  # the very assignment that must fail


@pytest.mark.parametrize(
    "written",
    [
        pytest.param({}, id="nothing yet"),
        pytest.param({"observedGeneration": -1}, id="schema default"),
        pytest.param({"state": "Hibernating", "readiness": "SortOf"}, id="values of tomorrow"),
        pytest.param({"createdAt": "yesterday, around noon"}, id="a time stamp of any form"),
        pytest.param({"createAttempt": {"id": "7c1f09ab", "state": "Pending", "since": "x"}}, id="an open attempt"),
        pytest.param(
            {
                "observedGeneration": 3,
                "uid": "u",
                "endpointId": "ep-1",
                "scope": "s",
                "routingKey": "dedicated/k",
                "inferenceURL": "https://api.example/v1",
                "replicas": 1,
                "readyReplicas": 2,
                "selector": "a=b",
                "gpus": {"ready": 2, "min": 1, "max": 4},
                "lastHandledReconcileAt": "1",
                "conditions": [
                    {
                        "type": "Ready",
                        "status": "True",
                        "reason": "Available",
                        "message": "m",
                        "lastTransitionTime": "2026-01-01T00:00:00Z",
                        "observedGeneration": 3,
                    }
                ],
            },
            id="everything",
        ),
    ],
)
def test_a_status_survives_reading_and_writing(written: JsonObject) -> None:
    """Whatever stands in a status is read without judging and written back under the same names."""
    assert {"conditions": [], **written} == api.Status.model_validate(written).to_dict()


def test_a_condition_needs_no_more_than_its_type() -> None:
    """A status that somebody else wrote badly does not stop the operator from reading the rest of it."""
    status: Any = {"endpointId": "ep-1", "conditions": [{"type": "Ready"}], "novelty": {"a": 1}}
    parsed = api.Status.model_validate(status)
    assert (parsed.endpoint_id, parsed.conditions) == ("ep-1", (api.Condition(type="Ready"),))


@pytest.mark.parametrize(("model", "name"), ALL_FIELDS)
def test_every_field_is_described(model: type[BaseModel], name: str) -> None:
    """Each field explains itself, in a sentence, to `kubectl explain`."""
    description = model.model_fields[name].description or ""
    assert description.endswith(".")
    assert description[:1] == description[:1].upper() or description.startswith(("false ", "minReplicas "))


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        pytest.param("[k\u200b8s a b uid=1 try=1]", True, id="zero width"),
        pytest.param("[\u202ek8s", True, id="bidirectional"),
        pytest.param("[k\n8s", True, id="control"),
        pytest.param("[k\u03018\u0301s", True, id="combining"),
        pytest.param("[\u3164k8s", True, id="a letter that shows nothing"),
        pytest.param("\uff3b\uff4b\uff18\uff53", True, id="full width"),
        pytest.param("[k\u2078s", True, id="superscript"),
        pytest.param("[ k8s ]", False, id="a blank between"),
        pytest.param("k8s, [K8s] and 日本語", False, id="other text"),
    ],
)
def test_text_that_a_cloud_may_turn_into_a_mark(text: str, *, refused: bool) -> None:
    """Whatever it drops or folds: nobody's text becomes an owner mark."""
    if not refused:
        assert api.Spec.model_validate(valid_spec(description=text)).description == text
        return
    with pytest.raises(ValidationError, match="must not contain"):
        api.Spec.model_validate(valid_spec(description=text))

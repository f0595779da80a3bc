"""The API server refuses what the schema and its CEL rules forbid, and says why; it accepts the rest."""

import pytest

from cluster.support import crd
from cluster.support.crd import Answer, JsonObject, namespace, one_namespace
from cluster.support.kube import KubeApi
from controlplane import Cluster
from unit.api.invalid_specs import INVALID_SPECS, TEXT_BOUNDS, InvalidSpec, valid_spec, with_text

__all__ = ["namespace", "one_namespace"]  # fixtures: pytest finds them here

pytestmark = pytest.mark.cluster

ADOPTED = {"endpointId": "ep-1"}
KEYED = {"routingKey": "dedicated/one"}
ACCEPTED = Answer(accepted=True, reasons=(), warnings=())


@pytest.fixture(scope="module", autouse=True)
def _installed(cluster: Cluster) -> None:
    crd.install(cluster)


def spec_change(**fields: object) -> JsonObject:
    """A merge patch of the spec; ``None`` removes a field."""
    return {"spec": fields}


@pytest.mark.rule(I6="owner mark in description")
@pytest.mark.parametrize("case", [pytest.param(row, id=row.id) for row in INVALID_SPECS])
def test_an_invalid_spec_is_refused_on_creation(kube: KubeApi, namespace: str, case: InvalidSpec) -> None:
    """The message names the field and the limit, and nothing is stored."""
    answer = crd.try_create(kube, namespace, case.spec)
    assert not answer.accepted
    assert any(case.says in line for line in answer.about(case.field)), answer
    assert kube.objects(namespace) == []


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="only what is required"),
        *(pytest.param(with_text(path, least), id=f"shortest {path}") for path, (least, _) in TEXT_BOUNDS.items()),
        *(pytest.param(with_text(path, most), id=f"longest {path}") for path, (_, most) in TEXT_BOUNDS.items()),
        pytest.param({"scaling": {"maxReplicas": 1}}, id="minReplicas left out"),
        pytest.param({"gpu": {"type": "gpu-x900-sxm", "count": 16}, "region": "xx-moon9"}, id="GPU and region to come"),
        pytest.param({"description": "é" * 300}, id="300 characters of two bytes"),
        pytest.param({"description": "served by [ops]"}, id="other brackets"),
        pytest.param({"customWeightsId": ""}, id="weights cleared"),
        pytest.param({"credentials": {}}, id="empty credentials"),
        pytest.param({"credentials": {"secretRef": {"name": "k"}, "projectId": "p"}}, id="project with Secret"),
        pytest.param({"managementPolicy": "Observe", **ADOPTED}, id="Observe with endpointId"),
        pytest.param({"enabled": None, "displayName": None}, id="null is left out"),
        pytest.param(
            {
                "enabled": False,
                "displayName": "n" * 100,
                "description": "",
                "customWeightsId": "model-artifact_1",
                "deletionPolicy": "Retain",
                "managementPolicy": "Manage",
                "connection": {"configMapName": "endpoint"},
                **ADOPTED,
                **KEYED,
            },
            id="everything",
        ),
    ],
)
def test_a_valid_spec_is_accepted(kube: KubeApi, namespace: str, fields: JsonObject) -> None:
    """Limits are inclusive, and the stored spec has what was given."""
    created = crd.create(kube, namespace, valid_spec(**fields))
    given = {
        name: value for name, value in fields.items() if value is not None and name not in {"scaling", "credentials"}
    }
    assert created["spec"].items() >= given.items()


def test_a_name_may_be_as_long_as_kubernetes_allows(kube: KubeApi, namespace: str) -> None:
    """The name becomes no label, so nothing shortens the limit of 253 characters."""
    name = "n" * 253
    assert crd.create(kube, namespace, name=name)["metadata"]["name"] == name


CREATED: JsonObject = {"createAttempt": {"id": "0a1b2c3d", "state": "Created"}}
FREE: JsonObject = {"model": "qwen/qwen3", "flavor": "fast", "region": "us-central1", "routingKey": "dedicated/two"}
LOCKED = [
    pytest.param({"endpointId": "ep-1"}, id="it has an endpoint"),
    pytest.param({"createAttempt": {"id": "0a1b2c3d", "state": "Pending"}}, id="a create call may be under way"),
    pytest.param(CREATED, id="one was created"),
    pytest.param(
        {"createAttempt": {"id": "0a1b2c3d", "state": "Refused", "afterUnknown": 1}}, id="an earlier one is not known"
    ),
]


@pytest.mark.rule("C40")
@pytest.mark.parametrize(
    "status",
    [
        pytest.param(None, id="no status"),
        pytest.param({"observedGeneration": 1}, id="nothing sent"),
        pytest.param({"createAttempt": {"id": "0a1b2c3d", "state": "Refused"}}, id="surely refused"),
    ],
)
def test_what_the_cloud_cannot_change_is_free_until_something_may_exist(
    kube: KubeApi, namespace: str, status: JsonObject | None
) -> None:
    """A typo in the model can be put right by an edit."""
    crd.create(kube, namespace, valid_spec(**KEYED))
    if status is not None:
        crd.write_status(kube, namespace, status)
    assert crd.patch(kube, namespace, spec_change(**FREE)).accepted
    assert crd.get(kube, namespace)["spec"].items() >= FREE.items()


@pytest.mark.rule("C40")
@pytest.mark.parametrize("status", LOCKED)
@pytest.mark.parametrize("field", FREE)
def test_it_is_immutable_from_then_on(kube: KubeApi, namespace: str, status: JsonObject, field: str) -> None:
    """Each field, in each state in which there may be an endpoint."""
    crd.create(kube, namespace, valid_spec(**KEYED))
    crd.write_status(kube, namespace, status)
    answer = crd.patch(kube, namespace, spec_change(**{field: FREE[field]}))
    assert not answer.accepted
    assert answer.about(f"spec.{field}"), answer


@pytest.mark.rule(A7=("endpointId changed", "endpointId removed"))
@pytest.mark.parametrize(
    ("before", "change", "field", "says"),
    [
        pytest.param({}, {"model": "openai/other"}, "model", "is immutable: the cloud cannot change it", id="model"),
        pytest.param({}, {"flavor": "fast"}, "flavor", "is immutable: the cloud cannot change it", id="flavor"),
        pytest.param({}, {"region": "eu-west1"}, "region", "is immutable: the cloud cannot change it", id="region"),
        pytest.param(
            KEYED, {"routingKey": "dedicated/two"}, "routingKey", "is immutable once set", id="routingKey changed"
        ),
        pytest.param(KEYED, {"routingKey": None}, "routingKey", "is immutable once set", id="routingKey removed"),
        pytest.param(ADOPTED, {"endpointId": "ep-2"}, "endpointId", "is immutable once set", id="endpointId changed"),
        pytest.param(ADOPTED, {"endpointId": None}, "endpointId", "is immutable once set", id="endpointId removed"),
        pytest.param(
            {},
            {"scaling": {"minReplicas": 5}},
            "scaling.minReplicas",
            "must not be greater than maxReplicas",
            id="minReplicas raised over maxReplicas",
        ),
        pytest.param(
            {"scaling": {"minReplicas": 3, "maxReplicas": 4}},
            {"scaling": {"maxReplicas": 2}},
            "scaling.minReplicas",
            "must not be greater than maxReplicas",
            id="maxReplicas lowered under minReplicas",
        ),
        pytest.param(
            {}, {"managementPolicy": "Observe"}, "managementPolicy", "set endpointId", id="Observe with no endpoint"
        ),
        pytest.param(
            {"credentials": {"secretRef": {"name": "k"}, "projectId": "p"}},
            {"credentials": {"secretRef": None}},
            "credentials.projectId",
            "needs secretRef",
            id="secretRef removed from under projectId",
        ),
        pytest.param({}, {"description": "[k8s x]"}, "description", "must not contain", id="owner mark added"),
        pytest.param({}, {"routingKey": "shared/gpt-1"}, "routingKey", 'must start with "dedicated/"', id="wrong key"),
    ],
)
def test_a_forbidden_change_is_refused(
    kube: KubeApi, namespace: str, before: JsonObject, change: JsonObject, field: str, says: str
) -> None:
    """The message names the field and the reason, and the spec stays as it was."""
    created = crd.create(kube, namespace, valid_spec(**before))
    crd.write_status(kube, namespace, CREATED)
    answer = crd.patch(kube, namespace, spec_change(**change))
    assert not answer.accepted
    assert any(says in line for line in answer.about(f"spec.{field}")), answer
    assert crd.get(kube, namespace)["spec"] == created["spec"]


@pytest.mark.parametrize(
    ("before", "change"),
    [
        pytest.param({}, {"gpu": {"type": "gpu-h200-sxm", "count": 8}}, id="GPU"),
        pytest.param({}, {"scaling": {"minReplicas": 4}}, id="minReplicas up to maxReplicas"),
        pytest.param({}, {"enabled": False}, id="stopped"),
        pytest.param({"enabled": False}, {"enabled": None}, id="enabled left to the cloud"),
        pytest.param({}, {"displayName": "new", "description": "new"}, id="texts"),
        pytest.param({"customWeightsId": "model-artifact_1"}, {"customWeightsId": ""}, id="weights cleared"),
        pytest.param({}, KEYED, id="routingKey added"),
        pytest.param({}, ADOPTED, id="endpointId added"),
        pytest.param({}, {"managementPolicy": "Observe", **ADOPTED}, id="Observe and endpointId together"),
        pytest.param({"managementPolicy": "Observe", **ADOPTED}, {"managementPolicy": "Manage"}, id="Observe ended"),
        pytest.param({"deletionPolicy": "Retain"}, {"deletionPolicy": None}, id="deletionPolicy removed"),
        pytest.param({"connection": {"configMapName": "c"}}, {"connection": None}, id="connection removed"),
        pytest.param({}, {"connection": {}}, id="connection by the default name"),
        pytest.param(
            {"credentials": {"secretRef": {"name": "k"}, "projectId": "p"}}, {"credentials": None}, id="credentials"
        ),
    ],
)
def test_an_allowed_change_is_accepted(kube: KubeApi, namespace: str, before: JsonObject, change: JsonObject) -> None:
    """Whatever is not forbidden may change, and optional fields may come and go."""
    crd.create(kube, namespace, valid_spec(**before))
    assert crd.patch(kube, namespace, spec_change(**change)) == ACCEPTED
    spec = crd.get(kube, namespace)["spec"]
    assert {name for name, value in change.items() if value is None}.isdisjoint(spec)
    assert (
        spec.items()
        >= {name: value for name, value in change.items() if name != "scaling" and value is not None}.items()
    )


@pytest.mark.rule("A8")
@pytest.mark.parametrize(
    ("recorded", "change", "says"),
    [
        pytest.param({}, ADOPTED, None, id="adopted while there is none"),
        pytest.param({"endpointId": ""}, ADOPTED, None, id="adopted while the recorded id is empty"),
        pytest.param({"endpointId": "ep-1"}, ADOPTED, None, id="the endpoint it has anyway"),
        pytest.param(
            {"endpointId": "ep-2"},
            ADOPTED,
            "spec.endpointId: Forbidden: endpointId can be added only while this object has no endpoint",
            id="another than it has",
        ),
        pytest.param({"endpointId": "ep-2"}, {"managementPolicy": "Observe"}, None, id="Observe the one it has"),
        pytest.param(
            {"endpointId": ""},
            {"managementPolicy": "Observe"},
            "managementPolicy Observe creates nothing",
            id="Observe none",
        ),
    ],
)
def test_a_change_is_judged_by_the_endpoint_in_the_status(
    kube: KubeApi, namespace: str, recorded: JsonObject, change: JsonObject, says: str | None
) -> None:
    """Whether an id may be added or Observe chosen depends on the endpoint that the object has."""
    crd.create(kube, namespace)
    crd.write_status(kube, namespace, recorded)
    answer = crd.patch(kube, namespace, spec_change(**change))
    if says is None:
        assert answer == ACCEPTED
    else:
        assert not answer.accepted
        assert any(says in line for line in answer.reasons), answer


@pytest.mark.parametrize(
    ("policy", "fields"),
    [
        pytest.param("Observe", {}, id="observed endpoint lost"),
        pytest.param("Observe", ADOPTED, id="adopted endpoint found under another id"),
        pytest.param("Manage", ADOPTED, id="managed endpoint found under another id"),
    ],
)
def test_no_rule_stands_in_the_way_of_status_and_finalizer(
    kube: KubeApi, namespace: str, policy: str, fields: JsonObject
) -> None:
    """The operator can always write what it observed and remove its finalizer."""
    crd.create(kube, namespace, valid_spec(**fields))
    crd.write_status(kube, namespace, {"endpointId": "ep-1"})
    for change in (
        spec_change(managementPolicy=policy),
        {"metadata": {"finalizers": ["tokenfactory.nebius.com/endpoint"]}},
    ):
        assert crd.patch(kube, namespace, change).accepted
    assert "endpointId" not in crd.write_status(kube, namespace, {"endpointId": None})["status"]
    assert crd.write_status(kube, namespace, {"endpointId": "ep-9"})["status"]["endpointId"] == "ep-9"
    crd.write_status(kube, namespace, {"endpointId": None})
    assert crd.patch(kube, namespace, {"metadata": {"finalizers": None}}).accepted
    assert "finalizers" not in crd.get(kube, namespace)["metadata"]


def test_immutable_fields_are_free_on_creation(kube: KubeApi, namespace: str) -> None:
    """A new object under an old name may have another model, flavor, region, routing key and endpoint id."""
    crd.create(kube, namespace, valid_spec(**ADOPTED, **KEYED))
    kube.delete(namespace, crd.NAME)
    other = valid_spec(
        model="qwen/qwen3", flavor="fast", region="us-central1", routingKey="dedicated/two", endpointId="ep-2"
    )
    assert crd.create(kube, namespace, other)["spec"].items() >= other.items()

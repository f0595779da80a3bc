"""One object as it is read: lenient where that is safe, and never another object's status."""

from __future__ import annotations

from typing import Any

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.resource import MAX_ANNOTATION, Resource, parse
from unit.support.builders import OTHER_UID, UID, an_object

NOTHING = api.Status(observed_generation=-1)


def read(*, status: Any = None, spec: dict[str, Any] | None = None, **metadata: Any) -> Resource:  # noqa: ANN401  # JSON
    body = an_object(spec=spec)
    body["metadata"].update(metadata)
    body["status"] = status
    return parse(body)


@pytest.mark.rule(I11="another-uid-is-ignored-whole")
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param({"uid": UID, "endpointId": "ep-1"}, api.Status(uid=UID, endpoint_id="ep-1"), id="own"),
        pytest.param({"uid": OTHER_UID, "endpointId": "ep-1"}, NOTHING, id="another-uid-is-ignored-whole"),
        pytest.param({"endpointId": "ep-1"}, NOTHING, id="no-uid-is-ignored-whole"),
        pytest.param({"uid": "", "endpointId": "ep-1"}, NOTHING, id="empty-uid-is-ignored-whole"),
        pytest.param({"observedGeneration": -1}, NOTHING, id="schema-default"),
        pytest.param(None, NOTHING, id="none"),
        pytest.param("garbage", NOTHING, id="no-object"),
        pytest.param({"uid": UID, "endpointId": 7}, NOTHING, id="wrong-type"),
        pytest.param({"uid": UID, "conditions": "x"}, NOTHING, id="wrong-conditions"),
        pytest.param({"uid": UID, "newer": {"a": 1}}, api.Status(uid=UID), id="field-of-a-newer-schema"),
    ],
)
def test_status(status: Any, expected: api.Status) -> None:  # noqa: ANN401  # JSON
    """Status is a cache, never an authority; what cannot be read counts as not judged yet."""
    assert read(status=status).status == expected


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        pytest.param({"model": 7}, "spec.model", id="wrong-type"),
        pytest.param({"gpu": {"type": "x", "count": 0}}, "spec.gpu.count", id="out-of-bounds"),
        pytest.param({"scaling": {"minReplicas": 3, "maxReplicas": 2}}, "spec.scaling", id="contradiction"),
        pytest.param({"description": "[k8s me]"}, "spec.description", id="reserved-text"),
    ],
)
def test_a_spec_that_does_not_fit_names_the_field(spec: dict[str, Any], named: str) -> None:
    """Never half understood: no spec at all, and a sentence with the field."""
    resource = read(spec=spec)
    assert resource.spec is None
    assert named in resource.problem


def test_the_problem_is_bounded() -> None:
    """However much is wrong, the message fits a condition."""
    fields = ("model", "flavor", "region", "gpu", "scaling", "enabled", "description")
    resource = read(spec={name: [name] for name in fields})
    assert resource.spec is None
    assert 0 < len(resource.problem) <= 400


def test_a_spec_that_fits_has_no_problem() -> None:
    """Fields of a newer schema are ignored."""
    resource = read(spec={"newer": True})
    assert (resource.spec is not None, resource.problem) == (True, "")


@pytest.mark.rule(D17="force-release-by-the-exact-word")
@pytest.mark.parametrize(
    ("annotations", "flags"),
    [
        pytest.param({}, (False, False, "", False), id="none"),
        pytest.param({api.PAUSED: "true"}, (True, False, "", False), id="paused"),
        pytest.param({api.PAUSED: "false"}, (False, False, "", False), id="paused-false"),
        pytest.param({api.PAUSED: "True"}, (True, False, "", False), id="paused-True"),
        pytest.param({api.PAUSED: " yes "}, (True, False, "", False), id="paused-yes"),
        pytest.param({api.PAUSED: ""}, (True, False, "", False), id="paused-empty"),
        pytest.param({api.PAUSED: "perhaps"}, (True, False, "", False), id="paused-by-a-word-that-is-not-understood"),
        pytest.param({api.PAUSED: "No"}, (False, False, "", False), id="paused-No"),
        pytest.param({api.PAUSED: "0"}, (False, False, "", False), id="paused-0"),
        pytest.param({api.FORCE_RELEASE: "true"}, (False, True, "", False), id="force-release"),
        pytest.param({api.FORCE_RELEASE: "yes"}, (False, False, "", False), id="force-release-by-the-exact-word"),
        pytest.param({api.RECONCILE_REQUESTED_AT: "now"}, (False, False, "now", True), id="requested"),
        pytest.param({api.RECONCILE_REQUESTED_AT: "then"}, (False, False, "then", False), id="requested-and-handled"),
    ],
)
def test_annotations(annotations: dict[str, str], flags: tuple[bool, bool, str, bool]) -> None:
    """What a person asks for by annotation."""
    resource = read(annotations=annotations, status={"uid": UID, "lastHandledReconcileAt": "then"})
    assert (resource.paused, resource.force_release, resource.requested_at, resource.request_pending) == flags


@pytest.mark.parametrize("end", ["", "z"])
def test_a_long_annotation_is_kept_and_echoed_short(end: str) -> None:
    """Whatever its length, another value is another request, and a handled one is handled."""
    given = "x" * 60_000
    kept = read(annotations={api.RECONCILE_REQUESTED_AT: given}).requested_at
    assert len(kept) == MAX_ANNOTATION
    resource = read(
        annotations={api.RECONCILE_REQUESTED_AT: given + end}, status={"uid": UID, "lastHandledReconcileAt": kept}
    )
    assert resource.request_pending is bool(end)
    assert read(annotations={api.RECONCILE_REQUESTED_AT: kept}).requested_at == kept
    assert read(annotations={"example.com/foreign": given}).annotations == {}


@pytest.mark.rule(A9=("created", "adopted"))
@pytest.mark.parametrize(
    ("spec", "policy"),
    [
        pytest.param({}, "Delete", id="created"),
        pytest.param({"endpointId": "ep-1"}, "Retain", id="adopted"),
        pytest.param({"deletionPolicy": "Retain"}, "Retain", id="created-and-retained"),
        pytest.param({"endpointId": "ep-1", "deletionPolicy": "Delete"}, "Delete", id="adopted-and-deleted"),
        pytest.param({"model": 7}, "Delete", id="unreadable-counts-as-created"),
    ],
)
def test_deletion_policy(spec: dict[str, Any], policy: str) -> None:
    """What is left out depends on where the endpoint came from."""
    assert read(spec=spec).deletion_policy == policy


def test_a_bare_object() -> None:
    """Optional metadata may be missing altogether."""
    resource = parse({"metadata": {"name": "x", "uid": "u"}})
    assert (resource.finalizers, resource.annotations, resource.terminating, resource.generation) == ((), {}, False, 0)


@pytest.mark.rule("D27")
@pytest.mark.parametrize(
    ("origin", "named", "policy"),
    [
        pytest.param("try-1", "ep-1", "Delete", id="created-and-named-later"),
        pytest.param("try-1", "ep-7", "Delete", id="created-and-another-is-named"),
        pytest.param("restored", "ep-1", "Retain", id="found-again-by-its-name"),
        pytest.param("restored", "ep-7", "Delete", id="found-again-and-another-is-named"),
        pytest.param("adopted", "ep-7", "Retain", id="adopted-and-another-is-named"),
    ],
)
def test_the_policy_follows_where_the_endpoint_came_from(origin: str, named: str, policy: str) -> None:
    """What the spec names counts only where nothing else tells it, and only for the endpoint that it names."""
    status = {"uid": UID, "endpointId": "ep-1", "endpointOrigin": {"endpointId": "ep-1", "attempt": origin}}
    assert read(spec={"endpointId": named}, status=status).deletion_policy == policy

"""A rehearsal does what the operator then does: the same calls, in the same order, with the same bodies.

Each example is a spec, a cloud and a status, drawn at random. The operator's loop works on copies of the in-memory
worlds; what it sends, and what becomes of the endpoints, is compared with what was rehearsed before.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.cli.rehearsal.stage import Rehearsed, Stage
from tokenfactory_operator.domain.catalog import Combination, Flavor, Template
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.settings import Settings
from unit.support.builders import (
    CLUSTER,
    FOREIGN,
    KEY,
    NAMESPACE,
    OTHER_UID,
    SCOPE,
    UID,
    an_endpoint,
    an_object,
    mark,
    released,
)
from unit.support.fakes import InMemoryCloud, Script
from unit.support.secrets import StoredSecrets
from unit.support.stage import Stage as OperatorStage

TEMPLATES = (Template("openai/gpt-oss-120b", (Flavor("base", (Combination(("gpu-h100-sxm",), (1, 2, 4)),)),)),)
GONE = "ep-gone"

specs = st.fixed_dictionaries(
    {"scaling": st.sampled_from([{"minReplicas": 1, "maxReplicas": 4}, {"minReplicas": 2, "maxReplicas": 8}])},
    optional={
        "model": st.sampled_from(["openai/gpt-oss-120b", "openai/gpt-oss-12b"]),
        "region": st.just("us-central1"),
        "gpu": st.sampled_from([{"type": "gpu-h100-sxm", "count": count} for count in (1, 2, 3)]),
        "enabled": st.booleans(),
        "displayName": st.sampled_from(["one", "two"]),
        "description": st.sampled_from(["", "a text"]),
        "customWeightsId": st.sampled_from(["", "model-artifact_1"]),
        "endpointId": st.sampled_from(["ep-1", "ep-2", GONE]),
        "managementPolicy": st.sampled_from(["Manage", "Observe"]),
        "deletionPolicy": st.sampled_from(["Delete", "Retain"]),
    },
)
marks = st.sampled_from(
    ["a note", mark("a1"), mark("a2"), mark("adopted"), FOREIGN, mark("a1", uid=OTHER_UID), released()]
)
endpoints = st.lists(
    st.builds(
        lambda description, scaling, enabled, count, name: {
            "description": description,
            "min_replicas": scaling[0],
            "max_replicas": scaling[1],
            "enabled": enabled,
            "gpu_count": count,
            "name": name,
        },
        marks,
        st.sampled_from([(1, 4), (2, 8), (None, None)]),
        st.sampled_from([True, False, None]),
        st.sampled_from([1, 2, None]),
        st.sampled_from(["one", "two", None]),
    ),
    max_size=3,
).map(lambda each: [an_endpoint(f"ep-{at}", **fields) for at, fields in enumerate(each, 1)])
statuses = st.one_of(
    st.none(),
    st.builds(
        lambda attempt, endpoint: {
            "uid": UID,
            "scope": SCOPE,
            "observedGeneration": 1,
            **({"endpointId": endpoint} if endpoint else {}),
            **({"createAttempt": attempt} if attempt else {}),
        },
        st.sampled_from(
            [
                None,
                *(
                    {"id": each, "state": state}
                    for each in ("a1", "adopted")
                    for state in ("Pending", "Created", "Refused")
                ),
            ]
        ),
        st.sampled_from(["", "ep-1", GONE]),
    ),
)
objects = st.fixed_dictionaries(
    {
        "spec": specs,
        "status": statuses,
        "held": st.booleans(),
        "terminating": st.booleans(),
        "annotations": st.sampled_from([{}, {api.PAUSED: "true"}, {api.RECONCILE_REQUESTED_AT: "1"}]),
    }
)


def an_object_of(drawn: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = an_object(spec=drawn["spec"])
    if drawn["status"] is not None:
        body["status"] = drawn["status"]
    if drawn["held"] or drawn["terminating"]:
        body["metadata"]["finalizers"] = [api.FINALIZER]
    if drawn["terminating"]:
        body["metadata"]["deletionTimestamp"] = "2025-01-01T12:00:00Z"
    body["metadata"]["annotations"] = drawn["annotations"]
    return body


def a_cloud(seen: list[ObservedEndpoint]) -> InMemoryCloud:
    cloud = InMemoryCloud(Script())
    cloud.endpoints = {endpoint.id: endpoint for endpoint in seen}
    cloud.templates = TEMPLATES
    cloud._made = len(seen)
    return cloud


async def rehearsed(body: dict[str, Any], cloud: InMemoryCloud, reported: Settings) -> Rehearsed:
    """What the command line foresees."""
    settings = reported.model_copy(update={"project_id": SCOPE})
    stage = Stage(settings, SecretStr("any-token"), StoredSecrets(), cluster_id=CLUSTER)
    stage.put([copy.deepcopy(body)])
    assert await stage.open(stage.credentials.own, cloud, [KEY]) is None
    return await stage.rehearse(KEY)


async def done(body: dict[str, Any], cloud: InMemoryCloud, reported: Settings) -> OperatorStage:
    """What the operator does, while the cloud shows each change at once and no time goes by that settles a doubt."""
    policy = reported.policy(NAMESPACE, own_credential=True)
    operator = OperatorStage(policy=policy, timing=reported.timing())
    operator.poller.cloud = operator.cloud = cloud
    operator.poller.catalog._cloud = cloud
    operator.kube.objects.clear()
    operator.cache.remove(KEY, UID)
    operator.kube.store(body)
    operator.watch()
    for _ in range(6):
        await operator.turn(0.01)
    return operator


def reported_settings(*, adopts: bool) -> Settings:
    given: dict[str, Any] = {"adoption_namespaces": NAMESPACE} if adopts else {}
    return Settings(token=SecretStr("any-token"), cluster_id=CLUSTER, project_id=SCOPE, **given)


@settings(max_examples=150)
@given(drawn=objects, seen=endpoints, adopts=st.booleans())
async def test_what_is_rehearsed_is_what_is_done(
    drawn: dict[str, Any],
    seen: list[ObservedEndpoint],
    adopts: bool,  # noqa: FBT001  # drawn by name
) -> None:
    """The calls that change the cloud are the same, and so are the endpoints after them and what the status says."""
    reported, body = reported_settings(adopts=adopts), an_object_of(drawn)
    foreseen = await rehearsed(body, untouched := a_cloud(seen), reported)
    assert list(untouched.endpoints.values()) == seen, "a rehearsal changes nothing"
    assert untouched.script.journal == [note for note in untouched.script.journal if note.startswith(("GET", "slot"))]

    operator = await done(copy.deepcopy(body), cloud := a_cloud(seen), reported)
    calls = [note.split()[0] for note in cloud.script.journal if note.startswith(("POST", "PATCH", "DELETE"))]
    assert [each.method for each in foreseen.sent] == calls
    assert [bare(each.after) for each in foreseen.sent if each.method == "POST"] == [
        bare(endpoint)
        for endpoint_id, endpoint in cloud.endpoints.items()
        if endpoint_id not in {each.id for each in seen}
    ]
    if KEY in operator.kube.objects:
        assert said(foreseen.resource.body) == said(operator.kube.objects[KEY])


def bare(endpoint: ObservedEndpoint | None) -> ObservedEndpoint | None:
    """Without what differs from one create call to the next."""
    return endpoint and replace(endpoint, id="", created_at=None, description=None)


def said(body: Any) -> dict[str, str]:  # noqa: ANN401  # JSON
    """Reasons of the conditions, by type."""
    conditions = (body.get("status") or {}).get("conditions") or ()
    return {item["type"]: f"{item['status']} {item['reason']}" for item in conditions}

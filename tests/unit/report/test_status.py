"""What is written into the status, and as how small a patch."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.decision.plan import decide
from tokenfactory_operator.domain.attempt import PENDING, State
from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.errors import CloudUnavailable, Forbidden, OperatorError, QuotaExceeded, RateLimited
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.kube.merge_patch import merged
from tokenfactory_operator.report import status
from unit.support.builders import OTHER_UID, SCOPE, UID, an_endpoint, mark
from unit.support.scene import Scene

NOW = "2025-01-01T12:00:00Z"


def written(scene: Scene) -> api.Status:
    """The status after the plan's own decision."""
    situation = scene.situation()
    decision = decide(situation)
    assert decision.verdict is not None
    return status.after(situation, decision, decision.verdict, now=NOW)


# The patch

JSON = st.recursive(
    st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2) | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from(("ready", "min", "max")), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(("state", "scope", "gpus", "inferenceURL")), JSON, max_size=4)


@given(OBJECTS, OBJECTS)
def test_the_patch_turns_stored_into_wanted(stored: dict[str, Any], wanted: dict[str, Any]) -> None:
    """RFC 7386: applied by the letter of the standard, the patch gives what is wanted."""
    assert merged(stored, status.merge_patch(stored, wanted)) == wanted


@given(OBJECTS)
def test_nothing_is_written_for_nothing(stored: dict[str, Any]) -> None:
    """Equal means an empty patch, and so no write."""
    assert status.merge_patch(stored, stored) == {}


@given(OBJECTS, OBJECTS)
def test_the_patch_names_only_what_differs(stored: dict[str, Any], wanted: dict[str, Any]) -> None:
    """No field that is as wanted is in the patch."""
    patch = status.merge_patch(stored, wanted)
    assert not [name for name in patch if name in stored and name in wanted and stored[name] == wanted[name]]


def test_lists_are_replaced_whole() -> None:
    """A merge patch knows no items."""
    assert status.merge_patch({"a": [1, 2]}, {"a": [1]}) == {"a": [1]}


NEWER = {"uid": UID, "state": "Running", "quota": {"left": 3}, "gpus": {"min": 1, "idle": 0}}
"""A status with fields of a version to come."""


@pytest.mark.parametrize(
    ("stored", "wanted", "left"),
    [
        pytest.param(NEWER, {"uid": UID}, {"uid": UID, "quota": {"left": 3}}, id="what-this-version-knows-goes"),
        pytest.param(
            NEWER,
            {"uid": UID, "gpus": {"max": 2}},
            {"uid": UID, "quota": {"left": 3}, "gpus": {"max": 2, "idle": 0}},
            id="inside-too",
        ),
        pytest.param(NEWER, {"uid": OTHER_UID}, {"uid": OTHER_UID}, id="of-another-object"),
        pytest.param(
            {"createAttempt": {"id": "a1", "via": "x"}},
            {"createAttempt": {"id": "a2"}},
            {"createAttempt": {"id": "a2"}},
            id="of-another-attempt",
        ),
        pytest.param(
            {"createAttempt": {"id": "a1", "state": "Pending", "afterUnknown": 1, "via": "x"}},
            {"createAttempt": {"id": "a1", "state": "Created"}},
            {"createAttempt": {"id": "a1", "state": "Created", "via": "x"}},
            id="of-the-same-attempt",
        ),
    ],
)
def test_fields_of_a_newer_version_stay(stored: dict[str, Any], wanted: dict[str, Any], left: dict[str, Any]) -> None:
    """After a rollback of the operator the newer version finds again what it wrote, if it is about the same."""
    assert merged(stored, status.merge_patch(stored, wanted)) == left


# The fields


def test_what_the_endpoint_shows_is_told() -> None:
    """Every observed field has its place; words in CamelCase, GPUs over all replicas."""
    reported = written(Scene().recorded().lists(an_endpoint(readiness="partially_ready", ready_replicas=3))).to_dict()
    assert {name: reported[name] for name in reported if name not in ("conditions", "createAttempt")} == {
        "endpointOrigin": {"endpointId": "ep-1", "attempt": "a1"},
        "observedGeneration": 1,
        "uid": UID,
        "endpointId": "ep-1",
        "scope": SCOPE,
        "routingKey": "dedicated/llm-1",
        "inferenceURL": "https://api.tokenfactory.nebius.com/v1",
        "createdAt": "2025-01-01T12:00:00Z",
        "state": "Running",
        "readiness": "PartiallyReady",
        "replicas": 1,
        "readyReplicas": 3,
        "replicaSummary": "3/1-4",
        "summary": "The endpoint serves with at least its reserved replicas.",
        "selector": status.SELECTOR,
        "gpus": {"ready": 6, "min": 2, "max": 8},
    }


@pytest.mark.parametrize(
    ("shown", "reported"),
    [
        pytest.param({"ready_replicas": 0, "min_replicas": 2, "max_replicas": 6}, "0/2-6", id="none ready"),
        pytest.param({"ready_replicas": None}, "?/1-4", id="how many are ready is not told"),
        pytest.param({"min_replicas": None}, None, id="the least is not told"),
        pytest.param({"max_replicas": None}, None, id="the most is not told"),
    ],
)
def test_replicas_in_one_field(shown: dict[str, Any], reported: str | None) -> None:
    """Ready, reserved and most, as the cloud has them; nothing is made up where it does not say."""
    assert written(Scene().recorded().lists(an_endpoint(**shown))).replica_summary == reported


def test_the_address_is_that_of_the_setting() -> None:
    """A region that the built-in table does not know has one as soon as the setting does, and else none."""
    endpoint = an_endpoint(region="tf-us1")
    scene = Scene(policy=Policy(inference_hosts={"tf-us1": "api.example.com"})).recorded().lists(endpoint)
    assert written(scene).inference_url == "https://api.example.com/v1"
    assert written(Scene().recorded().lists(endpoint)).inference_url is None


@pytest.mark.parametrize(
    ("word", "reported"),
    [
        pytest.param("running", "Running", id="known"),
        pytest.param("partially_ready", "PartiallyReady", id="two-words"),
        pytest.param("brandNew_state", "BrandNewState", id="unknown-is-kept-recognisably"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="not-told"),
    ],
)
def test_camel_case(word: str | None, reported: str | None) -> None:
    """The API's words as Kubernetes writes words."""
    assert status.camel_case(word) == reported


def test_an_answer_that_tells_little_is_no_failure() -> None:
    """Fields that were not told are left out."""
    little = an_endpoint(region=None, gpu_count=None, status=None, readiness=None, ready_replicas=None)
    reported = written(Scene().recorded().lists(little)).to_dict()
    assert not {"inferenceURL", "gpus", "state", "readiness", "readyReplicas"} & reported.keys()


def test_what_is_not_seen_keeps_what_is_written() -> None:
    """An endpoint that one LIST does not show is not forgotten."""
    scene = Scene().recorded(routingKey="dedicated/llm-1", readyReplicas=2).lists()
    reported = written(scene)
    assert (reported.endpoint_id, reported.routing_key, reported.ready_replicas) == ("ep-1", "dedicated/llm-1", 2)


def test_an_outage_judges_nothing() -> None:
    """The observed generation is that of the body last judged."""
    scene = Scene().recorded(lastHandledReconcileAt="then").lists(an_endpoint()).outage()
    scene.body["metadata"]["generation"] = 5
    reported = written(scene)
    assert (reported.observed_generation, reported.last_handled_reconcile_at) == (1, "then")


@pytest.mark.parametrize(
    ("arrange", "handled"),
    [
        pytest.param(lambda s: s.annotated(api.RECONCILE_REQUESTED_AT, "now").lists(an_endpoint()), "now", id="listed"),
        pytest.param(lambda s: s.lists(an_endpoint()), None, id="never-asked"),
    ],
)
def test_a_request_is_echoed_when_handled(arrange: Any, handled: str | None) -> None:  # noqa: ANN401  # a lambda of a table
    """`lastHandledReconcileAt` follows a LIST begun after the request was seen."""
    scene = Scene().recorded()
    arrange(scene)
    assert written(scene).last_handled_reconcile_at == handled


def test_the_older_scope_stays_with_the_id() -> None:
    """Only `rescoped` changes where a recorded endpoint is said to live."""
    scene = Scene().recorded(scope="project-2").settles()
    assert written(scene).scope == "project-2"
    situation = scene.situation()
    assert status.rescoped(situation, "project-3").scope == "project-3"
    assert status.rescoped(situation, "project-3").endpoint_id == "ep-1"


def test_what_stands_in_the_way_is_named() -> None:
    """An earlier object's endpoint, so that nobody takes it for an orphan; it is named no more once it is gone."""
    earlier = an_endpoint("ep-9", description=mark("e1", uid=OTHER_UID))
    scene = Scene().lists(earlier)
    assert written(scene).conflicting_endpoints == ("ep-9",)
    scene.body["status"] = written(scene).to_dict()
    assert written(scene.outage()).conflicting_endpoints == ("ep-9",)
    scene.inventory.outage = None
    assert written(scene.spec(enabled=False).settles()).conflicting_endpoints is None


# The attempt


def opening(scene: Scene) -> api.Status:
    situation = scene.situation()
    attempt = api.CreateAttempt(id="a2", state=PENDING, since=NOW)
    return status.opening(situation, decide(situation), attempt=attempt, now=NOW)


def test_opening_an_attempt_forgets_the_lost_endpoint() -> None:
    """Create 3: attempt, uid and scope are written, the id of the lost endpoint and what it showed go."""
    scene = Scene().recorded(scope=SCOPE, readiness="Ready", routingKey="dedicated/old").settles().gone()
    reported = opening(scene).to_dict()
    assert reported["createAttempt"] == {"id": "a2", "state": "Pending", "since": NOW}
    assert (reported["uid"], reported["scope"]) == (UID, SCOPE)
    assert not {"endpointId", "readiness", "routingKey"} & reported.keys()
    assert {item["type"]: item["reason"] for item in reported["conditions"]}["Ready"] == Reason.CREATING


@pytest.mark.rule("I9")
def test_opening_writes_the_scope_of_the_credential() -> None:
    """Nothing at stake in the old scope: the attempt belongs to the new one."""
    assert opening(Scene().status(scope="project-2").lists()).scope == SCOPE


def attempt_of(scene: Scene) -> tuple[str, str] | None:
    reported = written(scene).create_attempt
    return (reported.id, reported.state) if reported else None


def pending(state: State, error: OperatorError | None = None) -> Scene:
    scene = Scene().held().attempt_written("a1", "Pending").lists().attempted(state)
    return scene.failed("Create", error) if error else scene


ATTEMPTS = [
    pytest.param(Scene().spec(enabled=False).lists(), None, id="none"),
    pytest.param(pending(State.IN_DOUBT, CloudUnavailable("?")), ("a1", "Pending"), id="unknown"),
    pytest.param(pending(State.REFUSED, RateLimited("429")), ("a1", "Pending"), id="throttled-goes-on"),
    pytest.param(pending(State.REFUSED, Forbidden("403")), ("a1", "Refused"), id="forbidden-is-over"),
    pytest.param(pending(State.REFUSED, QuotaExceeded("quota")), ("a1", "Refused"), id="no-quota-is-over"),
    pytest.param(pending(State.OPEN).spec(enabled=False), ("a1", "Refused"), id="unsent-and-not-wanted-any-more"),
    pytest.param(
        pending(State.REFUSED, RateLimited("429")).annotated(api.PAUSED), ("a1", "Pending"), id="throttled-and-paused"
    ),
    pytest.param(pending(State.IN_DOUBT).lists(an_endpoint()), ("a1", "Created"), id="seen"),
    pytest.param(
        pending(State.IN_DOUBT).lists(an_endpoint(description=mark("a0"))), ("a1", "Pending"), id="anothers-seen"
    ),
    pytest.param(
        pending(State.IN_DOUBT).settles(an_endpoint(description=mark("a0"))),
        ("a0", "Created"),
        id="anothers-kept-once-this-one-is-absent",
    ),
    pytest.param(Scene().held().attempt_written("a9", "Pending").lists(), ("a9", "Pending"), id="of-another-process"),
    pytest.param(Scene().recorded().lists(), ("a1", "Created"), id="kept"),
    pytest.param(
        Scene()
        .held()
        .attempt_written("a1", "Pending")
        .lists(an_endpoint(description=mark("adopted")))
        .wait(66)
        .settles(an_endpoint(description=mark("adopted"))),
        ("adopted", "Created"),
        id="adopted",
    ),
]


@pytest.mark.rule(C15="throttled-goes-on")
@pytest.mark.parametrize(("scene", "expected"), ATTEMPTS)
def test_the_attempt_that_is_told(scene: Scene, expected: tuple[str, str] | None) -> None:
    """Create 5: Pending while its outcome is open or a POST will follow, Refused only when none will."""
    assert attempt_of(scene) == expected


@pytest.mark.rule("C12")
@pytest.mark.parametrize(
    "arrange",
    [
        pytest.param(lambda s: s, id="in-order"),
        pytest.param(lambda s: s.spec(enabled=False), id="disabled-meanwhile"),
        pytest.param(lambda s: s.spec(endpointId="ep-7"), id="another-named-meanwhile"),
        pytest.param(lambda s: s.spec(model=7), id="unreadable-meanwhile"),
        pytest.param(lambda s: s.annotated(api.PAUSED), id="paused-meanwhile"),
        pytest.param(lambda s: s.outage(), id="outage-meanwhile"),
    ],
)
@pytest.mark.parametrize("description", [mark(), None], ids=["marked", "description-not-told"])
def test_what_was_created_is_written_down(arrange: Any, description: str | None) -> None:  # noqa: ANN401  # a lambda of a table
    """Create 5: id, scope and `Created` are written, whatever the spec says by now."""
    scene = Scene().held().attempt_written("a1", "Pending").lists().attempted(State.SUCCEEDED, endpoint_id="ep-1")
    made = an_endpoint(description=description)
    scene.memory.calls.answered(scene.inventory.take_answer(made, created=True))
    arrange(scene)
    reported = written(scene)
    assert (reported.endpoint_id, reported.scope) == ("ep-1", SCOPE)
    assert reported.create_attempt is not None
    assert (reported.create_attempt.id, reported.create_attempt.state) == ("a1", "Created")


def test_anothers_status_is_overwritten_whole() -> None:
    """A restored status leaves no trace of the other object's endpoint."""
    scene = Scene().status(uid=OTHER_UID, endpointId="ep-9", routingKey="dedicated/other").spec(enabled=False).lists()
    reported = written(scene).to_dict()
    patched = merged(scene.body["status"], status.merge_patch(scene.body["status"], reported))
    assert patched == reported
    assert not {"endpointId", "routingKey"} & patched.keys()


@pytest.mark.parametrize(
    ("scene", "reported"),
    [
        pytest.param(
            Scene().recorded().lists(an_endpoint()),
            "The endpoint serves with at least its reserved replicas.",
            id="ready",
        ),
        pytest.param(
            Scene().recorded().annotated(api.PAUSED).lists(an_endpoint()),
            "Paused by the annotation tokenfactory.nebius.com/paused: the cloud is not changed.",
            id="paused",
        ),
        pytest.param(
            Scene().recorded().annotated(api.PAUSED).terminating().lists(an_endpoint()),
            "Paused by the annotation tokenfactory.nebius.com/paused: the cloud is not changed."
            " The object is kept until the annotation is removed.",
            id="paused and being deleted",
        ),
    ],
)
def test_what_matters_most_in_one_field(scene: Scene, reported: str) -> None:
    """What is in the way, else what Ready says."""
    assert written(scene).summary == reported

"""Every combination of status, readiness, ready replicas and spec, as the conditions tell it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tokenfactory_operator.api.v1alpha1 import Condition
from tokenfactory_operator.decision.actions import SYNCED, Decision, Verdict
from tokenfactory_operator.decision.ownership import judged
from tokenfactory_operator.decision.plan import decide
from tokenfactory_operator.domain.reasons import ConditionType, Reason
from tokenfactory_operator.report.conditions import MESSAGES, conditions, shown
from tokenfactory_operator.report.telling import reported_in_full
from unit.support.builders import FOREIGN, a_spec, an_endpoint, mark
from unit.support.scene import Scene
from unit.support.verdicts import KINDS

NOW, LATER = "2025-01-01T12:00:00Z", "2025-01-01T13:00:00Z"

STATUSES = ("starting", "running", "updating", "stopping", "stopped", "error", "paused-by-vendor", "DELETING", None)
READINESSES = ("ready", "partially_ready", "not_ready", "warming", None)

# What an endpoint with status (row) and readiness (column) shows while it does not serve all that is reserved.
AWAITED = {
    # status:      ready          partially      not_ready      unknown        missing
    "starting": "Starting       Starting       Starting       Starting       Starting",
    "running": "NotReady       PartiallyReady NotReady       NotReady       NotReady",
    "updating": "Updating       Updating       Updating       Updating       Updating",
    "stopping": "Stopping       Stopping       Stopping       Stopping       Stopping",
    "stopped": "NotReady       NotReady       NotReady       NotReady       NotReady",
    "Terminating ": "Stopping       Stopping       Stopping       Stopping       Stopping",
    "DELETING": "Stopping       Stopping       Stopping       Stopping       Stopping",
    "error": "DeploymentError DeploymentError DeploymentError DeploymentError DeploymentError",
    "paused-by-vendor": "NotReady       PartiallyReady NotReady       NotReady       NotReady",
    None: "NotReady       PartiallyReady NotReady       NotReady       NotReady",
}
SERVES = {"ready": True, "partially_ready": True, "not_ready": False, "warming": False}


def cases() -> Sequence[object]:
    """Status x readiness x ready replicas against two that are reserved."""
    rows = []
    for (status, words), replicas in itertools.product(AWAITED.items(), (None, 0, 1, 2, 3)):
        for readiness, awaited in zip(READINESSES, words.split(), strict=True):
            # Older answers have no readiness: then ready replicas alone tell whether it serves.
            serving = SERVES[readiness] if readiness else bool(replicas)
            enough = readiness == "ready" if replicas is None else replicas >= 2
            leaving = status in ("stopping", "stopped", "DELETING", "Terminating ")
            ready = serving and enough and not leaving  # what is going away is not what the spec asks for
            name = f"{status}-{readiness}-{replicas}"
            rows.append(pytest.param(status, readiness, replicas, "Available" if ready else awaited, serving, id=name))
    return rows


@pytest.mark.parametrize(("status", "readiness", "replicas", "reason", "serving"), cases())
def test_what_an_enabled_endpoint_shows(
    status: str | None, readiness: str | None, replicas: int | None, reason: str, *, serving: bool
) -> None:
    """Readiness says whether it serves, replicas whether that is enough, status what it is doing."""
    spec = a_spec(scaling={"minReplicas": 2, "maxReplicas": 4})
    endpoint = an_endpoint(status=status, readiness=readiness, ready_replicas=replicas, min_replicas=2)
    assert shown(spec, endpoint) == reason
    assert (endpoint.serving is not Reason.NOT_SERVING) is serving


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("readiness", READINESSES)
@pytest.mark.parametrize("reported", [True, False, None])
@pytest.mark.parametrize("replicas", [None, 0, 1])
def test_what_a_stopped_spec_shows(
    status: str | None, readiness: str | None, *, reported: bool | None, replicas: int | None
) -> None:
    """`enabled: false` is reached when the cloud says stopped, or, without a status, disabled and without replicas."""
    what = shown(
        a_spec(enabled=False),
        an_endpoint(status=status, readiness=readiness, enabled=reported, ready_replicas=replicas),
    )
    stopped = status == "stopped" or (status is None and reported is False and not replicas)
    assert what == ("Stopped" if stopped else "Stopping")


@pytest.mark.parametrize("spec", [{}, {"enabled": True}], ids=["left-out", "true"])
@pytest.mark.parametrize("status", STATUSES)
def test_stopped_in_the_console(spec: dict[str, bool], status: str | None) -> None:
    """An endpoint that somebody stopped is never Ready, whatever else it shows, and it is said how to start it."""
    assert shown(a_spec(**spec), an_endpoint(enabled=False, status=status)) == "StoppedInConsole"
    assert "spec.enabled" in MESSAGES[Reason.STOPPED_IN_CONSOLE]


@pytest.mark.parametrize(("status", "readiness"), [("RUNNING", "Ready"), ("Error", "READY")])
def test_case_of_the_clouds_words_does_not_matter(status: str, readiness: str) -> None:
    """Enumerations are compared without case."""
    assert shown(a_spec(), an_endpoint(status=status, readiness=readiness)) is Reason.AVAILABLE


def test_an_error_while_serving_is_told() -> None:
    """`error` and `ready`: it serves, but a deployment issue needs attention (the vendor's table)."""
    assert "attention" in reported(Scene().recorded().lists(an_endpoint(status="error")))["Ready"].message


# The conditions themselves


def reported(scene: Scene, decision: Decision | None = None, *, now: str = NOW) -> dict[str, Condition]:
    """The conditions after the plan's own decision (or the given one), by type."""
    situation = judged(scene.situation())
    decision = decision or decide(situation)
    assert decision.verdict is not None
    return {item.type: item for item in conditions(situation, decision, decision.verdict, now=now)}


def brief(scene: Scene, decision: Decision | None = None) -> dict[str, str]:
    return {type_: f"{item.status} {item.reason}" for type_, item in reported(scene, decision).items()}


def with_conditions(scene: Scene, now: str = NOW) -> Scene:
    """The scene with the present conditions written into its status."""
    scene.body["status"]["conditions"] = [item.to_dict() for item in reported(scene, now=now).values()]
    return scene


def in_order() -> Scene:
    return Scene().recorded().lists(an_endpoint())


TABLE = [
    pytest.param(
        in_order(),
        {"Ready": "True Available", "Synced": "True ReconcileSuccess", "Serving": "True Ready"},
        id="available",
    ),
    pytest.param(
        Scene().recorded().lists(an_endpoint(status="starting", readiness="not_ready", ready_replicas=0)),
        {
            "Ready": "False Starting",
            "Synced": "True ReconcileSuccess",
            "Serving": "False NotServing",
            "Reconciling": "True Starting",
        },
        id="starting",
    ),
    pytest.param(
        Scene().recorded().lists(an_endpoint(status="updating", readiness="partially_ready", ready_replicas=1)),
        {"Ready": "True Available", "Synced": "True ReconcileSuccess", "Serving": "True PartiallyReady"},
        id="the-vendors-autoscaling-does-not-make-ready-flap",
    ),
    pytest.param(
        Scene().recorded().lists(an_endpoint(readiness="not_ready", ready_replicas=0)),
        {"Ready": "False NotReady", "Synced": "True ReconcileSuccess", "Serving": "False NotServing"},
        id="outage-of-the-endpoint-is-no-work-under-way",
    ),
    pytest.param(
        Scene()
        .recorded()
        .spec(enabled=False)
        .lists(an_endpoint(enabled=False, status="stopped", readiness="not_ready", ready_replicas=0)),
        {"Ready": "True Stopped", "Synced": "True ReconcileSuccess", "Serving": "False NotServing"},
        id="stopped-as-asked",
    ),
    pytest.param(
        Scene().spec(enabled=False).lists(),
        {"Ready": "True Stopped", "Synced": "True ReconcileSuccess", "Serving": "False NotServing"},
        id="nothing-there-as-asked",
    ),
    pytest.param(
        Scene().recorded().spec(displayName="chat").lists(an_endpoint()),
        {
            "Ready": "False Updating",
            "Synced": "Unknown Updating",
            "Serving": "True Ready",
            "Reconciling": "True Updating",
        },
        id="update-under-way",
    ),
    pytest.param(
        Scene().recorded().spec(region="us-central1").lists(an_endpoint()),
        {
            "Ready": "False InvalidSpec",
            "Synced": "False InvalidSpec",
            "Serving": "True Ready",
            "Stalled": "True InvalidSpec",
        },
        id="a-bad-edit-does-not-stop-what-serves",
    ),
    pytest.param(
        Scene().recorded().lists(),
        {
            "Ready": "Unknown EndpointLost",
            "Synced": "Unknown EndpointLost",
            "Serving": "Unknown EndpointLost",
            "Reconciling": "True EndpointLost",
        },
        id="perhaps-lost",
    ),
    pytest.param(
        Scene().recorded().settles(),
        {
            "Ready": "Unknown EndpointLost",
            "Synced": "Unknown EndpointLost",
            "Serving": "Unknown EndpointLost",
            "Reconciling": "True EndpointLost",
        },
        id="absent-and-not-yet-proven-gone",
    ),
    pytest.param(
        Scene().recorded().hides().settles(),
        {
            "Ready": "False InventoryUntrusted",
            "Synced": "False InventoryUntrusted",
            "Serving": "Unknown InventoryUntrusted",
            "Stalled": "True InventoryUntrusted",
        },
        id="left-out-by-a-list-that-is-not-trusted",
    ),
    pytest.param(
        Scene().recorded().settles(an_endpoint("ep-2", description=mark("a2"))),
        {"Ready": "True Available", "Synced": "True ReconcileSuccess", "Serving": "True Ready"},
        id="another-one-of-the-object-has-taken-its-place",
    ),
    *(
        pytest.param(
            Scene().recorded().lists(an_endpoint(description=description)),
            {
                "Ready": "False OwnershipConflict",
                "Synced": "False OwnershipConflict",
                "Serving": "Unknown OwnershipConflict",
                "Stalled": "True OwnershipConflict",
            },
            id=f"named-and-shown-{name}",
        )
        for name, description in (("without-a-mark", "by hand"), ("with-anothers-mark", FOREIGN))
    ),
    pytest.param(
        in_order().spec(scaling="none"),
        {
            "Ready": "False InvalidSpec",
            "Synced": "False InvalidSpec",
            "Serving": "True Ready",
            "Stalled": "True InvalidSpec",
        },
        id="a-spec-that-cannot-be-read",
    ),
    pytest.param(
        Scene().recorded().spec(enabled=False).settles().gone(),
        {
            "Ready": "False EndpointLost",
            "Synced": "False EndpointLost",
            "Serving": "False NotServing",
            "Stalled": "True EndpointLost",
        },
        id="proven-gone",
    ),
    pytest.param(
        in_order().annotated("tokenfactory.nebius.com/paused"),
        {"Ready": "True Available", "Synced": "False ReconcilePaused", "Serving": "True Ready"},
        id="paused",
    ),
]


@pytest.mark.rule(
    R9=(
        "left-out-by-a-list-that-is-not-trusted",
        "another-one-of-the-object-has-taken-its-place",
        "named-and-shown-without-a-mark",
        "a-spec-that-cannot-be-read",
    )
)
@pytest.mark.parametrize(("scene", "expected"), TABLE)
def test_conditions(scene: Scene, expected: dict[str, str]) -> None:
    """The rows of the design's table of conditions."""
    assert brief(scene) == expected


VERDICTS = [
    kind(reason, "text")
    for reason in (Reason.UPDATING, Reason.INVALID_SPEC, Reason.RECONCILE_SUCCESS, Reason.RECONCILE_PAUSED)
    for kind in KINDS
]


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda item: f"{item.reason}-{type(item).__name__}-{item.asks}")
@pytest.mark.parametrize("confirmed", [True, False], ids=["in-order", "not-in-order"])
@pytest.mark.parametrize("endpoint", [an_endpoint(), None], ids=["seen", "unseen"])
def test_laws_of_every_verdict(verdict: Verdict, endpoint: object, *, confirmed: bool) -> None:
    """Stalled never beside Reconciling, both only when True; Ready never True unless in order."""
    scene = Scene().recorded().lists(*([an_endpoint()] if endpoint else []))
    found = reported(scene, Decision(verdict=verdict, in_order=confirmed))
    assert not {"Stalled", "Reconciling"} <= found.keys()
    assert all(found[kind].status == "True" for kind in ("Stalled", "Reconciling") if kind in found)
    assert {"Ready", "Synced", "Serving"} <= found.keys()
    if not confirmed:
        assert found["Ready"].status != "True"


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda item: f"{item.reason}-{type(item).__name__}-{item.asks}")
@pytest.mark.parametrize("endpoint", [an_endpoint(), None], ids=["seen", "unseen"])
def test_a_message_stands_once(verdict: Verdict, endpoint: object) -> None:
    """Where tools that wait look: the others with its reason name the condition that has it, and nothing is lost."""
    scene = Scene().recorded().lists(*([an_endpoint()] if endpoint else []))
    found = reported(scene, Decision(verdict=verdict))
    teller = next(found[kind] for kind in ("Stalled", "Reconciling", "Synced") if kind in found)
    referring = [item for item in found.values() if item.message == f"See the condition {teller.type}."]
    assert {item.type for item in (teller, *referring)} == {
        item.type for item in found.values() if item.reason == teller.reason
    }
    messages = [item.message for item in found.values() if item not in referring]
    assert len(messages) == len(set(messages))
    in_full = {item.type: item.message for item in reported_in_full(tuple(found.values())).values()}
    assert {in_full[item.type] for item in referring} <= {teller.message}


def test_what_was_told_elsewhere_is_told_where_that_goes() -> None:
    """An outage takes the place of what `Stalled` said: `Ready`, which stays, has its own message again."""
    scene = with_conditions(Scene().recorded().spec(region="us-central1").lists(an_endpoint()))
    before = reported(scene)
    assert before["Ready"].message == "See the condition Stalled."
    after = reported(scene.outage())
    assert (after["Ready"].reason, after["Ready"].message) == ("InvalidSpec", before["Stalled"].message)


def test_ready_waits_for_a_list_after_the_mutation() -> None:
    """A call's answer shows the state, and is never Ready by itself."""
    scene = in_order()
    scene.memory.calls.answered(scene.inventory.take_answer(an_endpoint()))
    assert brief(scene)["Ready"] == "False Updating"
    scene.lists(an_endpoint())
    assert brief(scene)["Ready"] == "True Available"


def test_a_created_endpoint_that_no_list_shows_is_being_created() -> None:
    """Between the answer to the POST and the first LIST."""
    scene = Scene().held().attempt_written("a1", "Created", endpointId="ep-1").lists()
    scene.memory.calls.answered(scene.inventory.take_answer(an_endpoint(), created=True))
    assert brief(scene)["Ready"] == "False Creating"


def test_an_unchanged_state_says_the_same_later() -> None:
    """Messages and times are stable: nothing is written for nothing."""
    scene = with_conditions(in_order())
    before = reported(scene)
    scene.wait(3600).lists(an_endpoint())
    assert reported(scene, now=LATER) == before


def test_transition_time_follows_status_only() -> None:
    """Another reason is no transition."""
    scene = with_conditions(in_order())
    scene.lists(an_endpoint(readiness="not_ready", ready_replicas=0))
    changed = reported(scene, now=LATER)
    assert changed["Ready"].last_transition_time == LATER
    assert changed["Synced"].last_transition_time == NOW
    scene = with_conditions(scene, LATER)
    scene.lists(an_endpoint(status="starting", readiness="not_ready", ready_replicas=0))
    again = reported(scene, now="2025-01-01T14:00:00Z")
    assert (again["Ready"].reason, again["Ready"].last_transition_time) == ("Starting", LATER)


def test_the_generation_that_was_judged_is_named() -> None:
    """Each condition tells which spec it describes."""
    scene = in_order()
    scene.body["metadata"]["generation"] = 7
    assert {item.observed_generation for item in reported(scene).values()} == {7}


def test_an_outage_keeps_what_was_known() -> None:
    """No good LIST for three intervals: Synced says so, Ready and Serving stay as they were, of their generation."""
    scene = with_conditions(in_order())
    before = reported(scene)
    scene.body["metadata"]["generation"] = 2
    after = reported(scene.outage(), now=LATER)
    assert (after["Ready"], after["Serving"]) == (before["Ready"], before["Serving"])
    assert (after["Synced"].status, after["Synced"].reason) == ("False", Reason.CLOUD_UNAVAILABLE)
    assert after["Synced"].observed_generation == 1


def test_a_blind_operator_does_not_know() -> None:
    """For INVENTORY_MAX_AGE nothing was seen: Ready is Unknown, and so is whether it serves."""
    scene = with_conditions(in_order())
    after = reported(scene.outage(blind=True), now=LATER)
    for kind in ("Ready", "Serving"):
        assert (after[kind].status, after[kind].reason) == ("Unknown", Reason.CLOUD_UNAVAILABLE)
        assert after[kind].last_transition_time == LATER


def test_conditions_come_in_one_order() -> None:
    """People and diffs see them always alike."""
    order = list(ConditionType)
    for scene in (in_order(), Scene().recorded().lists(), Scene().spec(endpointId="ep-1").noted().lists()):
        types = [ConditionType(kind) for kind in reported(scene)]
        assert types == sorted(types, key=order.index)


def test_synced_is_what_the_constant_says() -> None:
    """A changed verdict changes what is told."""
    found = reported(in_order(), Decision(verdict=replace(SYNCED, message="other"), in_order=True))
    assert found["Synced"].message == "other"


@pytest.mark.parametrize("readiness", ["PartiallyReady", "partially-ready", " Partially Ready", "PARTIALLY_READY"])
def test_a_state_in_another_spelling(readiness: str) -> None:
    """Clouds change the spelling of their words; what they mean stays."""
    spec = a_spec(scaling={"minReplicas": 2, "maxReplicas": 4})
    endpoint = an_endpoint(status="Running", readiness=readiness, ready_replicas=1)
    assert (shown(spec, endpoint), endpoint.serving) == (Reason.PARTIALLY_READY, Reason.PARTIALLY_READY)

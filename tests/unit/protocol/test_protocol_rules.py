"""Rules that hold across checks, each held against every situation in which a single check could forget it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.decision.actions import (
    AddFinalizer,
    Create,
    DeleteDuplicate,
    Nothing,
    RemoveFinalizer,
    mutates,
)
from tokenfactory_operator.decision.ownership import judged
from tokenfactory_operator.decision.plan import decide
from tokenfactory_operator.domain.attempt import State
from tokenfactory_operator.domain.observed import EndpointList, ObservedEndpoint
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.report.conditions import conditions
from unit.support.builders import FOREIGN, OTHER_UID, an_endpoint, mark
from unit.support.outcome import decided
from unit.support.scene import Scene

Arrange = Callable[[Scene], Scene]
LONG_AGO: Final = "2001-01-01T00:00:00Z"

WANTING: Final = {
    "new": lambda s: s.settles(),
    "refused-before": lambda s: s.held().attempt_written(state="Refused").settles(),
    "unknown-and-absent": lambda s: s.held().attempt_written().attempted(State.IN_DOUBT).settles(),
    "anothers-attempt-absent": lambda s: s.held().attempt_written().wait(70).settles(),
    "gone": lambda s: s.recorded().settles().gone(),
}
"""Situations in which an endpoint is made."""
FORBIDDING: Final = {
    "deleted": lambda s: s.terminating(),
    "paused": lambda s: s.annotated(api.PAUSED),
    "observed": lambda s: s.spec(managementPolicy="Observe"),
    "disabled": lambda s: s.spec(enabled=False),
    "adopting": lambda s: s.spec(endpointId="ep-9").may(adopt=True),
    "a-predecessor-is-listed": lambda s: s.lists(an_endpoint("ep-8", description=mark(uid=OTHER_UID))),
}
"""What forbids it all the same."""


@pytest.mark.parametrize("wanting", WANTING)
def test_an_endpoint_is_made(wanting: str) -> None:
    """Create: the situations of the next test do end in a POST where nothing forbids it."""
    assert isinstance(decided(WANTING[wanting](Scene())).action, Create)


@pytest.mark.rule("C1")
@pytest.mark.parametrize("wanting", WANTING)
@pytest.mark.parametrize("forbidding", FORBIDDING)
def test_nothing_is_made(forbidding: str, wanting: str) -> None:
    """Create 1, which overrides Create 6 and Lost: whatever led here, one of these is enough to stop it."""
    scene = FORBIDDING[forbidding](WANTING[wanting](Scene()))
    assert not isinstance(decided(scene).action, Create)


@pytest.mark.rule("C2", I7="new-the-name-is-for-people")
@pytest.mark.parametrize(
    "listed",
    [
        pytest.param(an_endpoint(), id="this-attempts"),
        pytest.param(an_endpoint(description=mark("a0")), id="an-earlier-attempts"),
        pytest.param(an_endpoint(description=mark(name="renamed")), id="the-name-is-for-people"),
        pytest.param(an_endpoint(description=f"{mark()} {FOREIGN}"), id="a-foreign-mark-beside-it"),
    ],
)
@pytest.mark.parametrize("wanting", WANTING)
def test_nothing_is_made_beside_an_endpoint_of_ours(wanting: str, listed: ObservedEndpoint) -> None:
    """Create 1: a listed endpoint carries the object's identity already."""
    scene = WANTING[wanting](Scene())
    assert not isinstance(decided(scene.lists(listed)).action, Create)


UNRESOLVED: Final = [
    pytest.param(lambda s: s.attempted(State.IN_DOUBT), id="here"),
    pytest.param(lambda s: s, id="elsewhere"),
]


@pytest.mark.rule("C3")
@pytest.mark.parametrize("arrange", UNRESOLVED)
@pytest.mark.parametrize(
    "also",
    [
        pytest.param(lambda s: s.lists(an_endpoint(description=mark("a0"))), id="another-attempts-endpoint-serves"),
        pytest.param(lambda s: s.spec(enabled=False).lists(), id="disabled"),
        pytest.param(lambda s: s.annotated(api.PAUSED).lists(an_endpoint(description=mark("a0"))), id="paused"),
    ],
)
def test_ready_is_never_true_while_an_attempt_is_unresolved(also: Arrange, arrange: Arrange) -> None:
    """Create 1: whatever else is there, an endpoint may still come into being."""
    s = judged(also(arrange(Scene().held().attempt_written())).situation())
    decision = decide(s)
    assert decision.verdict is not None
    reported = {item.type: item.status for item in conditions(s, decision, decision.verdict, now=LONG_AGO)}
    assert reported["Ready"] != "True"


@pytest.mark.rule("E24")
@pytest.mark.parametrize("present", [LONG_AGO, "2999-01-01T00:00:00Z", "yesterday", ""])
def test_a_time_stamp_in_the_object_decides_nothing(present: str) -> None:
    """Evidence: `since` is for people; what counts is what this process saw."""
    scene = Scene().held().attempt_written()
    scene.body["status"]["createAttempt"]["since"] = present
    assert decided(scene.settles()).action == Nothing()
    assert isinstance(decided(scene.wait(66).settles()).action, Create)


@pytest.mark.rule("E24")
@pytest.mark.parametrize("deleted", [LONG_AGO, "2999-01-01T00:00:00Z"])
def test_the_time_of_a_deletion_decides_nothing(deleted: str) -> None:
    """Delete 1: the settle time is counted in this process, not from the time stamp of the deletion."""
    scene = Scene().held().attempt_written().attempted(State.IN_DOUBT).terminating()
    scene.body["metadata"]["deletionTimestamp"] = deleted
    assert decided(scene.settles()).action == Nothing()
    assert isinstance(decided(scene.wait(540).lists()).action, RemoveFinalizer)


@pytest.mark.rule("D3")
def test_the_time_before_a_deletion_counts() -> None:
    """Delete 1: what was absent for DELETE_SETTLE already holds nobody up."""
    scene = Scene().held().attempt_written().attempted(State.IN_DOUBT).settles(seconds=601)
    assert isinstance(decided(scene.terminating()).action, RemoveFinalizer)


@pytest.mark.rule("D19")
@pytest.mark.parametrize(
    "also",
    [
        pytest.param(lambda s: s.annotated(api.PAUSED), id="paused"),
        pytest.param(lambda s: s.annotated(api.FORCE_RELEASE), id="force-release-of-a-living-object"),
        pytest.param(lambda s: s.annotated(api.RECONCILE_REQUESTED_AT, "now"), id="asked-to-look"),
        pytest.param(lambda s: s.spec(enabled=False), id="disabled"),
        pytest.param(lambda s: s.spec(managementPolicy="Observe"), id="observed"),
        pytest.param(lambda s: s.hides(), id="untrusted"),
        pytest.param(lambda s: s.outage(blind=True), id="outage"),
        pytest.param(lambda s: s.lists(an_endpoint(description=FOREIGN)), id="conflict"),
        pytest.param(lambda s: s.lists(an_endpoint(), an_endpoint("ep-2")), id="copied"),
    ],
)
@pytest.mark.parametrize(
    "arrange",
    [
        pytest.param(lambda s: s.status(endpointId="ep-1"), id="with-an-id"),
        pytest.param(lambda s: s.attempt_written(), id="with-an-open-attempt"),
    ],
)
def test_a_missing_finalizer_comes_first(arrange: Arrange, also: Arrange) -> None:
    """Delete 6: the first check of every pass, whatever else is the matter."""
    assert decided(also(arrange(Scene()))).action == AddFinalizer()


@pytest.mark.rule("C25")
def test_the_spec_decides_between_duplicates_before_the_status() -> None:
    """Create 7: kept is the one that `spec.endpointId` names, even where the status names the other."""
    scene = Scene().recorded("ep-2").spec(endpointId="ep-1").may(adopt=True)
    scene.lists(an_endpoint(description=mark("a0")), an_endpoint("ep-2"))
    assert (decided(scene).action, decided(scene).record) == (Nothing(), "ep-1")  # written first
    scene.body["status"]["endpointId"] = "ep-1"
    assert decided(scene).action == DeleteDuplicate("ep-2", "ep-1")


@pytest.mark.rule("E15")
@pytest.mark.parametrize(
    ("description", "check", "reason"),
    [
        pytest.param(FOREIGN, "foreign_owner", Reason.OWNERSHIP_CONFLICT, id="anothers"),
        pytest.param(f"{mark()} {FOREIGN}", "foreign_owner", Reason.OWNERSHIP_CONFLICT, id="anothers-beside-ours"),
        pytest.param(mark(), "lost", Reason.INVENTORY_UNTRUSTED, id="ours"),
    ],
)
def test_what_answers_by_id_is_judged_by_its_mark(description: str, check: str, reason: Reason) -> None:
    """Gone: a 200 to the GET shows whose the endpoint is now, and that the LIST hides things."""
    scene = Scene().recorded().settles().finds(an_endpoint(description=description))
    found = decided(scene.lists())
    assert (found.check, found.reason, found.record) == (check, reason, "ep-1" if check != "lost" else None)


@pytest.mark.rule("H4")
@pytest.mark.parametrize(
    "listed",
    [
        pytest.param((), id="lost"),
        pytest.param((an_endpoint(name="changed"),), id="drifted"),
        pytest.param((an_endpoint(description=""),), id="unmarked"),
        pytest.param((an_endpoint(), an_endpoint("ep-2", description=mark("a2"))), id="duplicates"),
    ],
)
@pytest.mark.parametrize(
    "also",
    [
        pytest.param(lambda s: s, id="living"),
        pytest.param(lambda s: s.terminating(), id="deleted"),
        pytest.param(lambda s: s.terminating().spec(deletionPolicy="Delete"), id="deleted-with-delete"),
        pytest.param(lambda s: s.terminating().spec(deletionPolicy="Retain"), id="deleted-with-retain"),
        pytest.param(lambda s: s.gone(), id="gone"),
    ],
)
def test_what_is_observed_is_never_changed(also: Arrange, listed: tuple[ObservedEndpoint, ...]) -> None:
    """Create 1 and design: `managementPolicy: Observe` sends no mutation, whatever is seen and wanted."""
    scene = Scene().recorded().spec(managementPolicy="Observe", displayName="chat").settles(*listed)
    assert not mutates(decided(also(scene)).action)


@pytest.mark.rule("E4")
def test_a_list_begun_before_an_answer_proves_nothing_against_it() -> None:
    """Evidence: the LIST misses the endpoint, but a PATCH that ended after the LIST's start was answered for it."""
    scene = Scene().recorded().lists(an_endpoint())
    begun = scene.inventory.stamp()
    scene.inventory.take_answer(an_endpoint())
    scene.inventory.listed(begun, EndpointList(()))
    assert decided(scene).check == "in_order"
    assert decided(scene.lists()).check == "lost"

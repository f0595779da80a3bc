"""The order of the checks of the composed chain, and that deciding changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.decision.actions import AddFinalizer, DeleteDuplicate, Nothing
from tokenfactory_operator.decision.plan import decide
from tokenfactory_operator.domain.attempt import State
from tokenfactory_operator.domain.reasons import Reason
from unit.support.builders import FOREIGN, OTHER_UID, an_endpoint, mark
from unit.support.outcome import Decided, decided, summary
from unit.support.scene import Scene

Arrange = Callable[[Scene], object]

LATE = an_endpoint("ep-2", description=mark("a2"), created_at="2025-01-01T13:00:00Z")
PUT_BACK = Decided("finalizer_missing", AddFinalizer())
MISMATCH = Decided("other_scope", reason=Reason.CREDENTIALS_MISMATCH, stalled=True, after_list=True)


def conflict(check: str, record: str | None = "ep-1") -> Decided:
    return Decided(check, reason=Reason.OWNERSHIP_CONFLICT, stalled=True, record=record, after_list=True)


def duplicate(action: DeleteDuplicate | Nothing, record: str = "ep-1") -> Decided:
    return Decided("duplicate", action, Reason.UPDATING, synced=None, record=record, after_list=True)


FIRST = [
    pytest.param(lambda s: s.status(endpointId="ep-1").spec(model=7), PUT_BACK, id="finalizer-missing>unreadable"),
    pytest.param(lambda s: s.status(endpointId="ep-1").outage(), PUT_BACK, id="finalizer-missing>cloud-not-observed"),
    pytest.param(
        lambda s: s.spec(model=7).outage(),
        Decided("unreadable", reason=Reason.INVALID_SPEC, stalled=True),
        id="unreadable>cloud-not-observed",
    ),
    pytest.param(
        lambda s: s.recorded(scope="project-2").lists().outage(),
        Decided("cloud_not_observed", reason=Reason.CLOUD_UNAVAILABLE, judged=False, after_list=True),
        id="cloud-not-observed>other-scope",
    ),
    pytest.param(
        lambda s: s.recorded(scope="project-2").lists().annotated(api.RECONCILE_REQUESTED_AT, "now"),
        MISMATCH,
        id="other_scope>asked_to_look",
    ),
    pytest.param(
        lambda s: s.recorded().lists(an_endpoint(), an_endpoint("ep-2")).annotated(api.RECONCILE_REQUESTED_AT, "now"),
        Decided("asked_to_look", after_list=True, hurry=True),
        id="asked_to_look>copied",
    ),
    pytest.param(
        lambda s: s.recorded().lists(
            an_endpoint(description=FOREIGN),
            an_endpoint("ep-2", description=mark("a2")),
            an_endpoint("ep-3", description=mark("a2")),
        ),
        conflict("copied"),
        id="copied>foreign_owner",
    ),
    pytest.param(
        lambda s: s.attempt_written("a9", endpointId="ep-1").held().lists(an_endpoint(description=FOREIGN)),
        conflict("foreign_owner"),
        id="foreign_owner>undecided",
    ),
    pytest.param(
        lambda s: s.held().attempt_written("a9").lists(an_endpoint(), LATE),
        Decided("undecided", reason=Reason.CREATE_OUTCOME_UNKNOWN, record="ep-1", after_list=True),
        id="undecided>duplicate",
    ),
    pytest.param(
        lambda s: s.recorded("ep-0").settles(an_endpoint(), LATE),
        replace(duplicate(Nothing()), after=0),
        id="duplicate>lost",
    ),
    pytest.param(
        lambda s: s.recorded().spec(region="us-central1").lists(an_endpoint(), LATE),
        duplicate(DeleteDuplicate("ep-2", "ep-1")),
        id="duplicate>immutable",
    ),
    pytest.param(
        lambda s: s.recorded().spec(region="us-central1", displayName="chat").lists(an_endpoint()),
        Decided("immutable", reason=Reason.INVALID_SPEC, stalled=True, record="ep-1", after_list=True),
        id="immutable>drifted",
    ),
    pytest.param(
        lambda s: (
            s.spec(enabled=False).attempt_written(state="Refused").stalled_before(Reason.REFUSED_BY_CLOUD).lists()
        ),
        Decided("remembered", reason=Reason.REFUSED_BY_CLOUD, stalled=True),
        id="remembered>disabled",
    ),
    pytest.param(
        lambda s: s.spec(enabled=False).lists(an_endpoint(description=mark(uid=OTHER_UID))),
        Decided("predecessor", reason=Reason.OWNERSHIP_CONFLICT, stalled=True, after_list=True),
        id="predecessor>disabled",
    ),
]


@pytest.mark.parametrize(("arrange", "expected"), FIRST)
def test_of_two_checks_that_would_answer_the_first_does(arrange: Arrange, expected: Decided) -> None:
    """The order of the chain, pair by pair."""
    scene = Scene()
    arrange(scene)
    assert decided(scene) == expected


def test_the_same_situation_gives_the_same_decision() -> None:
    """The plan is pure: deciding changes nothing."""
    scene = Scene().held().attempt_written().attempted(State.IN_DOUBT).terminating()
    situation = scene.lists(an_endpoint(), LATE).situation()
    assert summary(decide(situation)) == summary(decide(situation))

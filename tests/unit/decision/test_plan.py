"""The composed chain for a living object: each situation, which check answers, and with what.

Sentences of the protocol are quoted by section: Identity, Evidence, Create, Lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.decision.actions import (
    Create,
    ProbeGone,
)
from tokenfactory_operator.domain.attempt import State
from tokenfactory_operator.domain.errors import Forbidden, InvalidSpec, RateLimited, Unauthorized
from tokenfactory_operator.domain.reasons import Reason
from unit.support.builders import OTHER_UID, an_endpoint, mark, released
from unit.support.outcome import Decided, decided
from unit.support.scene import Scene

Arrange = Callable[[Scene], object]

UNKNOWN_OUTCOME = Decided("undecided", reason=Reason.CREATE_OUTCOME_UNKNOWN, after_list=True)
UNTRUSTED = Reason.INVENTORY_UNTRUSTED
CREATING = Decided("create", Create(), after_list=True)
IN_ORDER = Decided("in_order", reason=Reason.RECONCILE_SUCCESS, synced=True, record="ep-1", in_order=True)
PROBE = ProbeGone("ep-1", mark())
NEXT_ATTEMPT = Decided("undecided", Create(after_unknown=1), after_list=True)
CONFLICT = Decided("", reason=Reason.OWNERSHIP_CONFLICT, stalled=True, record="ep-1", after_list=True)


def conflict(check: str, record: str | None = "ep-1") -> Decided:
    return replace(CONFLICT, check=check, record=record)


CREATE_ROWS = [
    pytest.param(lambda s: s.lists(), CREATING, id="nothing-there"),
    pytest.param(lambda s: s, Decided("cloud_not_observed", after_list=True), id="no-list-yet-says-nothing"),
    pytest.param(
        lambda s: s.lists(complete=False),
        Decided("cloud_not_observed", after_list=True),
        id="an-incomplete-list-opens-no-gate",
    ),
    pytest.param(
        lambda s: s.outage(),
        Decided("cloud_not_observed", reason=Reason.CLOUD_UNAVAILABLE, judged=False, after_list=True),
        id="first-list-fails",
    ),
    pytest.param(
        lambda s: s.spec(enabled=False).lists(),
        Decided("disabled", reason=Reason.RECONCILE_SUCCESS, synced=True, in_order=True),
        id="stopped-object-without-endpoint-is-in-order",
    ),
    pytest.param(
        lambda s: s.annotated(api.PAUSED).lists(),
        Decided("create", reason=Reason.RECONCILE_PAUSED, after_list=True),
        id="paused-creates-nothing",
    ),
    pytest.param(
        lambda s: s.spec(managementPolicy="Observe").lists(),
        Decided("create", reason=Reason.OBSERVING, stalled=True),
        id="observe-creates-nothing",
    ),
    pytest.param(
        lambda s: s.spec(endpointId="ep-7").noted().lists(),
        Decided("adoption", reason=Reason.ENDPOINT_NOT_FOUND, stalled=True, after_list=True),
        id="adopted-creates-nothing",
    ),
    pytest.param(
        lambda s: s.lists(an_endpoint(description=mark(uid=OTHER_UID))),
        conflict("predecessor", None),
        id="predecessor-of-the-same-name",
    ),
    pytest.param(
        lambda s: s.lists(an_endpoint(description=released())), conflict("predecessor", None), id="predecessor-released"
    ),
    pytest.param(
        lambda s: s.lists(an_endpoint(description=mark(uid=OTHER_UID, cluster="c2"))),
        CREATING,
        id="same-name-in-another-cluster-is-no-predecessor",
    ),
    pytest.param(
        lambda s: s.lists(an_endpoint(description=mark(uid=OTHER_UID, name="other"))),
        CREATING,
        id="another-objects-endpoint-concerns-nobody-else",
    ),
    pytest.param(
        lambda s: s.held().attempt_written(state="Pending").attempted(State.REFUSED).lists(),
        Decided("create", Create(resume=True), after_list=True),
        id="refused-for-now-goes-on-under-the-same-attempt",
    ),
    pytest.param(
        lambda s: s.held().attempt_written(state="Refused").attempted(State.REFUSED).lists(),
        CREATING,
        id="after-a-written-refusal-a-new-attempt",
    ),
    pytest.param(
        lambda s: s.held().attempt_written(state="Refused").stalled_before(Reason.REFUSED_BY_CLOUD).lists(),
        Decided("remembered", reason=Reason.REFUSED_BY_CLOUD, stalled=True),
        id="refused-for-good-is-remembered-over-a-restart",
    ),
    pytest.param(
        lambda s: (
            s.held()
            .attempt_written(state="Refused", observedGeneration=0)
            .stalled_before(Reason.REFUSED_BY_CLOUD)
            .lists()
        ),
        CREATING,
        id="another-generation-is-tried",
    ),
    pytest.param(
        lambda s: s.lists().failed("Create", RateLimited("slow down"), wait=20),
        Decided("failed", reason=Reason.RATE_LIMITED, after=20),
        id="throttled-waits",
    ),
    pytest.param(
        lambda s: s.lists().failed("Create", RateLimited("slow down"), wait=20).wait(21), CREATING, id="throttle-over"
    ),
    pytest.param(
        lambda s: s.lists().failed("Create", Forbidden("no")),
        Decided("failed", reason=Reason.FORBIDDEN, stalled=True, after=10),
        id="forbidden-waits-for-a-person",
    ),
    pytest.param(
        lambda s: s.lists().failed("Create", Unauthorized("who?"), wait=300),
        Decided("failed", reason=Reason.UNAUTHORIZED, stalled=True, after=300, after_list=True),
        id="revoked-token-looks-again-with-the-list",
    ),
    pytest.param(
        lambda s: s.lists().failed("Create", Unauthorized("who?"), wait=300).lists(),
        CREATING,
        id="a-good-list-shows-that-the-token-is-mended",
    ),
    pytest.param(
        lambda s: s.lists().failed("Create", InvalidSpec("no such flavor")).wait(10_000).lists(),
        Decided("failed", reason=Reason.REFUSED_BY_CLOUD, stalled=True),
        id="terminal-is-never-retried-by-itself",
    ),
    pytest.param(
        lambda s: s.annotated(api.RECONCILE_REQUESTED_AT, "now"),
        Decided("cloud_not_observed", after_list=True),
        id="request-before-the-first-list",
    ),
    pytest.param(
        lambda s: s.lists().annotated(api.RECONCILE_REQUESTED_AT, "now"),
        Decided("asked_to_look", after_list=True, hurry=True),
        id="request-is-judged-by-a-fresh-list",
    ),
    pytest.param(
        lambda s: s.annotated(api.RECONCILE_REQUESTED_AT, "now").lists(), CREATING, id="request-answered-by-a-list"
    ),
]

UNKNOWN_ROWS = [
    pytest.param(
        lambda s: s.held().attempt_written().attempted(State.IN_DOUBT).lists(), UNKNOWN_OUTCOME, id="just-ended"
    ),
    pytest.param(
        lambda s: s.held().attempt_written().attempted(State.IN_DOUBT).lists().wait(100),
        UNKNOWN_OUTCOME,
        id="one-list-proves-no-absence",
    ),
    pytest.param(
        lambda s: s.held().attempt_written().lists().attempted(State.IN_DOUBT).wait(100).lists(),
        UNKNOWN_OUTCOME,
        id="a-list-begun-before-the-end-of-the-post-does-not-count",
    ),
    pytest.param(
        lambda s: s.held().attempt_written().attempted(State.IN_DOUBT).settles(seconds=50),
        UNKNOWN_OUTCOME,
        id="two-lists-too-close",
    ),
    pytest.param(
        lambda s: s.held().attempt_written().attempted(State.IN_DOUBT).settles(), NEXT_ATTEMPT, id="absent-tries-again"
    ),
    pytest.param(
        lambda s: s.held().attempt_written().attempted(State.IN_DOUBT).lists().wait(61).lists(complete=False),
        UNKNOWN_OUTCOME,
        id="incomplete-list-proves-no-absence",
    ),
    pytest.param(
        lambda s: s.held().attempt_written().attempted(State.IN_DOUBT).lists().lists(an_endpoint(), complete=False),
        IN_ORDER,
        id="presence-from-an-incomplete-list",
    ),
    pytest.param(
        lambda s: s.held().attempt_written().attempted(State.IN_DOUBT).lists(an_endpoint(description=mark("a0"))),
        replace(UNKNOWN_OUTCOME, record="ep-1"),
        id="an-earlier-attempts-endpoint-leaves-this-one-open",
    ),
    pytest.param(
        lambda s: s.held().attempt_written().attempted(State.IN_DOUBT).settles(an_endpoint(description=mark("a0"))),
        IN_ORDER,
        id="an-earlier-attempts-endpoint-is-kept-once-this-one-is-absent",
    ),
    pytest.param(
        lambda s: s.held().attempt_written().attempted(State.IN_DOUBT).hides().settles(),
        Decided("undecided", reason=UNTRUSTED, stalled=True, after_list=True),
        id="no-next-attempt-on-the-word-of-an-untrusted-inventory",
    ),
    pytest.param(
        lambda s: s.held().attempt_written().attempted(State.IN_DOUBT).hides().settles().word(),
        NEXT_ATTEMPT,
        id="a-person-confirms-an-untrusted-inventory",
    ),
    pytest.param(
        lambda s: s.held().attempt_written().attempted(State.IN_DOUBT, after_unknown=1).settles(seconds=119.0),
        UNKNOWN_OUTCOME,
        id="after-two-unknown-in-a-row-the-settle-time-is-doubled",
    ),
    pytest.param(
        lambda s: s.held().attempt_written().attempted(State.IN_DOUBT, after_unknown=1).settles(seconds=121.0),
        replace(NEXT_ATTEMPT, action=Create(after_unknown=2)),
        id="two-unknown-in-a-row-ask-nobody",
    ),
    pytest.param(
        lambda s: (
            s.held()
            .attempt_written()
            .attempted(State.IN_DOUBT, after_unknown=1)
            .settles()
            .word(Reason.CREATE_OUTCOME_UNKNOWN)
        ),
        replace(NEXT_ATTEMPT, action=Create(after_unknown=2)),
        id="a-person-confirms-two-unknown",
    ),
    pytest.param(
        lambda s: s.held().attempt_written().settles(), UNKNOWN_OUTCOME, id="anothers-attempt-may-still-be-sent"
    ),
    pytest.param(
        lambda s: s.held().attempt_written().wait(64).settles(),
        UNKNOWN_OUTCOME,
        id="anothers-deadlines-not-over-at-the-first-list",
    ),
    pytest.param(
        lambda s: s.held().attempt_written().wait(66).settles(),
        NEXT_ATTEMPT,
        id="anothers-attempt-absent-after-its-deadlines",
    ),
    pytest.param(
        lambda s: s.held().attempt_written(state="Created").lists(),
        UNKNOWN_OUTCOME,
        id="created-without-an-id-is-unknown",
    ),
    pytest.param(lambda s: s.held().lists(), UNKNOWN_OUTCOME, id="finalizer-that-nothing-explains"),
    pytest.param(lambda s: s.held().wait(66).settles(), NEXT_ATTEMPT, id="finalizer-unexplained-and-nothing-came"),
    pytest.param(
        lambda s: s.held().wait(66).settles(an_endpoint(description=mark(uid=OTHER_UID))),
        conflict("predecessor", None),
        id="restored-object-does-not-double-its-predecessor",
    ),
    pytest.param(
        lambda s: s.held().status(uid=OTHER_UID, endpointId="ep-9").lists(),
        UNKNOWN_OUTCOME,
        id="anothers-status-counts-as-none",
    ),
    pytest.param(
        lambda s: s.spec(enabled=False).held().attempt_written().attempted(State.IN_DOUBT).settles(),
        Decided("disabled", reason=Reason.RECONCILE_SUCCESS, synced=True, in_order=True),
        id="stopped-meanwhile-opens-no-next-attempt",
    ),
    pytest.param(
        lambda s: s.held().attempt_written(scope="project-2").lists(),
        Decided("other_scope", reason=Reason.CREDENTIALS_MISMATCH, stalled=True, after_list=True),
        id="resolved-in-its-own-scope-only",
    ),
]


@pytest.mark.rule(
    A15=("predecessor-of-the-same-name", "predecessor-released"),
    C17="after-a-written-refusal-a-new-attempt",
    H1="paused-creates-nothing",
    H3="request-is-judged-by-a-fresh-list",
)
@pytest.mark.parametrize(("arrange", "expected"), CREATE_ROWS)
def test_an_object_without_an_endpoint(arrange: Arrange, expected: Decided) -> None:
    """Create 1 to 3: what is created when, and what holds it back."""
    scene = Scene()
    arrange(scene)
    assert decided(scene) == expected


@pytest.mark.rule(
    C6="finalizer-that-nothing-explains",
    C19="presence-from-an-incomplete-list",
    C20="an-earlier-attempts-endpoint-leaves-this-one-open",
    C21="a-list-begun-before-the-end-of-the-post-does-not-count",
    C22=("anothers-deadlines-not-over-at-the-first-list", "anothers-attempt-may-still-be-sent"),
    C23="absent-tries-again",
    C24="after-two-unknown-in-a-row-the-settle-time-is-doubled",
    E5="presence-from-an-incomplete-list",
    E6="incomplete-list-proves-no-absence",
    E9="two-lists-too-close",
    E10="resolved-in-its-own-scope-only",
    E19="no-next-attempt-on-the-word-of-an-untrusted-inventory",
    E22="a-person-confirms-an-untrusted-inventory",
)
@pytest.mark.parametrize(("arrange", "expected"), UNKNOWN_ROWS)
def test_an_attempt_of_unknown_outcome(arrange: Arrange, expected: Decided) -> None:
    """Create 6: no POST while an endpoint may still come to be."""
    scene = Scene()
    arrange(scene)
    assert decided(scene) == expected

"""The composed chain where something is wrong: conflicts, duplicates, loss, another scope; which check is first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.decision.actions import AddFinalizer, Create, DeleteDuplicate, Nothing, ProbeGone, Rescope
from tokenfactory_operator.domain.attempt import State
from tokenfactory_operator.domain.errors import CloudUnavailable
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.reasons import Reason
from unit.support.builders import FOREIGN, OTHER_UID, an_endpoint, mark
from unit.support.outcome import Decided, decided
from unit.support.scene import Scene

Arrange = Callable[[Scene], object]


def conflict(check: str, record: str | None = "ep-1") -> Decided:
    return Decided(check, reason=Reason.OWNERSHIP_CONFLICT, stalled=True, record=record, after_list=True)


def lost(**changes: object) -> Decided:
    expected = Decided("lost", reason=Reason.ENDPOINT_LOST, synced=None, after_list=True)
    return replace(expected, **changes)  # type: ignore[arg-type]  # a table's row names fields of the dataclass


def duplicate(action: DeleteDuplicate | Nothing, record: str = "ep-1") -> Decided:
    return Decided("duplicate", action, Reason.UPDATING, synced=None, record=record, after_list=True)


OLDER, NEWER = "2025-01-01T10:00:00Z", "2025-01-01T13:00:00Z"
LATE = an_endpoint("ep-2", description=mark("a2"), created_at=NEWER)
PROBE = ProbeGone("ep-1", mark())
LOOK = ProbeGone("ep-1", mark(), look_only=True)
UNTRUSTED = Decided("lost", reason=Reason.INVENTORY_UNTRUSTED, stalled=True, after_list=True)
AGAIN = Decided("lost", Create(), after_list=True)
PUT_BACK = Decided("finalizer_missing", AddFinalizer())
MISMATCH = Decided("other_scope", reason=Reason.CREDENTIALS_MISMATCH, stalled=True, after_list=True)


def seen_hidden(scene: Scene, endpoint: ObservedEndpoint) -> Scene:
    """GET by id answered for the recorded endpoint, though no LIST shows it; a LIST later it still is not there."""
    return scene.finds(endpoint).lists()


ROWS = [
    # Identity and conflicts
    pytest.param(
        lambda s: s.recorded().lists(an_endpoint(description=FOREIGN)),
        conflict("foreign_owner"),
        id="foreign-mark-is-a-conflict-never-drift",
    ),
    pytest.param(
        lambda s: s.recorded().lists(an_endpoint(description=f"{mark()} {FOREIGN}")),
        conflict("foreign_owner"),
        id="foreign-mark-beside-ours",
    ),
    pytest.param(
        lambda s: s.held().spec(description="text").lists(an_endpoint(description=f"{mark()} {FOREIGN}")),
        conflict("foreign_owner"),
        id="foreign-mark-beside-ours-before-the-id-is-written",
    ),
    pytest.param(
        lambda s: s.recorded().lists(an_endpoint(), an_endpoint("ep-2")),
        conflict("copied"),
        id="the-same-try-twice-is-a-copy",
    ),
    pytest.param(
        lambda s: s.recorded("ep-2").lists(an_endpoint(), an_endpoint("ep-2")),
        conflict("copied", "ep-2"),
        id="of-two-copies-the-recorded-one-stays-recorded",
    ),
    # Late duplicates
    pytest.param(
        lambda s: s.recorded().lists(an_endpoint(), LATE),
        duplicate(DeleteDuplicate("ep-2", "ep-1")),
        id="duplicate-of-the-recorded-endpoint-is-deleted",
    ),
    pytest.param(
        lambda s: s.recorded("ep-2").lists(an_endpoint(created_at=NEWER), LATE),
        duplicate(DeleteDuplicate("ep-1", "ep-2"), "ep-2"),
        id="status-decides-between-equals",
    ),
    pytest.param(
        lambda s: s.recorded("ep-2").lists(an_endpoint(created_at=NEWER), replace(LATE, created_at=OLDER)),
        duplicate(DeleteDuplicate("ep-1", "ep-2"), "ep-2"),
        id="the-older-is-kept",
    ),
    pytest.param(
        lambda s: s.recorded("ep-1").lists(an_endpoint(created_at=NEWER), replace(LATE, created_at=OLDER)),
        replace(duplicate(Nothing(), "ep-2"), after=0),
        id="the-older-is-kept-whichever-the-status-names",
    ),
    pytest.param(
        lambda s: s.recorded("ep-2").lists(
            an_endpoint(created_at=NEWER), replace(LATE, created_at=OLDER, readiness="not_ready")
        ),
        replace(duplicate(Nothing(), "ep-1"), after=0),
        id="the-one-that-serves-is-kept",
    ),
    pytest.param(
        lambda s: s.held().lists(an_endpoint(created_at=NEWER), replace(LATE, created_at=OLDER)),
        replace(duplicate(Nothing(), "ep-2"), after=0),
        id="its-id-is-written-before-the-other-is-deleted",
    ),
    pytest.param(
        lambda s: s.recorded().lists(an_endpoint(), LATE).deleted("ep-2"),
        duplicate(Nothing()),
        id="duplicate-deletion-answered",
    ),
    pytest.param(
        lambda s: s.recorded().lists(an_endpoint(), LATE).deleted("ep-2").wait(61).lists(an_endpoint(), LATE),
        duplicate(DeleteDuplicate("ep-2", "ep-1")),
        id="duplicate-still-listed-long-after-is-deleted-again",
    ),
    pytest.param(
        lambda s: s.recorded().lists(an_endpoint(), an_endpoint("ep-2", description=mark("adopted"))),
        conflict("duplicate"),
        id="an-adopted-duplicate-is-never-deleted",
    ),
    pytest.param(
        lambda s: s.recorded().lists(an_endpoint(), LATE).failed("DeleteDuplicate", CloudUnavailable("5xx")),
        Decided("failed", reason=Reason.CLOUD_UNAVAILABLE, after=10),
        id="failed-duplicate-deletion-waits",
    ),
    pytest.param(
        lambda s: s.recorded().annotated(api.PAUSED).lists(an_endpoint(), LATE),
        Decided("duplicate", reason=Reason.RECONCILE_PAUSED, record="ep-1", after_list=True),
        id="paused-deletes-no-duplicate",
    ),
    # Lost
    pytest.param(lambda s: s.recorded().lists(), lost(), id="one-list-without-it"),
    pytest.param(lambda s: s.recorded().settles(), lost(action=PROBE), id="absent-is-probed-by-id"),
    pytest.param(lambda s: s.recorded().settles(seconds=50), lost(), id="lists-too-close"),
    pytest.param(
        lambda s: s.recorded().lists(an_endpoint()).settles(seconds=50), lost(), id="counted-from-the-last-sighting"
    ),
    pytest.param(
        lambda s: s.recorded().settles().failed("ProbeGone", CloudUnavailable("5xx")),
        Decided("failed", reason=Reason.CLOUD_UNAVAILABLE, after=10),
        id="a-probe-that-failed-proves-nothing",
    ),
    pytest.param(lambda s: s.recorded().settles().gone(), AGAIN, id="gone-is-created-anew"),
    pytest.param(
        lambda s: s.recorded().settles(an_endpoint("ep-2", description=mark("a0"))),
        Decided("in_order", reason=Reason.RECONCILE_SUCCESS, synced=True, record="ep-2", in_order=True),
        id="the-whole-scope-is-searched-for-the-identity-first",
    ),
    pytest.param(
        lambda s: s.recorded().spec(enabled=False).settles().gone(),
        Decided("lost", reason=Reason.ENDPOINT_LOST, stalled=True),
        id="stopped-is-not-created-anew",
    ),
    pytest.param(
        lambda s: s.recorded().spec(managementPolicy="Observe").settles().gone(),
        Decided("lost", reason=Reason.OBSERVING, stalled=True),
        id="observed-is-not-created-anew",
    ),
    pytest.param(
        lambda s: s.recorded().spec(managementPolicy="Observe").settles(),
        Decided("lost", reason=Reason.ENDPOINT_LOST, synced=None, after_list=True),
        id="observe-probes-by-no-patch",
    ),
    pytest.param(
        lambda s: s.recorded().settles(an_endpoint("ep-9", description=mark(uid=OTHER_UID))).gone(),
        conflict("predecessor", None),
        id="gone-but-a-predecessors-endpoint-is-there",
    ),
    # Untrusted
    pytest.param(
        lambda s: s.recorded().hides().settles(),
        replace(UNTRUSTED, action=LOOK),
        id="untrusted-is-observed-by-id",
    ),
    pytest.param(
        lambda s: seen_hidden(s.recorded().settles(), an_endpoint()),
        UNTRUSTED,
        id="hidden-endpoint-is-said-to-be-hidden",
    ),
    pytest.param(
        lambda s: seen_hidden(s.recorded().settles(), an_endpoint()).wait(30),
        Decided("hidden", LOOK),
        id="hidden-endpoint-is-observed-again-each-interval",
    ),
    pytest.param(
        lambda s: seen_hidden(s.recorded().settles(), an_endpoint(description=FOREIGN)).wait(30),
        Decided("hidden", ProbeGone("ep-1", FOREIGN, look_only=True)),
        id="hidden-endpoint-is-observed-again-whoever-it-belongs-to",
    ),
    pytest.param(
        lambda s: s.recorded().hides().settles().word(), lost(action=PROBE), id="a-persons-word-still-needs-the-probe"
    ),
    # Another scope
    pytest.param(lambda s: s.recorded(scope="project-2").settles(), MISMATCH, id="other-scope-resolves-nothing"),
    pytest.param(
        lambda s: s.recorded(scope="project-2").lists(an_endpoint()),
        Decided("other_scope", Rescope("project-1")),
        id="a-list-that-shows-the-recorded-id-rebinds",
    ),
    pytest.param(
        lambda s: s.recorded(scope="project-2").lists().word(Reason.CREDENTIALS_MISMATCH),
        Decided("other_scope", Rescope("project-1")),
        id="a-persons-word-rebinds",
    ),
    pytest.param(
        lambda s: s.recorded(scope="project-2").lists().word(Reason.ENDPOINT_LOST),
        MISMATCH,
        id="a-word-on-another-doubt-does-not",
    ),
    pytest.param(
        lambda s: s.recorded().hides().settles().word(Reason.CREDENTIALS_MISMATCH),
        replace(UNTRUSTED, action=LOOK),
        id="nor-does-that-word-bring-trust",
    ),
    pytest.param(
        lambda s: s.status(scope="project-2").lists(),
        Decided("create", Create(), after_list=True),
        id="nothing-at-stake-in-the-other-scope",
    ),
    # The finalizer that somebody stripped
    pytest.param(lambda s: s.status(endpointId="ep-1").lists(), PUT_BACK, id="finalizer-missing-with-an-id"),
    pytest.param(lambda s: s.attempt_written().lists(), PUT_BACK, id="finalizer-missing-with-an-open-attempt"),
    pytest.param(lambda s: s.lists(an_endpoint()), PUT_BACK, id="finalizer-missing-with-our-mark-listed"),
    pytest.param(
        lambda s: s.attempt_written(state="Refused").lists(),
        Decided("create", Create(), after_list=True),
        id="nothing-to-hold",
    ),
]


@pytest.mark.rule(
    C25=(
        "the-one-that-serves-is-kept",
        "the-older-is-kept-whichever-the-status-names",
        "status-decides-between-equals",
        "its-id-is-written-before-the-other-is-deleted",
    ),
    C27="an-adopted-duplicate-is-never-deleted",
    C28="the-same-try-twice-is-a-copy",
    E10="other-scope-resolves-nothing",
    E11="a-persons-word-rebinds",
    E12="absent-is-probed-by-id",
    E14="a-probe-that-failed-proves-nothing",
    E20="untrusted-is-observed-by-id",
    E22="a-persons-word-still-needs-the-probe",
    E23=(
        "hidden-endpoint-is-observed-again-each-interval",
        "hidden-endpoint-is-observed-again-whoever-it-belongs-to",
    ),
    E28=("a-word-on-another-doubt-does-not", "nor-does-that-word-bring-trust"),
    H1="paused-deletes-no-duplicate",
    I10="a-list-that-shows-the-recorded-id-rebinds",
    I13="absent-is-probed-by-id",
    I14=("foreign-mark-is-a-conflict-never-drift", "foreign-mark-beside-ours"),
    L1="the-whole-scope-is-searched-for-the-identity-first",
    L2="gone-is-created-anew",
    L4="observed-is-not-created-anew",
)
@pytest.mark.parametrize(("arrange", "expected"), ROWS)
def test_doubt(arrange: Arrange, expected: Decided) -> None:
    """Identity, Create 7, Lost, Evidence: each doubt has one answer."""
    scene = Scene()
    arrange(scene)
    assert decided(scene) == expected


def recreated(scene: Scene, times: int, seconds_ago: float) -> Scene:
    scene.recorded().settles().gone()
    for _ in range(times):
        scene.memory.recreation.recreated(scene.inventory.stamp(), forgotten=False)
    return scene.wait(seconds_ago - 1).lists() if seconds_ago else scene


@pytest.mark.rule("L5")
@pytest.mark.parametrize(
    ("times", "seconds_ago", "expected"),
    [
        pytest.param(0, 0, AGAIN, id="first-at-once"),
        pytest.param(1, 50, lost(synced=False, after=10, after_list=False), id="second-after-the-settle-time"),
        pytest.param(1, 61, AGAIN, id="second-when-the-pause-is-over"),
        pytest.param(3, 10, lost(synced=False, after=230, after_list=False), id="doubles"),
        pytest.param(2000, 359, lost(synced=False, after=1, after_list=False), id="six-times-at-most"),
        pytest.param(2000, 361, AGAIN, id="for-ever"),
    ],
)
def test_recreation_backs_off(times: int, seconds_ago: float, expected: Decided) -> None:
    """Lost: recreated with backoff, however often it happens."""
    assert decided(recreated(Scene(), times, seconds_ago)) == expected


@pytest.mark.parametrize(
    "arrange",
    [
        pytest.param(lambda s: s.recorded().annotated(api.PAUSED), id="before-the-first-list"),
        pytest.param(lambda s: s.recorded().annotated(api.PAUSED).lists(an_endpoint()).outage(), id="outage"),
        pytest.param(
            lambda s: (
                s.recorded().lists(an_endpoint()).annotated(api.PAUSED).annotated(api.RECONCILE_REQUESTED_AT, "x")
            ),
            id="asked-to-look",
        ),
    ],
)
def test_paused_does_not_pretend_to_have_judged(arrange: Arrange) -> None:
    """A pause adds no judgement where there is none: a restart with everything in order writes nothing."""
    paused, free = Scene(), Scene()
    arrange(paused)
    arrange(free)
    del free.body["metadata"]["annotations"][api.PAUSED]
    assert decided(paused) == decided(free)


def test_paused_and_in_order_stays_ready() -> None:
    """A pause is told by `Synced`; what the endpoint shows stays true."""
    scene = Scene().recorded().annotated(api.PAUSED).lists(an_endpoint())
    assert decided(scene) == Decided("in_order", reason=Reason.RECONCILE_PAUSED, record="ep-1", in_order=True)


def test_an_attempt_that_was_never_sent_needs_no_resolving() -> None:
    """A status write whose answer was lost opens an attempt that this process has not sent."""
    scene = Scene().held().attempt_written("a7").lists()
    scene.memory.attempts.opening("a7")
    assert decided(scene).action == Create()


@pytest.mark.rule("C6")
def test_a_finalizer_written_here_needs_no_resolving() -> None:
    """Create 2: this very process wrote the finalizer and sent the cloud nothing for it."""
    scene = Scene().held().lists()
    scene.memory.hold.putting(clean=True)
    assert decided(scene).action == Create()


def test_a_mutation_has_to_be_seen_by_a_list_begun_after_it() -> None:
    """Promise 3: in order only when a LIST begun after the last mutation shows it."""
    scene = Scene().recorded().lists(an_endpoint())
    scene.memory.calls.answered(scene.inventory.take_answer(an_endpoint()))
    waiting = decided(scene)
    assert (waiting.in_order, waiting.after_list) == (False, True)
    assert decided(scene.lists(an_endpoint())).in_order


def test_created_here_is_not_in_order_before_a_list_shows_it() -> None:
    """The answer to a POST is no LIST."""
    scene = Scene().held().attempt_written().lists()
    scene.attempted(State.SUCCEEDED, endpoint_id="ep-1")
    scene.inventory.take_answer(an_endpoint(), created=True)
    answer = decided(scene)
    assert (answer.check, answer.record, answer.in_order) == ("in_order", "ep-1", False)

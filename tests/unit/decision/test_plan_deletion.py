"""The composed chain for a terminating object, sentence by sentence of the protocol's section Delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.decision.actions import Action, DeleteEndpoints, ProbeGone, Release, RemoveFinalizer
from tokenfactory_operator.domain.attempt import State
from tokenfactory_operator.domain.errors import CloudUnavailable, InvalidSpec, Unauthorized
from tokenfactory_operator.domain.observed import EndpointPatch
from tokenfactory_operator.domain.reasons import Reason
from unit.support.builders import FOREIGN, an_endpoint, mark, released
from unit.support.outcome import Decided, decided
from unit.support.scene import Scene

Arrange = Callable[[Scene], object]

OWN, LATE = an_endpoint(), an_endpoint("ep-2", description=mark("a2"))
COPY = an_endpoint("ep-2")
STRANGE = an_endpoint(description=FOREIGN)
BOTH = an_endpoint(description=f"{mark()} {FOREIGN}")
LET_GO = RemoveFinalizer()


def deleting(check: str, action: Action, record: str | None = None, *, waits: bool = True) -> Decided:
    waits = waits and not isinstance(action, RemoveFinalizer | Release)
    if isinstance(action, DeleteEndpoints | RemoveFinalizer):  # it is carried out at once, so nothing is said
        return Decided(check, action, after_list=waits)
    return Decided(check, action, Reason.DELETING, synced=None, record=record, after_list=waits)


DELETE = deleting("undeleted", DeleteEndpoints(("ep-1",)))
LOOK = deleting("undeleted", ProbeGone("ep-1", mark(), look_only=True), waits=False)
WAITING = Decided("still_listed", reason=Reason.DELETING, synced=None, after_list=True)
DELETED = deleting("delete", RemoveFinalizer("DeletedEndpoint"))
LEFT = deleting("delete", RemoveFinalizer(Reason.OWNERSHIP_CONFLICT))
UNKNOWN = Decided("unresolved_attempt", reason=Reason.CREATE_OUTCOME_UNKNOWN, after_list=True)
UNTRUSTED = Decided("list_untrusted", reason=Reason.INVENTORY_UNTRUSTED, stalled=True, after_list=True)
RELEASE = deleting("unreleased", Release("ep-1", EndpointPatch(description=f"text {released()}")), "ep-1")
RELEASED = deleting("release", RemoveFinalizer("ReleasedEndpoint"))


def pending(scene: Scene) -> Scene:
    """Attempt a1 of this process has just ended unknown; the user deletes the object."""
    return scene.held().attempt_written().attempted(State.IN_DOUBT).terminating()


def retained(scene: Scene) -> Scene:
    return scene.spec(deletionPolicy="Retain").terminating()


def quietly(answer: Decided) -> Decided:
    """Without the sentence of an event, which the messages' tests read."""
    if isinstance(answer.action, RemoveFinalizer):
        return replace(answer, action=replace(answer.action, message=""))
    return answer


ROWS = [
    # Who is held at all
    pytest.param(lambda s: s.terminating().lists(), Decided("unheld"), id="without-our-finalizer-nothing-is-done"),
    # 2. Delete
    pytest.param(lambda s: s.recorded().terminating().lists(OWN), DELETE, id="own-and-listed"),
    pytest.param(lambda s: s.recorded().terminating().lists().looked(), DELETE, id="recorded-though-not-listed"),
    pytest.param(lambda s: s.recorded().terminating().lists(), LOOK, id="first-seen-by-this-process-or-looked-for"),
    pytest.param(lambda s: s.recorded().lists(OWN).terminating().lists(), DELETE, id="seen-before-by-this-process"),
    pytest.param(
        lambda s: s.recorded().terminating().lists().failed("ProbeGone", CloudUnavailable("5xx")),
        Decided("failed", reason=Reason.CLOUD_UNAVAILABLE, after=10),
        id="not-judged-without-an-answer",
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists().failed("ProbeGone", CloudUnavailable("5xx")).wait(11),
        LOOK,
        id="looked-for-again",
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists().looked().failed("ProbeGone", InvalidSpec("no such operation")),
        DELETE,
        id="deleted-unseen-where-the-api-cannot-tell",
    ),
    pytest.param(
        lambda s: s.recorded().terminating().saw_mark().lists(an_endpoint(description="by hand")),
        DELETE,
        id="recorded-without-its-mark",
    ),
    pytest.param(
        lambda s: s.recorded().terminating().may(adopt=True).lists(an_endpoint(description="by hand")),
        DELETE,
        id="recorded-without-a-mark-where-it-may-adopt",
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists(an_endpoint(description="by hand")),
        Decided("unproven", reason=Reason.OWNERSHIP_CONFLICT, stalled=True, after_list=True),
        id="only-the-status-says-whose-it-is",
    ),
    pytest.param(
        lambda s: retained(s.recorded()).lists(an_endpoint(description="by hand")),
        deleting("release", RemoveFinalizer("ReleasedEndpoint")),
        id="retained-though-only-the-status-says-whose-it-is",
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists(OWN, LATE),
        deleting("undeleted", DeleteEndpoints(("ep-1", "ep-2"))),
        id="every-listed-endpoint-of-ours",
    ),
    pytest.param(
        lambda s: s.recorded("..").terminating().lists(OWN),
        deleting("undeleted", DeleteEndpoints(("ep-1",))),
        id="what-is-listed-before-an-id-that-may-be-nonsense",
    ),
    pytest.param(
        lambda s: s.held().attempt_written(state="Refused").terminating().lists(OWN),
        deleting("undeleted", DeleteEndpoints(("ep-1",))),
        id="listed-though-not-recorded",
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists(OWN, LATE).deleted("ep-1"),
        deleting("undeleted", DeleteEndpoints(("ep-2",))),
        id="only-those-not-answered-yet",
    ),
    pytest.param(lambda s: s.recorded().terminating().settles(OWN).deleted("ep-1"), WAITING, id="answer-means-wait"),
    pytest.param(
        lambda s: s.recorded().terminating().settles(OWN).deleted("ep-1").lists(OWN), WAITING, id="still-listed"
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists(OWN).deleted("ep-1").lists(complete=False),
        WAITING,
        id="an-incomplete-list-ends-nothing",
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists(OWN).deleted("ep-1").wait(61).lists(OWN),
        DELETE,
        id="listed-long-after-is-deleted-again",
    ),
    pytest.param(
        lambda s: (
            s.recorded()
            .terminating()
            .saw_mark()
            .lists(an_endpoint(description="by hand"))
            .deleted("ep-1")
            .wait(61)
            .lists(an_endpoint(description="by hand"))
        ),
        DELETE,
        id="unmarked-listed-long-after-is-deleted-again",
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists(OWN).deleted("ep-1").wait(61).lists(), DELETED, id="absence-seen"
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists(OWN).deleted("ep-1").lists(LATE),
        deleting("undeleted", DeleteEndpoints(("ep-2",))),
        id="a-duplicate-shows-up-meanwhile",
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists(OWN).failed("DeleteEndpoints", CloudUnavailable("5xx")),
        Decided("failed", reason=Reason.CLOUD_UNAVAILABLE, after=10),
        id="failed-delete-waits",
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists(OWN).failed("DeleteEndpoints", InvalidSpec("?")),
        Decided("failed", reason=Reason.REFUSED_BY_CLOUD, after=10),
        id="no-delete-is-given-up",
    ),
    pytest.param(
        lambda s: (
            s.recorded("ep-9")
            .terminating()
            .settles(OWN)
            .deleted("ep-1")
            .looked("ep-9")
            .failed("DeleteEndpoints", CloudUnavailable("5xx"))
        ),
        Decided("failed", reason=Reason.CLOUD_UNAVAILABLE, after=10),
        id="what-is-seen-does-not-take-the-place-of-the-id-still-to-delete",
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists(OWN).failed("DeleteEndpoints", InvalidSpec("?")).wait(11),
        DELETE,
        id="a-refused-delete-is-repeated",
    ),
    # 4. Never created, and conflicts
    pytest.param(
        lambda s: s.held().attempt_written(state="Refused").terminating(),
        deleting("never_created", LET_GO),
        id="last-attempt-refused-goes-at-once",
    ),
    pytest.param(
        lambda s: s.held().attempt_written().attempted(State.REFUSED).terminating(),
        deleting("never_created", LET_GO),
        id="refused-here-while-still-pending",
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists(STRANGE), LEFT, id="foreign-endpoint-does-not-hold-the-finalizer"
    ),
    pytest.param(lambda s: s.recorded().terminating().lists(BOTH), LEFT, id="foreign-mark-beside-ours-is-left"),
    pytest.param(
        lambda s: s.recorded().terminating().lists(OWN, COPY), DELETE, id="of-copies-the-recorded-one-is-deleted"
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists(OWN, COPY).deleted("ep-1").lists(COPY),
        deleting("undeleted", DeleteEndpoints(("ep-2",))),
        id="a-copy-that-is-alone-is-no-copy",
    ),
    # 1. An unresolved attempt
    pytest.param(lambda s: pending(s).settles(), UNKNOWN, id="create-settle-is-not-enough"),
    pytest.param(lambda s: pending(s).settles(seconds=595), UNKNOWN, id="just-before-delete-settle"),
    pytest.param(lambda s: pending(s).settles(seconds=600), deleting("delete", LET_GO), id="absent-for-delete-settle"),
    pytest.param(
        lambda s: pending(s).lists(OWN),
        DELETE,
        id="seen-meanwhile",
    ),
    pytest.param(
        lambda s: pending(s).lists(an_endpoint(description=mark("a0"))),
        deleting("undeleted", DeleteEndpoints(("ep-1",))),
        id="another-attempts-endpoint-is-deleted-meanwhile",
    ),
    pytest.param(
        lambda s: pending(s).hides().settles(seconds=600),
        replace(UNTRUSTED, check="unresolved_attempt"),
        id="untrusted-inventory-lets-nothing-go",
    ),
    pytest.param(
        lambda s: pending(s).outage().settles(),
        replace(UNKNOWN, reason=Reason.CLOUD_UNAVAILABLE),
        id="outage-holds-an-unresolved-attempt",
    ),
    pytest.param(
        lambda s: s.held().attempt_written().wait(66).terminating().settles(seconds=600),
        deleting("delete", LET_GO),
        id="anothers-attempt-absent",
    ),
    pytest.param(lambda s: s.held().terminating().lists(), UNKNOWN, id="finalizer-that-nothing-explains"),
    pytest.param(
        lambda s: retained(pending(s)).settles(an_endpoint(description=mark("a0")), seconds=600),
        Decided("unreleased", reason=Reason.DELETING, synced=None, record="ep-1", after=0),
        id="retain-goes-on-when-the-other-attempt-is-absent",
    ),
    pytest.param(
        lambda s: pending(s).settles(an_endpoint(description=f"{mark('a0')} {FOREIGN}"), seconds=600),
        LEFT,
        id="an-endpoint-in-conflict-does-not-hold-for-ever",
    ),
    # 3. Retain
    pytest.param(
        lambda s: retained(s.recorded()).lists(an_endpoint(description=f"text {mark()}")), RELEASE, id="retain-releases"
    ),
    pytest.param(
        lambda s: retained(s.held().attempt_written()).lists(an_endpoint(description=f"text {mark()}")),
        Decided("unreleased", reason=Reason.DELETING, synced=None, record="ep-1", after=0),
        id="retain-writes-the-id-first",
    ),
    pytest.param(
        lambda s: retained(s.recorded()).lists(an_endpoint(description=released())), RELEASED, id="released-already"
    ),
    pytest.param(lambda s: retained(s.recorded()).lists(STRANGE), RELEASED, id="retain-leaves-a-foreign-mark"),
    pytest.param(lambda s: retained(s.recorded()).lists(BOTH), RELEASED, id="retain-leaves-a-foreign-mark-beside-ours"),
    pytest.param(
        lambda s: retained(s.recorded()).lists(),
        Decided("unlisted", reason=Reason.DELETING, synced=None, after_list=True),
        id="retain-one-list-without-it",
    ),
    pytest.param(
        lambda s: retained(s.recorded()).settles(),
        Decided("unlisted", ProbeGone("ep-1", mark(), look_only=True), Reason.DELETING, synced=None),
        id="retain-absent-by-the-lists",
    ),
    pytest.param(lambda s: retained(s.recorded()).settles().looked(), RELEASED, id="retain-absent"),
    pytest.param(
        lambda s: retained(s.recorded()).hides().settles().looked(),
        replace(UNTRUSTED, check="unlisted"),
        id="retain-untrusted",
    ),
    # 5. What holds the object
    pytest.param(
        lambda s: s.recorded().terminating(),
        Decided("cloud_not_observed", after_list=True),
        id="no-list-yet",
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists(OWN).outage(), DELETE, id="outage-of-the-list-stops-no-delete"
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists(OWN).deleted("ep-1").outage(),
        replace(WAITING, reason=Reason.CLOUD_UNAVAILABLE, synced=False),
        id="outage-is-said",
    ),
    pytest.param(
        lambda s: s.recorded(scope="project-2").terminating().lists(),
        Decided("other_scope", reason=Reason.CREDENTIALS_MISMATCH, stalled=True, after_list=True),
        id="other-scope",
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists(OWN).failed("DeleteEndpoints", Unauthorized("who?"), wait=300),
        Decided("failed", reason=Reason.UNAUTHORIZED, stalled=True, after=300, after_list=True),
        id="revoked-token",
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists(OWN).deleted("ep-1").hides().wait(61).lists(),
        UNTRUSTED,
        id="untrusted",
    ),
    pytest.param(
        lambda s: s.recorded().terminating().lists(OWN).deleted("ep-1").hides().wait(61).lists().word(),
        DELETED,
        id="untrusted-and-confirmed",
    ),
    pytest.param(
        lambda s: s.recorded().annotated(api.PAUSED).terminating().lists(OWN),
        Decided("undeleted", reason=Reason.RECONCILE_PAUSED, after_list=True),
        id="paused-waits",
    ),
    pytest.param(
        lambda s: s.held().attempt_written(state="Refused").annotated(api.PAUSED).terminating(),
        Decided("never_created", reason=Reason.RECONCILE_PAUSED),
        id="paused-keeps-the-finalizer",
    ),
    pytest.param(
        lambda s: s.recorded().annotated(api.PAUSED).annotated(api.FORCE_RELEASE).terminating().lists(OWN),
        deleting("force_released", RemoveFinalizer("ForceReleased")),
        id="force-release-overrides-the-pause",
    ),
    pytest.param(
        lambda s: pending(s).annotated(api.FORCE_RELEASE).outage(),
        deleting("force_released", RemoveFinalizer("ForceReleased")),
        id="force-release-needs-no-cloud",
    ),
    pytest.param(
        lambda s: s.recorded().annotated(api.FORCE_RELEASE).lists(OWN),
        Decided("in_order", reason=Reason.RECONCILE_SUCCESS, synced=True, record="ep-1", in_order=True),
        id="force-release-of-a-living-object-does-nothing",
    ),
    pytest.param(
        lambda s: s.recorded().spec(managementPolicy="Observe").terminating().lists(OWN),
        deleting("observed_only", LET_GO),
        id="observed-is-let-go-without-a-call",
    ),
]


@pytest.mark.rule(
    C20="another-attempts-endpoint-is-deleted-meanwhile",
    D1=("seen-meanwhile", "create-settle-is-not-enough", "finalizer-that-nothing-explains"),
    D2=("just-before-delete-settle", "absent-for-delete-settle"),
    D5=("every-listed-endpoint-of-ours", "recorded-though-not-listed", "listed-though-not-recorded"),
    D6=("foreign-endpoint-does-not-hold-the-finalizer", "foreign-mark-beside-ours-is-left"),
    D7=(
        "what-is-seen-does-not-take-the-place-of-the-id-still-to-delete",
        "only-those-not-answered-yet",
        "no-delete-is-given-up",
    ),
    D8="answer-means-wait",
    D9=("still-listed", "a-duplicate-shows-up-meanwhile", "an-incomplete-list-ends-nothing", "absence-seen"),
    D10="retain-releases",
    D11=("retain-leaves-a-foreign-mark", "released-already"),
    D12="last-attempt-refused-goes-at-once",
    D13=("foreign-endpoint-does-not-hold-the-finalizer", "an-endpoint-in-conflict-does-not-hold-for-ever"),
    D14="of-copies-the-recorded-one-is-deleted",
    D15=(
        "no-list-yet",
        "outage-holds-an-unresolved-attempt",
        "outage-is-said",
        "revoked-token",
        "other-scope",
        "untrusted",
    ),
    D17=("force-release-of-a-living-object-does-nothing", "force-release-needs-no-cloud"),
    D20="without-our-finalizer-nothing-is-done",
    D29="not-judged-without-an-answer",
    E6="an-incomplete-list-ends-nothing",
    E10="other-scope",
    E21=("untrusted", "untrusted-inventory-lets-nothing-go", "retain-untrusted"),
    E22="untrusted-and-confirmed",
    H2=("paused-waits", "paused-keeps-the-finalizer"),
    I13="recorded-though-not-listed",
)
@pytest.mark.parametrize(("arrange", "expected"), ROWS)
def test_a_terminating_object(arrange: Arrange, expected: Decided) -> None:
    """Nothing left behind, and its absence observed, before the finalizer goes."""
    scene = Scene()
    arrange(scene)
    answer = quietly(decided(scene))
    if expected.action == LET_GO:
        answer = replace(answer, action=LET_GO)
    assert answer == expected


@pytest.mark.rule("D12")
def test_nothing_was_sent_under_a_finalizer_of_this_process() -> None:
    """Never created: the finalizer goes at once, even before the first LIST."""
    scene = Scene().held().terminating()
    scene.memory.hold.putting(clean=True)
    assert quietly(decided(scene)) == deleting("never_created", LET_GO)

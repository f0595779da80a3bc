"""What becomes of adopted endpoints: lost, doubled, recreated objects, deletion, and those that are only observed.

Sentences of the protocol: docs/protocol.md, Adopt, Create 7, Lost and Delete 3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from tokenfactory_operator.decision.actions import (
    Create,
    DeleteDuplicate,
    DeleteEndpoints,
    Nothing,
    ProbeGone,
    Release,
    RemoveFinalizer,
    mutates,
)
from tokenfactory_operator.decision.plan import decide
from tokenfactory_operator.domain.observed import EndpointPatch
from tokenfactory_operator.domain.reasons import Reason
from unit.support.adopting import (
    BEGUN,
    EARLIER,
    ELSEWHERE,
    IN_ORDER,
    MINE,
    UNMARKED,
    adopted,
    marking,
    recorded,
    refused,
    updating,
)
from unit.support.builders import FOREIGN, an_endpoint, mark, released
from unit.support.outcome import Decided, decided
from unit.support.scene import Scene

Arrange = Callable[[Scene], Scene]

CREATING: Final = Decided("create", Create(), after_list=True)
OTHER = an_endpoint("ep-2", description=EARLIER)
CONFLICT: Final = Decided("predecessor", reason=Reason.OWNERSHIP_CONFLICT, stalled=True, after_list=True)

LATER = [
    pytest.param(
        lambda s: adopted(s, endpointId="ep-1").settles().gone(),
        Decided("lost", reason=Reason.ENDPOINT_LOST, stalled=True, after_list=True),
        id="lost-is-not-made-anew",
    ),
    pytest.param(
        lambda s: adopted(s).may(adopt_recreated=True).settles().gone(),
        Decided("lost", reason=Reason.ENDPOINT_LOST, stalled=True, after_list=True),
        id="a-lost-predecessors-is-not-made-anew",
    ),
    pytest.param(
        lambda s: adopted(s, endpointId="ep-1").settles(),
        Decided("lost", ProbeGone("ep-1", MINE), Reason.ENDPOINT_LOST, synced=None, after_list=True),
        id="absent-is-probed",
    ),
    pytest.param(
        lambda s: adopted(s, endpointId="ep-1").lists(an_endpoint(description=MINE), an_endpoint("ep-2")),
        Decided(
            "duplicate", DeleteDuplicate("ep-2", "ep-1"), Reason.UPDATING, synced=None, record="ep-1", after_list=True
        ),
        id="a-late-duplicate-of-the-named-one-is-deleted",
    ),
    pytest.param(
        lambda s: s.recorded("ep-2").lists(an_endpoint(description=MINE), an_endpoint("ep-2")),
        Decided("duplicate", reason=Reason.OWNERSHIP_CONFLICT, stalled=True, record="ep-2", after_list=True),
        id="an-adopted-duplicate-is-never-deleted",
    ),
    pytest.param(
        lambda s: s.recorded().spec(endpointId="ep-1").saw_mark().lists(UNMARKED),
        updating(marking("a note", f"a note {mark()}", adopts=False)),
        id="the-wiped-mark-of-its-own-needs-no-leave",
    ),
    pytest.param(
        lambda s: adopted(s, endpointId="ep-1").saw_mark().lists(UNMARKED),
        updating(marking("a note", f"a note {MINE}", adopts=False)),
        id="a-wiped-mark-is-put-back",
    ),
    pytest.param(
        lambda s: adopted(s, endpointId="ep-1").may(adopt=True).lists(UNMARKED),
        updating(marking("a note", f"a note {MINE}", adopts=False)),
        id="a-mark-wiped-before-this-process-is-put-back-where-it-may-adopt",
    ),
    pytest.param(
        lambda s: adopted(s, endpointId="ep-1").lists(UNMARKED),
        refused(Reason.OWNERSHIP_CONFLICT),
        id="the-status-is-no-leave-to-adopt",
    ),
    pytest.param(
        lambda s: adopted(s, endpointId="ep-1").lists(an_endpoint(description=FOREIGN)),
        refused(Reason.OWNERSHIP_CONFLICT),
        id="a-foreign-mark-is-a-conflict",
    ),
    pytest.param(
        lambda s: adopted(s, endpointId="ep-1").lists(an_endpoint(description=f"{MINE} {FOREIGN}", gpu_count=2)),
        Decided("foreign_owner", reason=Reason.OWNERSHIP_CONFLICT, stalled=True, record="ep-1", after_list=True),
        id="a-foreign-mark-beside-its-own-too",
    ),
    pytest.param(
        lambda s: s.held().attempt_written(endpointId="ep-1").spec(endpointId="ep-1").settles(UNMARKED),
        refused(Reason.FORBIDDEN),
        id="an-open-attempt-is-no-leave",
    ),
    pytest.param(
        lambda s: s.held().attempt_written("a1", "Created").spec(endpointId="ep-1").lists(UNMARKED),
        refused(Reason.FORBIDDEN),
        id="nor-is-another-endpoint-before",
    ),
]


@pytest.mark.rule(
    C27="an-adopted-duplicate-is-never-deleted", I20="the-status-is-no-leave-to-adopt", L3="lost-is-not-made-anew"
)
@pytest.mark.parametrize(("arrange", "expected"), LATER)
def test_an_adopted_endpoint_later(arrange: Arrange, expected: Decided) -> None:
    """Lost, doubled, or its mark wiped: never made anew, never deleted as a duplicate."""
    assert decided(arrange(Scene())) == expected


RECREATED = [
    pytest.param(lambda s: s.lists(an_endpoint(description=EARLIER)), BEGUN, id="a-predecessors"),
    pytest.param(lambda s: s.lists(an_endpoint(description=released())), BEGUN, id="a-released-one"),
    pytest.param(
        lambda s: s.lists(an_endpoint(description=EARLIER)).may(), CONFLICT, id="a-conflict-without-the-setting"
    ),
    pytest.param(lambda s: s.lists(an_endpoint(description=EARLIER), OTHER), CONFLICT, id="two-are-a-conflict"),
    pytest.param(lambda s: s.lists(UNMARKED), CREATING, id="an-unmarked-one-is-nobodys"),
    pytest.param(lambda s: s.lists(an_endpoint(description=ELSEWHERE)), CREATING, id="another-clusters-is-left"),
    pytest.param(
        lambda s: s.lists(an_endpoint(description=f"{EARLIER} {FOREIGN}")), CONFLICT, id="anothers-mark-beside-it"
    ),
    pytest.param(
        lambda s: s.lists(an_endpoint(description=EARLIER, region="x")),
        refused(Reason.INVALID_SPEC),
        id="immutable-fields-differ",
    ),
    pytest.param(
        lambda s: s.lists(an_endpoint(description=EARLIER)).claimed(),
        refused(Reason.OWNERSHIP_CONFLICT),
        id="claimed-by-another-object",
    ),
    pytest.param(
        lambda s: recorded(s).lists(an_endpoint(description=EARLIER)),
        updating(marking(EARLIER, MINE)),
        id="the-mark-follows",
    ),
    pytest.param(
        lambda s: recorded(s).lists(an_endpoint(description=EARLIER), OTHER),
        updating(marking(EARLIER, MINE)),
        id="a-second-one-after-the-id-was-written",
    ),
    pytest.param(lambda s: s.recorded().lists(an_endpoint(), OTHER), IN_ORDER, id="an-object-that-has-one-takes-none"),
    pytest.param(lambda s: s.held().lists(an_endpoint(), OTHER), IN_ORDER, id="nor-does-one-whose-status-was-wiped"),
    pytest.param(
        lambda s: s.spec(endpointId="ep-1").lists(an_endpoint(description=EARLIER), OTHER), BEGUN, id="the-named-of-two"
    ),
]


@pytest.mark.rule(A16="nor-does-one-whose-status-was-wiped", A17="a-predecessors", I12="an-unmarked-one-is-nobodys")
@pytest.mark.parametrize(("arrange", "expected"), RECREATED)
def test_an_object_that_was_recreated(arrange: Arrange, expected: Decided) -> None:
    """ADOPTION_RECREATED=Adopt takes over exactly one endpoint of an earlier object of the same name."""
    assert decided(arrange(Scene().may(adopt_recreated=True))) == expected


def releasing(description: str) -> Decided:
    action = Release("ep-1", EndpointPatch(description=description))
    return Decided("unreleased", action, Reason.DELETING, synced=None, record="ep-1")


DELETING: Final = Decided("undeleted", DeleteEndpoints(("ep-1",)), after_list=True)

DELETED = [
    pytest.param(
        lambda s: adopted(s, endpointId="ep-1").lists(an_endpoint(description=f"a note {MINE}")),
        releasing(f"a note {released()}"),
        id="named-is-retained",
    ),
    pytest.param(
        lambda s: adopted(s).may(adopt_recreated=True).lists(an_endpoint(description=MINE)),
        releasing(released()),
        id="a-predecessors-is-retained",
    ),
    pytest.param(
        lambda s: adopted(s).lists(an_endpoint(description=MINE)),
        releasing(released()),
        id="a-predecessors-is-retained-when-the-setting-is-taken-back",
    ),
    pytest.param(
        lambda s: s.held().status().may(adopt_recreated=True).lists(an_endpoint(description=MINE)),
        Decided("unreleased", reason=Reason.DELETING, synced=None, record="ep-1", after=0),
        id="a-wiped-status-is-no-leave-to-delete",
    ),
    pytest.param(
        lambda s: adopted(s, endpointId="ep-1", deletionPolicy="Delete").lists(an_endpoint(description=MINE)),
        DELETING,
        id="deleted-where-the-spec-says-so",
    ),
    pytest.param(
        lambda s: recorded(s).spec(endpointId="ep-1").may(adopt=True).lists(UNMARKED),
        releasing(f"a note {released()}"),
        id="unmarked-before-the-patch-is-retained",
    ),
]


@pytest.mark.rule("A9")
@pytest.mark.parametrize(("arrange", "expected"), DELETED)
def test_an_adopted_endpoint_is_retained_by_default(arrange: Arrange, expected: Decided) -> None:
    """`deletionPolicy` left out means Retain for what was adopted, and the spec's own word counts."""
    assert decided(arrange(Scene()).terminating()) == expected


@pytest.mark.rule("D41")
@pytest.mark.parametrize("policy", [{}, {"deletionPolicy": "Delete"}], ids=["left-out", "Delete"])
@pytest.mark.parametrize(
    "arrange",
    [
        pytest.param(lambda s: s.may(adopt_recreated=True).lists(an_endpoint(description=released())), id="released"),
        pytest.param(lambda s: s.may(adopt_recreated=True).lists(an_endpoint(description=EARLIER)), id="predecessors"),
        pytest.param(lambda s: s.lists(an_endpoint(description=released())), id="the-setting-was-taken-back"),
        pytest.param(lambda s: s.spec(endpointId="ep-1").lists(an_endpoint(description=released())), id="named"),
        pytest.param(lambda s: s.spec(endpointId="ep-1").lists(an_endpoint(description=FOREIGN)), id="foreign"),
    ],
)
def test_deleted_between_the_id_and_the_mark(arrange: Arrange, policy: dict[str, str]) -> None:
    """Nothing is sent to an endpoint that is not ours yet: the object goes, at once if no call for it is open."""
    scene = arrange(recorded(Scene()).spec(**policy)).terminating()
    assert decided(scene).action == Nothing()
    scene.memory.adopting("ep-1")
    scene.memory.hold.put()
    assert isinstance(decided(scene).action, RemoveFinalizer)


def observing(s: Scene) -> Scene:
    return s.spec(endpointId="ep-1", managementPolicy="Observe").may(adopt=True)


SEEN = [
    pytest.param(lambda s: s.lists(UNMARKED), IN_ORDER, id="in-order"),
    pytest.param(lambda s: s.lists(an_endpoint(description=FOREIGN)), IN_ORDER, id="anothers-may-be-observed"),
    pytest.param(lambda s: s.claimed().lists(UNMARKED), IN_ORDER, id="claimed-may-be-observed"),
    pytest.param(
        lambda s: s.spec(displayName="chat").lists(UNMARKED),
        Decided("drifted", reason=Reason.OBSERVING, stalled=True, record="ep-1", after_list=True),
        id="drift-is-only-told",
    ),
    pytest.param(
        lambda s: s.settles(),
        Decided("lost", reason=Reason.ENDPOINT_LOST, synced=None, after_list=True),
        id="absence-is-probed-by-no-patch",
    ),
    pytest.param(
        lambda s: s.lists(an_endpoint(region="x", description=None)), refused(Reason.INVALID_SPEC), id="other"
    ),
    pytest.param(
        lambda s: s.terminating().lists(an_endpoint(description=MINE)),
        Decided(
            "observed_only",
            RemoveFinalizer("ReleasedEndpoint", "Endpoint ep-1 stays in the cloud and is billed there."),
        ),
        id="released-without-a-call",
    ),
]


@pytest.mark.parametrize(("arrange", "expected"), SEEN)
def test_observed_only(arrange: Arrange, expected: Decided) -> None:
    """Observe with endpointId: the status is told, and no situation leads to a call that changes something."""
    found = decided(arrange(recorded(observing(Scene()))))
    assert found == expected
    assert not mutates(found.action)


@pytest.mark.parametrize("description", ["a note", FOREIGN, EARLIER, None])
def test_observing_begins_with_the_id(description: str | None) -> None:
    """Whoever owns it: its id is written down, and nothing is sent."""
    found = decided(observing(Scene()).lists(an_endpoint(description=description)))
    assert (found.check, found.action, found.record) == ("adoption", Nothing(), "ep-1")
    assert found.adopts == ""  # it claims nothing: another object may manage it


def test_observing_names_the_drift() -> None:
    """The message has field, observed and desired value, and nothing of a mark that is never set."""
    scene = recorded(observing(Scene()).spec(displayName="chat")).lists(UNMARKED)
    said = decide(scene.situation()).verdict
    assert said is not None
    assert "name: the cloud has ml/llm, the spec says chat" in said.message
    assert "k8s" not in said.message

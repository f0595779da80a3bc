"""The composed chain for an object that is to take over an endpoint it did not make, until it has.

Sentences of the protocol: docs/protocol.md, Adopt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.decision.actions import Update
from tokenfactory_operator.decision.plan import decide
from tokenfactory_operator.domain.attempt import State
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.reasons import Reason
from unit.support.adopting import (
    BEGUN,
    EARLIER,
    ELSEWHERE,
    IN_ORDER,
    MINE,
    UNMARKED,
    marking,
    recorded,
    refused,
    updating,
)
from unit.support.builders import FOREIGN, OTHER_UID, an_endpoint, released
from unit.support.outcome import Decided, decided
from unit.support.scene import Scene

Arrange = Callable[[Scene], Scene]

OPEN: Final = Decided("undecided", reason=Reason.CREATE_OUTCOME_UNKNOWN, record="ep-1", after_list=True)


def naming(description: str | None = "a note", **changes: Any) -> Arrange:  # noqa: ANN401  # the vendor's fields
    """An object that names ep-1, which a LIST shows with this description."""
    return lambda s: s.spec(endpointId="ep-1").lists(an_endpoint(description=description, **changes))


def allowed(description: str | None = "a note", **changes: Any) -> Arrange:  # noqa: ANN401  # as above
    """The same in a namespace that may adopt."""
    return lambda s: naming(description, **changes)(s).may(adopt=True)


FIRST_STEP = [
    pytest.param(
        lambda s: s.spec(endpointId="ep-1").may(adopt=True),
        Decided("cloud_not_observed", after_list=True),
        id="no-list",
    ),
    pytest.param(
        lambda s: s.spec(endpointId="ep-9").noted(UNMARKED).lists(UNMARKED).may(adopt=True),
        refused(Reason.ENDPOINT_NOT_FOUND),
        id="not-listed",
    ),
    pytest.param(naming(), refused(Reason.FORBIDDEN), id="namespace-may-not"),
    pytest.param(
        lambda s: naming()(s).may(adopt_recreated=True), refused(Reason.FORBIDDEN), id="the-other-setting-does-not-help"
    ),
    pytest.param(allowed(), BEGUN, id="unmarked"),
    pytest.param(allowed(None), BEGUN, id="description-not-told"),
    pytest.param(naming(EARLIER), BEGUN, id="predecessors-without-a-setting"),
    pytest.param(naming(released()), BEGUN, id="released-by-a-predecessor-without-a-setting"),
    pytest.param(naming(released(name="other")), refused(Reason.FORBIDDEN), id="released-elsewhere-forbidden"),
    pytest.param(naming(released(cluster="c2")), refused(Reason.FORBIDDEN), id="released-in-another-cluster-forbidden"),
    pytest.param(allowed(released(name="other")), BEGUN, id="released-elsewhere-allowed"),
    pytest.param(naming(FOREIGN), refused(Reason.FORBIDDEN), id="anothers-forbidden"),
    pytest.param(allowed(FOREIGN), refused(Reason.OWNERSHIP_CONFLICT), id="anothers-is-a-conflict-though-allowed"),
    pytest.param(allowed(ELSEWHERE), refused(Reason.OWNERSHIP_CONFLICT), id="same-name-in-another-cluster"),
    pytest.param(
        allowed(f"{EARLIER} {FOREIGN}"), refused(Reason.OWNERSHIP_CONFLICT), id="predecessors-and-anothers-at-once"
    ),
    pytest.param(lambda s: allowed()(s).claimed(), refused(Reason.OWNERSHIP_CONFLICT), id="claimed-by-another-object"),
    pytest.param(
        lambda s: naming(EARLIER)(s).claimed(), refused(Reason.OWNERSHIP_CONFLICT), id="predecessors-but-claimed"
    ),
    pytest.param(allowed(region="us-central1"), refused(Reason.INVALID_SPEC), id="another-region"),
    pytest.param(allowed(region=None), BEGUN, id="region-not-told"),
    pytest.param(
        lambda s: (
            s.held().spec(endpointId="ep-9").may(adopt=True).lists(an_endpoint(), an_endpoint("ep-9", description="x"))
        ),
        refused(Reason.OWNERSHIP_CONFLICT),
        id="it-has-another-endpoint",
    ),
    pytest.param(
        lambda s: s.recorded().spec(endpointId="ep-1").lists(an_endpoint()), IN_ORDER, id="its-own-needs-no-setting"
    ),
    pytest.param(
        lambda s: allowed()(s).annotated(api.PAUSED),
        replace(BEGUN, reason=Reason.RECONCILE_PAUSED, synced=False),
        id="paused-is-written-down",
    ),
]


@pytest.mark.rule(
    A1="not-listed",
    A2="another-region",
    A3="anothers-is-a-conflict-though-allowed",
    A11="namespace-may-not",
    A13=("predecessors-without-a-setting", "released-by-a-predecessor-without-a-setting"),
    A14=("same-name-in-another-cluster", "released-in-another-cluster-forbidden"),
)
@pytest.mark.parametrize(("arrange", "expected"), FIRST_STEP)
def test_whether_an_adoption_begins(arrange: Arrange, expected: Decided) -> None:
    """The checks, and then the id goes into the status before anything is sent."""
    assert decided(arrange(Scene())) == expected


@pytest.mark.rule(A2="immutable")
@pytest.mark.parametrize(
    ("arrange", "words"),
    [
        pytest.param(naming(), ("ep-1", "namespace ml", "TOKENFACTORY_ADOPTION_NAMESPACES"), id="forbidden"),
        pytest.param(
            lambda s: s.spec(endpointId="ep-9").noted().lists(), ("ep-9", "project", "endpointId"), id="not-listed"
        ),
        pytest.param(allowed(FOREIGN), ("ep-1", f"ml/other (uid {OTHER_UID})"), id="anothers"),
        pytest.param(allowed(ELSEWHERE), ("ep-1", "ml/llm of the cluster c2"), id="another-clusters"),
        pytest.param(lambda s: allowed()(s).claimed("ml/second"), ("ep-1", "ml/second"), id="claimed"),
        pytest.param(
            allowed(region="us-central1", model_name="a/b"),
            ("region: the endpoint has us-central1, the spec says eu-north1", "model: the endpoint has a/b"),
            id="immutable",
        ),
        pytest.param(
            lambda s: s.held().spec(endpointId="ep-9").lists(an_endpoint(), an_endpoint("ep-9", description="x")),
            ("ep-1", "ep-9"),
            id="another",
        ),
    ],
)
def test_a_refusal_says_what_and_where(arrange: Arrange, words: tuple[str, ...]) -> None:
    """Ids, fields and the setting that would help are in the message."""
    said = decide(arrange(Scene()).situation()).verdict
    assert said is not None
    assert [word for word in words if word not in said.message] == []


PATCHES = [
    pytest.param({}, UNMARKED, marking("a note", f"a note {MINE}"), id="only-the-mark"),
    pytest.param({"description": "new"}, UNMARKED, marking("a note", f"new {MINE}"), id="the-specs-text"),
    pytest.param({}, an_endpoint(description=f"x {EARLIER}"), marking(f"x {EARLIER}", f"x {MINE}"), id="predecessors"),
    pytest.param({}, an_endpoint(description=released()), marking(released(), MINE), id="released"),
    pytest.param(
        {"displayName": "chat", "enabled": False, "scaling": {"minReplicas": 2, "maxReplicas": 4}},
        UNMARKED,
        marking("a note", f"a note {MINE}", name=("ml/llm", "chat"), scaling=((1, 4), (2, 4)), enabled=(True, False)),
        id="what-differs-goes-with-it",
    ),
    pytest.param(
        {},
        an_endpoint(description="a note", name="by hand", enabled=False, custom_weights_id="w-1"),
        marking("a note", f"a note {MINE}"),
        id="what-is-left-out-stays",
    ),
]


@pytest.mark.rule(A10="what-is-left-out-stays", I4="only-the-mark")
@pytest.mark.parametrize(("spec", "endpoint", "action"), PATCHES)
def test_the_mark_follows_the_id(spec: dict[str, Any], endpoint: ObservedEndpoint, action: Update) -> None:
    """With the id written down one PATCH brings the mark, and whatever else the spec says otherwise."""
    scene = recorded(Scene().spec(endpointId="ep-1", **spec)).may(adopt=True).lists(endpoint)
    assert decided(scene) == updating(action)


@pytest.mark.rule("A11")
def test_the_refusal_of_a_begun_adoption_says_which_mark_ends_it() -> None:
    """Its PATCH may have had no answer, and the mark may have been removed since: whoever puts it back is believed."""
    scene = recorded(Scene().spec(endpointId="ep-1")).lists(UNMARKED)
    verdict = decide(scene.situation()).verdict
    assert verdict is not None
    assert verdict.message.endswith(f"Or put {MINE} at the end of its description in the cloud's console.")
    assert decided(scene.lists(an_endpoint(description=MINE))) == IN_ORDER


SECOND_LOOK = [
    pytest.param(lambda s: s.lists(UNMARKED), refused(Reason.FORBIDDEN), id="no-longer-allowed"),
    pytest.param(
        lambda s: s.may(adopt=True).lists(an_endpoint(description=FOREIGN)),
        refused(Reason.OWNERSHIP_CONFLICT),
        id="a-foreign-mark-meanwhile",
    ),
    pytest.param(
        lambda s: s.may(adopt=True).lists(an_endpoint(description=None, region="x")),
        refused(Reason.INVALID_SPEC),
        id="another-region-meanwhile",
    ),
    pytest.param(lambda s: s.lists(an_endpoint(description=MINE)), IN_ORDER, id="ours-already"),
    pytest.param(
        lambda s: s.may(adopt=True).lists(),
        Decided("lost", reason=Reason.ENDPOINT_LOST, synced=None, after_list=True),
        id="gone-meanwhile",
    ),
    pytest.param(
        lambda s: s.may(adopt=True).status(endpointId="ep-1", scope="project-2").lists(),
        Decided("other_scope", reason=Reason.CREDENTIALS_MISMATCH, stalled=True, after_list=True),
        id="another-project-meanwhile",
    ),
]


@pytest.mark.parametrize(("arrange", "expected"), SECOND_LOOK)
def test_what_happens_between_the_id_and_the_mark(arrange: Arrange, expected: Decided) -> None:
    """Every check is made again before the PATCH; what changed meanwhile is found."""
    assert decided(arrange(recorded(Scene().spec(endpointId="ep-1")))) == expected


@pytest.mark.rule("A6")
def test_complete_when_a_later_list_shows_the_mark() -> None:
    """The PATCH's own answer does not complete it, nor does a LIST begun before; the next LIST does."""
    scene = recorded(Scene().spec(endpointId="ep-1")).may(adopt=True).lists(UNMARKED)
    marked = an_endpoint(description=f"a note {MINE}")
    scene.memory.calls.answered(scene.inventory.take_answer(marked))
    assert decided(scene) == replace(IN_ORDER, in_order=False, after_list=True)
    assert decided(scene.lists(marked)) == IN_ORDER


def pending(s: Scene) -> Scene:
    """Attempt a1 of this process has ended unknown, and its settle time runs."""
    return s.held().attempt_written().attempted(State.IN_DOUBT)


UNRESOLVED = [
    pytest.param(
        lambda s: pending(s).spec(endpointId="ep-1").may(adopt=True).lists(UNMARKED), BEGUN, id="named-is-written-down"
    ),
    pytest.param(
        lambda s: (
            pending(s)
            .status(createAttempt={"id": "a1", "state": "Pending"}, endpointId="ep-1")
            .spec(endpointId="ep-1")
            .may(adopt=True)
            .lists(UNMARKED)
        ),
        OPEN,
        id="named-meanwhile",
    ),
    pytest.param(
        lambda s: (
            pending(s)
            .status(createAttempt={"id": "a1", "state": "Pending"}, endpointId="ep-1")
            .may(adopt_recreated=True)
            .lists(an_endpoint(description=EARLIER))
        ),
        OPEN,
        id="predecessors-meanwhile",
    ),
    pytest.param(
        lambda s: pending(s).spec(endpointId="ep-1").may(adopt=True).lists(UNMARKED, an_endpoint("ep-2")),
        refused(Reason.OWNERSHIP_CONFLICT),
        id="its-endpoint-was-seen",
    ),
    pytest.param(
        lambda s: (
            pending(s)
            .status(createAttempt={"id": "a1", "state": "Pending"}, endpointId="ep-1")
            .spec(endpointId="ep-1")
            .may(adopt=True)
            .settles(UNMARKED)
        ),
        updating(marking("a note", f"a note {MINE}")),
        id="absent-over-the-settle-time",
    ),
]


@pytest.mark.parametrize(("arrange", "expected"), UNRESOLVED)
def test_an_unresolved_attempt_is_not_overruled(arrange: Arrange, expected: Decided) -> None:
    """What may still come of a POST is waited for before the mark of an adopted endpoint is sent."""
    assert decided(arrange(Scene())) == expected

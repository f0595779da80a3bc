"""The composed chain for an object whose endpoint is there: drift, what cannot be changed, and being in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.decision.actions import Update
from tokenfactory_operator.domain.attempt import State
from tokenfactory_operator.domain.call_memory import Correction
from tokenfactory_operator.domain.drift import Difference
from tokenfactory_operator.domain.errors import CloudUnavailable
from tokenfactory_operator.domain.reasons import Reason
from unit.support.builders import an_endpoint, mark
from unit.support.outcome import Decided, decided
from unit.support.scene import Scene

Arrange = Callable[[Scene], object]


IN_ORDER = Decided("in_order", reason=Reason.RECONCILE_SUCCESS, synced=True, record="ep-1", in_order=True)
NAMED = Difference("name", "ml/llm", "chat")
RENAME = Update("ep-1", (NAMED,), drift=True)


def correction(scene: Scene, tries: int) -> Scene:
    """A PATCH of the name was accepted `tries` times, the last one just now."""
    at = scene.inventory.stamp()
    scene.memory.correction_accepted("name", Correction(tries, at, NAMED.observed, generation=1))
    scene.memory.calls.answered(scene.inventory.stamp())
    return scene


COUNTED = Difference("gpu_type", None, "gpu-h100-sxm"), Difference("gpu_count", None, 2)
UNTOLD = Decided("not_shown", reason=Reason.UPDATING, synced=None, record="ep-1", after_list=True)
SENT_UNSEEN = replace(UNTOLD, action=Update("ep-1", COUNTED, drift=False))


def sent_unseen(scene: Scene, *, generation: int) -> Scene:
    """GPU type and count were sent for this generation, and the list does not tell them."""
    for item in COUNTED:
        sent = Correction(1, scene.inventory.stamp(), None, generation)
        scene.memory.correction_accepted(item.field, sent)
    scene.memory.calls.answered(scene.inventory.stamp())
    return scene.wait(900).lists(an_endpoint(gpu_count=None))


UPKEEP_ROWS = [
    pytest.param(lambda s: s.recorded().lists(an_endpoint()), IN_ORDER, id="in-order"),
    pytest.param(
        lambda s: s.recorded().outage().lists(an_endpoint()),
        Decided("cloud_not_observed", reason=Reason.CLOUD_UNAVAILABLE, judged=False, after_list=True),
        id="outage-changes-nothing",
    ),
    pytest.param(
        lambda s: s.recorded().lists(an_endpoint(description="by hand")),
        Decided("foreign_owner", reason=Reason.OWNERSHIP_CONFLICT, stalled=True, record="ep-1", after_list=True),
        id="only-the-status-says-whose-it-is",
    ),
    pytest.param(
        lambda s: s.recorded().saw_mark().lists(an_endpoint(description="by hand")),
        Decided(
            "drifted",
            Update("ep-1", (Difference("description", "by hand", f"by hand {mark()}"),), drift=True),
            Reason.UPDATING,
            synced=None,
            record="ep-1",
            after_list=True,
        ),
        id="mark-that-somebody-removed-is-put-back",
    ),
    pytest.param(
        lambda s: s.recorded().spec(displayName="chat").lists(an_endpoint()),
        Decided("drifted", RENAME, Reason.UPDATING, synced=None, record="ep-1", after_list=True),
        id="drift-is-corrected",
    ),
    pytest.param(
        lambda s: s.recorded(observedGeneration=0).spec(displayName="chat").lists(an_endpoint()),
        Decided("drifted", replace(RENAME, drift=False), Reason.UPDATING, synced=None, record="ep-1", after_list=True),
        id="an-edit-is-no-drift",
    ),
    *(
        pytest.param(
            lambda s, idle=idle: (
                s.recorded(conditions=[{"type": "Synced", "status": "False", "reason": idle}])
                .spec(displayName="chat")
                .lists(an_endpoint())
            ),
            Decided(
                "drifted", replace(RENAME, drift=False), Reason.UPDATING, synced=None, record="ep-1", after_list=True
            ),
            id=f"an-edit-made-while-{idle}-is-no-drift",
        )
        for idle in ("ReconcilePaused", "Observing")
    ),
    pytest.param(
        lambda s: s.held().attempt_written().attempted(State.SUCCEEDED, endpoint_id="ep-1").lists(an_endpoint("ep-1")),
        IN_ORDER,
        id="created-here-and-listed",
    ),
    pytest.param(
        lambda s: s.held().spec(displayName="chat").lists(an_endpoint()),
        Decided("drifted", reason=Reason.UPDATING, synced=None, record="ep-1", after=0, after_list=True),
        id="an-id-is-written-down-before-anything-is-sent",
    ),
    pytest.param(
        lambda s: s.recorded().annotated(api.PAUSED).spec(displayName="chat").lists(an_endpoint()),
        Decided("drifted", reason=Reason.RECONCILE_PAUSED, record="ep-1", after_list=True),
        id="paused-corrects-nothing",
    ),
    pytest.param(
        lambda s: s.recorded().spec(managementPolicy="Observe", displayName="chat").lists(an_endpoint()),
        Decided("drifted", reason=Reason.OBSERVING, stalled=True, record="ep-1", after_list=True),
        id="observe-reports-drift-only",
    ),
    pytest.param(
        lambda s: s.recorded().spec(managementPolicy="Observe").lists(an_endpoint()), IN_ORDER, id="observe-in-order"
    ),
    pytest.param(
        lambda s: s.recorded().spec(region="us-central1").lists(an_endpoint()),
        Decided("immutable", reason=Reason.INVALID_SPEC, stalled=True, record="ep-1", after_list=True),
        id="immutable-field-differs",
    ),
    pytest.param(
        lambda s: s.recorded().spec(displayName="chat").lists(an_endpoint()).failed("Update", CloudUnavailable("5xx")),
        Decided("failed", reason=Reason.CLOUD_UNAVAILABLE, after=10),
        id="failed-patch-waits",
    ),
    pytest.param(
        lambda s: correction(s.recorded().spec(displayName="chat").lists(an_endpoint()), 1),
        Decided("drifted", reason=Reason.UPDATING, synced=None, record="ep-1", after=10, after_list=True),
        id="accepted-patch-not-listed-yet",
    ),
    pytest.param(
        lambda s: correction(s.recorded().spec(displayName="chat"), 2).wait(15).lists(an_endpoint()),
        Decided("drifted", reason=Reason.UPDATING, synced=None, record="ep-1", after=4, after_list=True),
        id="second-correction-backs-off-for-twenty-seconds",
    ),
    pytest.param(
        lambda s: correction(s.recorded().spec(displayName="chat"), 2).wait(21).lists(an_endpoint()),
        Decided("drifted", RENAME, Reason.UPDATING, synced=None, record="ep-1", after_list=True),
        id="third-correction-after-the-pause",
    ),
    pytest.param(
        lambda s: correction(s.recorded().spec(displayName="chat"), 3).wait(30).lists(an_endpoint()),
        Decided("drifted", reason=Reason.UPDATING, synced=None, record="ep-1", after=9, after_list=True),
        id="the-third-correction-is-given-its-time-too",
    ),
    pytest.param(
        lambda s: correction(s.recorded().spec(displayName="chat").lists(an_endpoint()), 3).wait(50),
        Decided("drifted", reason=Reason.UPDATING, synced=None, record="ep-1", after_list=True),
        id="the-third-correction-is-judged-by-a-list-after-it",
    ),
    pytest.param(
        lambda s: correction(s.recorded().spec(displayName="chat"), 3).wait(900).lists(an_endpoint()),
        Decided("drifted", reason=Reason.NOT_ACCEPTED, stalled=True, record="ep-1"),
        id="three-corrections-that-did-not-last",
    ),
    pytest.param(
        lambda s: correction(s.recorded().spec(displayName="chat"), 3).wait(100).lists(an_endpoint(name="else")),
        Decided(
            "drifted",
            replace(RENAME, differences=(Difference("name", "else", "chat"),)),
            Reason.UPDATING,
            synced=None,
            record="ep-1",
            after_list=True,
        ),
        id="a-change-of-the-cloud-starts-anew",
    ),
    pytest.param(
        lambda s: s.recorded().lists(an_endpoint(gpu_count=None)), SENT_UNSEEN, id="what-no-list-tells-is-sent-unseen"
    ),
    pytest.param(lambda s: sent_unseen(s.recorded(), generation=1), UNTOLD, id="what-no-list-tells-is-sent-once"),
    pytest.param(
        lambda s: sent_unseen(s.recorded(), generation=0), SENT_UNSEEN, id="what-no-list-tells-is-sent-after-an-edit"
    ),
    pytest.param(
        lambda s: s.recorded().lists(an_endpoint(gpu_count=None)).failed("Update", CloudUnavailable("5xx")),
        Decided("failed", reason=Reason.CLOUD_UNAVAILABLE, after=10),
        id="what-no-list-tells-waits-after-a-failure",
    ),
    pytest.param(
        lambda s: s.recorded().saw_mark().spec(description="x").lists(an_endpoint(description=None)),
        UNTOLD,
        id="no-description-is-written-unseen",
    ),
]


@pytest.mark.rule(H1="paused-corrects-nothing", I12="mark-that-somebody-removed-is-put-back")
@pytest.mark.rule(R6="what-no-list-tells-is-sent-once")
@pytest.mark.parametrize(("arrange", "expected"), UPKEEP_ROWS)
def test_an_object_with_an_endpoint(arrange: Arrange, expected: Decided) -> None:
    """Drift, immutability and being in order."""
    scene = Scene()
    arrange(scene)
    assert decided(scene) == expected

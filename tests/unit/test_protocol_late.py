"""What comes later than the decision that it was meant for: the effect of a call, and a person's word.

Sentences of the protocol: exactly-once.md, Evidence and Adopt; ADR 15.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from tokenfactory_operator.domain.errors import CloudUnavailable, RateLimited
from tokenfactory_operator.domain.situation import Policy
from unit.support.builders import FOREIGN, KEY, OTHER_UID, SCOPE, an_endpoint, mark
from unit.support.credentials import elsewhere
from unit.support.fakes import Turn
from unit.support.stage import Stage

DOWN: Final = CloudUnavailable("no answer in time")
PREDECESSORS: Final = an_endpoint("ep-7", description=mark(uid=OTHER_UID))
MINE: Final = replace(PREDECESSORS, description=mark("adopted"))


async def taking_over(error: Exception = DOWN) -> Stage:
    """The PATCH that takes ep-7 over has ended so; the object wants the endpoint deleted with itself."""
    stage = Stage(policy=Policy(may_adopt=True), endpointId="ep-7", deletionPolicy="Delete")
    stage.cloud.endpoints["ep-7"] = PREDECESSORS
    await stage.turn()
    stage.script.plan("update", Turn(error))
    await stage.reconcile()
    assert stage.journal("PATCH") == ["PATCH ep-7 description"]
    return stage


@pytest.mark.parametrize("restarted", [False, True])
async def test_an_adoption_that_takes_effect_after_the_deletion(restarted: bool) -> None:  # noqa: FBT001  # a parameter
    """Delete 1: it became this object's, so it goes with it."""
    stage = await taking_over()
    stage.delete()
    for _ in range(3):
        await stage.turn(20)
    if restarted:
        stage = stage.restarted()
    await stage.turn()
    assert KEY in stage.kube.objects
    stage.cloud.endpoints["ep-7"] = MINE
    await stage.turn()
    assert stage.journal("DELETE") == ["DELETE ep-7"]
    await stage.turn()
    assert KEY not in stage.kube.objects


@pytest.mark.parametrize("restarted", [False, True])
async def test_an_adoption_that_came_to_nothing(restarted: bool) -> None:  # noqa: FBT001  # a parameter
    """Once its call can have no effect any more, the endpoint is the earlier object's, and is left."""
    stage = await taking_over()
    stage.delete()
    if restarted:
        stage = stage.restarted()
    await stage.turn()
    await stage.turn(124)
    assert KEY in stage.kube.objects
    assert "was being adopted" in str(stage.status["conditions"])
    await stage.turn(2)
    assert KEY not in stage.kube.objects
    assert (stage.journal("DELETE"), "ep-7" in stage.cloud.endpoints) == ([], True)


async def test_the_time_counts_from_the_end_of_the_last_call() -> None:
    """However long the object was there before: a call without an answer may take effect after it."""
    stage = await taking_over(RateLimited("not now", refused=True))
    await stage.poll(1000)
    stage.script.plan("update", Turn(DOWN))
    await stage.reconcile()
    assert len(stage.journal("PATCH")) == 2
    stage.delete()
    await stage.turn(59)
    assert KEY in stage.kube.objects
    await stage.turn(2)
    assert KEY not in stage.kube.objects


async def test_a_foreign_mark_after_the_adoption_holds_nothing() -> None:
    """Delete 4: the adoption was through; what carries another's mark now is left at once."""
    stage = Stage(policy=Policy(may_adopt=True), endpointId="ep-7", deletionPolicy="Delete")
    stage.cloud.endpoints["ep-7"] = PREDECESSORS
    for _ in range(3):
        await stage.turn()
        await stage.reconcile()
    assert stage.attempt == ("adopted", "Created")
    stage.cloud.endpoints["ep-7"] = replace(PREDECESSORS, description=FOREIGN)
    stage.delete()
    await stage.turn()
    assert KEY not in stage.kube.objects
    assert stage.journal("DELETE") == []


async def test_a_request_from_before_the_doubt_is_no_answer_to_it() -> None:
    """Evidence: asked for in one project, read by a later process that reports the doubt, and by the one after it."""
    stage = await Stage().ready()
    stage.annotate(reconcile_requested_at="now")
    for _ in range(3):
        stage = stage.restarted()
        stage.poller = elsewhere(stage)
        await stage.turn()
        await stage.turn(300)
    assert stage.told("Stalled") == "True CredentialsMismatch"
    assert (stage.status["scope"], stage.status["lastHandledReconcileAt"]) == (SCOPE, "now")
    assert stage.journal("POST", "PATCH", "DELETE") == []
    stage.annotate(reconcile_requested_at="later")
    await stage.turn()
    assert stage.status["scope"] != SCOPE

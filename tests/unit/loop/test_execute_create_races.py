"""Creating while the world moves on: objects that go, are replaced or change before the endpoint's id is written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.errors import CloudUnavailable, RateLimited
from unit.support.builders import KEY, OTHER_UID, mark
from unit.support.fakes import Turn
from unit.support.stage import Stage


async def throttled() -> Stage:
    stage = Stage()
    stage.script.plan("create", Turn(error=RateLimited("429", refused=True, retry_after=1.0)))
    await stage.turn()
    stage.clock.seconds += 310
    return stage


# Created, but for whom?


@pytest.mark.rule("C13")
@pytest.mark.parametrize("how", ["gone", "slipped", "replaced"])
async def test_what_was_made_for_an_object_that_is_gone_is_deleted(how: str) -> None:
    """Create 5: 404, another uid, or terminating without our finalizer: DELETE what this process just made."""
    stage = Stage()

    def meanwhile() -> None:
        if how == "gone":
            stage.kube.objects.pop(KEY)
        elif how == "slipped":
            stage.kube.edit(KEY, deletionTimestamp="2025-01-01T12:00:00Z", finalizers=["other/finalizer"])
        else:
            stage.kube.replace(KEY, OTHER_UID)

    stage.script.plan("create", Turn(effect=True, meanwhile=meanwhile))
    await stage.turn()
    assert stage.journal("DELETE") == ["DELETE ep-1"]
    assert "ep-1" not in stage.cloud.endpoints
    if how == "replaced":
        await stage.turn()
        assert [item.description for item in stage.cloud.endpoints.values()] == [mark("try-2", uid=OTHER_UID)]


@pytest.mark.rule("C13")
async def test_cleaning_up_is_repeated_until_it_is_answered() -> None:
    """Nothing left behind: a failed DELETE is tried again, before everything else."""
    stage = Stage()
    stage.script.plan("create", Turn(effect=True, meanwhile=stage.kube.objects.clear))
    stage.script.plan("delete", *[Turn(error=CloudUnavailable("5xx"))] * 2)
    again = await stage.turn()
    for _ in range(2):
        assert again.pressing
        assert again.after
        assert stage.cloud.endpoints
        again = await stage.turn(again.after)
    assert stage.cloud.endpoints == {}
    assert again.after is None


@pytest.mark.rule("D22", "X4")
async def test_deleted_while_creating() -> None:
    """Held by the finalizer, the object waits until its new endpoint is gone again.

    No LIST has shown it, so for the settle time after its creation none says that it is gone.
    """
    stage = Stage()
    stage.script.plan("create", Turn(effect=True, meanwhile=lambda: stage.kube.delete(KEY)))
    await stage.turn()
    await stage.turn()
    await stage.turn(50)
    await stage.turn(5)
    assert stage.journal("DELETE") == ["DELETE ep-1"] * 2
    assert KEY in stage.kube.objects
    await stage.turn(15)
    assert KEY not in stage.kube.objects
    assert stage.witness.events[-1] == "DeletedEndpoint"


# The turn at the cloud


@pytest.mark.rule("C4")
async def test_a_blocked_credential_opens_no_attempt() -> None:
    """Create 2: rate-limit token and slot are taken first. A moment is not worth a write, longer is said."""
    stage = Stage()
    await stage.poll()
    await stage.poller.catalog.read()  # so that the turn is the create's
    stage.script.plan("slot", Turn(error=RateLimited("wait", retry_after=2.0)))
    again = await stage.reconcile()
    assert stage.journal() == []
    assert again.after is not None
    assert again.after >= 2
    stage.script.plan("slot", Turn(error=RateLimited("wait", retry_after=60.0)))
    await stage.reconcile()
    assert (stage.journal(), stage.reported("Synced")) == (["status"], "False RateLimited")


@pytest.mark.rule("C2")
async def test_what_was_seen_while_waiting_for_the_turn_counts() -> None:
    """The decision is made again after the wait."""
    stage = Stage()
    await stage.poll()
    await stage.poller.catalog.read()  # so that the turn is the create's
    stage.script.plan("slot", Turn(meanwhile=lambda: stage.edit(enabled=False)))
    await stage.reconcile()
    assert stage.journal("POST", "finalizers") == []
    assert stage.reported("Ready") == "True Stopped"


class Counting(Stage):
    """How often something was decided: each time the policy is asked for."""

    decided = 0

    @property
    def policy(self) -> Policy:
        """The one that was set."""
        self.decided += 1
        return self._policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self._policy = policy


@pytest.mark.rule("C2")
@pytest.mark.parametrize(("waits", "decided"), [pytest.param(True, 3, id="wait"), pytest.param(False, 2, id="no wait")])
async def test_only_a_wait_for_the_turn_makes_it_decide_again(waits: bool, decided: int) -> None:  # noqa: FBT001  # a parameter of the test
    """Create, perhaps again before the POST, and report: as long as nobody else runs nothing can have changed."""
    stage = Counting()
    await stage.poll()
    await stage.poller.catalog.read()  # so that the turn is the create's
    if waits:
        stage.script.plan("slot", Turn())
    stage.decided = 0
    await stage.reconcile()
    assert (stage.decided, len(stage.journal("POST"))) == (decided, 1)


async def test_a_report_before_the_turn_makes_it_decide_again() -> None:
    """The report is a write, so the object is another version: also where nothing was waited for."""
    stage = Counting(displayName="chat")
    await stage.ready()
    stage.cloud.endpoints["ep-1"] = replace(stage.cloud.endpoints["ep-1"], name="talk")
    await stage.poll()
    stage.decided = 0
    await stage.reconcile()
    assert (stage.decided, stage.journal("PATCH")) == (3, ["PATCH ep-1 name"])


async def test_an_object_that_was_replaced_while_waiting_for_the_turn() -> None:
    """What one object's attempts have answered says nothing about its successor."""
    stage = await throttled()

    def replaced() -> None:
        stage.kube.replace(KEY, OTHER_UID)
        stage.watch()

    stage.script.plan("slot", Turn(meanwhile=replaced))
    await stage.reconcile()
    for _ in range(3):
        await stage.turn()
    assert [item.description for item in stage.cloud.endpoints.values()] == [mark("try-2", uid=OTHER_UID)]
    assert stage.journal("DELETE") == []
    assert stage.journal("POST") == ["POST", "POST"]

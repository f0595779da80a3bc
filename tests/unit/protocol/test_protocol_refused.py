"""A create call was refused, the operator restarts, and the first lists fail: what was known before sends nothing."""

from __future__ import annotations

import pytest

from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.errors import CloudError, CloudUnavailable, Forbidden, InvalidSpec, QuotaExceeded
from unit.support.builders import OTHER_UID, an_endpoint, mark
from unit.support.fakes import Turn
from unit.support.stage import Stage

DOWN = CloudUnavailable("no answer in time")
REFUSALS = [
    pytest.param(InvalidSpec("no such flavor", refused=True, status=422), id="422"),
    pytest.param(Forbidden("no", refused=True, status=403), id="403"),
    pytest.param(QuotaExceeded("no GPUs", refused=True, status=429), id="quota"),
]


async def restarted_unseeing(stage: Stage) -> Stage:
    """Another process, such as that of a cloned cluster, to which the cloud does not answer for a while."""
    stage = stage.restarted()
    stage.script.plan("list", *[Turn(DOWN)] * 3)
    for _ in range(3):
        await stage.turn(400)
    return stage


@pytest.mark.rule("C2")
@pytest.mark.parametrize("error", REFUSALS)
@pytest.mark.parametrize("edited", [False, True], ids=["same-spec", "edited"])
async def test_a_refused_call_is_not_sent_again_before_a_list(error: CloudError, *, edited: bool) -> None:
    """Meanwhile another process has made the endpoint: one that sent first and looked later would make a second one."""
    stage = Stage()
    stage.script.plan("create", Turn(error))
    await stage.turn()
    if edited:
        stage.edit(scaling={"minReplicas": 1, "maxReplicas": 8})
    stage.cloud.endpoints["ep-9"] = an_endpoint("ep-9", description=mark("elsewhere"))
    stage = await restarted_unseeing(stage)
    assert stage.journal("POST") == ["POST"]
    for _ in range(3):
        await stage.turn(400)
    assert stage.journal("POST") == ["POST"]
    assert stage.status["endpointId"] == "ep-9"


@pytest.mark.rule("C2", "I19")
async def test_what_another_cluster_held_up_is_not_sent_before_a_list() -> None:
    """Nothing was refused by the cloud, and nothing says yet that the other cluster's endpoint is gone."""
    stage = Stage(policy=Policy(hold_namesakes=True))
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=mark("f1", uid=OTHER_UID, cluster="c2"))
    await stage.turn()
    assert stage.reported("Stalled") == "True OwnershipConflict"
    stage = await restarted_unseeing(stage)
    assert stage.journal("POST") == []
    await stage.turn(400)
    assert stage.journal("POST") == []
    stage.cloud.endpoints.clear()
    await stage.turn(400)
    await stage.turn()
    assert stage.journal("POST") == ["POST"]

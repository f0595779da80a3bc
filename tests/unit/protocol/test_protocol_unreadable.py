"""A spec that does not fit the models: what it says plainly about the cloud's endpoint still holds."""

from __future__ import annotations

from typing import Any

import pytest

from tokenfactory_operator.api.v1alpha1 import DeletionPolicy, ManagementPolicy
from tokenfactory_operator.domain.decision_input import Policy
from unit.support.builders import KEY, an_endpoint
from unit.support.stage import Stage

NO_GPU = {"gpu": {"type": "gpu-h100-sxm", "count": 0}}


async def unreadable(stage: Stage) -> Stage:
    """An edit that an older schema took makes the whole spec unreadable; then the object is deleted."""
    stage.edit(**NO_GPU)
    await stage.turn()
    assert stage.reported("Stalled") == "True InvalidSpec"
    stage.delete()
    for _ in range(3):
        await stage.turn()
    assert KEY not in stage.kube.objects
    return stage


@pytest.mark.rule("D24", "X15")
@pytest.mark.parametrize("spec", [{"deletionPolicy": "Retain"}, {"managementPolicy": "Observe"}])
async def test_retain_and_observe_hold(spec: dict[str, Any]) -> None:
    """The endpoint is let go, not deleted."""
    stage = await Stage().ready()
    stage.edit(**spec)
    await stage.turn()
    assert (await unreadable(stage)).journal("DELETE") == []
    assert "ep-1" in stage.cloud.endpoints


@pytest.mark.rule("D24")
async def test_an_endpoint_that_was_only_observed_is_left() -> None:
    """It was never this object's."""
    stage = Stage(policy=Policy(may_adopt=True), endpointId="ep-7", managementPolicy="Observe")
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description="somebody's")
    await stage.turn()
    await stage.turn()
    assert (await unreadable(stage)).journal("DELETE", "PATCH") == []


@pytest.mark.rule("D24")
async def test_what_was_adopted_is_retained() -> None:
    """The policy is left out, and the spec names the endpoint."""
    stage = Stage(policy=Policy(may_adopt=True), endpointId="ep-7")
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description="somebody's")
    for _ in range(3):
        await stage.turn()
    stage.kube.objects[KEY]["status"]["createAttempt"]["id"] = ""  # even where the status does not tell
    assert (await unreadable(stage)).journal("DELETE") == []


async def test_what_was_created_is_deleted() -> None:
    """Nothing in the spec speaks against it."""
    assert (await unreadable(await Stage().ready(lasting=61))).journal("DELETE") == ["DELETE ep-1"]


@pytest.mark.rule("D24")
@pytest.mark.parametrize(
    ("said", "policy"),
    [("Delete", DeletionPolicy.DELETE), ("Retain", DeletionPolicy.RETAIN), ("Archive", DeletionPolicy.RETAIN)],
)
def test_a_policy_that_is_not_understood_deletes_nothing(said: str, policy: DeletionPolicy) -> None:
    """It may be a newer version's."""
    stage = Stage(deletionPolicy=said)
    assert stage.resource.deletion_policy is policy


@pytest.mark.rule("D24")
@pytest.mark.parametrize(
    ("said", "policy"),
    [("Manage", ManagementPolicy.MANAGE), ("Observe", ManagementPolicy.OBSERVE), ("Audit", ManagementPolicy.OBSERVE)],
)
def test_a_management_that_is_not_understood_only_observes(said: str, policy: ManagementPolicy) -> None:
    """It may be a newer version's."""
    assert Stage(managementPolicy=said).resource.management_policy is policy

"""An object that takes the name of another one that was forced away: nothing of the first becomes the second's."""

from __future__ import annotations

import pytest

from tokenfactory_operator.domain.errors import CredentialsError, KubeConflict, RateLimited, Unauthorized
from tokenfactory_operator.domain.observed import EndpointList
from unit.support.builders import KEY, OTHER_UID, UID, an_endpoint
from unit.support.credentials import another
from unit.support.fakes import InMemoryCloud, Script, Turn
from unit.support.making import unwritten
from unit.support.stage import Stage


def replaced(stage: Stage) -> None:
    stage.kube.replace(KEY, OTHER_UID)
    stage.cache.remove(KEY, UID)
    stage.watch()


@pytest.mark.rule("D32")
async def test_it_is_told_what_it_waits_for() -> None:
    """What is left of the first cannot be deleted: the second waits, and an Event about it says why."""
    stage = await unwritten()
    replaced(stage)
    stage.script.plan("delete", *[Turn(Unauthorized("revoked"))] * 3)
    for _ in range(3):
        await stage.turn(60)
    assert (stage.journal("POST"), stage.status.get("endpointId")) == (["POST"], None)
    assert stage.witness.events.count("EndpointNotDeleted") == 3
    assert all(word in stage.witness.messages[-1] for word in ("ep-1", "revoked", "earlier object of this name"))
    await stage.turn(60)
    await stage.turn()
    assert (stage.journal("DELETE")[-1], list(stage.cloud.endpoints)) == ("DELETE ep-1", ["ep-2"])


@pytest.mark.parametrize("successor", [False, True])
async def test_the_pauses_between_the_tries_grow(*, successor: bool) -> None:
    """A token that was revoked is not sent each second until a person comes, and nobody waits for long."""
    stage = await unwritten()
    if successor:
        replaced(stage)
    else:
        stage.kube.objects.pop(KEY)
        stage.cache.remove(KEY, UID)
    stage.script.plan("delete", *[Turn(Unauthorized("revoked"))] * 30)
    pauses = [(await stage.reconcile()).after or 0.0 for _ in range(30)]
    assert (max(pauses[:2]) <= 8.0, max(pauses) > 30.0, max(pauses) <= 60.0) == (True, True, True)
    await stage.reconcile()
    assert "ep-1" not in stage.cloud.endpoints


@pytest.mark.rule("D32")
async def test_a_404_of_another_project_proves_nothing() -> None:
    """The credential has come to mean another project: what is left is not taken for deleted."""
    stage = await unwritten()
    stage.kube.objects.pop(KEY)
    stage.cache.remove(KEY, UID)
    first = stage.poller
    stage.poller = another(stage, scope="project-2", cloud=InMemoryCloud(Script()))
    await stage.reconcile()
    assert "project-2" in stage.witness.messages[-1]
    stage.poller = first
    await stage.reconcile()
    assert (stage.journal("DELETE"), stage.cloud.endpoints) == (["DELETE ep-1"], {})


@pytest.mark.rule("D36")
async def test_what_no_credential_reaches_any_more_is_not_waited_for() -> None:
    """The scope is another one since a rotation, and no LIST of it shows what is left: the second is told, and made."""
    stage = await unwritten()
    replaced(stage)
    stage.cloud.endpoints.clear()
    stage.poller = another(stage, scope="token-2")
    for _ in range(3):
        await stage.turn(61)
    assert (stage.journal("POST"), stage.journal("DELETE")) == (["POST", "POST"], [])
    reported = [text for text in stage.witness.messages if "earlier object of this name" in text]
    assert (len(reported), "that project's console" in reported[0]) == (1, True)


@pytest.mark.rule("D36")
async def test_without_a_credential_that_is_what_is_told() -> None:
    """And not that it belongs to another project."""
    stage = await unwritten()
    stage.kube.objects.pop(KEY)
    stage.cache.remove(KEY, UID)
    nothing = Script()
    nothing.plan("delete", Turn(CredentialsError("There is no Secret ml/key.")))
    stage.poller = another(stage, scope="", cloud=InMemoryCloud(nothing))
    await stage.reconcile()
    assert "There is no Secret" in stage.witness.messages[-1]


@pytest.mark.rule("C34")
async def test_an_object_that_leaves_the_selector_while_its_endpoint_is_made() -> None:
    """It lives, so what was made for it stays, and is written down when it comes back."""
    stage = Stage()

    def left() -> None:
        body = stage.kube.edit(KEY, labels={})
        stage.cache.remove(KEY, UID, int(body["metadata"]["resourceVersion"]))

    stage.script.plan("create", Turn(effect=True, meanwhile=left))
    await stage.turn()
    assert (stage.journal("DELETE"), list(stage.cloud.endpoints)) == ([], ["ep-1"])
    stage.kube.edit(KEY, labels={"back": "yes"})
    stage.watch()
    await stage.turn()
    assert stage.status["endpointId"] == "ep-1"


@pytest.mark.rule("C34")
async def test_an_object_that_left_the_selector_is_not_worked_on() -> None:
    """A conflict makes the pass read it anew, and the watch would never bring back what was written then."""
    stage = await Stage(displayName="one").ready()
    stage.cloud.turn_up(name="by hand")

    def left() -> None:
        body = stage.kube.edit(KEY, labels={})
        stage.cache.remove(KEY, UID, int(body["metadata"]["resourceVersion"]))

    stage.script.plan("patch_status", Turn(KubeConflict("modified"), meanwhile=left))
    await stage.turn()
    assert (stage.journal("PATCH"), stage.cache.get(KEY)) == ([], None)


@pytest.mark.rule("D32")
async def test_a_renamed_project_that_shows_it_is_the_same() -> None:
    """The scope is another one, as after the rotation of a token that names no project; its LIST has the endpoint."""
    stage = await unwritten()
    stage.kube.objects.pop(KEY)
    stage.cache.remove(KEY, UID)
    stage.poller = another(stage, scope="project-2")
    stage.poller.inventory.listed(stage.poller.inventory.stamp(), EndpointList((an_endpoint("ep-1"),)))
    await stage.reconcile()
    assert stage.journal("DELETE") == ["DELETE ep-1"]


@pytest.mark.rule("I17")
async def test_a_wait_for_the_credential_is_not_told_with_the_others_id() -> None:
    """The first waited for its turn at the cloud when it was replaced."""
    stage = await Stage().ready()
    stage.edit(description="other")
    stage.script.plan("slot", Turn(error=RateLimited("wait", retry_after=60.0), meanwhile=lambda: replaced(stage)))
    await stage.reconcile()
    assert "endpointId" not in stage.status

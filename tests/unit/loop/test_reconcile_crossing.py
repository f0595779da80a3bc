"""What happens elsewhere between two steps of one pass, or between two passes."""

from __future__ import annotations

from typing import Final

import pytest

from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.errors import CloudUnavailable, KubeError
from tokenfactory_operator.ports import JsonObject, Key
from unit.support.builders import KEY, NAMESPACE, OTHER_UID, UID, an_endpoint, an_object
from unit.support.fakes import Turn
from unit.support.stage import Stage

SECOND: Final = Key(NAMESPACE, "second")


async def test_a_pause_that_comes_while_waiting_for_a_turn() -> None:
    """Waiting for a turn may take long: what is done then is decided upon the object as it is then."""
    stage = Stage()
    await stage.poller.catalog.read()  # so that the turn is the create's
    stage.script.plan("slot", Turn(effect=True, meanwhile=lambda: stage.annotate(paused="true")))
    await stage.turn()
    assert stage.journal("POST") == []
    assert stage.reported("Synced") == "False ReconcilePaused"


async def test_a_claim_whose_write_had_no_answer() -> None:
    """Adopt: who began is not overtaken, though nothing is written yet."""
    stage = Stage(policy=Policy(may_adopt=True), endpointId="ep-7")
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description="a note")
    stage.kube.store(an_object(name=SECOND.name, uid=OTHER_UID, spec={"endpointId": "ep-7"}))
    stage.watch()
    stage.script.plan("patch_status", Turn(error=KubeError("no answer")))
    with pytest.raises(KubeError):
        await stage.turn()
    await stage.reconcile(SECOND)
    assert stage.journal("PATCH") == []
    assert "endpointId" not in stage.kube.objects[SECOND]["status"]


async def test_an_object_that_left_the_selector_before_its_id_was_written() -> None:
    """Who may act: it is not gone, so what was made for it is not deleted."""
    stage = Stage()
    opened, lost = Turn(effect=True), Turn(error=KubeError("no answer"))
    stage.script.plan("patch_status", opened, lost)
    with pytest.raises(KubeError):
        await stage.turn()
    stage.cache.remove(KEY, UID)
    await stage.turn()
    assert list(stage.cloud.endpoints) == ["ep-1"]


async def test_a_request_made_before_there_was_a_doubt() -> None:
    """Evidence: a person confirms what was reported to them; an earlier request says nothing of what comes later."""
    stage = await Stage().ready()
    for name in ("ep-8", "ep-9"):
        stage.cloud.endpoints[name] = an_endpoint(name, description="a stranger's")
    stage.script.plan("update", *[Turn(error=CloudUnavailable("5xx"))] * 2)
    stage.edit(displayName="new")
    await stage.turn()
    assert stage.reported("Synced") == "False CloudUnavailable"
    stage.annotate(reconcile_requested_at="now")
    await stage.turn()
    stage.cloud.endpoints.clear()
    stage.script.journal.clear()
    await stage.poll()
    await stage.turn(stage.timing.create_settle + 1)
    assert stage.reported("Synced") == "False InventoryUntrusted"
    assert stage.journal() == ["status"]


async def test_a_list_that_comes_while_the_status_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for the next list is looked at after that one, and not an interval later."""
    stage = Stage()
    await stage.poll()
    stage.script.plan("create", Turn(error=CloudUnavailable("5xx")))
    written = stage.kube.patch_status

    async def while_listed(key: Key, patch: JsonObject, *, uid: str, resource_version: str) -> JsonObject:
        body = await written(key, patch, uid=uid, resource_version=resource_version)
        stage.woken.clear()
        await stage.poll()
        return body

    monkeypatch.setattr(stage.kube, "patch_status", while_listed)
    await stage.reconcile()
    assert stage.reported("Ready") == "False CreateOutcomeUnknown"
    assert stage.woken == [KEY]

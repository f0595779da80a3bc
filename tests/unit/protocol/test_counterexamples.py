"""Counter-examples of docs/protocol.md that no other file plays from beginning to end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tokenfactory_operator.domain.timing import Timing
from unit.cloud.test_failures import CREATE, failure
from unit.support.builders import KEY, SCOPE, an_endpoint
from unit.support.credentials import elsewhere
from unit.support.fakes import Turn
from unit.support.stage import Stage


@pytest.mark.rule("X3")
async def test_the_original_of_a_copy_is_deleted_in_the_console() -> None:
    """A stranger's endpoint carries a copied mark: it survives the original, and the object."""
    stage = await Stage().ready(lasting=61)
    original = stage.cloud.endpoints.pop("ep-1")
    stage.cloud.endpoints["ep-2"] = replace(original, id="ep-2", created_at="2025-06-01T00:00:00Z")
    for _ in range(3):
        await stage.turn(62)
    assert stage.reported("Stalled") == "True OwnershipConflict"
    stage.delete()
    for _ in range(5):
        await stage.turn(62)
    assert KEY not in stage.kube.objects
    assert "DELETE ep-2" not in stage.journal("DELETE")
    assert stage.journal("PATCH") == []
    assert list(stage.cloud.endpoints) == ["ep-2"]


@pytest.mark.rule("X5", "E28")
async def test_a_confirmation_comes_before_the_token_of_another_project() -> None:
    """It was about missing endpoints, so it says nothing about the project, and nothing is created there."""
    stage = Stage()
    for name in ("ep-8", "ep-9"):
        stage.cloud.endpoints[name] = an_endpoint(name, description="a stranger's")
    stage = await stage.ready(lasting=61)
    hidden = dict(stage.cloud.endpoints)
    stage.cloud.endpoints.clear()
    await stage.turn()
    assert stage.reported("Stalled") == "True InventoryUntrusted"
    stage.annotate(reconcile_requested_at="now")
    await stage.reconcile()
    home, stage.poller = stage.poller, elsewhere(stage)
    for _ in range(5):
        await stage.turn(300)
    assert stage.reported("Stalled") == "True CredentialsMismatch"
    assert (stage.status["scope"], stage.journal("POST")) == (SCOPE, [])
    stage.poller = home
    stage.cloud.endpoints.update(hidden)
    for _ in range(3):
        await stage.turn()
    assert stage.reported("Ready") == "True Available"
    assert stage.journal("POST") == []


@pytest.mark.rule("X6", "R4")
async def test_a_process_that_was_suspended() -> None:
    """Its last list is from before; the endpoint was deleted meanwhile, and the spec was edited."""
    stage = await Stage().ready(lasting=61)
    stage.cloud.endpoints.clear()
    stage.edit(displayName="new")
    stage.wait_out(Timing().stale_after + 1)
    writes = len(stage.journal())
    await stage.reconcile()
    assert len(stage.journal()) == writes
    assert stage.status["observedGeneration"] < stage.body["metadata"]["generation"]
    await stage.turn()
    assert str(stage.reported("Ready")).startswith("Unknown")


@pytest.mark.rule("X26", "C14")
async def test_a_503_that_speaks_of_a_time_limit() -> None:
    """The call had its effect: no second one is sent, and a deletion waits for what it made."""
    stage = Stage()
    error = failure(CREATE, 503, {"detail": "The request exceeded the time limit."})
    stage.script.plan("create", Turn(error, effect=True))
    made = dict(stage.cloud.endpoints)
    await stage.turn()
    hidden, stage.cloud.endpoints = stage.cloud.endpoints, made
    stage.delete()
    for _ in range(3):
        await stage.turn(10)
    assert KEY in stage.kube.objects
    stage.cloud.endpoints = hidden
    for _ in range(10):
        await stage.turn(60)
    assert (stage.cloud.endpoints, stage.journal("POST"), KEY in stage.kube.objects) == ({}, ["POST"], False)

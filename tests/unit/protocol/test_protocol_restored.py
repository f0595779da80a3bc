"""What an object had before etcd went back, while the cloud's list leaves out what other objects name."""

from __future__ import annotations

from typing import Final

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.errors import QuotaExceeded
from tokenfactory_operator.ports import Key
from unit.support.builders import KEY, NAMESPACE, an_endpoint, an_object
from unit.support.credentials import elsewhere
from unit.support.fakes import InMemoryCloud, Turn
from unit.support.stage import Stage

OTHERS: Final = tuple(Key(NAMESPACE, f"other-{number}") for number in (2, 3))
"""Objects beside the stage's own; each has an endpoint."""
STRANGERS: Final = tuple(f"x-{number}" for number in range(8))


async def fleet() -> Stage:
    """The stage's object and two others, each with an endpoint that serves."""
    stage = await Stage().ready()
    for key in OTHERS:
        stage.kube.store(an_object(name=key.name, uid=f"u-{key.name}"))
        stage.watch()
        await stage.turn(key=key)
    for endpoint_id in stage.cloud.endpoints:
        stage.cloud.turn_up(endpoint_id)
    await everybody(stage)
    stage.script.journal.clear()
    return stage


async def everybody(stage: Stage, *, seconds: float = 1.0) -> None:
    """A LIST, and a pass over each object, the stage's own first."""
    await stage.poll(seconds)
    for key in (KEY, *OTHERS):
        await stage.reconcile(key)


def restored(stage: Stage) -> Stage:
    """The operator is stopped, etcd goes back to before the stage's object had a status, and the operator starts."""
    body = stage.kube.objects[KEY]
    body["status"] = {"observedGeneration": api.UNOBSERVED_GENERATION}
    body["metadata"]["finalizers"] = []
    return stage.restarted()


async def in_maintenance(*, answers_get: bool = False) -> tuple[Stage, InMemoryCloud]:
    """The same, while the list is empty; answers what the cloud has."""
    stage = await fleet()
    stage.cloud.hidden |= stage.cloud.endpoints.keys()
    stage.cloud.answers_get = answers_get
    stage = restored(stage)
    for _ in range(3):
        await everybody(stage, seconds=61)
    return stage, stage.cloud


@pytest.mark.rule("C47", "X41")
@pytest.mark.parametrize("answers_get", [False, True], ids=["unknown-by-id", "answers-by-id"])
async def test_nothing_is_made_for_what_a_restore_in_a_maintenance_hides(*, answers_get: bool) -> None:
    """X41: the object waits, says why, and has its endpoint again when the list is whole."""
    stage, cloud = await in_maintenance(answers_get=answers_get)
    assert stage.journal("POST") == []
    assert stage.reported("Stalled") == "True InventoryUntrusted"
    assert "this object may have an endpoint" in stage.message("Stalled")
    cloud.hidden.clear()
    for _ in range(2):
        await everybody(stage)
    assert (stage.journal("POST"), stage.status["endpointId"]) == ([], "ep-1")
    assert [stage.reported("Ready", of=key) for key in (KEY, *OTHERS)] == ["True Available"] * 3


async def after_a_clean_up() -> Stage:
    """Somebody has deleted the endpoints of all others in the console, and then the stage's object is applied."""
    stage = await fleet()
    stage.cloud.endpoints.clear()
    stage = restored(stage)
    for _ in range(3):
        await everybody(stage, seconds=61)
    assert (stage.journal("POST"), stage.reported("Stalled")) == ([], "True InventoryUntrusted")
    return stage


@pytest.mark.rule("C47", "E22")
async def test_a_person_confirms_that_nothing_of_the_object_is_missing() -> None:
    """That is about this object: the others go on asking, each for itself."""
    stage = await after_a_clean_up()
    stage.annotate(reconcile_requested_at="I have looked")
    for _ in range(2):
        await everybody(stage)
    assert stage.journal("POST") == ["POST"]
    assert [stage.reported("Stalled", of=key) for key in OTHERS] == ["True InventoryUntrusted"] * 2


@pytest.mark.rule("C47")
@pytest.mark.parametrize("restart", [False, True])
async def test_the_object_goes_on_when_the_others_absence_is_explained(*, restart: bool) -> None:
    """Nobody has to say it for this one too; until then each process waits."""
    stage = await after_a_clean_up()
    if restart:
        stage = stage.restarted()
        await everybody(stage, seconds=61)
        assert stage.journal("POST") == []
    stage.kube.edit(OTHERS[0], annotations={f"{api.GROUP}/reconcile-requested-at": "it is gone"})
    stage.watch()
    for _ in range(2):
        await everybody(stage)
    assert (stage.reported("Stalled"), stage.reported("Synced")) == (None, "True ReconcileSuccess")
    assert stage.status["endpointId"]


@pytest.mark.rule("C47")
async def test_the_object_goes_on_when_the_others_are_deleted() -> None:
    """By force, since nobody has confirmed: what no object names any more is missed by nobody."""
    stage = await after_a_clean_up()
    for key in OTHERS:
        body = stage.kube.objects.pop(key)
        stage.cache.remove(key, body["metadata"]["uid"])
    for _ in range(2):
        await everybody(stage)
    assert stage.journal("POST") == ["POST"]


@pytest.mark.rule("C47")
async def test_what_another_credential_misses_holds_nothing() -> None:
    """Only the object's own project counts."""
    stage = await fleet()
    stage.cloud.hidden |= stage.cloud.endpoints.keys()
    stage = restored(stage)
    await everybody(stage)
    stage.poller = elsewhere(stage)
    await stage.turn()
    assert (stage.status["scope"], stage.reported("Synced")) == ("project-2", "True ReconcileSuccess")


@pytest.mark.rule("C47")
async def test_what_no_object_names_holds_nothing() -> None:
    """Other clusters delete theirs, as many as they like."""
    stage = Stage()
    for name in STRANGERS:
        stage.cloud.endpoints[name] = an_endpoint(name, description="a stranger's")
    await stage.poll()
    stage.cloud.endpoints.clear()
    await stage.turn()
    assert (bool(stage.inventory.untrusted()), stage.journal("POST")) == (True, ["POST"])


@pytest.mark.rule("C47")
async def test_one_missing_endpoint_holds_nothing() -> None:
    """It is its own object's business, as in E18."""
    stage = await fleet()
    stage.cloud.hidden.add("ep-2")
    stage = restored(stage)
    del stage.cloud.endpoints["ep-1"]
    await everybody(stage)
    assert stage.journal("POST") == ["POST"]


@pytest.mark.rule("C47")
async def test_what_was_refused_is_sent_again_without_another_question() -> None:
    """This process knows of the object's attempts, so etcd has not gone back behind them."""
    stage = await after_a_clean_up()
    stage.script.plan("create", Turn(error=QuotaExceeded("no GPUs", refused=True)))
    stage.annotate(reconcile_requested_at="I have looked")
    for _ in range(2):
        await everybody(stage)
    assert stage.reported("Synced") == "False QuotaExceeded"
    await everybody(stage, seconds=600)
    assert (stage.journal("POST"), stage.reported("Stalled")) == (["POST"] * 2, None)


@pytest.mark.rule("C47")
async def test_what_creates_nothing_asks_nobody() -> None:
    """Under `Observe` there is nothing to confirm."""
    stage = await fleet()
    stage.cloud.hidden |= stage.cloud.endpoints.keys()
    stage.kube.edit(KEY, spec={"managementPolicy": "Observe"})
    stage = restored(stage)
    await everybody(stage)
    assert stage.reported("Stalled") == "True Observing"

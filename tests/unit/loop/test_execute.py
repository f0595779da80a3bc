"""Changing, releasing, deleting and looking by id: what is sent, what is told, and what follows when it fails."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tokenfactory_operator.domain.errors import CloudUnavailable, KubeConflict, KubeError, LeaseLost
from unit.support.builders import FOREIGN, KEY, mark, released
from unit.support.fakes import Turn
from unit.support.stage import Stage

DOWN = CloudUnavailable("5xx")


async def ready(*, lasting: float = 0.0, **spec: Any) -> Stage:  # noqa: ANN401  # fields of the wire
    return await Stage(**spec).ready(lasting=lasting)


def in_console(stage: Stage, endpoint_id: str = "ep-1", **changes: Any) -> None:  # noqa: ANN401  # the vendor's fields
    stage.cloud.endpoints[endpoint_id] = replace(stage.cloud.endpoints[endpoint_id], **changes)


def duplicate(stage: Stage, endpoint_id: str = "ep-2", attempt: str = "try-0") -> None:
    """A late effect shows up."""
    late = replace(stage.cloud.endpoints["ep-1"], description=mark(attempt), created_at="2025-06-01T00:00:00Z")
    stage.cloud.endpoints[endpoint_id] = replace(late, id=endpoint_id)


# Update


async def test_an_edit_is_a_patch_of_what_differs() -> None:
    """Sent once, told once, and Ready only after a LIST has shown it."""
    stage = await ready()
    stage.edit(displayName="chat")
    await stage.reconcile()
    assert stage.journal("PATCH") == ["PATCH ep-1 name"]
    assert stage.reported("Ready") == "False Updating"
    await stage.turn()
    assert stage.reported("Ready") == "True Available"
    assert stage.status["observedGeneration"] == 2
    assert stage.witness.events == ["UpdatedEndpoint", "Updating", "Available"]


async def test_drift_is_put_back_and_told() -> None:
    """Somebody changed the cloud: event and metric."""
    stage = await ready(displayName="chat")
    in_console(stage, name="talk", max_replicas=9)
    await stage.turn()
    assert stage.journal("PATCH") == ["PATCH ep-1 name,scaling"]
    assert stage.witness.events == ["Updating", "CorrectedDrift"]
    assert stage.witness.messages[-1].count("the cloud has") == 2
    assert stage.witness.counts.count("corrected_drift") == 1


async def test_a_field_that_does_not_stay_put_is_given_up() -> None:
    """Design: never a PATCH per poll; after three, NotAccepted names both values, until spec or cloud change."""
    stage = await ready(displayName="chat")
    for _ in range(60):
        in_console(stage, name="talk")
        await stage.turn(5)
    assert len(stage.journal("PATCH")) == 3
    assert stage.reported("Stalled") == "True NotAccepted"
    stage.edit(displayName="other")
    await stage.turn()
    assert len(stage.journal("PATCH")) == 4


async def test_given_up_is_remembered_over_a_restart() -> None:
    """From the status."""
    stage = await ready(displayName="chat")
    for _ in range(60):
        in_console(stage, name="talk")
        await stage.turn(5)
    stage = stage.restarted()
    for _ in range(5):
        await stage.turn(30)
    assert len(stage.journal("PATCH")) == 3
    assert stage.reported("Stalled") == "True NotAccepted"


async def test_a_patch_whose_answer_was_lost_is_not_repeated_once_it_is_seen() -> None:
    """The LIST shows that it took effect, and once it cannot be an old one the object is Ready."""
    stage = await ready()
    stage.edit(displayName="chat")
    stage.script.plan("update", Turn(error=DOWN, effect=True))
    await stage.reconcile()
    await stage.turns(3, every=30)
    assert stage.journal("PATCH") == ["PATCH ep-1 name"]
    assert stage.reported("Ready") == "True Available"


@pytest.mark.rule("I14")
async def test_a_foreign_mark_that_appears_stops_every_change() -> None:
    """OwnershipConflict, never drift."""
    stage = await ready()
    in_console(stage, description=FOREIGN)
    stage.edit(displayName="chat")
    await stage.turn()
    assert stage.journal("PATCH", "DELETE", "POST") == []
    assert stage.reported("Stalled") == "True OwnershipConflict"


# The lease


async def edited(stage: Stage) -> None:
    stage.edit(displayName="chat")


async def doubled(stage: Stage) -> None:
    duplicate(stage)
    await stage.poll()


async def deleted(stage: Stage) -> None:
    stage.delete()


async def retained(stage: Stage) -> None:
    stage.edit(deletionPolicy="Retain")
    await stage.turn()
    stage.script.journal.clear()
    stage.delete()


async def vanished(stage: Stage) -> None:
    stage.cloud.endpoints.clear()
    await stage.turn()
    await stage.poll(61)
    stage.script.journal.clear()


MUTATIONS = [
    pytest.param(edited, "PATCH", id="update"),
    pytest.param(doubled, "DELETE", id="duplicate"),
    pytest.param(deleted, "DELETE", id="delete"),
    pytest.param(retained, "PATCH", id="release"),
    pytest.param(vanished, "PATCH", id="probe"),
]


@pytest.mark.rule("W1")
@pytest.mark.parametrize(("prepare", "kind"), MUTATIONS)
async def test_without_the_lease_nothing_is_sent(prepare: Any, kind: str) -> None:  # noqa: ANN401  # a row's function
    """Who may act: checked just before each mutation of the cloud."""
    stage = await ready()
    await prepare(stage)
    stage.lease.left = 0
    with pytest.raises(LeaseLost):
        await stage.reconcile()
    assert stage.journal() == []
    stage.lease.left = 1
    with pytest.raises(LeaseLost):
        await stage.reconcile()
    assert [note.split()[0] for note in stage.journal()] == [kind]


@pytest.mark.rule("W2")
async def test_without_the_lease_no_object_is_let_go() -> None:
    """Who may act: checked just before the finalizer is removed."""
    stage = await ready()
    stage.delete()
    await stage.turn()
    await stage.poll(61)
    stage.lease.left = 0
    with pytest.raises(LeaseLost):
        await stage.reconcile()
    assert KEY in stage.kube.objects
    stage.lease.left = 1
    await stage.reconcile()
    assert KEY not in stage.kube.objects


@pytest.mark.parametrize(("prepare", "kind"), MUTATIONS)
async def test_a_call_that_fails_waits_and_is_made_again(prepare: Any, kind: str) -> None:  # noqa: ANN401  # a row's function
    """One call a pass, backing off, until it succeeds."""
    stage = await ready()
    await prepare(stage)
    call = {"PATCH": "update", "DELETE": "delete"}[kind]
    stage.script.plan(call, *[Turn(error=DOWN, meanwhile=lambda: stage.wait_out(60))] * 3)
    for number in range(1, 4):
        again = await stage.reconcile()
        assert len(stage.journal(kind)) == number
        assert again.after is not None
        assert 0 < again.after <= 2.0**number
        assert stage.reported("Synced") == "False CloudUnavailable"
        await stage.poll(again.after + 0.001)
    await stage.reconcile()
    assert len(stage.journal(kind)) == 4


# Duplicates


@pytest.mark.rule("C26")
async def test_a_late_duplicate_is_deleted() -> None:
    """Create 7: the recorded one is kept, whatever their age; event and metric."""
    stage = await ready()
    duplicate(stage)
    await stage.turn()
    await stage.turn()
    assert list(stage.cloud.endpoints) == ["ep-1"]
    assert stage.journal("DELETE") == ["DELETE ep-2"]
    assert stage.witness.events == ["DeletedDuplicateEndpoint", "Updating", "Available"]
    assert stage.witness.counts.count("deleted_duplicate") == 1
    assert stage.reported("Ready") == "True Available"


@pytest.mark.rule("C31")
async def test_a_duplicate_whose_deletion_failed_is_pressing() -> None:
    """Create 7: the next try does not queue up behind what costs nobody anything."""
    stage = await ready()
    duplicate(stage)
    stage.script.plan("delete", Turn(DOWN))
    assert (await stage.turn()).pressing
    await stage.turn(5)
    assert not (await stage.turn()).pressing
    assert list(stage.cloud.endpoints) == ["ep-1"]


@pytest.mark.rule("C28")
async def test_a_copy_is_left_to_a_person() -> None:
    """Create 7: the same try twice; both are named, neither is deleted."""
    stage = await ready()
    duplicate(stage, attempt="try-1")
    await stage.turn()
    assert stage.journal("DELETE") == []
    assert stage.reported("Stalled") == "True OwnershipConflict"
    assert {"ep-1", "ep-2"} <= set(stage.witness.messages[-1].replace(",", " ").split())


# Delete


@pytest.mark.rule("D4", "D8")
async def test_a_deletion_ends_with_its_observed_absence() -> None:
    """Delete 2: DELETE, a LIST without it, and only then the finalizer."""
    stage = await ready(lasting=61)
    stage.delete()
    await stage.reconcile()
    assert stage.journal("DELETE", "finalizers") == ["DELETE ep-1"]
    await stage.reconcile()
    assert KEY in stage.kube.objects
    await stage.turn()
    assert stage.journal("DELETE", "finalizers") == ["DELETE ep-1", "finalizers 0"]
    assert KEY not in stage.kube.objects
    assert stage.witness.events == ["Deleting", "DeletedEndpoint"]


async def test_a_late_echo_does_not_delete_once_more() -> None:
    """The watch may bring our own last status write after the finalizer's removal: the object stays gone."""
    stage = await Stage().ready(lasting=61)
    stage.delete()
    await stage.reconcile()
    late = dict(stage.kube.objects[KEY])
    await stage.turn()
    assert KEY not in stage.kube.objects
    assert not stage.cache.put(late)
    await stage.turn()
    assert stage.journal("DELETE") == ["DELETE ep-1"]


async def test_a_deletion_waits_as_long_as_the_endpoint_is_listed() -> None:
    """However long that takes."""
    stage = await ready(lasting=61)
    gone = stage.cloud.endpoints["ep-1"]
    stage.delete()
    await stage.reconcile()
    stage.cloud.endpoints["ep-1"] = gone
    for _ in range(5):
        await stage.turn(5)
    assert KEY in stage.kube.objects
    assert stage.reported("Ready") == "False Deleting"
    stage.cloud.endpoints.clear()
    await stage.turn()
    assert KEY not in stage.kube.objects


async def test_a_restart_in_the_middle_of_a_deletion() -> None:
    """The next process asks for itself: DELETE by the recorded id, then its own LIST."""
    stage = await ready()
    stage.delete()
    await stage.reconcile()
    stage = stage.restarted()
    await stage.turn()
    assert stage.journal("DELETE") == ["DELETE ep-1"] * 2
    assert KEY in stage.kube.objects
    await stage.turn(61)
    assert KEY not in stage.kube.objects


@pytest.mark.parametrize("fault", [Turn(error=KubeError("lost"), effect=True), Turn(error=KubeConflict("modified"))])
async def test_a_finalizer_whose_removal_fails(fault: Turn) -> None:
    """It is removed at the next try; nothing of the cloud is called again."""
    stage = await ready(lasting=61)
    stage.delete()
    await stage.reconcile()
    stage.script.plan("set_finalizers", fault)
    await stage.poll()
    for _ in range(2):
        try:
            await stage.reconcile()
        except KubeError:
            continue
    assert KEY not in stage.kube.objects
    assert stage.journal("DELETE") == ["DELETE ep-1"]


async def test_finalizers_of_others_stay() -> None:
    """Ours goes, theirs does not, and the object is ours no more."""
    stage = await ready(lasting=61)
    stage.kube.edit(KEY, finalizers=["tokenfactory.nebius.com/endpoint", "other/one"])
    stage.delete()
    await stage.reconcile()
    await stage.turn()
    assert stage.body["metadata"]["finalizers"] == ["other/one"]
    again = await stage.turn()
    assert again.after is None
    assert stage.journal("finalizers") == ["finalizers 1"]


@pytest.mark.rule("D18")
async def test_force_release() -> None:
    """Delete 5: lets go without a call, and says what may still be billed."""
    stage = await ready()
    stage.annotate(force_release="true")
    stage.delete()
    await stage.reconcile()
    assert KEY not in stage.kube.objects
    assert stage.journal("DELETE", "PATCH") == []
    assert stage.witness.events == ["ForceReleased", "ForceReleased"]
    assert "ep-1" in stage.witness.messages[-2]
    assert "ml/llm: Released by force; ep-1" in stage.witness.messages[-1]


# Retain


@pytest.mark.rule("D10")
async def test_retain_turns_the_mark_and_lets_go() -> None:
    """Delete 3: the endpoint stays with a released mark and the user's text."""
    stage = await ready(deletionPolicy="Retain", description="ours")
    stage.delete()
    await stage.reconcile()
    assert stage.journal("PATCH", "DELETE", "finalizers") == ["PATCH ep-1 description"]
    await stage.turn()
    assert stage.journal("PATCH", "DELETE", "finalizers") == ["PATCH ep-1 description", "finalizers 0"]
    assert stage.cloud.endpoints["ep-1"].description == f"ours {released()}"
    assert stage.witness.events == ["Deleting", "ReleasedEndpoint"]


@pytest.mark.rule("D11")
async def test_retain_of_an_endpoint_that_is_gone() -> None:
    """Delete 3: a 404 lets go too, and nobody is told that it is still billed."""
    stage = await ready(deletionPolicy="Retain")
    stage.cloud.endpoints.clear()
    stage.delete()
    await stage.reconcile()
    await stage.turn()
    assert KEY not in stage.kube.objects
    assert "no longer in the cloud" in stage.witness.messages[-1]


@pytest.mark.rule("A15")
async def test_an_object_applied_again_after_a_release_doubles_nothing() -> None:
    """Adopt: the predecessor's endpoint is named, not doubled."""
    stage = await ready(deletionPolicy="Retain")
    stage.delete()
    await stage.reconcile()
    again = Stage()
    again.cloud.endpoints.update(stage.cloud.endpoints)
    await again.turn()
    assert again.journal("POST") == []
    assert again.reported("Stalled") == "True OwnershipConflict"
    assert "ep-1" in again.witness.messages[-1]

"""Objects edited by hand into nonsense: each ends in a truthful condition and in at most one endpoint of its own.

Who touched whose endpoint is read from the simulator's record. What people do in the cloud's console is in
`test_bad_marks`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from cluster.support.eventually import eventually
from cluster.support.strangers import sent, touched
from cluster.support.world import World
from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.resource import MAX_ANNOTATION, known_annotations

pytestmark = pytest.mark.cluster

NOBODY: Final = "11111111-2222-3333-4444-555555555555"
ODD: Final = "\u202e☃ {\"a\": [1, 'b']}\t\n%s <b> \\x00 $(id)"

# Annotations


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        pytest.param(api.PAUSED, "false", id="paused false"),
        pytest.param(api.PAUSED, "No", id="paused No"),
        pytest.param(api.FORCE_RELEASE, "yes", id="force-release yes"),
        pytest.param(api.FORCE_RELEASE, ODD, id="force-release, odd characters"),
    ],
)
def test_a_switch_that_is_off(shared: World, name: str, annotation: str, value: str) -> None:
    """A clear "no" does not pause, and only "true" lets go: an edit reaches the cloud, and a deletion deletes."""
    shared.create(name, metadata={"annotations": {annotation: value}})
    shared.until_ready(name)
    shared.edit(name, displayName="renamed")
    shared.until_called(name, "PATCH")
    shared.until_ready(name)
    shared.delete(name)
    shared.until_gone(name)
    assert shared.endpoints(name) == []
    assert [call["status"] for call in shared.calls(name, "DELETE")] == [204]
    assert shared.events(name, "ForceReleased") == []


@pytest.mark.parametrize("value", ["True", "yes", "", "maybe", ODD])
def test_a_word_that_may_mean_a_pause_pauses(shared: World, name: str, value: str) -> None:
    """Nothing is created, and the object says why; a word that is not understood must not change the cloud."""
    shared.create(name, metadata={"annotations": {api.PAUSED: value}})
    shared.until_reported(name, "Synced", "ReconcilePaused")
    shared.after_lists()
    assert shared.calls(name, "POST") == []
    shared.annotate(name, api.PAUSED, None)
    shared.until_ready(name)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("x" * 10_000, id="10 kB"),
        pytest.param("☃" * 60_000, id="180 kB"),
        pytest.param(ODD, id="odd characters"),
        pytest.param("   ", id="blanks"),
    ],
)
def test_a_request_of_any_value_is_answered_once(shared: World, name: str, value: str) -> None:
    """It is echoed as it is, or short where it is long; the object stays Ready, and nothing more is written or sent."""
    shared.created(name)
    since = shared.now()
    shared.annotate(name, api.RECONCILE_REQUESTED_AT, value)
    echo = known_annotations({api.RECONCILE_REQUESTED_AT: value})[api.RECONCILE_REQUESTED_AT]
    assert echo == value or len(value) > len(echo) == MAX_ANNOTATION
    seen = shared.until_echoed(name, echo)
    assert seen.ready, seen.summary()
    shared.after_lists()
    assert shared.get(name).version == seen.version
    assert sent(shared, since=since) == []


# Status


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_status_wiped_while_a_call_is_under_way(shared: World, name: str, method: str) -> None:
    """What the call has done is found again: no second endpoint, and none that is left."""
    if method == "DELETE":
        created_and_held(shared, name)
    shared.faulty(name, method, effect="delay", seconds=1, when="after", count=1)
    (shared.create if method == "POST" else shared.delete)(name)
    shared.until_called(name, method)
    shared.wipe_status(name)
    if method == "POST":
        seen = shared.until_ready(name)
        assert seen.endpoint_id == shared.endpoint(name)["id"]
        shared.delete(name)
    else:
        eventually(lambda: not shared.get(name).held, what="our finalizer to go")
        patch_away(shared, name)
    shared.until_gone(name)
    assert shared.endpoints(name) == []
    assert len(shared.calls(name, "POST")) == 1


def created_and_held(world: World, name: str) -> None:
    """A Ready object that another finalizer keeps, however soon its endpoint has gone."""
    world.create(name, metadata={"finalizers": ["example.com/held"]})
    world.until_ready(name)


def whole(stranger: str) -> dict[str, Any]:
    """The status that an object of another cluster had, in another project."""
    return {
        "uid": NOBODY,
        "endpointId": stranger,
        "scope": "project-z",
        "routingKey": "dedicated/theirs",
        "createAttempt": {"id": "0badcafe", "state": "Created"},
        "observedGeneration": 1,
    }


def test_status_of_another_object_restored_onto_this_one(shared: World, name: str) -> None:
    """It is ignored whole and written over; the other object and its endpoint notice nothing of it."""
    mine, other = shared.created(name), f"{name}-b"
    theirs = shared.created(other)
    shared.write_status(name, theirs.status)
    eventually(lambda: shared.get(name).endpoint_id == mine.endpoint_id, what="the object's own id")
    seen = shared.until_ready(name)
    assert seen.status["createAttempt"]["id"] == mine.status["createAttempt"]["id"]
    shared.write_status(name, theirs.status)
    shared.delete(name)
    shared.until_gone(name)
    assert shared.get(other).version == theirs.version
    assert [touched(shared, theirs.endpoint_id), shared.endpoints(name)] == [[], []]
    assert [len(shared.calls(each, "POST")) for each in (name, other)] == [1, 1]


def test_status_of_another_cluster_restored(shared: World, name: str) -> None:
    """Another uid: neither its scope nor its endpoint counts, whether the object has one of its own or not."""
    stranger = shared.cloud.console_create(name="theirs")["id"]
    shared.create(name, enabled=False)
    shared.until_reported(name, "Ready", "Stopped")
    shared.write_status(name, whole(stranger))
    shared.edit(name, enabled=True)
    mine = shared.until_ready(name)
    assert mine.endpoint_id == shared.endpoint(name)["id"]
    shared.write_status(name, whole(stranger))
    eventually(lambda: shared.get(name).endpoint_id == mine.endpoint_id, what="the object's own id")
    seen = shared.until_ready(name)
    assert (seen.status["uid"], seen.status["scope"]) == (mine.uid, mine.status["scope"])
    shared.delete(name)
    shared.until_gone(name)
    assert touched(shared, stranger) == []
    assert len(shared.calls(name, "POST")) == 1
    shared.cloud.console_delete(stranger)


def test_status_that_names_another_objects_endpoint(shared: World, name: str) -> None:
    """Its mark decides: a conflict that names it, and the deletion takes the object's own endpoint only."""
    mine, other = shared.created(name), f"{name}-b"
    theirs = shared.created(other).endpoint_id
    shared.write_status(name, {"endpointId": theirs})
    conflict = shared.until_stalled(name, "OwnershipConflict")
    assert theirs in conflict.said("Synced").message
    assert not conflict.ready
    shared.after_lists()
    shared.delete(name)
    shared.until_gone(name)
    assert not shared.cloud.endpoint(mine.endpoint_id)["alive"]
    assert touched(shared, theirs) == []
    assert shared.get(other).ready
    assert len(shared.calls(name, "POST")) == 1


@pytest.mark.parametrize("nonsense", ["ep-nowhere", "../../v0/models", "..", "%2e%2e"])
def test_status_that_names_nothing(shared: World, name: str, nonsense: str) -> None:
    """No LIST has ever shown such an endpoint, so the one with the object's mark is found again."""
    mine = shared.created(name)
    since = shared.now()
    shared.write_status(name, {"endpointId": nonsense})
    assert shared.until_ready_with_another(name, nonsense).endpoint_id == mine.endpoint_id
    shared.after_lists()
    assert sent(shared, since=since) == []
    shared.delete(name)
    shared.until_gone(name)
    assert shared.endpoints(name) == []


def terminating_with(world: World, name: str, endpoint_id: str) -> None:
    """An object whose status is edited while a pause holds its deletion up."""
    world.annotate(name, api.PAUSED, "true")
    world.until_reported(name, "Synced", "ReconcilePaused")
    world.delete(name)
    world.write_status(name, {"endpointId": endpoint_id})
    world.after_lists()
    world.annotate(name, api.PAUSED, None)


@pytest.mark.parametrize("nonsense", ["ep-nowhere", "../../v0/models", "%2e%2e"])
def test_deleted_while_the_status_names_nothing(shared: World, name: str, nonsense: str) -> None:
    """The endpoint with the object's mark goes all the same, and no other with it."""
    mine, other = shared.created(name), shared.created(f"{name}-b").endpoint_id
    terminating_with(shared, name, nonsense)
    shared.until_gone(name)
    assert not shared.cloud.endpoint(mine.endpoint_id)["alive"]
    assert touched(shared, other) == []
    assert len(shared.calls(name, "POST")) == 1


@pytest.mark.parametrize("word", ["..", "e" * 100_000], ids=["a path", "100,000 characters"])
def test_deleted_while_the_status_names_what_can_be_no_id(shared: World, name: str, word: str) -> None:
    """Its endpoint goes; the object stays with a condition that names the word, until a person lets go of it."""
    mine = shared.created(name)
    terminating_with(shared, name, word)
    stuck = shared.until_reported(name, "Synced", "InvalidSpec")
    assert f"'{word[:20]}" in stuck.said("Synced").message
    eventually(lambda: not shared.cloud.endpoint(mine.endpoint_id)["alive"], what="the endpoint's end")
    shared.annotate(name, api.FORCE_RELEASE, "true")
    shared.until_gone(name)


def test_status_of_another_scope(shared: World, name: str) -> None:
    """Absence here proves nothing there: nothing is made or deleted until a person says that it is the same project."""
    mine = shared.created(name)
    since = shared.now()
    shared.write_status(name, {"scope": "project-z", "endpointId": "ep-theirs"})
    seen = shared.until_stalled(name, "CredentialsMismatch")
    assert "project-z" in seen.said("Synced").message
    assert not seen.ready
    shared.after_lists()
    shared.annotate(name, api.RECONCILE_REQUESTED_AT, "it is the same")
    assert shared.until_ready_with_another(name, "ep-theirs").endpoint_id == mine.endpoint_id
    assert sent(shared, since=since) == []


# The finalizer


def patch_away(world: World, name: str) -> None:
    """As a script does that means to unblock a deletion."""
    world.kube.patch(world.namespace, name, {"metadata": {"finalizers": None}})


def replace_away(world: World, name: str) -> None:
    """`kubectl replace` with the file as it was first written: it knows of no finalizer."""
    body = world.get(name).body
    metadata = {field: body["metadata"][field] for field in ("name", "namespace")}
    text = json.dumps({**body, "metadata": metadata, "status": {}})
    world.cluster.kubectl("replace", "-n", world.namespace, "-f", "-", input=text)


def just_applied(world: World, name: str) -> None:
    world.create(name)
    eventually(lambda: world.get(name).held, what="the finalizer")


def while_creating(world: World, name: str) -> None:
    world.faulty(name, "POST", effect="delay", seconds=1, when="after", count=1)
    world.create(name)
    world.until_called(name, "POST")


def of_unknown_outcome(world: World, name: str) -> None:
    world.faulty(name, "POST", effect="effect_late", seconds=1, count=1)
    world.create(name)
    world.until_event(name, "CreateOutcomeUnknown")  # the condition may be gone again by now


def when_ready(world: World, name: str) -> None:
    world.created(name)


def while_updating(world: World, name: str) -> None:
    world.created(name)
    world.faulty(name, "PATCH", effect="delay", seconds=1, when="before", count=1)
    world.edit(name, displayName="renamed")
    world.until_called(name, "PATCH")


MOMENTS: Final = (just_applied, while_creating, of_unknown_outcome, when_ready, while_updating)


@pytest.mark.parametrize("strip", [patch_away, replace_away])
@pytest.mark.parametrize("moment", MOMENTS)
def test_finalizer_removed_from_a_living_object(
    shared: World, name: str, moment: Callable[[World, str], None], strip: Callable[[World, str], None]
) -> None:
    """It is put back whenever there is something to hold; one endpoint is made, and the deletion leaves none."""
    moment(shared, name)
    strip(shared, name)
    seen = shared.until_ready(name)
    eventually(lambda: shared.get(name).held, what="the finalizer")
    assert shared.endpoint(name)["id"] == seen.endpoint_id
    shared.after_lists()
    shared.delete(name)
    shared.until_gone(name)
    assert shared.endpoints(name) == []
    assert len(shared.calls(name, "POST")) == 1


@pytest.mark.parametrize("strip", [patch_away, replace_away])
def test_finalizer_removed_while_the_create_is_under_way_and_the_object_deleted(
    shared: World, name: str, strip: Callable[[World, str], None]
) -> None:
    """The object goes at once; what its create call has made is deleted by the process that made it."""
    while_creating(shared, name)
    shared.delete(name)
    strip(shared, name)
    shared.until_gone(name)
    shared.until_called(name, "DELETE")
    eventually(lambda: shared.endpoints(name) == [], what="the endpoint's end")
    shared.after_lists()
    assert len(shared.calls(name, "POST")) == 1


def test_finalizer_removed_after_the_deletion_was_accepted(shared: World, name: str) -> None:
    """The DELETE is under way already: the object goes early, and nothing stays behind."""
    created_and_held(shared, name)
    shared.faulty(name, "DELETE", effect="delay", seconds=1, when="before", count=1)
    shared.delete(name)
    shared.until_called(name, "DELETE")
    patch_away(shared, name)
    shared.until_gone(name)
    eventually(lambda: shared.endpoints(name) == [], what="the endpoint's end")
    shared.after_lists()
    assert len(shared.calls(name, "DELETE")) == 1


def test_finalizer_removed_before_the_deletion_was_accepted(shared: World, name: str) -> None:
    """The endpoint has lost its object: nothing more is sent for it, and a successor does not double it."""
    left = shared.created(name).endpoint_id
    shared.faulty(name, "DELETE", effect="status", code=503)
    shared.delete(name)
    shared.until_called(name, "DELETE")
    patch_away(shared, name)
    shared.until_gone(name)
    shared.after_lists()
    shared.create(name)
    conflict = shared.until_stalled(name, "OwnershipConflict")
    assert left in conflict.said("Synced").message
    since = shared.now()
    shared.after_lists()
    assert sent(shared, since=since) == []
    assert len(shared.calls(name, "POST")) == 1
    shared.delete(name)
    shared.until_gone(name)
    assert shared.cloud.endpoint(left)["alive"]
    shared.cloud.console_delete(left)

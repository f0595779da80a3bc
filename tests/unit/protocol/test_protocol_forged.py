"""A status that names an endpoint is no proof that it is the object's: whoever may write it could name a stranger's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.decision_input import Policy
from unit.support.builders import FOREIGN, KEY, SCOPE, UID, an_endpoint, mark
from unit.support.stage import Stage

ATTEMPTS = [
    pytest.param({"id": "a1", "state": "Created"}, id="created"),
    pytest.param({"id": "adopted", "state": "Created"}, id="adopted"),
    pytest.param({"id": "a1", "state": "Pending"}, id="pending"),
    pytest.param(None, id="no attempt"),
]


def forged(attempt: dict[str, str] | None, **spec: Any) -> Stage:  # noqa: ANN401  # fields of the wire
    """An object with our finalizer, and a stranger's endpoint that only its status calls its own."""
    stage = Stage(**spec)
    stage.cloud.endpoints["ep-9"] = an_endpoint("ep-9", description="a stranger's", name="theirs", max_replicas=9)
    body = dict(stage.kube.objects[KEY])
    body["metadata"] = {**body["metadata"], "finalizers": [api.FINALIZER]}
    written = {"createAttempt": attempt} if attempt else {}
    body["status"] = {"observedGeneration": 1, "uid": UID, "scope": SCOPE, "endpointId": "ep-9", **written}
    stage.kube.store(body)
    stage.watch()
    return stage


def touched(stage: Stage) -> list[str]:
    """Calls that change an endpoint that was there."""
    return stage.journal("PATCH", "DELETE")


@pytest.mark.rule("I20")
@pytest.mark.parametrize("attempt", ATTEMPTS)
@pytest.mark.parametrize("enabled", [True, False])
async def test_a_strangers_endpoint_is_not_touched(attempt: dict[str, str] | None, *, enabled: bool) -> None:
    """Neither marked nor changed nor stopped nor deleted, whatever the status says of how it came to be."""
    stage = forged(attempt, enabled=enabled, deletionPolicy="Delete")
    for _ in range(4):
        await stage.turn(31)
    if attempt is None or attempt["state"] == "Created":
        assert stage.reported("Stalled") == "True OwnershipConflict"
    stage.delete()
    for _ in range(30):
        await stage.turn(61)
    assert touched(stage) == []
    assert KEY in stage.kube.objects
    assert stage.reported("Stalled") == "True OwnershipConflict"
    stage.annotate(force_release="true")
    await stage.turn()
    assert KEY not in stage.kube.objects


@pytest.mark.rule("I20")
@pytest.mark.parametrize("attempt", ATTEMPTS[:2])
async def test_a_strangers_endpoint_that_the_spec_names_too(attempt: dict[str, str]) -> None:
    """By its status it is the object's already: it is not touched, and not left without a word."""
    stage = forged(attempt, endpointId="ep-9", deletionPolicy="Delete")
    stage.delete()
    for _ in range(4):
        await stage.turn(61)
    assert (touched(stage), KEY in stage.kube.objects) == ([], True)
    assert stage.reported("Stalled") == "True OwnershipConflict"


@pytest.mark.rule("I20", "X57")
@pytest.mark.parametrize("policy", [{}, {"deletionPolicy": "Delete"}], ids=["left out", "Delete"])
async def test_its_own_endpoint_is_named_and_its_mark_removed_while_no_operator_ran(policy: dict[str, Any]) -> None:
    """It was created, so the deletion waits for a word about it, and deletes it once the mark is back."""
    stage = await Stage(**policy).ready()
    stage.edit(endpointId="ep-1")
    await stage.turn()
    kept = stage.cloud.endpoints["ep-1"]
    stage.cloud.endpoints["ep-1"] = replace(kept, description="by hand")
    stage = stage.restarted()
    await stage.turn()
    stage.delete()
    for _ in range(4):
        await stage.turn(61)
    assert (touched(stage), KEY in stage.kube.objects) == ([], True)
    assert mark(stage.attempt[0]) in stage.message("Stalled")
    stage.cloud.endpoints["ep-1"] = kept
    for _ in range(4):
        await stage.turn(61)
    assert (list(stage.cloud.endpoints), KEY in stage.kube.objects) == ([], False)


async def test_it_is_left_by_an_object_that_retains() -> None:
    """The finalizer goes, and no call is made."""
    stage = forged({"id": "a1", "state": "Created"}, deletionPolicy="Retain")
    stage.delete()
    for _ in range(4):
        await stage.turn(61)
    assert KEY not in stage.kube.objects
    assert touched(stage) == []


@pytest.mark.rule("I20", "X42")
async def test_it_is_not_forgotten_beside_an_endpoint_that_is_marked() -> None:
    """`Retain`: were the marked one released in its place, nobody would be told of the other."""
    stage = await Stage(deletionPolicy="Retain").ready(lasting=300)
    stage = stage.restarted()
    bare = replace(stage.cloud.endpoints["ep-1"], description="by hand")
    late = an_endpoint("ep-2", description=mark("late"), created_at="2025-01-02")
    stage.cloud.endpoints |= {"ep-1": bare, "ep-2": late}
    stage.delete()
    for _ in range(4):
        await stage.turn(61)
    assert (KEY in stage.kube.objects, stage.status["endpointId"], touched(stage)) == (True, "ep-1", [])
    assert stage.reported("Stalled") == "True OwnershipConflict"
    stage.cloud.endpoints["ep-1"] = replace(bare, description=mark(stage.attempt[0]))
    for _ in range(4):
        await stage.turn(61)
    assert (KEY in stage.kube.objects, list(stage.cloud.endpoints)) == (False, ["ep-1"])


@pytest.mark.rule("I20")
async def test_a_mark_that_was_removed_while_no_operator_ran() -> None:
    """A person puts it back, as the condition says, and all is well; this process then knows the endpoint."""
    stage = await Stage().ready()
    kept = stage.cloud.endpoints["ep-1"]
    bare = replace(kept, description="by hand")
    stage = stage.restarted()
    stage.cloud.endpoints["ep-1"] = bare
    await stage.turn(31)
    assert stage.reported("Stalled") == "True OwnershipConflict"
    said = next(item["message"] for item in stage.status["conditions"] if item["type"] == "Stalled")
    assert mark(stage.attempt[0]) in said
    stage.cloud.endpoints["ep-1"] = kept
    await stage.turn(31)
    assert stage.reported("Ready") == "True Available"
    stage.cloud.endpoints["ep-1"] = bare
    await stage.turn(31)
    assert touched(stage) == ["PATCH ep-1 description"]


async def test_where_the_namespace_may_adopt_the_mark_is_put_back() -> None:
    """It could take the endpoint over anyway."""
    stage = forged({"id": "a1", "state": "Created"})
    stage.policy = Policy(may_adopt=True)
    await stage.turn()
    assert "description" in touched(stage)[0]


@pytest.mark.rule("C20")
@pytest.mark.parametrize("count", [0, -(2**63), 2**63 - 1])
@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("endpoint", ["kept", "removed"])
async def test_a_status_that_goes_back_to_another_attempt(count: int, endpoint: str, *, restart: bool) -> None:
    """Somebody writes it, or etcd is restored: nothing of that attempt is found, and all is as before."""
    stage = await Stage().ready()
    body = dict(stage.kube.objects[KEY])
    attempt = {"id": "zz", "state": "Pending", "afterUnknown": count}
    body["status"] = {**body["status"], "createAttempt": attempt}
    if endpoint == "removed":
        del body["status"]["endpointId"]
    stage.kube.store(body)
    stage = stage.restarted() if restart else stage
    stage.watch()
    for _ in range(8):
        await stage.turn(61)
    assert (stage.reported("Ready"), stage.status["endpointId"]) == ("True Available", "ep-1")
    assert stage.journal("POST", "DELETE") == []


@pytest.mark.rule("C43")
@pytest.mark.parametrize("deleted", [False, True])
async def test_what_this_process_made_is_no_imitation(*, deleted: bool) -> None:
    """Another id, routing key and age in the status: the endpoint stays this object's, and goes with it."""
    stage = await Stage().ready()
    body = dict(stage.kube.objects[KEY])
    forgery = {"endpointId": "ep-fake", "routingKey": "dedicated/forged-0001", "createdAt": "1970-01-01T00:00:00Z"}
    body["status"] = {**body["status"], **forgery}
    stage.kube.store(body)
    stage.watch()
    if deleted:
        stage.delete()
    for _ in range(12):
        await stage.turn(61)
    assert stage.journal("POST") == []
    if deleted:
        assert (list(stage.cloud.endpoints), KEY in stage.kube.objects) == ([], False)
    else:
        assert (stage.reported("Ready"), stage.status["endpointId"]) == ("True Available", "ep-1")


async def test_a_status_that_names_another_objects_endpoint() -> None:
    """The mark is right: nobody is asked to remove it, and the way out that is named leaves that endpoint alone."""
    stage = forged(None)
    stage.cloud.endpoints["ep-9"] = replace(stage.cloud.endpoints["ep-9"], description=FOREIGN)
    await stage.turn()
    await stage.turn(61)
    assert stage.reported("Stalled") == "True OwnershipConflict"
    assert "delete the object and apply it again" in stage.message("Stalled")
    stage.delete()
    for _ in range(4):
        await stage.turn(61)
    assert (KEY in stage.kube.objects, touched(stage), list(stage.cloud.endpoints)) == (False, [], ["ep-9"])

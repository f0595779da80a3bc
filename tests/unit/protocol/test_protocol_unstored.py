"""Writes that the API server accepts and does not store: a mutating webhook, or a CRD that is too old."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.errors import KubeError
from tokenfactory_operator.ports import JsonObject
from unit.support.builders import KEY, an_object
from unit.support.fakes import InMemoryKube, Script
from unit.support.stage import Stage

Body = dict[str, Any]


class MutatingKube(InMemoryKube):
    """What is stored is not what was written, while `mutate` says so."""

    def __init__(self, script: Script, mutate: Callable[[Body], None]) -> None:
        super().__init__(script)
        self.mutate = mutate

    def store(self, body: Any) -> JsonObject:  # noqa: ANN401  # JSON
        """As the webhook leaves it."""
        self.mutate(body)
        return super().store(body)


def without_finalizers(body: Body) -> None:
    """A policy that allows none but its own."""
    body["metadata"].pop("finalizers", None)


def without_attempt(body: Body) -> None:
    """The schema does not know the field, so it is pruned."""
    body.get("status", {}).pop("createAttempt", None)


def another_attempt(body: Body) -> None:
    """Something writes the status of before back."""
    if "createAttempt" in body.get("status", {}):
        body["status"]["createAttempt"]["id"] = "00000000"


def without_scope(body: Body) -> None:
    """Something removes where the endpoint lives."""
    body.get("status", {}).pop("scope", None)


@pytest.mark.rule("C45", "I9")
@pytest.mark.parametrize("mutate", [without_finalizers, without_attempt, another_attempt, without_scope])
async def test_nothing_is_sent_that_would_not_be_on_record(mutate: Callable[[Body], None]) -> None:
    """It is said on the object, and goes on by itself once the writes are stored."""
    base = Stage()
    kube = base.kube = MutatingKube(base.script, mutate)
    kube.store(an_object())
    stage = Stage(base)
    for _ in range(3):
        await stage.poll()
        with suppress(KubeError):
            await stage.reconcile()
    assert stage.journal("POST") == []
    assert "WriteNotStored" in stage.witness.events
    kube.mutate = lambda _body: None
    stage.watch()
    for _ in range(5):
        await stage.turn(70)
    assert (stage.journal("POST"), KEY in kube.objects) == (["POST"], True)
    assert stage.status["endpointId"] == "ep-1"


def without_id(body: Body) -> None:
    """Something removes what it does not know."""
    body.get("status", {}).pop("endpointId", None)


def without_conditions(body: Body) -> None:
    """The same for what people read."""
    body.get("status", {}).pop("conditions", None)


def another_scope(body: Body) -> None:
    """Something writes another project."""
    if "scope" in body.get("status", {}):
        body["status"]["scope"] = "project-0"


@pytest.mark.rule("R7", "X54")
@pytest.mark.parametrize("asked", ["an edit", "a request"])
async def test_what_was_asked_and_is_not_stored_is_tried_again(asked: str) -> None:
    """A write that changes nothing but the generation, or the request that is answered, is one too."""
    base = Stage()
    kube = base.kube = MutatingKube(base.script, lambda _body: None)
    kube.store(an_object())
    await (stage := Stage(base)).ready()
    stored = dict(stage.status)

    def put_back(body: Body) -> None:
        body["status"] = stored

    if asked == "an edit":
        stage.edit(managementPolicy="Manage")
    else:
        stage.annotate(reconcile_requested_at="now")
    kube.mutate = put_back
    if asked == "a request":
        await stage.turn()  # it is answered by a list after it was seen
    with pytest.raises(KubeError, match="did not store it"):
        await stage.turn()
    kube.mutate = lambda _body: None
    await stage.turn(70)
    assert stage.status["observedGeneration"] == stage.resource.generation
    assert stage.status.get("lastHandledReconcileAt") == (stage.resource.requested_at or None)


@pytest.mark.rule("R7")
@pytest.mark.parametrize("mutate", [without_id, without_conditions, another_scope, without_scope])
async def test_a_status_that_is_not_stored_is_tried_again(mutate: Callable[[Body], None]) -> None:
    """The pass fails, so that the pauses grow, and an Event says it. The endpoint is kept, and the status comes."""
    base = Stage()
    kube = base.kube = MutatingKube(base.script, lambda _body: None)
    kube.store(an_object())
    await (stage := Stage(base)).ready()
    kube.mutate = mutate
    kube.store(stage.body)
    stage = stage.restarted()
    await stage.poll()
    for _ in range(2):
        with pytest.raises(KubeError, match="did not store it"):
            await stage.reconcile()
    assert "WriteNotStored" in stage.witness.events
    kube.mutate = lambda _body: None
    for _ in range(5):
        await stage.turn(70)
    assert stage.journal("POST", "DELETE") == []
    assert (stage.status["endpointId"], stage.reported("Ready")) == ("ep-1", "True Available")


@pytest.mark.rule("D43", "X55")
@pytest.mark.parametrize("policy", ["Delete", "Retain"])
async def test_a_finalizer_that_is_put_back(policy: str) -> None:
    """The object is not taken for gone: its removal is tried again, and no Event says before that it has ended."""
    base = Stage()
    kube = base.kube = MutatingKube(base.script, lambda _body: None)
    kube.store(an_object(spec={"deletionPolicy": policy}))
    await (stage := Stage(base)).ready(lasting=300)
    stage.delete()
    kube.mutate = with_finalizer
    for _ in range(8):
        with suppress(KubeError):
            await stage.turn(31)
    assert KEY in kube.objects
    assert "WriteNotStored" in stage.witness.events
    assert {"DeletedEndpoint", "ReleasedEndpoint"}.isdisjoint(stage.witness.events)
    kube.mutate = lambda _body: None
    await stage.reconcile()
    assert KEY not in kube.objects
    assert stage.witness.events[-1] == ("DeletedEndpoint" if policy == "Delete" else "ReleasedEndpoint")


def with_finalizer(body: Body) -> None:
    """A policy by which objects keep it."""
    if api.FINALIZER not in body["metadata"]["finalizers"]:
        body["metadata"]["finalizers"].append(api.FINALIZER)

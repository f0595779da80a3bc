"""Owner marks edited, copied and removed in the cloud's console, at their longest, and endpoints that two objects name.

Whatever people do there: a truthful condition, no second endpoint, and no mutation of what belongs to nobody here.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import pytest

from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.strangers import sent, touched
from cluster.support.views import View
from cluster.support.world import World
from cluster.support.worlds import WorldMaker
from tokenfactory_operator.api import v1alpha1 as api

pytestmark = pytest.mark.cluster

Edit = Callable[[str, View], str]
LIMIT: Final = 500
"""Characters of the vendor's description."""
TEXT: Final = "ü☃" * 150
"""As long a description as the schema takes."""


# Edited


def attempt_of(seen: View) -> str:
    text: str = seen.status["createAttempt"]["id"]
    return text


KEPT: Final = [
    pytest.param(lambda text, seen: text.replace(attempt_of(seen), "0badcafe"), id="another try"),
    pytest.param(lambda text, seen: text.replace(seen.body["metadata"]["name"], "renamed"), id="another name"),
    pytest.param(lambda text, _: f"{text} {text}", id="twice"),
    pytest.param(lambda text, _: text.replace(" ", "  \n"), id="white space"),
]


@pytest.mark.parametrize("edit", KEPT)
def test_a_mark_that_still_names_the_object(shared: World, name: str, edit: Edit) -> None:
    """The object is known by cluster id and uid alone; it stays Ready and is deleted with its endpoint."""
    seen, since = edited(shared, name, edit)
    shared.after_lists()
    shared.until_ready(name)
    assert sent(shared, since=since) == []
    shared.delete(name)
    shared.until_gone(name)
    assert not shared.cloud.endpoint(seen.endpoint_id)["alive"]


BROKEN: Final = [
    pytest.param(lambda text, _: text.removesuffix("]"), id="no end"),
    pytest.param(lambda text, _: text.removeprefix("["), id="no beginning"),
    pytest.param(lambda text, _: text.upper(), id="capitals"),
    pytest.param(lambda text, seen: text.replace(seen.uid, ""), id="no uid"),
    pytest.param(lambda text, _: text.replace("[k8s ", "[k8s-released "), id="half released"),
    pytest.param(lambda _text, _: "x" * LIMIT, id="written over to the limit"),
]


@pytest.mark.parametrize("edit", BROKEN)
def test_a_mark_that_names_nobody(shared: World, name: str, edit: Edit) -> None:
    """The status still says whose it is: one PATCH puts the whole mark back, within the vendor's limit."""
    seen, since = edited(shared, name, edit)
    mark = re.compile(rf"\[k8s \S+ {shared.namespace}/{name} uid={seen.uid} try={attempt_of(seen)}\]$")
    eventually(lambda: mark.search(shared.cloud.endpoint(seen.endpoint_id)["description"]), what="the whole mark")
    assert len(shared.cloud.endpoint(seen.endpoint_id)["description"]) <= LIMIT
    shared.until_ready(name)
    shared.after_lists()
    assert sent(shared, since=since) == [f"PATCH {seen.endpoint_id}"]
    shared.delete(name)
    shared.until_gone(name)
    assert not shared.cloud.endpoint(seen.endpoint_id)["alive"]


FOREIGN: Final = [
    pytest.param(lambda text, seen: text.replace(seen.uid, "11111111-2222-3333-4444-555555555555"), id="another uid"),
    pytest.param(lambda text, _: text.replace("[k8s ", "[k8s 0a0a0a0a-"), id="another cluster"),
    pytest.param(lambda text, _: f"{text} [k8s c9 a/b uid=1 try=1]", id="another owner beside"),
]


@pytest.mark.parametrize("edit", FOREIGN)
def test_a_mark_that_names_somebody_else(shared: World, name: str, edit: Edit) -> None:
    """A conflict, not a drift: nothing is sent, not even by the deletion, and putting it right is enough."""
    seen, since = edited(shared, name, edit)
    conflict = shared.until_stalled(name, "OwnershipConflict")
    assert seen.endpoint_id in conflict.said("Synced").message
    assert not conflict.ready
    before = shared.cloud.endpoint(seen.endpoint_id)["description"]
    shared.cloud.console_patch(seen.endpoint_id, description=f"uid={seen.uid}")
    shared.until_ready(name)
    assert sent(shared, since=since) == [f"PATCH {seen.endpoint_id}"]
    shared.cloud.console_patch(seen.endpoint_id, description=before)
    shared.until_stalled(name, "OwnershipConflict")
    since = shared.now()
    shared.delete(name)
    shared.until_gone(name)
    assert sent(shared, since=since) == []
    assert shared.cloud.endpoint(seen.endpoint_id)["alive"]
    shared.cloud.console_delete(seen.endpoint_id)


def edited(world: World, name: str, edit: Edit) -> tuple[View, int]:
    """A Ready object whose endpoint's description somebody then edits; with the number of the last call before."""
    seen = world.created(name)
    since = world.now()
    before = world.endpoint(name)["description"]
    after = edit(before, seen)
    assert after != before
    world.cloud.console_patch(seen.endpoint_id, description=after)
    return seen, since


def test_mark_and_status_both_removed(shared: World, name: str) -> None:
    """This process has made the endpoint and knows its id: it writes both anew, and makes no second one."""
    seen = shared.created(name)
    shared.annotate(name, api.PAUSED, "true")
    shared.until_reported(name, "Synced", "ReconcilePaused")
    shared.cloud.console_patch(seen.endpoint_id, description="mine now")
    shared.wipe_status(name)
    shared.after_lists()
    shared.annotate(name, api.PAUSED, None)
    marked = "mine now [k8s "  # the object may have been Ready while it was paused
    eventually(lambda: shared.cloud.endpoint(seen.endpoint_id)["description"].startswith(marked), what="a mark")
    assert shared.until_ready(name).endpoint_id == seen.endpoint_id
    shared.after_lists()
    assert len(shared.calls(name, "POST")) == 1


# Copied


def test_mark_copied_onto_a_stranger(shared: World, name: str) -> None:
    """Both are named and left alone; the deletion takes the recorded one and leaves the stranger, which is told."""
    stranger = shared.cloud.console_create(name="theirs")["id"]
    seen = shared.created(name)
    shared.cloud.console_patch(stranger, description=shared.endpoint(name)["description"])
    conflict = shared.until_stalled(name, "OwnershipConflict")
    assert {stranger, seen.endpoint_id} <= set(conflict.said("Synced").message.replace(",", " ").split())
    assert not conflict.ready
    shared.edit(name, displayName="renamed")
    shared.after_lists()
    shared.delete(name)
    shared.until_gone(name)
    assert touched(shared, stranger) == []
    assert shared.cloud.endpoint(stranger)["alive"]
    assert touched(shared, seen.endpoint_id) == [f"DELETE {seen.endpoint_id}"]
    assert stranger in shared.until_event(name, "OwnershipConflict")["message"]
    assert len(shared.calls(name, "POST")) == 1
    shared.cloud.console_delete(stranger)


def test_cloned_and_the_status_wiped(shared: World, name: str) -> None:
    """Nobody knows any more which is the copy: both stay, by the deletion too, until a person removes one."""
    seen = shared.created(name)
    clone = shared.cloud.console_create(description=shared.endpoint(name)["description"])["id"]
    shared.until_stalled(name, "OwnershipConflict")
    shared.operator.restart()
    shared.wipe_status(name)
    eventually(lambda: shared.get(name).said("Stalled").reason == "OwnershipConflict", what="the conflict")
    shared.after_lists()
    assert [touched(shared, clone), touched(shared, seen.endpoint_id)] == [[], []]
    shared.cloud.console_delete(clone)
    assert shared.until_ready(name).endpoint_id == seen.endpoint_id
    assert len(shared.calls(name, "POST")) == 1


def test_cloned_and_the_original_removed(shared: World, name: str) -> None:
    """A clone is never taken for the original: it stays a conflict, and without it the endpoint is made anew."""
    seen = shared.created(name)
    clone = shared.cloud.console_create(description=shared.endpoint(name)["description"])["id"]
    shared.until_stalled(name, "OwnershipConflict")
    shared.cloud.console_delete(seen.endpoint_id)
    alone = eventually(lambda: _reported(shared, name, f"The owner mark of endpoint {clone} is a copy"))
    assert (alone.endpoint_id, alone.ready) == (seen.endpoint_id, False)
    shared.after_lists(10)
    assert touched(shared, clone, seen.endpoint_id) == []
    assert len(shared.calls(name, "POST")) == 1
    shared.cloud.console_patch(clone, description="theirs")
    again = shared.until_ready_with_another(name, seen.endpoint_id)
    assert again.endpoint_id == shared.endpoint(name)["id"] != clone
    shared.delete(name)
    shared.until_gone(name)
    assert touched(shared, clone) == []
    shared.cloud.console_delete(clone)


def _reported(world: World, name: str, text: str) -> View | None:
    seen = world.get(name)
    assert text in seen.said("Synced").message, seen.summary()
    return seen


def test_a_list_that_misses_the_recorded_endpoint(new_world: WorldMaker) -> None:
    """A possible duplicate does not take its place, which is said; nothing is deleted until both are seen."""
    world = new_world(settings={"CREATE_SETTLE": "1m", "DELETE_SETTLE": "1m"})
    seen = world.created("subject")
    mark = world.endpoint("subject")["description"]
    world.cloud.fault({"method": "GET"}, effect="partial_list", drop_ids=[seen.endpoint_id])
    duplicate = world.cloud.console_create(description=mark.replace(attempt_of(seen), "0badcafe"))["id"]
    waiting = eventually(
        lambda: _reported(world, "subject", f"{duplicate}, with this object's mark too, is left alone")
    )
    said = [(waiting.said(kind).status, waiting.said(kind).reason) for kind in ("Ready", "Synced")]
    assert said == [("Unknown", "EndpointLost")] * 2
    assert waiting.endpoint_id == seen.endpoint_id
    world.after_lists()
    assert touched(world, seen.endpoint_id, duplicate) == []
    world.cloud.clear_faults()
    world.until_called("subject", "DELETE")
    assert world.until_ready("subject").endpoint_id == seen.endpoint_id
    assert touched(world, seen.endpoint_id, duplicate) == [f"DELETE {duplicate}"]


# At their longest


@pytest.fixture
def longest(new_world: WorldMaker, kube: KubeApi) -> Iterator[World]:
    """A world whose namespace has as long a name as there is."""
    namespace = f"{'s' * 54}-{secrets.token_hex(4)}"
    kube.create_namespace(namespace)
    world = replace(new_world(settings={"WATCH_NAMESPACES": namespace}), namespace=namespace)
    yield world
    for item in kube.objects(namespace):
        kube.patch(namespace, item["metadata"]["name"], {"metadata": {"finalizers": None}})
    kube.delete_namespace(namespace)


def test_the_longest_names_and_descriptions(longest: World) -> None:
    """Names that differ in their 253rd character get an endpoint each, with a whole mark, and without drift."""
    first, second = ("n" * 252 + end for end in "ab")
    seen = {each: longest.created(each, description=TEXT) for each in (first, second)}
    assert len({view.endpoint_id for view in seen.values()}) == 2
    for each, view in seen.items():
        endpoint = longest.cloud.endpoint(view.endpoint_id)
        assert endpoint["description"].startswith(f"{TEXT} [k8s ")
        assert endpoint["description"].endswith(f" uid={view.uid} try={attempt_of(view)}]")
        assert len(endpoint["description"]) <= LIMIT
        longest.until_event(each, "CreatedEndpoint")
    longest.operator.restart()
    longest.after_lists()
    assert [longest.get(each).version for each in seen] == [view.version for view in seen.values()]
    longest.edit(first, description=TEXT[::-1])
    longest.until_ready(first)
    assert touched(longest, *(view.endpoint_id for view in seen.values())) == [f"PATCH {seen[first].endpoint_id}"]
    longest.delete(first)
    longest.until_gone(first)
    kept = seen[second].endpoint_id
    assert touched(longest, kept) == []
    assert [item["id"] for item in longest.cloud.endpoints()] == [kept]
    assert longest.get(second).ready
    longest.delete(second)
    longest.until_gone(second)
    assert longest.cloud.endpoints() == []


# Named by two objects


@pytest.mark.parametrize("policy", ["Manage", "Observe"])
def test_an_endpoint_that_was_made_for_another_object(new_world: WorldMaker, policy: str) -> None:
    """Who names it in the spec does not get it, nor takes it along when it is deleted; looking on is allowed."""
    world = new_world(settings={"ADOPTION_NAMESPACES": "*"})
    mine = world.created("mine")
    since = world.now()
    world.create("second", endpointId=mine.endpoint_id, managementPolicy=policy, deletionPolicy="Delete")
    if policy == "Manage":
        said = world.until_stalled("second", "OwnershipConflict").said("Synced")
        assert mine.endpoint_id in said.message
    else:
        world.until_ready("second")
    world.after_lists()
    world.delete("second")
    world.until_gone("second")
    world.after_lists()
    assert sent(world, since=since) == []
    assert world.get("mine").version == mine.version


def test_who_observes_first_claims_nothing(new_world: WorldMaker) -> None:
    """An object that comes later manages what another one looks at, and both are Ready; the observer goes unnoticed."""
    world = new_world(settings={"ADOPTION_NAMESPACES": "*"})
    made = world.created("maker", deletionPolicy="Retain").endpoint_id
    world.delete("maker")
    world.until_gone("maker")
    since = world.now()
    world.created("observer", endpointId=made, managementPolicy="Observe")
    world.created("manager", endpointId=made)
    world.after_lists()
    assert world.get("observer").ready
    assert sent(world, since=since) == [f"PATCH {made}"]
    world.delete("observer")
    world.until_gone("observer")
    world.after_lists()
    assert sent(world, since=since) == [f"PATCH {made}"]
    assert world.get("manager").ready

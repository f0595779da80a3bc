"""The section Evidence of the protocol: what may be concluded from what is seen, and from what is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tokenfactory_operator.domain.identity import Identity
from tokenfactory_operator.domain.observed import Changes, EndpointList, ObservedEndpoint
from tokenfactory_operator.domain.timing import NEVER, Timing
from tokenfactory_operator.state.inventory import Inventory
from unit.support.builders import FOREIGN, OTHER_UID, UID, an_endpoint, an_object, mark, released
from unit.support.scene import Scene, evidence

Arrange = Callable[[Scene], object]
SETTLE = Timing().create_settle


def absent(scene: Scene, *, after: float = NEVER, settle: float = SETTLE) -> tuple[bool, bool, bool]:
    """Whether identity, attempt and recorded id are proven absent."""
    found = evidence(scene)
    kinds = (found.identity_absence, found.attempt_absence, found.recorded.absence)
    first, second, third = (kind.proven(after=after, settle=settle) for kind in kinds)
    return first, second, third


def take_answer(scene: Scene, endpoint: ObservedEndpoint) -> Scene:
    scene.inventory.take_answer(endpoint)
    return scene


ALL, NONE = (True, True, True), (False, False, False)

ABSENCE = [
    pytest.param(lambda s: s, NONE, id="nothing-was-listed"),
    pytest.param(lambda s: s.lists(), NONE, id="one-list"),
    pytest.param(lambda s: s.lists().wait(1000), NONE, id="one-list-long-ago"),
    pytest.param(lambda s: s.settles(seconds=58), NONE, id="two-lists-too-close"),
    pytest.param(lambda s: s.settles(seconds=59), ALL, id="two-lists-that-begin-the-settle-time-apart"),
    pytest.param(lambda s: s.lists().wait(61).lists(complete=False), NONE, id="an-incomplete-list-proves-nothing"),
    pytest.param(lambda s: s.lists(complete=False).wait(61).lists(), NONE, id="nor-does-it-start-the-time"),
    pytest.param(lambda s: s.lists(an_endpoint()).settles(seconds=58), NONE, id="counted-from-the-sighting"),
    pytest.param(lambda s: s.lists(an_endpoint()).settles(), ALL, id="gone-since-a-sighting"),
    pytest.param(lambda s: s.lists().wait(61).lists(an_endpoint()), NONE, id="listed-now"),
    pytest.param(
        lambda s: s.lists().wait(61).lists(an_endpoint(), complete=False), NONE, id="presence-from-an-incomplete-list"
    ),
    pytest.param(
        lambda s: s.lists().wait(61).lists(an_endpoint(), complete=False).lists().wait(58).lists(),
        NONE,
        id="presence-from-an-incomplete-list-starts-anew",
    ),
    pytest.param(lambda s: take_answer(s.lists(), an_endpoint()).wait(61).lists(), NONE, id="an-answer-starts-anew"),
    pytest.param(lambda s: take_answer(s.lists(), an_endpoint()).settles(), ALL, id="gone-since-an-answer"),
    pytest.param(
        lambda s: s.lists(an_endpoint(description=mark("a2"))).settles(an_endpoint(description=mark("a2"))),
        (False, True, False),
        id="another-attempts-endpoint-is-there",
    ),
    pytest.param(lambda s: s.settles(an_endpoint("ep-2")), (False, False, True), id="our-identity-under-another-id"),
    pytest.param(lambda s: s.settles(an_endpoint(description="")), (True, True, False), id="the-id-without-its-mark"),
    pytest.param(
        lambda s: s.settles(an_endpoint("ep-2", description=FOREIGN)), ALL, id="somebody-elses-is-no-evidence"
    ),
    pytest.param(
        lambda s: s.settles(an_endpoint("ep-2", description=mark(cluster="c2"))), ALL, id="another-clusters-is-none"
    ),
]


@pytest.mark.rule(
    E5="presence-from-an-incomplete-list",
    E6="an-incomplete-list-proves-nothing",
    E7="one-list-long-ago",
    E8=("counted-from-the-sighting", "an-answer-starts-anew"),
    E9="two-lists-too-close",
)
@pytest.mark.parametrize(("arrange", "expected"), ABSENCE)
def test_absence(arrange: Arrange, expected: tuple[bool, bool, bool]) -> None:
    """Absent: in none of two complete LISTs, both begun after the last evidence, the settle time apart."""
    scene = Scene()
    arrange(scene)
    assert absent(scene) == expected


@pytest.mark.rule("E7")
def test_one_list_is_never_two() -> None:
    """However short the settle time."""
    scene = Scene().lists()
    assert absent(scene, settle=0.0) == NONE
    assert absent(scene.lists(), settle=0.0) == ALL


def test_a_long_pause_between_two_lists_loses_no_proof() -> None:
    """After an outage the LIST before it still counts."""
    assert absent(Scene().lists().wait(100_000).lists(), settle=Timing().delete_settle) == ALL


def test_a_list_begun_before_a_moment_says_nothing_about_what_came_after() -> None:
    """Absence is proven by LISTs begun after the end of the call that may have made something."""
    scene = Scene().lists()
    ended = scene.inventory.stamp()
    assert absent(scene.wait(61).lists(), after=ended) == NONE
    assert absent(scene.wait(61).lists(), after=ended) == ALL


def flight(scene: Scene, meanwhile: Callable[[Inventory], object], *endpoints: ObservedEndpoint) -> Changes:
    """A complete LIST during which something happens."""
    begun = scene.inventory.stamp()
    scene.wait(1)
    meanwhile(scene.inventory)
    return scene.inventory.listed(begun, EndpointList(endpoints))


NEW, OLD = an_endpoint(name="new"), an_endpoint(name="old")


@pytest.mark.rule("E3")
def test_an_older_list_never_overwrites_a_newer_answer() -> None:
    """A PATCH that ended after the LIST began has the last word, until a LIST begun after it."""
    scene = Scene().lists(OLD)
    flight(scene, lambda inventory: inventory.take_answer(NEW), OLD)
    assert scene.inventory.endpoint("ep-1") == NEW
    scene.lists(OLD)
    assert scene.inventory.endpoint("ep-1") == OLD


@pytest.mark.rule("E4")
def test_an_older_list_never_proves_a_newer_answer_away() -> None:
    """A POST that ended after the LIST began is not undone by it."""
    scene = Scene()
    flight(scene, lambda inventory: inventory.take_answer(NEW, created=True))
    assert scene.inventory.endpoint("ep-1") == NEW


def test_a_list_begun_after_the_answer_has_the_last_word() -> None:
    """Not a created endpoint's, which may lag, but a patched one's."""
    scene = take_answer(Scene(), NEW).lists()
    assert scene.inventory.endpoint("ep-1") is None


def test_a_created_endpoint_may_lag_behind_for_the_settle_time() -> None:
    """LIST may show it late; when it still does not, it is taken for missing."""
    scene = Scene()
    scene.inventory.take_answer(NEW, created=True)
    assert scene.lists().inventory.endpoint("ep-1") == NEW
    assert scene.wait(SETTLE).lists().inventory.endpoint("ep-1") is None


def test_how_recent_the_knowledge_is() -> None:
    """A sighting tells the start of the LIST that showed it and the end of the last answer."""
    scene = Scene()
    ended = scene.inventory.take_answer(an_endpoint())
    first = evidence(scene).own[0]
    assert (first.listed, first.answered) == (NEVER, ended)
    second = evidence(scene.lists(an_endpoint())).own[0]
    assert second.listed == scene.inventory.last_complete > ended == second.answered


# Whose it is


def ids(scene: Scene, uid: str = UID, name: str = "llm") -> tuple[set[str], set[str]]:
    """Ids of own endpoints and of predecessors'."""
    scene.body = an_object(uid=uid, name=name)
    found = evidence(scene)
    return {seen.endpoint.id for seen in found.own}, {seen.endpoint.id for seen in found.predecessors}


OWNERS = [
    pytest.param(mark(), ({"ep-1"}, set()), id="ours"),
    pytest.param(mark(uid=OTHER_UID), (set(), {"ep-1"}), id="earlier-object-of-the-name"),
    pytest.param(released(), (set(), {"ep-1"}), id="released"),
    pytest.param(f"{mark()} {mark(uid=OTHER_UID)}", ({"ep-1"}, set()), id="ours-and-the-predecessors"),
    pytest.param(mark(uid=OTHER_UID, name="other"), (set(), set()), id="another-objects"),
    pytest.param(mark(cluster="c2"), (set(), set()), id="another-clusters"),
    pytest.param(mark(uid=OTHER_UID, cluster="c2"), (set(), set()), id="same-name-in-another-cluster"),
    pytest.param(released(cluster="c2"), (set(), set()), id="released-in-another-cluster"),
    pytest.param("", (set(), set()), id="nobodys"),
]


@pytest.mark.rule(A14="another-objects")
@pytest.mark.parametrize(("description", "expected"), OWNERS)
def test_owners(description: str, expected: tuple[set[str], set[str]]) -> None:
    """The mark decides whose an endpoint is."""
    assert ids(Scene().lists(an_endpoint(description=description))) == expected


@pytest.mark.parametrize("teach", ["list", "answer"])
def test_marks_that_change_in_the_console(teach: str) -> None:
    """Every change of a description is looked up anew, and both owners have to look."""
    scene = Scene().lists(an_endpoint())
    other = an_endpoint(description=mark(uid=OTHER_UID))
    if teach == "list":
        changes = flight(scene, lambda _: None, other)
        assert changes == Changes(frozenset({"ep-1"}), frozenset({UID, OTHER_UID}))
    else:
        scene.inventory.take_answer(other)
    assert ids(scene) == (set(), {"ep-1"})
    assert ids(scene, OTHER_UID) == ({"ep-1"}, set())
    assert ids(scene.lists(an_endpoint(description=""))) == (set(), set())


CHANGES = [
    pytest.param((an_endpoint(),), (an_endpoint(),), set(), set(), id="nothing"),
    pytest.param((), (an_endpoint(),), {"ep-1"}, {UID}, id="new"),
    pytest.param((an_endpoint(),), (), {"ep-1"}, {UID}, id="vanished"),
    pytest.param((an_endpoint(),), (an_endpoint(ready_replicas=0),), {"ep-1"}, {UID}, id="state"),
    pytest.param((an_endpoint(description=""),), (an_endpoint(description="x"),), {"ep-1"}, set(), id="unmarked"),
]


@pytest.mark.parametrize(("before", "after", "endpoint_ids", "uids"), CHANGES)
def test_changes(
    before: tuple[ObservedEndpoint, ...], after: tuple[ObservedEndpoint, ...], endpoint_ids: set[str], uids: set[str]
) -> None:
    """A LIST tells whose endpoints it changed, and only those."""
    scene = Scene().lists(*before)
    assert flight(scene, lambda _: None, *after) == Changes(frozenset(endpoint_ids), frozenset(uids))


def test_an_incomplete_list_makes_nothing_vanish() -> None:
    """What it does not show stays."""
    scene = Scene().lists(an_endpoint(), an_endpoint("ep-2", description="")).lists(an_endpoint("ep-2"), complete=False)
    assert len(scene.inventory) == 2
    assert not scene.inventory.trust.missing


def test_before_the_first_complete_list_nothing_is_known() -> None:
    """The gate of mutations, and the age of what is known."""
    scene = Scene().lists(an_endpoint(), complete=False)
    assert (evidence(scene).view.last_view, scene.inventory.listed_once) == (NEVER, False)
    assert scene.inventory.last_complete == NEVER
    scene.lists(an_endpoint())
    assert evidence(scene).view.last_view > NEVER
    assert scene.inventory.listed_once


def test_old_lists_are_forgotten_and_proofs_are_not() -> None:
    """Only what a settle time can still need is kept, in hours of polling."""
    scene = Scene()
    for _ in range(2000):
        scene.wait(29).lists()
    lists = evidence(scene).identity_absence.lists
    assert len(lists) < 150
    assert absent(scene, settle=Timing().delete_settle) == ALL


@pytest.mark.rule("I7")
def test_identity_is_cluster_and_uid() -> None:
    """The same uid in another cluster is another object's."""
    endpoint = an_endpoint(description=mark(cluster="c2"))
    assert endpoint.carries(Identity("c2", UID))
    assert not endpoint.carries(Identity("c1", UID))


def test_a_list_without_change_is_a_sight() -> None:
    """Absence is counted from the last LIST that showed it, however long it has been the same."""
    scene = Scene().lists(an_endpoint()).wait(600).lists(an_endpoint()).settles(seconds=58)
    assert absent(scene) == NONE
    assert absent(scene.wait(1).lists()) == ALL

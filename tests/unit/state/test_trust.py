"""When an inventory is not trusted: its LISTs hide things, or too much is absent at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.state.inventory import Inventory
from unit.support.builders import an_endpoint, mark
from unit.support.scene import Scene, evidence

Arrange = Callable[[Scene], object]
SETTLE = Timing().create_settle


def fleet(count: int, *, without: int = 0) -> tuple[ObservedEndpoint, ...]:
    endpoints = [an_endpoint(f"ep-{number}", description=mark(uid=f"u{number}")) for number in range(1, count + 1)]
    return tuple(endpoints[without:])


UNTRUSTED = [
    pytest.param(lambda s: s.lists(*fleet(20)), False, id="all-there"),
    pytest.param(lambda s: s.lists(*fleet(20)).lists(*fleet(20, without=2)), False, id="ten-per-cent"),
    pytest.param(lambda s: s.lists(*fleet(20)).lists(*fleet(20, without=3)), True, id="over-ten-per-cent"),
    pytest.param(lambda s: s.lists(*fleet(1)).lists(), False, id="a-single-one"),
    pytest.param(lambda s: s.lists(*fleet(3)).lists(*fleet(3, without=1)), False, id="one-of-three"),
    pytest.param(lambda s: s.lists(*fleet(3)).lists(*fleet(3, without=2)), True, id="two-of-three"),
    pytest.param(
        lambda s: s.lists(*fleet(20)).lists(*fleet(20, without=3), complete=False), False, id="incomplete-list"
    ),
    pytest.param(lambda s: s.lists(*fleet(20)).lists(*fleet(20, without=3)).lists(*fleet(20)), False, id="back-again"),
    pytest.param(
        lambda s: s.lists(*fleet(3)).deleted("ep-1", "ep-2").lists(*fleet(3, without=2)), False, id="deleted-by-us"
    ),
    pytest.param(
        lambda s: s.lists(*fleet(3)).lists(*fleet(3, without=2)).gone("ep-1"), False, id="one-of-them-proven-gone"
    ),
    pytest.param(lambda s: s.hides(), True, id="answers-by-id-before-any-list"),
    pytest.param(lambda s: s.hides().lists(), True, id="answers-by-id-only"),
    pytest.param(lambda s: s.hides().lists(ObservedEndpoint("ep-hidden")), False, id="hidden-and-listed-again"),
]


@pytest.mark.rule(E16="answers-by-id-only", E18=("over-ten-per-cent", "ten-per-cent", "a-single-one"))
@pytest.mark.parametrize(("arrange", "untrusted"), UNTRUSTED)
def test_trust(arrange: Arrange, *, untrusted: bool) -> None:
    """A LIST that hides things, or more than one and over 10 % absent at once, proves no absence."""
    scene = Scene()
    arrange(scene)
    assert bool(scene.inventory.untrusted()) is untrusted
    assert evidence(scene).view.untrusted == scene.inventory.untrusted()


@pytest.mark.rule("E17")
def test_an_id_from_a_201_that_stays_unlisted() -> None:
    """After CREATE_SETTLE the LIST is known to hide things, until it shows the id."""
    scene = Scene().lists()
    scene.inventory.take_answer(an_endpoint(), created=True)
    assert scene.wait(SETTLE - 1).lists().inventory.untrusted() == ""
    assert "ep-1" in scene.wait(2).lists().inventory.untrusted()
    assert scene.lists(an_endpoint()).inventory.untrusted() == ""


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda inventory: inventory.confirm("ep-1"), id="confirmed"),
        pytest.param(lambda inventory: inventory.delete_answered("ep-1"), id="deleted"),
        pytest.param(lambda inventory: inventory.proven_gone("ep-1"), id="proven-gone"),
    ],
)
def test_what_ends_the_doubt_of_an_unlisted_id(end: Callable[[Inventory], object]) -> None:
    """A person's word, a DELETE, or a 404 by id."""
    scene = Scene()
    scene.inventory.take_answer(an_endpoint(), created=True)
    assert scene.wait(SETTLE + 2).lists().inventory.untrusted()
    end(scene.inventory)
    assert scene.inventory.untrusted() == ""


def test_a_confirmed_absence_counts_no_more_until_it_is_seen_again() -> None:
    """A person's word is about this absence."""
    scene = Scene().lists(*fleet(3)).lists(*fleet(3, without=2))
    scene.inventory.confirm("ep-1")
    assert scene.inventory.trust.missing == {"ep-2"}
    assert scene.lists(*fleet(3)).lists(*fleet(3, without=2)).inventory.trust.missing == {"ep-1", "ep-2"}


def test_a_confirmation_of_what_is_there_ends_with_the_next_sight() -> None:
    """A person's word is about an absence: what is listed again is missed again, though nothing else has changed."""
    scene = Scene().lists(*fleet(3))
    for endpoint in fleet(3):
        scene.inventory.confirm(endpoint.id)
    scene.lists(*fleet(3)).lists(*fleet(3, without=2))
    assert scene.inventory.trust.missing == {"ep-1", "ep-2"}


def test_what_a_status_names_is_known_before_the_first_list() -> None:
    """A truncated first LIST after a restart is not believed."""
    scene = Scene()
    for number in range(1, 4):
        scene.inventory.expect(f"ep-{number}")
    assert scene.inventory.untrusted() == ""
    assert scene.lists(*fleet(3, without=2)).inventory.untrusted()


def test_expecting_what_is_missing_already() -> None:
    """The objects are looked at one after the other: each counts from then on."""
    scene = Scene().lists()
    counts = []
    for number in range(1, 4):
        scene.inventory.expect(f"ep-{number}")
        counts.append(len(scene.inventory.trust.missing))
    assert counts == [1, 2, 3]


def test_an_object_that_is_gone_misses_nothing() -> None:
    """What no object names any more, and is not there, is forgotten."""
    scene = Scene().lists(*fleet(3)).lists(*fleet(3, without=2))
    scene.inventory.forget("u1", "ep-1")
    assert scene.inventory.untrusted() == ""


@pytest.mark.rule("X1")
def test_endpoints_that_no_object_names_do_not_distrust_for_ever() -> None:
    """Others use the project too, and orphans are cleaned up by hand: nobody could confirm their absence."""
    scene = Scene().lists(*fleet(3))
    scene.inventory.expect("ep-3")
    scene.lists(*fleet(3, without=2))
    assert scene.inventory.untrusted()
    scene.wait(Timing().delete_settle - 2).lists(*fleet(3, without=2))
    assert scene.inventory.untrusted()
    scene.wait(2).lists(*fleet(3, without=2))
    assert scene.inventory.untrusted() == ""


def test_endpoints_that_objects_name_distrust_until_a_person_answers() -> None:
    """Time alone proves nothing against a LIST that is cut off."""
    scene = Scene()
    for number in range(1, 4):
        scene.inventory.expect(f"ep-{number}")
    scene.lists(*fleet(3))
    for _ in range(3):
        scene.wait(1000).lists(*fleet(3, without=2))
    assert scene.inventory.untrusted()


def test_a_hidden_endpoint_is_kept_and_told() -> None:
    """Observed by id while the LISTs do not show it."""
    scene = Scene().lists()
    scene.inventory.found_by_id(an_endpoint())
    found = evidence(scene.lists())
    assert found.recorded.seen is not None
    assert found.view.hidden == {"ep-1"}


def test_a_hidden_endpoint_that_answers_no_more() -> None:
    """Then the LISTs were right in the end."""
    scene = Scene().lists()
    scene.inventory.found_by_id(an_endpoint())
    scene.lists().inventory.lost_sight("ep-1")
    found = evidence(scene)
    assert (found.recorded.seen, found.view.untrusted, found.view.hidden) == (None, "", frozenset())


def test_an_answer_by_id_that_a_list_has_overtaken() -> None:
    """A LIST that came before the answer shows the endpoint: the LISTs do not hide it, and one that does not counts."""
    scene = Scene().lists().lists(an_endpoint())
    scene.inventory.found_by_id(an_endpoint())
    assert evidence(scene).view.hidden == frozenset()
    assert evidence(scene.lists()).recorded.seen is None


def test_a_get_that_finds_nothing_overrules_no_list() -> None:
    """GET by id is undocumented: what the last LIST shows is there."""
    scene = Scene().lists(an_endpoint())
    scene.inventory.lost_sight("ep-1")
    assert evidence(scene).recorded.seen is not None

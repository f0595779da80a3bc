"""Which role an endpoint has, and what is done with each role: the whole table, by what the decision does."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.decision import ownership, plan
from tokenfactory_operator.decision.actions import DeleteDuplicate, DeleteEndpoints, Release
from tokenfactory_operator.decision.ownership import TABLE, Deed, Role
from tokenfactory_operator.domain.identity import ADOPTED
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.reasons import Reason
from unit.support.builders import FOREIGN, OTHER_UID, an_endpoint, mark, released
from unit.support.scene import Scene

Make = Callable[[], Scene]
FIRST: Final = an_endpoint()
"""The one that the status names, made by attempt a1."""


def beside(other: ObservedEndpoint) -> Make:
    """The recorded endpoint, and another one."""
    return lambda: Scene().recorded().lists(FIRST, other)


def recorded_as(description: str, *, adopts: bool = False, may_adopt: bool = False) -> Make:
    """The recorded endpoint has this description; `adopts`: the spec names it, and no attempt has made it."""

    def make() -> Scene:
        scene = Scene().recorded()
        if adopts:
            scene = scene.spec(endpointId="ep-1").status(endpointId="ep-1")
        return scene.may(adopt=may_adopt).lists(an_endpoint(description=description))

    return make


SCENES: Final[list[tuple[Role, Make, str]]] = [
    (Role.KEPT, lambda: Scene().recorded().lists(FIRST), "ep-1"),
    (Role.KEPT, recorded_as("by hand", adopts=True, may_adopt=True), "ep-1"),
    (Role.DUPLICATE, beside(an_endpoint("ep-2", description=mark("a2"))), "ep-2"),
    (Role.TAKEN_OVER, beside(an_endpoint("ep-2", description=mark(ADOPTED))), "ep-2"),
    (Role.COPY, beside(an_endpoint("ep-2")), "ep-2"),
    (Role.FOREIGN, beside(an_endpoint("ep-2", description=f"{mark('a2')} {mark(uid=OTHER_UID, name='x')}")), "ep-2"),
    (Role.UNPROVEN, recorded_as("by hand"), "ep-1"),
    (Role.PREDECESSOR, recorded_as(released(), adopts=True), "ep-1"),
]
"""Scenes in which an endpoint has the role, and its id."""


def done(scene: Scene, endpoint_id: str) -> Deed:
    """What the decision does with the endpoint, once everything has been listed for long."""
    decision = plan.decide(scene.situation())
    action = decision.action
    if isinstance(action, DeleteEndpoints) and endpoint_id in action.endpoint_ids:
        return Deed.DELETE
    if isinstance(action, DeleteDuplicate) and action.endpoint_id == endpoint_id:
        return Deed.DELETE
    if isinstance(action, Release) and action.endpoint_id == endpoint_id:
        return Deed.RELEASE
    asks = decision.verdict is not None and decision.verdict.reason is Reason.OWNERSHIP_CONFLICT
    if asks:
        return Deed.ASK
    return Deed.LEAVE if scene.resource.terminating else Deed.KEEP


@pytest.mark.parametrize("role", Role)
def test_each_role_has_a_scene_and_a_row(role: Role) -> None:
    """No role is without a meaning."""
    found = [ownership.judge(make().situation()).roles[endpoint_id] for of, make, endpoint_id in SCENES if of is role]
    assert set(found) == {role}
    assert role in TABLE


ROWS: Final = {
    Role.KEPT: (Deed.KEEP, Deed.DELETE, Deed.RELEASE),
    Role.DUPLICATE: (Deed.DELETE, Deed.DELETE, Deed.DELETE),
    Role.TAKEN_OVER: (Deed.ASK, Deed.DELETE, Deed.LEAVE),
    Role.COPY: (Deed.ASK, Deed.LEAVE, Deed.LEAVE),
    Role.FOREIGN: (Deed.ASK, Deed.LEAVE, Deed.LEAVE),
    Role.UNPROVEN: (Deed.ASK, Deed.ASK, Deed.LEAVE),
    Role.PREDECESSOR: (Deed.KEEP, Deed.LEAVE, Deed.LEAVE),
}
"""Living, deleted, retained: written down once more, since the decision reads the operator's own table."""


@pytest.mark.parametrize(("role", "make", "endpoint_id"), SCENES)
def test_what_is_done_with_each_role(role: Role, make: Make, endpoint_id: str) -> None:
    """Living, deleted, retained: the decision does with the endpoint what the row says."""
    row = ROWS[role]
    assert row == (
        done(make(), endpoint_id),
        done(make().spec(deletionPolicy="Delete").terminating(), endpoint_id),
        done(make().spec(deletionPolicy="Retain").terminating(), endpoint_id),
    )
    assert row == (TABLE[role].living, TABLE[role].deleted, TABLE[role].retained)


DESCRIPTIONS = ["", FOREIGN, released(), mark("a1"), mark("a2"), mark(ADOPTED), mark(uid=OTHER_UID)]
LISTED = st.dictionaries(st.sampled_from(["ep-1", "ep-2", "ep-3"]), st.sampled_from(DESCRIPTIONS))
OBJECTS: Final[list[Make]] = [
    Scene,
    lambda: Scene().recorded(),
    lambda: Scene().recorded().saw_mark(),
    lambda: Scene().spec(endpointId="ep-1").status(endpointId="ep-1").may(adopt=True),
]


@given(st.sampled_from(OBJECTS), LISTED, st.randoms(use_true_random=False))
def test_each_endpoint_has_one_role(make: Make, listed: dict[str, str], rng: random.Random) -> None:
    """Those with the object's mark and the recorded one have a role each, and nothing else has; one at most is kept."""
    shown = [an_endpoint(name, description=description) for name, description in listed.items()]
    scene = make().lists(*shown)
    s = scene.situation()
    roles = ownership.judge(s).roles
    recorded = {s.resource.status.endpoint_id} - {None}
    assert roles.keys() == {seen.endpoint.id for seen in s.evidence.own} | recorded
    assert list(roles.values()).count(Role.KEPT) <= 1
    rng.shuffle(shown)
    assert ownership.judge(make().lists(*shown).situation()).roles == roles

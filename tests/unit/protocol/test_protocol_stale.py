"""Lists that go back in time, and ids that a list has just left out: what was known of them is still known."""

from __future__ import annotations

import pytest

from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.errors import CloudUnavailable
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.state.evidence import evidence_for
from unit.support.builders import FOREIGN, IDENTITY, KEY, OTHER_UID, an_endpoint, an_object, mark
from unit.support.fakes import Turn
from unit.support.making import probed
from unit.support.scene import Scene
from unit.support.stage import Stage

GHOST = an_endpoint(description=mark(uid=OTHER_UID))
ANOTHER = (an_endpoint("ep-2", description=FOREIGN), an_endpoint("ep-3", description=FOREIGN))


def predecessors(scene: Scene) -> list[str]:
    found = evidence_for(scene.inventory, scene.resource, recorded="", attempt="")
    return [seen.endpoint.id for seen in found.predecessors]


def buried(*, answer_lost: bool = False) -> Scene:
    """An endpoint of an earlier object was deleted, has left the list, and that object is gone."""
    scene = Scene().lists(GHOST, *ANOTHER)
    scene.inventory.expect("ep-1")
    if answer_lost:
        scene.lists(*ANOTHER).deleted("ep-1")  # the second DELETE was answered: 404
    else:
        scene.deleted("ep-1").lists(*ANOTHER)
    scene.inventory.forget(OTHER_UID, "ep-1")
    return scene


@pytest.mark.rule("A19", "X7")
@pytest.mark.parametrize("answer_lost", [False, True])
def test_a_stale_list_brings_no_deleted_predecessor_back(answer_lost: bool) -> None:  # noqa: FBT001  # a parameter
    """X7: it was deleted and seen to be gone; that a list shows it once more makes it nobody's predecessor."""
    scene = buried(answer_lost=answer_lost).lists(GHOST, *ANOTHER)
    assert predecessors(scene) == []
    assert scene.inventory.endpoint("ep-1") is not None  # it is not hidden from anything else


@pytest.mark.rule("A19")
@pytest.mark.parametrize("answer_lost", [False, True])
def test_what_a_stale_list_brought_back_may_go_again(answer_lost: bool) -> None:  # noqa: FBT001  # a parameter
    """Its absence is expected: it speaks against no list, even beside another one that is missing."""
    scene = buried(answer_lost=answer_lost).lists(GHOST, *ANOTHER).lists(ANOTHER[0])
    assert scene.inventory.trust.missing == {"ep-3"}
    assert scene.inventory.untrusted() == ""


def test_what_an_object_that_waits_has_deleted_is_never_missing() -> None:
    """However long something else holds the object: its own endpoint's absence stays explained."""
    scene, timing = Scene(), Timing()
    scene.lists(GHOST, *ANOTHER)
    for endpoint_id in ("ep-1", "ep-2"):
        scene.inventory.expect(endpoint_id)
        scene.deleted(endpoint_id)
    scene.lists().wait(3 * (timing.delete_settle + timing.create_settle)).lists()
    scene.inventory.expect("ep-1")
    scene.inventory.expect("ep-2")
    assert scene.lists().inventory.trust.missing <= {"ep-3"}
    assert scene.inventory.untrusted() == ""


def test_a_deleted_one_that_stays_is_a_predecessor_in_the_end() -> None:
    """The rule is about stale lists: one that is listed long after its DELETE is not doubled silently."""
    scene, timing = buried(), Timing()
    scene.wait(2 * (timing.delete_settle + timing.create_settle) + 2).lists(GHOST, *ANOTHER)
    assert predecessors(scene) == ["ep-1"]


def test_one_that_was_asked_to_go_and_is_still_listed_is_a_predecessor() -> None:
    """The answer to a DELETE means accepted, not done; only a list that leaves it out shows that it went."""
    scene = Scene().lists(GHOST).deleted("ep-1")
    scene.inventory.forget(OTHER_UID, "ep-1")
    assert predecessors(scene.lists(GHOST)) == ["ep-1"]


def test_how_an_endpoint_was_seen_last() -> None:
    """Kept while it is missing; not once it is known to be gone, nor when nobody asks any more."""
    scene = Scene().lists(an_endpoint(description=FOREIGN), *ANOTHER)
    scene.inventory.expect("ep-1")
    scene.lists(*ANOTHER)
    last = scene.inventory.last_seen("ep-1", "")
    assert last is not None
    assert last.foreign_to(IDENTITY)
    scene.inventory.forget(OTHER_UID, "ep-1")
    assert scene.inventory.last_seen("ep-1", "") is None
    deleted = Scene().lists(an_endpoint()).deleted("ep-1").lists()
    assert deleted.inventory.last_seen("ep-1", "") is None


@pytest.mark.rule("L6", "X9")
async def test_the_probe_sends_what_a_list_showed_while_nobody_looked_at_the_object(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """X9: marked as another's between two passes, then missing: the probe must not write our mark over that."""
    stage = await Stage().ready()
    stage.cloud.endpoints["ep-1"] = an_endpoint("ep-1", description=FOREIGN)
    await stage.poll()
    stage.cloud.endpoints.clear()
    probes = probed(stage, monkeypatch)
    for _ in range(4):
        await stage.turn(31)
    assert [probe.description for probe in probes] == [FOREIGN]


@pytest.mark.rule("A20", "X8")
async def test_an_open_attempt_comes_before_a_predecessor() -> None:
    """X8: what an attempt may have made has to be ruled out before anything is adopted in its place."""
    stage = Stage(policy=Policy(adopt_recreated=True))
    await stage.poll()
    stage.script.plan("create", Turn(effect=True, error=CloudUnavailable("502")))
    await stage.reconcile()
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=mark(uid=OTHER_UID))
    made = stage.cloud.endpoints.pop("ep-1")
    await stage.turn()
    assert stage.status.get("endpointId") is None
    stage.cloud.endpoints["ep-1"] = made
    await stage.turn()
    assert stage.status["endpointId"] == "ep-1"
    assert stage.journal("POST", "PATCH", "DELETE") == ["POST"]


async def test_after_the_attempt_is_ruled_out_the_predecessor_is_adopted() -> None:
    """Its POST made nothing, and the endpoint of the earlier object is taken over, not doubled."""
    stage = Stage(policy=Policy(adopt_recreated=True))
    await stage.poll()
    stage.script.plan("create", Turn(error=CloudUnavailable("502")))
    await stage.reconcile()
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description=mark(uid=OTHER_UID))
    for _ in range(6):
        await stage.turn(31)
    assert (stage.status["endpointId"], stage.reported("Ready")) == ("ep-7", "True Available")
    assert stage.journal("POST", "DELETE") == ["POST"]
    assert KEY in stage.kube.objects
    assert an_object()["metadata"]["uid"] in (stage.cloud.endpoints["ep-7"].description or "")


@pytest.mark.rule("A1")
async def test_an_endpoint_that_is_named_before_a_list_shows_it() -> None:
    """Somebody has just made it in the console: a list of before the object proves nothing, and fails nobody's wait."""
    stage = Stage(policy=Policy(may_adopt=True), endpointId="ep-7")
    await stage.poll()
    stage.cloud.endpoints["ep-7"] = an_endpoint("ep-7", description="somebody's")
    await stage.reconcile()
    for _ in range(3):
        await stage.turn()
    assert stage.reported("Ready") == "True Available"
    assert "EndpointNotFound" not in stage.witness.events


@pytest.mark.rule("A1")
@pytest.mark.parametrize("restart", [False, True])
async def test_an_endpoint_that_is_named_and_never_listed(*, restart: bool) -> None:
    """The next list tells; a process that starts later says what the one before it has said until it has a list."""
    stage = Stage(policy=Policy(may_adopt=True), endpointId="ep-7")
    await stage.poll()
    await stage.reconcile()
    await stage.turn()
    if restart:
        stage = stage.restarted()
        await stage.reconcile()
    assert stage.reported("Stalled") == "True EndpointNotFound"

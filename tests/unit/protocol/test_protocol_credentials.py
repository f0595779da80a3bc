"""Two credentials of one project, and one that changes or is missing for a moment, in the middle of a deletion."""

from __future__ import annotations

import pytest

from tokenfactory_operator.domain.errors import CloudUnavailable
from tokenfactory_operator.observe.poller import Poller
from tokenfactory_operator.state.inventory import OPERATOR
from unit.support.builders import FOREIGN, KEY, NAMESPACE, OTHER_UID, SCOPE, an_endpoint, mark
from unit.support.credentials import another
from unit.support.fakes import InMemoryCloud, Script, Turn
from unit.support.making import accepts_only, probed
from unit.support.stage import Stage

DOWN = CloudUnavailable("no answer in time")


def beside(
    stage: Stage, *, scope: str = SCOPE, cloud: InMemoryCloud | None = None, namespace: str = NAMESPACE
) -> Poller:
    """Another credential in use; each knows of the other's LISTs."""
    other, first = another(stage, scope=scope, cloud=cloud, namespace=namespace), stage.poller.inventory
    first.siblings = other.inventory.siblings = lambda: (first, other.inventory)
    return other


async def hidden() -> Stage:
    """An endpoint that the LISTs hide; its DELETE will be accepted twice, and not done."""
    stage = await Stage().ready()
    stage.cloud.hidden.add("ep-1")
    for _ in range(4):
        await stage.turn(100)
    accepts_only(stage, 2)
    return stage


@pytest.mark.rule("E34")
async def test_the_others_older_list_does_not_hold_a_deletion() -> None:
    """It was asked to wait, and still shows what is gone."""
    stage = await Stage().ready(lasting=61)
    await beside(stage).poll()
    stage.delete()
    await stage.reconcile()
    await stage.turn()
    assert KEY not in stage.kube.objects


@pytest.mark.rule("E34")
async def test_the_others_older_list_raises_no_alarm() -> None:
    """The endpoint was removed in the console: it is made anew, once the other has seen that too."""
    stage = await Stage().ready()
    other = beside(stage)
    await other.poll()
    stage.cloud.endpoints.clear()
    for _ in range(4):
        await stage.turn(31)
        assert stage.reported("Stalled") is None
    assert stage.journal("POST") == ["POST"]


@pytest.mark.rule("E34")
async def test_an_open_attempt_whose_endpoint_only_the_other_shows() -> None:
    """The object is deleted with a credential that sees less: it is kept, and a person is asked."""
    stage = Stage()
    stage.script.plan("create", Turn(DOWN, effect=True))
    await stage.turn()
    first = stage.poller
    less = InMemoryCloud(stage.script)
    less.endpoints, less.hidden = stage.cloud.endpoints, {"ep-1"}
    stage.poller = beside(stage, cloud=less)
    stage.delete()
    for _ in range(14):
        await first.poll()
        await stage.turn(61)
    assert (KEY in stage.kube.objects, stage.reported("Stalled")) == (True, "True InventoryUntrusted")
    stage.annotate(reconcile_requested_at="it is another object's")
    await stage.turn()
    assert KEY not in stage.kube.objects


@pytest.mark.rule("E34")
async def test_a_copy_in_another_project_holds_nothing() -> None:
    """Somebody has copied the description there."""
    stage = await Stage().ready()
    far = InMemoryCloud(Script())
    far.endpoints["ep-9"] = an_endpoint("ep-9", description=stage.cloud.endpoints["ep-1"].description)
    await beside(stage, scope="project-2", cloud=far).poll()
    stage.delete()
    for _ in range(3):
        await stage.turn(31)
    assert KEY not in stage.kube.objects


@pytest.mark.rule("E32")
@pytest.mark.parametrize(
    ("namespace", "holds"),
    [
        pytest.param("tenant", False, id="a stranger's project"),
        pytest.param(NAMESPACE, True, id="a key of the own namespace"),
        pytest.param(OPERATOR, True, id="the operator's own"),
    ],
)
@pytest.mark.parametrize("terminating", [False, True])
async def test_a_mark_in_another_project_is_evidence_where_the_object_may_have_had_its_key(
    namespace: str,
    *,
    holds: bool,
    terminating: bool,
) -> None:
    """A tenant copies the mark of an object whose attempt is unknown into an endpoint of its own project."""
    stage = Stage()
    stage.script.plan("create", Turn(DOWN))
    await stage.turn()
    far = InMemoryCloud(Script())
    far.endpoints["ep-9"] = an_endpoint("ep-9", description=mark(stage.attempt[0]))
    tenant = beside(stage, scope="project-2", cloud=far, namespace=namespace)
    if terminating:
        stage.delete()
    for _ in range(14):
        await tenant.poll()
        await stage.turn(61)
    asks = (stage.reported("Stalled") if KEY in stage.kube.objects else None) == "True InventoryUntrusted"
    assert asks is holds
    if not holds:
        assert "ep-9" not in str(stage.kube.objects.get(KEY))
        assert len(stage.journal("POST")) == (1 if terminating else 2)
        assert (KEY in stage.kube.objects) is not terminating


async def test_a_404_of_a_credential_that_never_saw_an_endpoint_says_nothing_to_the_others() -> None:
    """It may be of another project, in which that id means nothing."""
    stage = await Stage().ready()
    tenant = beside(stage, scope="project-2", cloud=InMemoryCloud(Script()), namespace="tenant").inventory
    tenant.delete_answered("ep-1")
    stage.cloud.endpoints.clear()
    await stage.poll(31)
    assert stage.inventory.trust.missing == {"ep-1"}


@pytest.mark.rule("D34")
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_hidden_endpoint_and_a_rotated_token(when: str) -> None:
    """The new credential's LISTs hide it too: it is looked for by id with that one, and watched until it is gone."""
    stage = await hidden()
    if when == "before":
        stage.poller = another(stage, scope=SCOPE)
    stage.delete()
    await stage.turn(2)
    if when == "after":
        stage.poller = another(stage, scope=SCOPE)
    await stage.turn(31)
    await stage.turn(31)
    assert KEY in stage.kube.objects
    stage.cloud.endpoints.clear()
    for _ in range(4):
        await stage.turn(31)
    assert KEY not in stage.kube.objects


@pytest.mark.rule("D34")
async def test_a_hidden_endpoint_and_a_secret_that_is_missing_for_a_moment() -> None:
    """What was known beside the LISTs of the credential is known when it is back."""
    stage = await hidden()
    stage.delete()
    await stage.turn(2)
    before = stage.poller
    stage.poller = another(stage, scope="", cloud=InMemoryCloud(Script()))
    await stage.reconcile()
    stage.poller = before
    await stage.turn(31)
    await stage.turn(31)
    assert KEY in stage.kube.objects


@pytest.mark.rule("D35")
@pytest.mark.parametrize("how", ["rotated", "duplicate"])
async def test_a_look_without_an_answer_is_none(how: str) -> None:
    """Whatever is done in between: it is somebody else's by now, and the next look tells."""
    stage = await Stage().ready()
    stage.cloud.endpoints["ep-1"] = an_endpoint("ep-1", description=mark("f", uid=OTHER_UID, name="other"))
    await stage.turn()
    stage = stage.restarted()
    stage.cloud.hidden.add("ep-1")
    stage.delete()
    stage.script.plan("get_endpoint", Turn(DOWN))
    await stage.turn(5)
    if how == "rotated":
        stage.poller = another(stage, scope=SCOPE)
    else:
        stage.cloud.endpoints["ep-2"] = an_endpoint("ep-2", description=mark("a2"))
    for _ in range(4):
        await stage.turn(5)
    assert "DELETE ep-1" not in stage.journal("DELETE")


@pytest.mark.rule("L6", "X29")
@pytest.mark.parametrize(
    ("namespace", "sent"),
    [
        pytest.param(NAMESPACE, FOREIGN, id="its-own-credentials"),
        pytest.param("elsewhere", mark("try-1"), id="anothers"),
    ],
)
async def test_the_probe_sends_what_another_credential_showed_last(
    namespace: str, sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X29: only that credential's list shows that the endpoint was marked as another's; a stranger's is not asked."""
    stage = await Stage().ready()
    other = beside(stage, namespace=namespace)
    stage.cloud.endpoints["ep-1"] = an_endpoint("ep-1", description=FOREIGN)
    stage.clock.seconds += 1
    await other.poll()
    stage.cloud.endpoints.clear()
    probes = probed(stage, monkeypatch)
    for _ in range(4):
        await stage.turn(31)
    assert [probe.description for probe in probes] == [sent]

"""Every effect that the simulator can script, one by one, on every method: one endpoint and Ready, then nothing.

A fault of POST, PATCH or DELETE meets one object's calls only, so these lives run side by side in one world; a fault of
LIST meets all objects of a world, so those lives run one after the other, in two further worlds. Where LISTs are not to
be believed, no call may be in doubt: those lives have a world in which a busy machine makes none time out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Final

import pytest
from pydantic import TypeAdapter

from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.lists import COLLECTION
from cluster.support.operator_process import CREATE_SETTLE, PATIENT
from cluster.support.world import World
from cluster.support.worlds import Chart, made
from controlplane import Cluster
from faults.support import abreast, census
from faults.support.cases import LISTS, METHODS, SINGLE, SOME, Case, of_each_kind
from faults.support.person import Person
from tokenfactory_simulator import effects

pytestmark = pytest.mark.cluster

ABREAST: Final = 12
"""Lives at a time in the world where they do not meet each other's faults."""
LIST_WORLDS: Final = 2

Live = Callable[[World, Case], None]
"""A whole life of one case."""


def script(world: World, item: Case, name: str) -> None:
    """The next call of the method about this object meets the fault."""
    world.faulty(name, item.method, count=1, **{"effect": item.effect, **item.parameters})


def live(world: World, item: Case) -> None:
    """A whole life with one fault of its own in it."""
    name, person = item.key(), Person(world)
    if item.method == "POST":
        script(world, item, name)
    uid = world.create(name).uid
    person.until_ready(name)
    if item.method == "PATCH":
        script(world, item, name)
        world.edit(name, displayName="edited")
        person.until_ready(name)
        assert world.endpoint(name)["name"] == "edited"
    if item.made > 1:
        world.until_event(name, "DeletedDuplicateEndpoint")
    assert person.until_ready(name).endpoint_id == world.endpoint(name)["id"]
    if item.method == "DELETE":
        script(world, item, name)
    world.delete(name)
    person.until_gone(name)
    judge(world, item, name, uid)


def judge(world: World, item: Case, name: str, uid: str) -> None:
    """What the record says of a life that is over."""
    assert world.endpoints(name) == []
    met = [call for call in world.calls(name, item.method) if item.effect in call["faults"]]
    assert met, "the fault met no call"
    whole = census.take(world.cloud)
    posts = world.calls(name, "POST")
    assert (len(posts), len(whole.by_uid[uid])) == (item.tries, item.made), [call["status"] for call in posts]
    assert not [pair for pair in whole.unexcused(CREATE_SETTLE) if pair[0].uid == uid]


def live_through_lists(world: World, item: Case) -> None:
    """Three objects, of which one is created, one edited and one deleted while LISTs have the fault.

    The answer to the create gets lost, so that it is for the LISTs to say what became of it; but for those that show
    nothing for longer than the settle time, which the protocol assumes not to happen.
    """
    names = [f"{item.key()}-{what}" for what in ("created", "edited", "deleted")]
    created, edited, deleted = names
    for name in (edited, deleted):
        world.create(name)
    ids = [world.until_ready(name).endpoint_id for name in (edited, deleted)]
    since = world.now()
    rule = script_lists(world, item, ids)
    if item.truthful:
        world.faulty(created, "POST", effect="answer_lost", count=1)
    world.create(created)
    world.edit(edited, displayName="edited")
    world.delete(deleted)
    until_met(world, item, since)
    world.cloud.clear_faults(rule)
    for name in (created, edited):
        assert world.until_ready(name).endpoint_id == world.endpoint(name)["id"]
    assert world.endpoint(edited)["name"] == "edited"
    for name in (created, edited):
        world.delete(name)
    for name in names:
        world.until_gone(name)
    assert [len(world.calls(name, "POST")) for name in names] == [1, 1, 1]
    assert world.cloud.endpoints() == []


def script_lists(world: World, item: Case, ids: list[str]) -> int:
    """The next LISTs meet the fault; where it names ids, those of the objects that exist. Answers the rule's number."""
    parameters = {name: ids if value is SOME else value for name, value in item.parameters.items()}
    match = {"method": "GET", "path_regex": f"{COLLECTION}$", "count": item.lists}
    return world.cloud.fault(match, effect=item.effect, **parameters)


def until_met(world: World, item: Case, since: int) -> None:
    """All of the LISTs that were to meet the fault have."""

    def check() -> bool:
        hit = [call for call in world.lists(since) if item.effect in call["faults"]]
        assert len(hit) == item.lists, f"{len(hit)} LISTs"
        return True

    eventually(check)


@pytest.fixture(scope="module")
def lives(
    cluster: Cluster,
    kube: KubeApi,
    chart: Chart,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Future[None]]]:
    """The lives of the tests that were selected, under way."""
    alone, listed = (abreast.selected(request, cases) for cases in (SINGLE, LISTS))
    world = partial(made, cluster, kube, chart, start=True, cloud={})
    with ExitStack() as stack:
        futures: dict[str, Future[None]] = {}

        def begin(label: str, live_one: Live, cases: list[Case], abreast: int, **settings: str) -> None:
            if not cases:
                return
            one = stack.enter_context(world(tmp_path_factory.mktemp("world"), label=label, settings=settings))
            pool = stack.enter_context(ThreadPoolExecutor(abreast))
            futures.update({item.key(): pool.submit(live_one, one, item) for item in cases})

        begin("scripted", live, alone, ABREAST)
        truthful = [case for case in listed if case.truthful]
        for number in range(LIST_WORLDS):
            begin(f"scripted-lists-{number}", live_through_lists, truthful[number::LIST_WORLDS], 1)
        begin("scripted-lies", live_through_lists, [case for case in listed if not case.truthful], 1, **PATIENT)
        yield futures


@pytest.mark.parametrize("single", abreast.parameters(SINGLE, first=of_each_kind(SINGLE)))
def test_fault_of_one_call(single: Case, lives: dict[str, Future[None]]) -> None:
    """Whatever becomes of one POST, PATCH or DELETE: one endpoint and Ready, then deleted and nothing left."""
    lives[single.key()].result()


@pytest.mark.parametrize("listed", abreast.parameters(LISTS, first=of_each_kind(LISTS)))
def test_fault_of_lists(listed: Case, lives: dict[str, Future[None]]) -> None:
    """Whatever some LISTs in a row say: what is created, edited or deleted meanwhile ends as it was asked to."""
    lives[listed.key()].result()


def test_every_effect_is_scripted(tell: Callable[[str], None]) -> None:
    """An effect that the simulator learns later has to find its cases here."""
    known = set(TypeAdapter(effects.Effect).json_schema()["discriminator"]["mapping"])
    cases = (*SINGLE, *LISTS)
    counts = ", ".join(f"{method} {sum(item.method == method for item in cases)}" for method in METHODS)
    tell(f"scripted faults: {len(cases)} lives ({counts}), {len(known)} effects")
    assert {item.effect for item in cases} == known

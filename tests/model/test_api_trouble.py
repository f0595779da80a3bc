"""What goes wrong at the API server in memory, and that the real adapter takes each answer for what it is."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from yarl import URL

from model.api_trouble import KINDS, Lasting, Trouble
from model.apiserver import Body
from model.chance import Chance
from model.fates import RandomWeather
from model.kube_forms import Answered
from model.kube_requests import Asked, read
from model.kube_wire import KubeWire, WiredApi
from model.ports import Place
from model.world import World
from tokenfactory_operator.domain.errors import KubeError
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.ports import Key

KEY = Key("a", "x")
SPEC: dict[str, Any] = {"model": "m/one"}
MANY = [f"example.com/{number}" for number in range(100)]
ROUNDS = 40


@contextmanager
def a_world(rates: Mapping[str, float]) -> Iterator[tuple[World, WiredApi]]:
    """One object, held by many, one Secret, and the real adapter; only these kinds of faults strike."""
    chance = Chance(random.Random(7), rates)
    trouble = Trouble(chance, random.Random(8))
    world = World(
        random.Random(9),
        weather=lambda timing: RandomWeather(chance, chance, timing),
        chance=chance,
        timing=Timing(),
    )
    try:
        world.around.trouble, world.kube.admission = trouble, trouble.admitted
        world.kube.create(KEY, SPEC, finalizers=MANY)
        world.kube.create(Key("a", "y"), SPEC)
        world.secrets.create(Key("a", "key"), {"token": "t"})
        wire = KubeWire(world.around, Place("P1"), trouble)
        yield world, WiredApi(world.around, wire, answered=lambda *_: None)
    finally:
        world.close()


async def _call_all(world: World, api: WiredApi) -> int:
    """Each call of the adapters, again and again; answers how many failed."""
    failed = 0
    for number in range(ROUNDS):
        body = world.kube.objects[KEY]
        version, uid = body["metadata"]["resourceVersion"], body["metadata"]["uid"]
        names = ("…", f"tokenfactory.nebius.com/{number}")
        state = {"state": f"S{number}"}
        calls: tuple[Callable[[], Any], ...] = (
            lambda: api.objects.get(KEY),
            lambda: api.objects.get(Key("a", "nobody")),
            api.objects.list_all,
            lambda: api.objects.patch_status(KEY, state, uid=uid, resource_version=version),  # noqa: B023  # at once
            lambda: api.objects.set_finalizers(KEY, names, resource_version=version),  # noqa: B023  # at once
            lambda: api.secrets.read(Key("a", "key"), ["token"]),
            api.secrets.list_all,
            lambda: api.config_maps.get(Key("a", "m")),
        )
        for call in calls:
            try:
                await call()
            except KubeError:
                failed += 1
    return failed


@pytest.mark.parametrize("kind", [*KINDS, "kube.lost_request", "kube.lost_answer", "kube.slow", "kube.conflict"])
def test_each_answer_is_taken_for_what_it_is(kind: str) -> None:
    """The adapter makes of each answer what was said, and the others' finalizers stay."""
    with a_world({kind: 0.5}) as (world, api):
        failed = world.loop.run_until_complete(_call_all(world, api))
        assert world.trace.violations == []
        assert failed > ROUNDS / 8  # more than the conflicts of a second write on one version
        assert set(MANY) <= set(world.kube.objects[KEY]["metadata"]["finalizers"])


def test_without_faults_nothing_fails_but_what_is_outdated() -> None:
    """The second write of each round comes too late."""
    with a_world({}) as (world, api):
        assert world.loop.run_until_complete(_call_all(world, api)) == ROUNDS
        assert world.trace.violations == []
        assert world.kube.objects[KEY]["status"]["state"] == f"S{ROUNDS - 1}"


def _asked(method: str, path: str) -> Asked:
    headers = {"Accept": "application/json", "Content-Type": "application/merge-patch+json"}
    asked = read(method, URL(f"http://api.test{path}"), b"{}", headers)
    assert asked is not None
    return asked


OBJECT = "/apis/tokenfactory.nebius.com/v1alpha1/namespaces/a/dedicatedendpoints/x"


@pytest.mark.parametrize(
    ("denied", "refused"),
    [
        (None, False),
        (("", "", ""), True),
        (("patch", "", ""), True),
        (("get", "", ""), False),
        (("patch", "dedicatedendpoints", "a"), True),
        (("patch", "dedicatedendpoints", "b"), False),
        (("", "secrets", ""), False),
    ],
)
def test_rights_that_are_gone(denied: tuple[str, str, str] | None, refused: bool) -> None:  # noqa: FBT001  # a case
    """For a verb, a resource, a namespace."""
    trouble = Trouble(Chance(random.Random(1), {}), random.Random(1))
    trouble.lasting.denied = denied
    with pytest.raises(Answered, match="403") if refused else contextlib.nullcontext():
        trouble.judge(_asked("PATCH", OBJECT))


BEFORE: Body = {
    "metadata": {"uid": "u1", "finalizers": []},
    "spec": SPEC,
    "status": {"observedGeneration": 1, "endpointId": "ep-1"},
}
SAID: Body = {**BEFORE, "status": {"observedGeneration": 2, "endpointId": "ep-1", "gpus": {}, "conditions": []}}
HELD: Body = {**BEFORE, "metadata": {"uid": "u1", "finalizers": ["f"], "annotations": {"a": "b"}}}


@pytest.mark.parametrize(
    ("lasting", "after", "stored"),
    [
        (Lasting(), SAID, SAID),
        (Lasting(dropped="status"), SAID, BEFORE),
        (
            Lasting(dropped="gpus"),
            SAID,
            {**SAID, "status": {"observedGeneration": 2, "endpointId": "ep-1", "conditions": []}},
        ),
        (Lasting(dropped="endpointId"), SAID, SAID),
        (Lasting(dropped="finalizers"), SAID, SAID),
        (Lasting(dropped="finalizers"), HELD, {**HELD, "metadata": {**HELD["metadata"], "finalizers": []}}),
        (Lasting(dropped="annotations"), HELD, {**HELD, "metadata": {**HELD["metadata"], "annotations": {}}}),
        (
            Lasting(pruned=frozenset({"gpus", "conditions"})),
            SAID,
            {**SAID, "status": {"observedGeneration": 2, "endpointId": "ep-1"}},
        ),
        (Lasting(refused=("status", 0, 422)), HELD, HELD),
        (Lasting(refused=("status", 5000, 413)), SAID, SAID),
    ],
)
def test_what_is_stored(lasting: Lasting, after: Body, stored: Body) -> None:
    """A webhook takes away what it is told to, but never all that tells of an endpoint; a CRD prunes."""
    trouble = Trouble(Chance(random.Random(1), {}), random.Random(1))
    trouble.lasting, trouble.may_forget = lasting, lambda _: lasting.dropped != "endpointId"
    assert trouble.admitted(BEFORE, after) == stored


def test_a_finalizer_that_is_put_back() -> None:
    """The rest is stored as it was said."""
    trouble = Trouble(Chance(random.Random(1), {}), random.Random(1))
    trouble.lasting.dropped = "removal"
    assert trouble.admitted(HELD, BEFORE) == {**BEFORE, "metadata": {"uid": "u1", "finalizers": ["f"]}}


@pytest.mark.parametrize(("refused", "after"), [(("status", 0, 422), SAID), (("finalizers", 0, 403), HELD)])
def test_what_a_policy_refuses(refused: tuple[str, int, int], after: Body) -> None:
    """With the status that it chooses."""
    trouble = Trouble(Chance(random.Random(1), {}), random.Random(1))
    trouble.lasting.refused = refused
    with pytest.raises(Answered, match=str(refused[2])):
        trouble.admitted(BEFORE, after)

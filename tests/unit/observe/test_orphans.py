"""An endpoint that has lost its object is told of, once and for certain, and nothing else is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.errors import KubeError
from tokenfactory_operator.domain.identity import Identity, OwnerMark, subject
from tokenfactory_operator.domain.observed import EndpointList, ObservedEndpoint
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.observe.orphans import JUDGE_AGAIN, MOST_EVENTS, Orphans
from tokenfactory_operator.ports import JsonObject
from tokenfactory_operator.state.cache import ObjectCache
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.state.sequence import SequenceClock
from unit.support.builders import (
    CLUSTER,
    NAME,
    NAMESPACE,
    OTHER_UID,
    SCOPE,
    UID,
    an_endpoint,
    an_object,
    mark,
    released,
)
from unit.support.clock import ManualClock

SETTLE = 60.0
OPERATORS = "tokenfactory-system"
LONG = "n" * 120


def elsewhere(place: str, uid: str = UID) -> str:
    """A mark of this cluster with another subject."""
    return str(OwnerMark(Identity(CLUSTER, uid), place, "a1"))


@dataclass
class Heard:
    """`ports.Recorder` that keeps what it is told."""

    events: list[tuple[JsonObject, str, str, bool]] = field(default_factory=list)

    def event(self, subject: JsonObject, *, reason: str, message: str, warning: bool = False) -> None:
        """See `ports.Recorder`."""
        self.events.append((subject, reason, message, warning))

    @property
    def messages(self) -> list[str]:
        """In the order that they came."""
        return [message for _, _, message, _ in self.events]


class Stage:
    """Objects, endpoints and time. `meanwhile` is what happens elsewhere while the objects are listed."""

    def __init__(self, *, watched: Sequence[str] = (), scopes: Sequence[str] = (SCOPE,)) -> None:
        self.clock, self.cache, self.heard = ManualClock(), ObjectCache(), Heard()
        self.inventories = [
            Inventory(scope=scope, cluster_id=CLUSTER, sequence=SequenceClock(self.clock), timing=Timing())
            for scope in scopes
        ]
        self.objects: list[Any] = []
        self.lists = 0
        self.failure: KubeError | None = None
        self.meanwhile: Callable[[], object] = lambda: None
        self._endpoints: dict[str, tuple[ObservedEndpoint, ...]] = {}
        self.orphans = Orphans(
            cluster_id=CLUSTER,
            cache=self.cache,
            list_all=self._list_all,
            recorder=self.heard,
            clock=self.clock,
            settle=SETTLE,
            namespace=OPERATORS,
            watches=lambda namespace: not watched or namespace in watched,
        )

    async def _list_all(self) -> tuple[Sequence[JsonObject], str]:
        self.lists += 1
        self.meanwhile()
        if self.failure is not None:
            raise self.failure
        return self.objects, "9"

    def has(self, *endpoints: ObservedEndpoint, scope: str = SCOPE) -> Self:
        """What LISTs of this scope show from now on."""
        self._endpoints[scope] = endpoints
        return self

    def shown(self, *bodies: JsonObject) -> Self:
        """Objects that exist and that the watch has brought."""
        self.objects += bodies
        for body in bodies:
            self.cache.put(body)
        return self

    def unseen(self, *bodies: JsonObject) -> Self:
        """Objects that exist, and that the watch or the selector has not let through."""
        self.objects += bodies
        return self

    async def after(self, seconds: float, *, listed: bool = True) -> Self:
        """Time passes; the cloud is listed, if it can be, and the check runs."""
        self.clock.seconds += seconds
        for inventory in self.inventories if listed else ():
            inventory.listed(inventory.stamp(), EndpointList(self._endpoints.get(inventory.scope, ())))
        await self.orphans.check(self.inventories)
        return self

    async def settled(self) -> Self:
        """Long enough for everything that can be found."""
        await self.after(0)
        return await self.after(SETTLE + 1)

    @property
    def count(self) -> int:
        """Orphans in all scopes."""
        return sum(self.orphans.counts().values())


def an_orphan(endpoint_id: str = "ep-1", **changes: Any) -> ObservedEndpoint:  # noqa: ANN401  # fields of the answer
    """By default the endpoint of ml/llm with `UID`."""
    return an_endpoint(endpoint_id, **changes)


def telling(body: JsonObject, *of: str) -> JsonObject:
    """With the status that an object has in whose way a predecessor's endpoint stands."""
    return {**body, "status": {"conflictingEndpoints": list(of or ("ep-1",))}}


Arrange = Callable[[Stage], Stage]
NAMESAKE = telling(an_object(uid=OTHER_UID))
OWN = an_orphan("ep-2", description=mark("b1", uid=OTHER_UID))

FOUND = [
    pytest.param(lambda s: s.has(an_orphan()), 1, id="no-object-at-all"),
    pytest.param(lambda s: s.has(an_orphan()).shown(an_object()), 0, id="its-object-lives"),
    pytest.param(lambda s: s.has(an_orphan()).unseen(an_object()), 0, id="its-object-is-outside-the-selector"),
    pytest.param(
        lambda s: s.has(an_orphan()).shown(an_object(name="other", uid=OTHER_UID)), 1, id="another-object-lives"
    ),
    pytest.param(lambda s: s.has(an_orphan(description=mark(cluster="c2"))), 0, id="another-cluster's"),
    pytest.param(lambda s: s.has(an_orphan(description=released())), 0, id="released"),
    pytest.param(lambda s: s.has(an_orphan(description="made by hand")), 0, id="without-a-mark"),
    pytest.param(lambda s: s.has(an_orphan(description=mark("adopted"))), 1, id="adopted-once"),
    pytest.param(lambda s: s.has(an_orphan(enabled=False)), 1, id="stopped"),
    pytest.param(lambda s: s.has(an_orphan()).shown(NAMESAKE), 0, id="namesake-without-endpoint-says-conflict"),
    pytest.param(lambda s: s.has(an_orphan()).unseen(NAMESAKE), 0, id="namesake-outside-the-selector"),
    pytest.param(
        lambda s: s.has(an_orphan()).shown(an_object(uid=OTHER_UID, spec={"enabled": False})),
        1,
        id="namesake-that-does-not-see-it-says-nothing",
    ),
    pytest.param(
        lambda s: s.has(an_orphan()).shown(telling(an_object(uid=OTHER_UID), "ep-7")), 1, id="namesake-says-another"
    ),
    pytest.param(
        lambda s: s.has(an_orphan()).shown(telling(an_object(uid=OTHER_UID), "ep-12")), 1, id="that-begins-the-same"
    ),
    pytest.param(
        lambda s: s.has(an_orphan()).shown(telling(an_object(uid=OTHER_UID), "ep-7", "ep-1", "ep-9")),
        0,
        id="says-three",
    ),
    pytest.param(
        lambda s: s.has(an_orphan(), OWN).shown(an_object(uid=OTHER_UID)), 1, id="namesake-has-an-endpoint-of-its-own"
    ),
    pytest.param(
        lambda s: s.has(an_orphan(description=elsewhere(subject(NAMESPACE, LONG)))).shown(
            telling(an_object(name=LONG, uid=OTHER_UID))
        ),
        0,
        id="namesake-whose-name-is-cut-in-the-mark",
    ),
    pytest.param(
        lambda s: s.has(an_orphan(), OWN).shown(an_object(uid=OTHER_UID, spec={"endpointId": "ep-1"})),
        0,
        id="an-object-asks-for-it",
    ),
    pytest.param(
        lambda s: s.has(an_orphan()).unseen(an_object(name="o", uid=OTHER_UID, spec={"endpointId": "ep-1"})),
        0,
        id="an-object-outside-the-selector-asks-for-it",
    ),
    pytest.param(
        lambda s: s.has(an_orphan(description=f"{mark()} {mark(uid=OTHER_UID, name='other')}")).shown(
            an_object(name="other", uid=OTHER_UID)
        ),
        0,
        id="one-of-two-marks-is-a-living-object's",
    ),
    pytest.param(
        lambda s: s.has(an_orphan(description=f"{mark()} {mark(uid=OTHER_UID, name='other')}")), 1, id="two-dead-marks"
    ),
    pytest.param(lambda s: s.has(*(an_orphan(f"ep-{number}") for number in range(3))), 3, id="three-of-one-object"),
]


@pytest.mark.rule(
    "O1",
    O2="its-object-is-outside-the-selector",
    O6=("namesake-that-does-not-see-it-says-nothing", "namesake-says-another", "that-begins-the-same"),
)
@pytest.mark.parametrize(("arrange", "expected"), FOUND)
async def test_who_is_an_orphan(arrange: Arrange, expected: int) -> None:
    """A mark of this cluster that names no object, unless an object speaks of the endpoint."""
    stage = await arrange(Stage()).settled()
    assert stage.count == expected
    assert len(stage.heard.events) == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        pytest.param("ml/llm", 1, id="watched"),
        pytest.param("ml2/llm", 0, id="not-watched"),
        pytest.param("m/llm", 0, id="not-watched-though-a-prefix"),
        pytest.param(subject("ml", LONG), 1, id="watched-and-cut"),
        pytest.param(subject("x" * 63, LONG), 0, id="not-watched-and-cut"),
        pytest.param("garbled", 0, id="no-namespace"),
    ],
)
async def test_watched_namespaces(place: str, expected: int) -> None:
    """Objects of a namespace that is not watched are not listed: a mark that names it may be another operator's."""
    stage = await Stage(watched=("ml", "ml3")).has(an_orphan(description=elsewhere(place))).settled()
    assert stage.count == expected


@pytest.mark.rule("O4")
async def test_what_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """One Warning about the operator's namespace, and one log line, name the endpoint, its owner and the way out."""
    stage = await Stage().has(an_orphan()).settled()
    await stage.after(JUDGE_AGAIN + 1)
    [(about, reason, message, warning)] = stage.heard.events
    assert (about["kind"], about["metadata"]) == ("Namespace", {"namespace": OPERATORS, "name": OPERATORS})
    assert (reason, warning) == ("OrphanedEndpoint", True)
    for word in ("ep-1", SCOPE, f"{NAMESPACE}/{NAME}", UID, "costs money", "Delete it", "spec.endpointId"):
        assert word in message
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [message]


async def test_the_log_of_a_tenants_orphans_is_of_its_share(caplog: pytest.LogCaptureFixture) -> None:
    """Its project may have thousands of endpoints with marks of objects that never were."""
    stage = Stage().has(an_orphan())
    stage.inventories[0].namespace = "ml"
    await stage.settled()
    [line] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert vars(line)["namespace"] == "ml"


async def test_another_clusters_mark_is_pointed_out() -> None:
    """Whoever follows the advice must not delete what another cluster uses."""
    stage = await Stage().has(an_orphan(description=f"{mark()} {mark(cluster='c2')}")).settled()
    assert "another cluster's mark" in stage.heard.messages[0]


@pytest.mark.rule("O3")
@pytest.mark.parametrize(
    ("seconds", "listed", "expected"),
    [
        pytest.param(SETTLE - 1, True, 0, id="too-soon"),
        pytest.param(SETTLE + 1, True, 1, id="over-the-settle-time"),
        pytest.param(SETTLE + 1, False, 0, id="not-listed-since"),
    ],
)
async def test_settle_time(seconds: float, *, listed: bool, expected: int) -> None:
    """The cloud must still list it a settle time after it was first suspected, and no object is listed before that."""
    stage = await Stage().has(an_orphan()).after(0)
    await stage.after(seconds, listed=listed)
    assert (stage.count, stage.lists) == (expected, expected)


async def test_restored_and_lost_again() -> None:
    """A restored object takes the orphan away at once; lost again, it counts after the settle time, and is told."""
    stage = await Stage().has(an_orphan()).settled()
    body = an_object()
    await stage.shown(body).after(1)
    assert stage.count == 0
    stage.objects.clear()
    stage.cache.remove(stage.cache.uids[UID], UID)
    await stage.after(1)
    assert stage.count == 0
    await stage.after(SETTLE + 1)
    assert stage.count == 1
    assert len(stage.heard.events) == 2


async def test_deleted_in_the_console() -> None:
    """An orphan that is gone is none, and the credential that showed it shows zero rather than nothing."""
    stage = await Stage().has(an_orphan()).settled()
    await stage.has().after(1)
    assert stage.orphans.counts() == {"": 0}


async def test_a_namesake_that_gets_an_endpoint_leaves_its_predecessors_behind() -> None:
    """While the namesake has no endpoint it reports the conflict itself; later the predecessor's is an orphan."""
    stage = await Stage().has(an_orphan()).shown(NAMESAKE).settled()
    assert stage.count == 0
    newer = {**an_object(uid=OTHER_UID), "status": {"endpointId": "ep-2"}}
    newer["metadata"]["resourceVersion"] = "99"
    await stage.shown(newer).has(an_orphan(), OWN).settled()
    assert stage.count == 1


@pytest.mark.rule("C29")
async def test_one_endpoint_in_two_inventories_counts_once() -> None:
    """The same id seen with two credentials is one endpoint."""
    stage = Stage(scopes=("a", "b")).has(an_orphan(), scope="a").has(an_orphan(), scope="b")
    stage.inventories[1].namespace = "team"
    await stage.settled()
    assert stage.orphans.counts() == {"": 1, "team": 0}
    assert len(stage.heard.events) == 1


@pytest.mark.rule("O2")
async def test_objects_are_listed_only_for_a_reason() -> None:
    """No suspect, no LIST; what was judged is judged again after ten minutes, not at each check."""
    stage = await Stage().has(an_orphan()).shown(an_object()).settled()
    assert stage.lists == 0
    stage = await Stage().has(an_orphan()).unseen(an_object()).settled()
    for _ in range(8):
        await stage.after(SETTLE)
    assert stage.lists == 1
    stage.objects.clear()
    await stage.after(JUDGE_AGAIN)
    assert (stage.lists, stage.count) == (2, 1)


@pytest.mark.rule("O2")
async def test_a_list_that_fails_tells_nothing() -> None:
    """Without a complete LIST of the objects nobody is an orphan; the next check tries again."""
    stage = Stage().has(an_orphan())
    stage.failure = KubeError("no answer")
    with pytest.raises(KubeError):
        await stage.settled()
    assert (stage.count, stage.heard.events) == (0, [])
    stage.failure = None
    await stage.after(1)
    assert stage.count == 1


async def test_adopted_while_the_objects_were_listed() -> None:
    """What happens during the LIST is taken into account: its answer may be older than an adoption."""
    stage = Stage().has(an_orphan())
    stage.meanwhile = lambda: stage.cache.put(an_object(name="new", uid=OTHER_UID, spec={"endpointId": "ep-1"}))
    await stage.settled()
    assert (stage.lists, stage.count, stage.heard.events) == (1, 0, [])


async def test_many_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """A lost fleet does not drown the namespace in Events; the log names each."""
    many = tuple(an_orphan(f"ep-{number:03}") for number in range(40))
    stage = await Stage().has(*many).settled()
    assert stage.count == 40
    assert len(stage.heard.events) == MOST_EVENTS + 1
    assert stage.heard.messages[-1].startswith("30 more endpoints")
    assert all(endpoint.id in caplog.text for endpoint in many)


# Objects outside the selector


def terminating(**status: Any) -> JsonObject:  # noqa: ANN401  # fields of the wire
    """Deleted, and held by our finalizer; its last word is of before."""
    body = an_object()
    deleted = {"deletionTimestamp": "2025-06-01T00:00:00Z", "finalizers": [api.FINALIZER]}
    return {
        **body,
        "metadata": {**body["metadata"], **deleted},
        "status": {"endpointId": "ep-1", "uid": UID, **status},
    }


def saying(reason: str, changed: str) -> list[JsonObject]:
    """A condition."""
    return [{"type": "Ready", "status": "False", "reason": reason, "lastTransitionTime": changed}]


BEFORE, AFTER = "2025-05-31T23:00:00Z", "2025-06-01T00:00:05Z"
ODD_TIMES = ("2025-06-01T00:00:05+24:00", "0000-06-01T00:00:05Z", "2025-06-01T00:00:05", "later")
"""The API server takes the first two for a date-time, whoever may write a status."""


@pytest.mark.rule("O7")
@pytest.mark.parametrize(
    ("body", "times"),
    [
        pytest.param(terminating(), 1, id="nobody has said a word"),
        pytest.param(terminating(conditions=saying("Available", BEFORE)), 1, id="what was said is older"),
        pytest.param(terminating(conditions=saying("Deleting", BEFORE)), 0, id="its deletion is under way"),
        pytest.param(terminating(conditions=saying("Unauthorized", AFTER)), 0, id="another operator says why it waits"),
        *(
            pytest.param(terminating(conditions=saying("Unauthorized", odd)), 1, id=f"no moment in time: {odd}")
            for odd in ODD_TIMES
        ),
        pytest.param(an_object(), 0, id="not being deleted: that was told when it left"),
    ],
)
async def test_one_that_left_the_selector_and_is_being_deleted(body: JsonObject, times: int) -> None:
    """It has its endpoint, so that is no orphan; that nobody finishes its deletion is told on the object, once."""
    stage = Stage().has(an_orphan()).unseen(body)
    await stage.settled()
    await stage.after(JUDGE_AGAIN + 1)
    assert stage.count == 0
    assert [(subject["metadata"]["uid"], reason) for subject, reason, _, _ in stage.heard.events] == (
        [(UID, "NotSelected")] * times
    )

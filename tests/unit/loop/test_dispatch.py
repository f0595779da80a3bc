"""When does it run, and how urgently; and whether the watch is alive."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.loop.dispatch import ECHO_LIMIT, Dispatch, urgency_of
from tokenfactory_operator.ports import Key
from tokenfactory_operator.state.cache import ObjectCache
from tokenfactory_operator.work.workqueue import Urgency, WorkQueue
from unit.support.builders import KEY, OTHER_UID, UID, an_object

pytestmark = pytest.mark.looptime

URGENT, EDIT, RESYNC = Urgency.URGENT, Urgency.EDIT, Urgency.RESYNC


def body(version: int = 1, *, uid: str = UID, status: Mapping[str, Any] | None = None, **metadata: Any) -> Any:  # noqa: ANN401  # JSON
    made = an_object(uid=uid)
    made["metadata"] |= {"resourceVersion": str(version), **metadata}
    made["status"] = {"observedGeneration": 1} if status is None else status
    return made


class Parts:
    """A dispatch with its cache and queue."""

    def __init__(self) -> None:
        self.cache = ObjectCache()
        self.queue: WorkQueue[Key] = WorkQueue(share=lambda key: key.namespace, rng=random.Random(0))
        self.dispatch = Dispatch(self.cache, lambda _: self.queue)

    def waiting(self) -> Urgency | None:
        """The class of the one key that is ready."""
        return next((urgency for urgency, depth in self.queue.stats().depth.items() if depth), None)

    async def take(self) -> Urgency | None:
        """Work on whatever is ready."""
        urgency = self.waiting()
        if urgency is not None:
            key = await self.queue.get()
            assert key == KEY
            self.queue.done(KEY)
        return urgency


ASKED = {api.RECONCILE_REQUESTED_AT: "now"}

URGENCIES = [
    pytest.param(body(status={}), EDIT, id="new"),
    pytest.param(body(), RESYNC, id="judged"),
    pytest.param(body(generation=2), EDIT, id="edited"),
    pytest.param(body(deletionTimestamp="2025-01-01T12:00:00Z"), URGENT, id="terminating"),
    pytest.param(body(status={"createAttempt": {"state": "Pending"}}), URGENT, id="attempt-open"),
    pytest.param(body(status={"observedGeneration": 1, "createAttempt": {"state": "Created"}}), RESYNC, id="created"),
    pytest.param(body(annotations=ASKED), EDIT, id="asked"),
    pytest.param(
        body(annotations=ASKED, status={"observedGeneration": 1, "lastHandledReconcileAt": "now"}),
        RESYNC,
        id="asked-and-handled",
    ),
    pytest.param({"metadata": {"name": "x"}}, RESYNC, id="bare"),
]


@pytest.mark.parametrize(("made", "urgency"), URGENCIES)
def test_urgency(made: Any, urgency: Urgency) -> None:  # noqa: ANN401  # JSON
    """Deletions and unresolved attempts first, then what a user changed, then the rest."""
    assert urgency_of(made) is urgency


@pytest.mark.parametrize("kind", [None, "ADDED", "MODIFIED"])
async def test_an_event_that_is_news_is_looked_at(kind: str | None) -> None:
    """From the initial listing too."""
    parts = Parts()
    parts.dispatch.observed(kind, body(generation=2))
    assert await parts.take() is EDIT


async def test_an_old_event_is_no_news() -> None:
    """A version that is held already causes no pass."""
    parts = Parts()
    parts.dispatch.observed("ADDED", body(5))
    await parts.take()
    for version in (5, 4):
        parts.dispatch.observed("MODIFIED", body(version))
    assert parts.waiting() is None


async def test_our_own_write_causes_no_pass() -> None:
    """It is in the cache before its echo comes."""
    parts = Parts()
    parts.dispatch.observed("ADDED", body(5))
    await parts.take()
    parts.cache.put(body(6))
    parts.dispatch.wrote(body(6))
    parts.dispatch.observed("MODIFIED", body(6))
    assert parts.waiting() is None


@pytest.mark.rule("W3")
async def test_deleted_is_looked_at_first_and_no_more_believed() -> None:
    """The pass reads the object, since it may only have left the selector."""
    parts = Parts()
    parts.dispatch.observed("ADDED", body(5))
    await parts.take()
    parts.dispatch.observed("DELETED", body(6))
    assert parts.cache.get(KEY) is None
    assert await parts.take() is URGENT


@pytest.mark.rule("W4")
async def test_deleted_of_an_old_uid_after_its_successor_came() -> None:
    """The new object stays."""
    parts = Parts()
    parts.dispatch.observed("ADDED", body(5))
    parts.dispatch.observed("ADDED", body(9, uid=OTHER_UID))
    parts.dispatch.observed("DELETED", body(8))
    held = parts.cache.get(KEY)
    assert held is not None
    assert held["metadata"]["uid"] == OTHER_UID


async def test_a_relist_heals_what_the_watch_lost() -> None:
    """New and vanished objects are looked at."""
    parts = Parts()
    parts.dispatch.relisted([body(5)], "5")
    await asyncio.sleep(0)
    assert await parts.take() is RESYNC
    parts.dispatch.relisted([body(5)], "6")
    await asyncio.sleep(0)
    assert parts.waiting() is None
    parts.dispatch.relisted([], "7")
    await asyncio.sleep(0)
    assert await parts.take() is URGENT


@pytest.mark.parametrize(
    ("made", "urgency"),
    [
        pytest.param(body(), RESYNC, id="judged"),
        pytest.param(body(deletionTimestamp="now"), URGENT, id="terminating"),
        pytest.param(None, URGENT, id="gone"),
    ],
)
async def test_a_deadline_is_as_urgent_as_its_object(made: Any, urgency: Urgency) -> None:  # noqa: ANN401  # JSON
    """And comes when it is due."""
    parts = Parts()
    if made is not None:
        parts.cache.put(made)
    parts.dispatch.wake(KEY, 10.0)
    await asyncio.sleep(9.9)
    assert parts.waiting() is None
    await asyncio.sleep(0.2)
    assert await parts.take() is urgency


@pytest.mark.rule("C31")
async def test_what_presses_comes_first_whatever_its_object_says() -> None:
    """An object in order that has a duplicate."""
    parts = Parts()
    parts.cache.put(body())
    parts.dispatch.wake(KEY, 0.0, pressing=True)
    assert await parts.take() is URGENT


# The watch has to bring back what we wrote


def written(parts: Parts, version: int, **metadata: Any) -> None:  # noqa: ANN401  # JSON
    made = body(version, **metadata)
    parts.cache.put(made)
    parts.dispatch.wrote(made)


async def test_a_watch_that_brings_our_writes_back_is_alive() -> None:
    """However often we write."""
    parts = Parts()
    for version in range(2, 9):
        written(parts, version)
        await asyncio.sleep(ECHO_LIMIT / 2)
        parts.dispatch.observed("MODIFIED", body(version))
    await asyncio.sleep(ECHO_LIMIT * 2)
    assert parts.dispatch.silent_watch() is None


async def test_a_watch_that_stays_silent_is_dead() -> None:
    """After the limit, not before; later writes do not put it off."""
    parts = Parts()
    written(parts, 2)
    await asyncio.sleep(ECHO_LIMIT - 1)
    written(parts, 3)
    assert parts.dispatch.silent_watch() is None
    await asyncio.sleep(2)
    assert "not even what was written" in (parts.dispatch.silent_watch() or "")


async def test_a_secret_that_is_written_in_a_loop() -> None:
    """A rotation is followed at once, and so are some more; a loop of them is followed twice a second, to the last."""
    parts = Parts()
    secret = Key(KEY.namespace, "key")
    user = body()
    user["spec"]["credentials"] = {"secretRef": {"name": "key"}}
    parts.cache.put(user)
    followed = list[float]()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for _ in range(1000):
        parts.dispatch.secret_changed(secret)
        if await parts.take() is not None:
            followed.append(loop.time() - begun)
        await asyncio.sleep(0.01)
    assert followed[0] == 0.0
    assert 20 <= len(followed) <= 10 + 20 + 3
    last = len(followed)
    await asyncio.sleep(2)
    assert (await parts.take() is not None, last) == (True, len(followed))


@pytest.mark.parametrize(
    ("change", "most"),
    [
        pytest.param(lambda n: {"status": {"endpointId": f"ep-{n}"}}, 10 + 2 + 1, id="status"),
        pytest.param(lambda n: {"finalizers": [f"example.com/{n}"]}, 10 + 2 + 1, id="finalizers"),
        pytest.param(lambda n: {"generation": n}, 1000, id="spec"),
        pytest.param(lambda n: {"annotations": {api.RECONCILE_REQUESTED_AT: str(n)}}, 1000, id="request"),
    ],
)
async def test_a_fight_about_what_nobody_asks_for_is_slow(change: Callable[[int], dict[str, Any]], most: int) -> None:
    """Another operator writes the status each time that this one does: ten times at once, then every five seconds."""
    parts, followed = Parts(), 0
    parts.dispatch.observed(None, body())
    await parts.take()
    for number in range(2, 1002):
        parts.dispatch.observed("MODIFIED", body(number, **change(number)))
        followed += await parts.take() is not None
        await asyncio.sleep(0.01)
    assert most - 2 <= followed <= most
    await asyncio.sleep(6)
    assert (await parts.take() is None) == (most == 1000)  # the last one is followed too


async def test_a_flood_of_events_is_no_silence() -> None:
    """Somebody's events delay the echo of our write for minutes: the watch lives, and is not restarted."""
    parts = Parts()
    written(parts, 2)
    for number in range(100):
        await asyncio.sleep(2)
        parts.dispatch.observed("ADDED", an_object(name=f"flood-{number}", uid=f"uid-{number}"))
        assert parts.dispatch.silent_watch() is None
    await asyncio.sleep(ECHO_LIMIT + 1)
    assert parts.dispatch.silent_watch()


async def test_each_watch_speaks_for_itself() -> None:
    """With a watch for each namespace, what one brings says nothing of another that is dead."""
    parts = Parts()
    dispatch = Dispatch(parts.cache, lambda _: parts.queue, watch_of=lambda key: key.namespace)
    parts.cache.put(body(2))
    dispatch.wrote(body(2))
    stranger = an_object(name="stranger", uid="uid-stranger")
    stranger["metadata"]["namespace"] = "elsewhere"
    await asyncio.sleep(ECHO_LIMIT - 1)
    dispatch.observed("ADDED", stranger)
    await asyncio.sleep(2)
    assert dispatch.silent_watch()


async def test_the_echo_of_an_older_write_is_not_that_of_a_newer_one() -> None:
    """But of the write that is waited for, any newer version is."""
    parts = Parts()
    written(parts, 5)
    parts.dispatch.observed("MODIFIED", body(4))
    await asyncio.sleep(ECHO_LIMIT + 1)
    assert parts.dispatch.silent_watch()
    parts.dispatch.observed("MODIFIED", body(7))
    assert parts.dispatch.silent_watch() is None


async def test_an_echo_that_is_quicker_than_the_answer() -> None:
    """The event of a write may come before its answer."""
    parts = Parts()
    parts.dispatch.observed("MODIFIED", body(5))
    written(parts, 5)
    await asyncio.sleep(ECHO_LIMIT + 1)
    assert parts.dispatch.silent_watch() is None


async def test_an_early_echo_survives_a_late_deletion_of_the_predecessor() -> None:
    """Events of two uids are not in one order: DELETED of the old one says nothing of the new one's writes."""
    parts = Parts()
    parts.dispatch.observed("ADDED", body(9, uid=OTHER_UID))
    parts.dispatch.observed("MODIFIED", body(11, uid=OTHER_UID))
    parts.dispatch.observed("DELETED", body(8))
    written(parts, 11, uid=OTHER_UID)
    await asyncio.sleep(ECHO_LIMIT + 1)
    assert parts.dispatch.silent_watch() is None


@pytest.mark.parametrize("early", [True, False], ids=["event-first", "answer-first"])
async def test_the_last_write_to_an_object_that_is_deleted(*, early: bool) -> None:
    """It has no other echo than the DELETED, in whichever order they come."""
    parts = Parts()
    parts.dispatch.observed("ADDED", body(5))
    if not early:
        written(parts, 6)
    parts.dispatch.observed("DELETED", body(7))
    if early:
        written(parts, 6)
    await asyncio.sleep(ECHO_LIMIT + 1)
    assert parts.dispatch.silent_watch() is None
    assert parts.cache.get(KEY) is None


async def test_what_a_listing_of_the_watch_brings_as_it_is_held_is_known() -> None:
    """Only news go on to be looked at: another object of the name, or a newer version."""
    parts = Parts()
    parts.cache.put(body(5))
    assert parts.dispatch.known(body(5))
    assert parts.dispatch.known(body(4))
    assert not parts.dispatch.known(body(6))
    assert not parts.dispatch.known(body(5, uid=OTHER_UID))
    assert not Parts().dispatch.known(body(5))


async def test_what_is_known_was_brought_by_the_watch() -> None:
    """A listing that brings what we wrote is its echo, though nobody has to look at it."""
    parts = Parts()
    parts.cache.put(body(5))
    parts.dispatch.wrote(body(5))
    await asyncio.sleep(ECHO_LIMIT + 1)
    assert parts.dispatch.silent_watch()
    assert parts.dispatch.known(body(5))
    assert parts.dispatch.silent_watch() is None


async def test_what_a_relist_finds_gone_leaves_nothing_behind() -> None:
    """The watch may have lost the event; an object that comes and goes so must not cost memory for ever."""
    parts = Parts()
    parts.dispatch.observed("ADDED", body(1))
    parts.dispatch.relisted([], "5")
    assert KEY not in parts.dispatch._seen

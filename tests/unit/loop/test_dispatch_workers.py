"""Workers and the one object: nobody else has it meanwhile, and without the lease nobody works on."""

from __future__ import annotations

import asyncio
import random
from typing import cast

import pytest

from tokenfactory_operator.domain.errors import KubeConflict, KubeError, LeaseLost
from tokenfactory_operator.loop.dispatch import Dispatch, work
from tokenfactory_operator.loop.reconcile import Reconciler
from tokenfactory_operator.ports import Key
from tokenfactory_operator.state.cache import ObjectCache
from tokenfactory_operator.work.workqueue import Urgency, WorkQueue
from unit.support.builders import KEY
from unit.support.fakes import Turn
from unit.support.stage import Log, Stage

pytestmark = pytest.mark.looptime


def a_queue() -> WorkQueue[Key]:
    return WorkQueue(share=lambda key: key.namespace, rng=random.Random(0))


async def test_an_object_that_another_queue_is_working_on() -> None:
    """One worker at a time, also while the object changes from one credential's queue to another's; none is lost."""
    queue = a_queue()
    dispatch = Dispatch(ObjectCache(), lambda _: queue)
    assert [dispatch.begin(KEY) for _ in range(3)] == [True, False, False]
    assert len(queue) == 0
    dispatch.end(KEY)
    assert await queue.get() == KEY
    assert dispatch.begin(KEY)
    dispatch.end(KEY)
    assert len(queue) == 0


async def test_a_worker_ends_with_the_lease() -> None:
    """Who may act: a process that has lost its lease does not go on with the next object; it ends."""
    stage, queue = Stage(), a_queue()
    await stage.poll()
    stage.lease.left = 0
    queue.add(KEY, Urgency.EDIT)
    with pytest.raises(LeaseLost):
        async with asyncio.timeout(60):
            await work(queue, Dispatch(stage.cache, lambda _: queue), stage.reconciler, Log())


class Unanswered:
    """A pass that the API server does not answer."""

    async def reconcile(self, _key: Key) -> object:
        """As `Reconciler`'s."""
        raise KubeError("etcdserver: request is too large")


async def test_a_pass_that_fails_is_logged_in_its_namespaces_share() -> None:
    """An edit loop on an object that cannot be written would fill the log for everybody else."""
    queue, log = a_queue(), Log()
    queue.add(KEY, Urgency.EDIT)
    dispatch = Dispatch(ObjectCache(), lambda _: queue)
    worker = asyncio.create_task(work(queue, dispatch, cast("Reconciler", Unanswered()), log))
    await asyncio.sleep(0.1)
    queue.shut_down()
    await worker
    assert [(line["namespace"], line["name"]) for line in log.lines] == [(KEY.namespace, KEY.name)]


async def test_an_object_waits_in_its_own_queue() -> None:
    """Whose credential is another one by now is worked on by that one's workers: the others may be few."""
    stage, before, after = Stage(), a_queue(), a_queue()
    dispatch = Dispatch(stage.cache, lambda _: after)
    before.add(KEY, Urgency.EDIT)
    before.add_after(KEY, 1_000.0, Urgency.EDIT)
    worker = asyncio.create_task(work(before, dispatch, stage.reconciler, Log()))
    await asyncio.sleep(1)
    before.shut_down()
    await worker
    assert (len(before), len(after)) == (0, 1)


async def test_what_failed_is_counted_in_the_queue_that_the_object_waits_in() -> None:
    """One that has moved leaves nothing behind, and begins anew if it comes back."""
    stage, before, after = Stage(), a_queue(), a_queue()
    dispatch = Dispatch(stage.cache, lambda _: after)
    before.retry(KEY, Urgency.EDIT)
    worker = asyncio.create_task(work(before, dispatch, stage.reconciler, Log()))
    await asyncio.sleep(10)
    before.shut_down()
    await worker
    assert (before.failures(KEY), len(after)) == (0, 1)


async def test_an_object_whose_queue_cannot_be_told_is_looked_at_again() -> None:
    """By a defect of ours: it is given back, and waits for its next try."""
    stage, queue = Stage(), a_queue()
    faults = [KeyError("credential")]

    def queue_of(_key: Key) -> WorkQueue[Key]:
        if faults:
            raise faults.pop()
        return queue

    queue.add(KEY, Urgency.EDIT)
    worker = asyncio.create_task(work(queue, Dispatch(stage.cache, queue_of), stage.reconciler, Log()))
    await asyncio.sleep(10)
    queue.shut_down()
    await worker
    assert (queue.stats().processing, stage.reported("Ready") is None) == (0, False)


@pytest.mark.rule("X31")
@pytest.mark.parametrize("error", [KubeError("no answer in time"), ValueError("a defect")], ids=["no answer", "defect"])
async def test_a_pass_that_fails_after_the_credential_was_changed(error: Exception) -> None:
    """Its queue ends with the account that nobody needs any more: the object goes on in that of its new credential."""
    stage, before, after = Stage(), a_queue(), a_queue()
    await stage.poll()
    stage.script.plan("patch_status", Turn(error))
    dispatch = Dispatch(stage.cache, lambda _: after if stage.journal("finalizers") else before)
    before.add(KEY, Urgency.EDIT)
    worker = asyncio.create_task(work(before, dispatch, stage.reconciler, Log()))
    await asyncio.sleep(0.1)
    before.shut_down()
    await worker
    async with asyncio.timeout(600):
        assert await after.get() == KEY


async def test_an_object_that_conflicts_for_ever_is_tried_after_growing_pauses() -> None:
    """A webhook may deny with 409, and another controller may write all the time: neither is asked without end."""
    stage, queue = Stage(), a_queue()
    await stage.poll()
    stage.script.plan("patch_status", *[Turn(KubeConflict("denied"))] * 1_000)
    queue.add(KEY, Urgency.EDIT)
    worker = asyncio.create_task(work(queue, Dispatch(stage.cache, lambda _: queue), stage.reconciler, Log()))
    await asyncio.sleep(600)
    queue.shut_down()
    await worker
    assert stage.script.planned("patch_status")


async def test_a_worker_pauses_after_each_pass() -> None:
    """So that others get a turn, however many objects there are that nothing is to be done for."""
    stage, queue = Stage(), a_queue()
    for number in range(3):
        queue.add(Key("ml", f"gone-{number}"), Urgency.RESYNC)
    left = list[int]()

    async def pause() -> None:
        left.append(len(queue))
        if not left[-1]:
            queue.shut_down()

    async with asyncio.timeout(60):
        await work(queue, Dispatch(stage.cache, lambda _: queue), stage.reconciler, Log(), pause=pause)
    assert left == [2, 1, 0]

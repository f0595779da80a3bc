"""Too much at once: a herd that the cloud throttles, and a tenant in a loop beside another one's deletions.

Everything is counted from the simulator's record; no speed is judged.
"""

from __future__ import annotations

import math
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from itertools import cycle
from typing import Any, Final

import pytest

from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from cluster.support.views import View
from cluster.support.world import World
from cluster.support.worlds import WorldMaker
from controlplane import Cluster
from faults.support import census
from tokenfactory_operator.work.fair_order import WEIGHTS, Urgency
from unit.api.invalid_specs import valid_spec

pytestmark = [pytest.mark.cluster, pytest.mark.verify, pytest.mark.timeout(1200)]

Calls = list[dict[str, Any]]

HERD: Final = 1_000
FIRST: Final = 150
"""POSTs by which the operator's pace on this machine is taken, before the cloud limits it to half of that.

As many again without a refusal: the machine has become so much busier, and the pace is taken anew.
"""
RETRY_AFTER: Final = 1.0
"""Seconds that the simulator asks to wait: the least that the header can say."""
CONCURRENCY: Final = 20
IN_FLIGHT: Final = CONCURRENCY + 1
"""Calls that can be on their way when the first refusal arrives: one for each worker, and a LIST."""

LOOPED: Final = 120
"""Objects of the tenant in a loop: without shares, a deletion would wait behind all of them."""
DELETED: Final = 10
WORKERS: Final = 2
RATE: Final = 40
"""Calls a second of the credential that both tenants share."""
BACKLOG: Final = 80
LOOP: Final = "in-a-loop"


def test_herd(new_world: WorldMaker, tell: Callable[[str], None]) -> None:
    """A thousand objects under 429: each POST that was not refused made an endpoint, and hardly any was refused.

    A refusal blocks the whole credential for Retry-After. So a window of refusals holds at most the calls that were on
    their way when it began; and in it the cloud's bucket fills, so that the next is at least its size away in calls.
    """
    intervals = {
        "POLL_INTERVAL": "5s",
        "POLL_INTERVAL_IN_TRANSITION": "2s",
        "CREATE_SETTLE": "12s",
        "DELETE_SETTLE": "12s",
        "REQUEST_TIMEOUT": "10s",
        "SEND_DEADLINE": "10s",  # on a busy machine an attempt that is sent too late is opened anew
    }
    world = new_world(settings={"RATE_LIMIT": "1000", "CONCURRENCY": str(CONCURRENCY), **intervals}, start=False)
    names = [f"herd-{number:04d}" for number in range(HERD)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: world.kube.create(world.namespace, name, valid_spec()), names))
    world.operator.start()
    limit = limit_to_half(world)
    until_all_ready(world)
    calls = world.cloud.calls()
    refused = [call for call in calls if call["status"] == 429]
    windows = windows_of(refused)
    most = 1 + (len(calls) - len(refused)) // limit
    assert refused, "the cloud never refused"
    tell(
        f"herd: {HERD} objects, {len(calls)} calls ({reported(calls)}) at {limit}/s; {len(refused)} refused"
        f" in {len(windows)} windows (at most {most}) of at most {max(map(len, windows))} (bound {IN_FLIGHT})"
    )
    assert max(map(len, windows)) <= IN_FLIGHT
    assert len(windows) <= most
    accepted = Counter(call["operation"] for call in calls if call["status"] != 429)
    assert accepted["create"] == HERD
    assert accepted.keys() <= {"create", "list", "templates"}
    assert accepted["templates"] <= 1
    counted = census.take(world.cloud)
    assert (counted.made(), len(counted.by_uid)) == (HERD, HERD)
    assert one_attempt_each(calls)


def limit_to_half(world: World) -> int:
    """Let the cloud allow half of the operator's pace from now on, and as many calls at once; answers that number."""
    met, limit, refused = 0, 0, False

    def more() -> Calls:
        posts = world.cloud.calls(method="POST")
        assert len(posts) >= met + FIRST or any(call["status"] == HTTPStatus.TOO_MANY_REQUESTS for call in posts)
        return posts

    while not refused:
        posts = eventually(more)
        refused = any(call["status"] == HTTPStatus.TOO_MANY_REQUESTS for call in posts)
        if not refused:
            met, begun = len(posts), [call["started_monotonic"] for call in posts[-FIRST:]]
            limit = max(5, int((len(begun) - 1) / (begun[-1] - begun[0]) / 2))
            world.cloud.configure(rate_limit=limit, rate_burst=limit)
    return limit


def until_all_ready(world: World) -> None:
    """Every object is Ready; looked at once for each LIST, since looking at a thousand is dear."""

    def check() -> bool:
        world.after_lists(1)
        views = [View(body) for body in world.kube.objects(world.namespace)]
        waiting = [view.summary() for view in views if not view.ready]
        assert not waiting, f"{len(waiting)} not Ready, such as {waiting[0]}"
        return True

    eventually(check, within=600.0)


def windows_of(refused: Calls) -> list[Calls]:
    """Refusals by the block that they belong to: the first one begins it, and it lasts for Retry-After."""
    windows: list[Calls] = []
    until = 0.0
    for call in sorted(refused, key=lambda call: float(call["started_monotonic"])):
        if not windows or call["started_monotonic"] >= until:
            windows.append([])
            until = call["ended_monotonic"] + RETRY_AFTER
        windows[-1].append(call)
    return windows


def one_attempt_each(calls: Calls) -> bool:
    """A refused POST is sent again as the same attempt: the owner marks of all POSTs are as many as the objects."""
    return len({call["body"]["description"] for call in calls if call["method"] == "POST"}) == HERD


def reported(calls: Calls) -> str:
    """Calls by operation."""
    return ", ".join(f"{name} {count}" for name, count in sorted(Counter(call["operation"] for call in calls).items()))


def test_tenant_in_a_loop(cluster: Cluster, kube: KubeApi, new_world: WorldMaker, tell: Callable[[str], None]) -> None:
    """One tenant edits its objects without pause; another one's DELETEs wait for few of its calls, not for all.

    The queue's shares: between two picks of a deletion at most `weight / weight` picks of each other class come, and
    one more in the beginning. Besides, each worker may be at a call, and the watch may take up to a second from the
    last request, in which the credential makes as many calls as it may.
    """
    label = f"herd-{secrets.token_hex(4)}"
    world = new_world(
        settings={
            "WATCH_NAMESPACES": "",
            "OBJECT_SELECTOR": f"test={label}",
            "CONCURRENCY": str(WORKERS),
            "RATE_LIMIT": str(RATE),
        }
    )
    with second_namespace(kube, label) as namespace:
        other = replace(world, namespace=namespace)
        looped = [f"{LOOP}-{number}" for number in range(LOOPED)]
        for name in looped:
            world.create(name, metadata={"labels": {"test": label}})
        for number in range(DELETED):
            other.create(f"deleted-{number}", metadata={"labels": {"test": label}})
        until_all_ready(other)
        until_all_ready(world)
        with editing_without_pause(cluster, world, looped) as edits:
            eventually(lambda: backlog(world) >= BACKLOG, what="a backlog of edits")
            since = world.now()
            kube.delete_all(namespace)
            asked = world.now()
            waited = edits_before_last_delete(until_deleted(world, namespace, since), asked)
            eventually(lambda: not kube.objects(namespace), what="the end of the deleted objects")
            assert backlog(world) > 0, "the loop had nothing left to do"
        bound = allowed(DELETED) + WORKERS + RATE
        tell(
            f"tenant in a loop: {edits.count} edits; {waited} of its calls between the request and the last of"
            f" {DELETED} DELETEs (bound {bound}; behind all: {LOOPED})"
        )
        assert waited <= bound


def allowed(picks: int) -> int:
    """Picks of other classes beside so many of deletions."""
    urgent = WEIGHTS[Urgency.URGENT]
    return sum(math.ceil(picks * WEIGHTS[each] / urgent) + 1 for each in (Urgency.EDIT, Urgency.RESYNC))


def backlog(world: World) -> float:
    """Edits that wait for a worker."""
    return sum(
        depth
        for (name, labels), depth in world.operator.metrics().items()
        if name == "workqueue_depth" and labels.endswith("edit")
    )


def until_deleted(world: World, namespace: str, since: int) -> Calls:
    """All mutations up to the DELETE of the last object of the namespace."""
    ids = {item["id"] for item in world.cloud.endpoints(alive_only=False) if f" {namespace}/" in item["description"]}

    def check() -> Calls:
        calls = [call for call in world.cloud.calls(since=since) if call["method"] in ("PATCH", "DELETE")]
        deleted = {call["endpoint_id"] for call in calls if call["method"] == "DELETE"}
        assert deleted == ids, f"{len(deleted)} of {len(ids)}"
        return calls

    return eventually(check)


def edits_before_last_delete(calls: Calls, asked: int) -> int:
    """PATCHes that began after all deletions were asked for, and before the last DELETE."""
    last = max(call["sequence"] for call in calls if call["method"] == "DELETE")
    return sum(call["method"] == "PATCH" and asked < call["sequence"] < last for call in calls)


class Edits:
    """How many there were."""

    count = 0


@contextmanager
def editing_without_pause(cluster: Cluster, world: World, names: list[str]) -> Iterator[Edits]:
    """A person's script gone wild: every object's display name, again and again."""
    ended, edits = threading.Event(), Edits()

    def loop() -> None:
        with KubeApi(cluster) as client:
            for name in cycle(names):
                if ended.is_set():
                    return
                edits.count += 1
                client.patch(world.namespace, name, {"spec": {"displayName": f"edit {edits.count}"}})

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(loop)
        try:
            yield edits
        finally:
            ended.set()
        running.result()


@contextmanager
def second_namespace(kube: KubeApi, name: str) -> Iterator[str]:
    """The other tenant's; it is deleted after its objects are."""
    kube.create_namespace(name)
    try:
        yield name
    finally:
        kube.delete_namespace(name)

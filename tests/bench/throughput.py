"""How fast objects become POSTs, against a bare script that does the same writes in the same run.

Both start on a backlog: all objects are there before the first write, so that nobody's applying is measured. Both are
read from the simulator's record, from the first POST to the last. They take turns, some objects at a time, since a
shared machine is slower in one minute than in the next; only the sums of all turns are compared.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from bench import bare, budgets
from bench.figures import Figure, judged, rate, shares
from bench.processes import NotMeasuredError
from bench.stage import COLLECTION, CONCURRENCY, LONG, YARDSTICK_TOKEN, Json, Stage
from tokenfactory_operator.api import v1alpha1 as api

ROUNDS: Final = 5
"""Turns of each."""


def measure(stage: Stage) -> list[Figure]:
    """Create `objects` endpoints by script and as many by the operator, in turns; the operator must be stopped.

    It runs afterwards, and all objects are in order.

    Raises:
        NotMeasuredError: the script failed, or POSTs did not come.
    """
    stage.cloud.configure(provisioning_time=LONG)  # none becomes Ready meanwhile: the script writes nothing for that
    since, mark = stage.position(), stage.audit.mark()
    script, own = Turns(), Turns()
    for first, count in shares(stage.sizes.objects, ROUNDS):
        script.add(yardstick(stage, f"yardstick-{first}", count))
        own.add(_operator(stage, first, count))
    events = stage.audit.events_since(mark)
    stage.cloud.advance(LONG)
    stage.operator.start()
    stage.until_in_order()
    return [_speed(own, script, events), _calls(stage, since)]


class Turns:
    """The POSTs of several turns: how many, and how long they took, in seconds."""

    def __init__(self) -> None:
        """No turn yet."""
        self.rates: list[float] = []
        self.count = 0
        self._seconds = 0.0

    def add(self, posts: Sequence[Json]) -> None:
        """One more turn. Raises `ValueError` where it spans no time."""
        moments = [call["started_monotonic"] for call in posts]
        self.rates.append(rate(moments))
        self.count += len(moments)
        self._seconds += max(moments) - min(moments)

    @property
    def rate(self) -> float:
        """POSTs a second over all turns."""
        return (self.count - len(self.rates)) / self._seconds


def _operator(stage: Stage, first: int, count: int) -> list[Json]:
    """The POSTs of the operator for new objects, in a life of its own that ends with the last of them."""
    stage.apply(count, first=first)
    since = stage.position()
    stage.operator.start(wait=False)
    posts = stage.until_posted(count, since)
    stage.operator.stop()
    return posts


def yardstick(stage: Stage, namespace: str, count: int, *, token: str = YARDSTICK_TOKEN) -> list[Json]:
    """The POSTs of the bare script, for objects of its own in a namespace that the operator does not watch.

    `token` says in which project the endpoints are made.

    Raises:
        NotMeasuredError: the script failed.
    """
    stage.kube.create_namespace(namespace)
    stage.apply(count, namespace=namespace)
    work = bare.Work(
        collection=f"{stage.cluster.server}/apis/{api.API_VERSION}/namespaces/{namespace}/{api.PLURAL}",
        ca_file=str(stage.cluster.ca_file),
        kube_token=stage.kube_token,
        cloud=f"{stage.cloud_url}{COLLECTION}",
        cloud_token=token,
        concurrency=CONCURRENCY,
    )
    since = stage.position()
    command = [sys.executable, "-P", bare.__file__]
    done = subprocess.run(
        command, input=json.dumps(asdict(work)), capture_output=True, text=True, check=False, timeout=stage.timeout
    )
    posts = stage.posts(since)
    if done.returncode or len(posts) != count:
        raise NotMeasuredError(f"the bare script made {len(posts)} POSTs and said:\n{done.stderr[-3000:]}")
    return posts


def _speed(own: Turns, script: Turns, events: int) -> Figure:
    share = own.rate / script.rate
    turns = [mine / its for mine, its in zip(own.rates, script.rates, strict=True)]
    return Figure(
        what="Apply → all POSTed, against a bare script doing the same writes",
        budget=f"≥ {budgets.THROUGHPUT_SHARE:.0%} of its rate",
        measured=f"{share:.0%} ({min(turns):.0%} to {max(turns):.0%}): {own.rate:.0f}/s, script {script.rate:.0f}/s",
        verdict=judged(share >= budgets.THROUGHPUT_SHARE, held=own.count, wanted=budgets.THROUGHPUT_OBJECTS),
        values={
            "share": share,
            "least_share_of_a_turn": min(turns),
            "greatest_share_of_a_turn": max(turns),
            "operator_per_second": own.rate,
            "script_per_second": script.rate,
            "events_written_besides": events,
        },
    )


def _calls(stage: Stage, since: int) -> Figure:
    counted = Counter(call["operation"] for call in stage.cloud.calls(since=since) if _ours(call))
    starts = len(shares(stage.sizes.objects, ROUNDS))
    others = counted.total() - counted["create"] - counted["list"] - counted["templates"]
    exact = counted["create"] == stage.sizes.objects and not others and counted["templates"] <= starts
    return Figure(
        what=f"Cloud calls to create {stage.sizes.objects:,} endpoints, until all are Ready",
        budget=f"{stage.sizes.objects:,} POSTs + LISTs + the catalog once a start, none by id",
        measured=f"POST {counted['create']:,}, LIST {counted['list']}, catalog {counted['templates']} in {starts} "
        f"starts, others {others}",
        verdict=judged(exact, held=stage.sizes.objects, wanted=budgets.THROUGHPUT_OBJECTS),
        values={
            "posts": counted["create"],
            "lists": counted["list"],
            "catalog": counted["templates"],
            "others": others,
        },
    )


def _ours(call: Json) -> bool:
    """Not the yardstick's."""
    return bool(call["project"] == "project-bench")

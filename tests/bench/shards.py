"""Several operators on one API server, each with its namespace, its Lease and its project: against one that has all.

The path beyond what one process holds. Two shards are measured; more of them need more cores than a test machine has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bench.figures import Figure, Verdict, rate
from bench.processes import NotMeasuredError, Usage, usage, wait_for
from bench.stage import COLLECTION, LONG, RELEASE, Json, MeasuredOperator, Stage, install, shard_token

LISTS: Final = 5
"""LISTs over which the processor time is measured."""


def measure(stage: Stage, count: int) -> list[Figure]:
    """Create `objects` endpoints by one operator, then as many by `count` operators; nothing else may run.

    Raises:
        NotMeasuredError: POSTs did not come, or a shard worked on what is another one's.
    """
    stage.cloud.configure(provisioning_time=LONG)
    return [_run(stage, "one", 1, count), _run(stage, "each", count, count)]


def _run(stage: Stage, name: str, operators: int, namespaces: int) -> Figure:
    """`operators` processes for the objects of `namespaces` namespaces."""
    places = [f"{name}-{number}" for number in range(namespaces)]
    each = stage.sizes.objects // namespaces
    for place in places:
        stage.kube.create_namespace(place)
        stage.apply(each, namespace=place)
    homes = [f"{name}-system-{number}" for number in range(operators)]
    shards = [_shard(stage, home, number, places[number::operators]) for number, home in enumerate(homes)]
    since = stage.position()
    for shard in shards:
        shard.start(wait=False)
    posts = stage.until_posted(each * namespaces, since, *shards)
    _own(posts, operators, each * namespaces // operators)
    stage.cloud.advance(LONG)
    wait_for(lambda: _ready(shards) >= each * namespaces, what="all Ready", within=stage.timeout, every=1.0)
    spent, used = _listed(stage, shards)
    holders = {_holder(stage, home) for home in homes}
    for shard in shards:
        shard.stop()
    speed = rate([call["started_monotonic"] for call in posts])
    return _figure(each * namespaces, speed, spent, used, len(holders - {""}))


def _shard(stage: Stage, home: str, number: int, places: Sequence[str]) -> MeasuredOperator:
    """The chart's own release in a namespace `home`, with its rights and its Lease."""
    account = install(stage.cluster, home, *places)
    return stage.another(home, *places, token=shard_token(number), kubeconfig=account)


def _own(posts: Sequence[Json], operators: int, each: int) -> None:
    """Each shard has made exactly its own endpoints, in its own project. Raises `NotMeasuredError`."""
    made = {f"project-shard-{number}": 0 for number in range(operators)}
    for call in posts:
        made[call["project"]] += 1
    if set(made.values()) != {each}:
        raise NotMeasuredError(f"the shards made {made} endpoints, and not {each} each")


def _ready(shards: Sequence[MeasuredOperator]) -> int:
    return sum(shard.ready_objects() for shard in shards)


def _holder(stage: Stage, home: str) -> str:
    """Who holds the Lease there; empty for nobody."""
    path = ("--namespace", home, "--output", "jsonpath={.spec.holderIdentity}")
    return stage.cluster.kubectl("get", "lease", RELEASE, *path).stdout


def _listed(stage: Stage, shards: Sequence[MeasuredOperator]) -> tuple[float, list[Usage]]:
    """Processor time of a LIST, over several ones of each, and what each process has used by then."""
    since, before = stage.position(), [usage(shard.pid) for shard in shards]
    wanted = LISTS * len(shards)
    wait_for(
        lambda: len(stage.cloud.calls(since=since, method="GET", path=COLLECTION)) >= wanted,
        what=f"{wanted} LISTs",
        within=stage.timeout,
    )
    after = [usage(shard.pid) for shard in shards]
    lists = len(stage.cloud.calls(since=since, method="GET", path=COLLECTION))
    seconds = sum(now.cpu_seconds - then.cpu_seconds for now, then in zip(after, before, strict=True))
    return seconds / lists, after


def _figure(objects: int, speed: float, list_seconds: float, used: Sequence[Usage], holders: int) -> Figure:
    operators = len(used)
    memory = [f"{each.resident_mib:.0f}" for each in used]
    return Figure(
        what=f"{objects:,} objects, {operators} operator{'s' if operators > 1 else ''}",
        budget="",
        measured=f"{speed:.0f} POSTs/s; {' + '.join(memory)} MiB; {list_seconds * 1000:.0f} ms a LIST; "
        f"Leases held: {holders}",
        verdict=Verdict.REPORTED,
        values={
            "operators": operators,
            "objects": objects,
            "posts_per_second": speed,
            "resident_mib_together": sum(each.resident_mib for each in used),
            "cpu_seconds_of_a_list": list_seconds,
            "lease_holders": holders,
        },
    )

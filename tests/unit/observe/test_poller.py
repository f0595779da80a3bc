"""When the cloud is listed, and whom that wakes; on the virtual time of the event loop."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise

import pytest

from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.errors import (
    CloudError,
    CloudUnavailable,
    Forbidden,
    InvalidSpec,
    RateLimited,
    Unauthorized,
)
from tokenfactory_operator.domain.observed import EndpointList
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.observe.poller import STAGGER, Common, Poller, no_cost
from tokenfactory_operator.ports import Key
from tokenfactory_operator.state.cache import ObjectCache
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.state.sequence import SequenceClock
from unit.support.builders import CLUSTER, KEY, SCOPE, an_endpoint, an_object
from unit.support.clock import LoopClock
from unit.support.fakes import InMemoryCloud, Script, Turn, Witness

pytestmark = pytest.mark.looptime

HOUR = 3600.0


class TimedCloud(InMemoryCloud):
    """Remembers when it was listed, and takes so long over it."""

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.at: list[float] = []
        self.takes = 0.0
        self.broken: CloudError | None = None
        """What every LIST fails with."""

    async def list_endpoints(self) -> EndpointList:
        """See `ports.Cloud`."""
        self.at.append(now())
        await asyncio.sleep(self.takes)
        if self.broken is not None:
            raise self.broken
        return await super().list_endpoints()


def now() -> float:
    return asyncio.get_running_loop().time()


class Parts:
    """A poller with its inventory, before a cloud in memory."""

    def __init__(
        self, objects: int = 1, *, spent: Callable[[], float] = no_cost, users: Callable[[], list[Key]] | None = None
    ) -> None:
        clock, timing = LoopClock(), Timing()
        self.script, self.witness = Script(), Witness()
        self.cloud = TimedCloud(self.script)
        self.cache = ObjectCache()
        for number in range(objects):
            body = an_object(name=f"{KEY.name}-{number}" if number else KEY.name, uid=f"u{number}")
            self.cache.put(body)
        self.woken: list[tuple[Key, float]] = []
        self.pressing: list[Key] = []
        self.inventory = Inventory(scope=SCOPE, cluster_id=CLUSTER, sequence=SequenceClock(clock), timing=timing)
        common = Common(
            cache=self.cache,
            wake=self._wake,
            clock=clock,
            timing=timing,
            telemetry=self.witness,
            rng=random.Random(7),
            defects=Defects(self.witness),
            spent=spent,
        )
        self.poller = Poller(common, cloud=self.cloud, inventory=self.inventory, users=users)

    def _wake(self, key: Key, after: float, *, pressing: bool = False) -> None:
        (self.pressing.append(key) if pressing else self.woken.append((key, after)))

    @asynccontextmanager
    async def polling(self, seconds: float = 0.0) -> AsyncIterator[None]:
        """Polls in the background, first for so long by itself."""
        task = asyncio.create_task(self.poller.run())
        try:
            await asyncio.sleep(seconds)
            assert not task.done()
            yield
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def gaps(self, since: float = 0.0) -> list[float]:
        """Seconds between the LISTs begun after a moment."""
        return [later - earlier for earlier, later in pairwise(at for at in self.cloud.at if at >= since)]

    async def polls(self, times: int, seconds: float) -> None:
        """Poll by hand, so many seconds before each."""
        for _ in range(times):
            await asyncio.sleep(seconds)
            await self.poller.poll()


async def test_one_list_an_interval_with_jitter() -> None:
    """Steady state: the default interval, within a tenth, and not in step with other pollers."""
    parts = Parts()
    async with parts.polling(HOUR):
        gaps = parts.gaps()
    assert all(27.0 <= gap <= 33.0 for gap in gaps)
    assert len(set(gaps)) > 10
    assert len(gaps) == pytest.approx(120, abs=6)


async def test_the_first_list_comes_at_once() -> None:
    """Mutations wait for it."""
    parts = Parts()
    async with parts.polling(0.1):
        assert len(parts.cloud.at) == 1


async def test_the_ladder_after_a_mutation() -> None:
    """1, 2, 4, then 5 seconds, for ten minutes after the last mutation, then the default again."""
    parts = Parts()
    async with parts.polling(100):
        start = now()
        parts.poller.mutated()
        await asyncio.sleep(700)
        after = [at - start for at in parts.cloud.at if at >= start]
    assert after[:5] == pytest.approx([1, 2, 4, 8, 13])
    short = [gap for at, gap in zip(after[4:], pairwise_gaps(after[4:]), strict=False) if at < 595]
    assert short == pytest.approx([5.0] * len(short))
    assert all(gap >= 27 for gap in pairwise_gaps([at for at in after if at > 610]))


def pairwise_gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


async def gaps_while_all_changes(parts: Parts, seconds: int) -> list[float]:
    """Seconds between two LISTs, while there are ten mutations a second."""
    start = now()
    for _ in range(10 * seconds):
        parts.poller.mutated()
        await asyncio.sleep(0.1)
    return parts.gaps(start)


async def test_continuous_mutations_do_not_put_a_list_off() -> None:
    """Ten mutations a second: still a LIST about each second."""
    parts = Parts()
    async with parts.polling(100):
        gaps = await gaps_while_all_changes(parts, 60)
    assert len(gaps) > 50
    assert max(gaps) <= 1.2


@pytest.mark.parametrize(
    ("cost", "least", "most"),
    [
        pytest.param(0.01, 1.0, 1.2, id="a cheap one"),
        pytest.param(0.4, 4.0, 4.2, id="a tenth of the time"),
        pytest.param(60.0, 30.0, 30.2, id="never later than without a change"),
    ],
)
async def test_what_a_list_costs_decides_how_soon_the_next_one_comes(cost: float, least: float, most: float) -> None:
    """A busy fleet of ten thousand is not always at it, though something changes ten times a second."""
    parts = Parts(spent=lambda: cost * len(parts.cloud.at))
    async with parts.polling(100):
        gaps = await gaps_while_all_changes(parts, 200)
    assert len(gaps) >= 3
    assert min(gaps) >= least - 1e-9
    assert max(gaps) <= most


async def test_the_ladder_after_a_mutation_of_a_large_fleet() -> None:
    """Its steps are no shorter than what a LIST costs allows."""
    parts = Parts(spent=lambda: 0.3 * len(parts.cloud.at))
    async with parts.polling(100):
        start = now()
        parts.poller.mutated()
        await asyncio.sleep(30)
        after = [at - start for at in parts.cloud.at if at >= start]
    assert after[:5] == pytest.approx([1, 4, 7, 11, 16])


@pytest.mark.rule("R2")
async def test_a_call_without_an_answer_brings_one_list() -> None:
    """It may have changed something; repeated for ever, it does not keep the polls short for ever."""
    parts = Parts()
    async with parts.polling(100):
        start = now()
        parts.poller.uncertain()
        await asyncio.sleep(100)
        after = [at - start for at in parts.cloud.at if at >= start]
    assert after[0] == pytest.approx(1)
    assert all(gap >= 27 for gap in pairwise_gaps(after))


async def test_a_call_without_an_answer_does_not_undo_the_backoff_of_an_outage() -> None:
    """What fails together with the LISTs would have them sent every second."""
    parts = Parts()
    parts.cloud.broken = CloudUnavailable("down")
    async with parts.polling(300):
        before = len(parts.cloud.at)
        for _ in range(20):
            parts.poller.uncertain()
            await asyncio.sleep(1)
    assert len(parts.cloud.at) <= before + 1


async def test_a_mutation_while_a_list_runs_brings_the_next_within_a_second() -> None:
    """That LIST began before the mutation and proves nothing of it."""
    parts = Parts()
    parts.cloud.takes = 5.0
    async with parts.polling(2):
        parts.poller.mutated()
        await asyncio.sleep(8)
    assert parts.cloud.at[1] == pytest.approx(6.0)


async def test_a_person_asks_for_a_look_now() -> None:
    """The request annotation waits for no interval."""
    parts = Parts()
    async with parts.polling(40):
        parts.poller.hurry()
        await asyncio.sleep(0.1)
        assert parts.cloud.at[-1] == pytest.approx(40)


async def test_retry_after_is_obeyed_by_haste_too() -> None:
    """The cloud said when: neither a request nor a mutation comes before that."""
    parts = Parts()
    parts.script.plan("list", Turn(error=RateLimited("slow down", retry_after=50.0)))
    async with parts.polling(1):
        parts.poller.hurry()
        parts.poller.mutated()
        await asyncio.sleep(60)
    assert parts.cloud.at[1] == pytest.approx(50.0)


async def test_failures_back_off_up_to_the_interval() -> None:
    """1, 2, 4 ... 30 seconds, within a tenth, for as long as it takes."""
    parts = Parts()
    parts.cloud.broken = CloudUnavailable("down")
    async with parts.polling(48 * HOUR):
        gaps = parts.gaps()
    assert len(gaps) > 1100
    assert gaps[:6] == pytest.approx([1, 2, 4, 8, 16, 30], rel=0.1)
    assert all(27.0 <= gap <= 33.0 for gap in gaps[5:])


# Who is woken


async def test_a_change_wakes_the_object_that_it_concerns() -> None:
    """By the mark or by the status, and nobody else."""
    parts = Parts(objects=3)
    await parts.poller.poll()
    parts.cloud.endpoints["ep-1"] = an_endpoint(description=f"[k8s {CLUSTER} ml/llm uid=u0 try=a1]")
    await parts.poller.poll()
    assert parts.woken == [(KEY, 0.0)]
    await parts.poller.poll()
    assert len(parts.woken) == 1


@pytest.mark.rule("C31")
async def test_a_duplicate_is_pressing() -> None:
    """Its object goes before those that wait for nothing: a duplicate is billed as long as it lives."""
    parts = Parts(objects=3)
    for number, attempt in enumerate(("a1", "a2", "a2"), 1):
        uid = "u0" if number < 3 else "u1"
        description = f"[k8s {CLUSTER} ml/llm uid={uid} try={attempt}]"
        parts.cloud.endpoints[f"ep-{number}"] = an_endpoint(f"ep-{number}", description=description)
        await parts.poller.poll()
        assert parts.pressing == [KEY] * (number > 1)


async def test_those_who_wait_for_a_list_are_woken_once() -> None:
    """By a complete one only."""
    parts = Parts()
    await parts.poller.poll()
    parts.poller.wait_for_list(KEY)
    parts.cloud.complete = False
    await parts.poller.poll()
    assert parts.woken == []
    parts.cloud.complete = True
    await parts.poller.poll()
    assert (KEY, 0.0) in parts.woken
    parts.woken.clear()
    await parts.poller.poll()
    assert parts.woken == []


# Outages


def outage(parts: Parts) -> tuple[Reason, bool] | None:
    reported = parts.inventory.outage
    return (reported.reason, reported.blind) if reported else None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(CloudUnavailable("5xx"), Reason.CLOUD_UNAVAILABLE, id="unavailable"),
        pytest.param(Unauthorized("who?"), Reason.UNAUTHORIZED, id="revoked"),
        pytest.param(RateLimited("slow"), Reason.RATE_LIMITED, id="throttled"),
    ],
)
async def test_a_first_list_that_fails_is_said_at_once(error: CloudError, reason: Reason) -> None:
    """Nothing was ever seen: objects must not look as if they were only new."""
    parts = Parts()
    parts.cloud.broken = error
    await parts.poller.poll()
    assert outage(parts) == (reason, False)
    assert len(parts.woken) == 1


async def test_what_the_log_says_of_lists(caplog: pytest.LogCaptureFixture) -> None:
    """The first good one, each that fails, how many did in a row, and that it is over; with the tenant's namespace."""
    parts = Parts()
    parts.inventory.namespace = "ml"
    with caplog.at_level(logging.INFO):
        await parts.poller.poll()
        parts.cloud.broken = Unauthorized("who?")
        for _ in range(2):
            await parts.poller.poll()
        parts.cloud.broken = None
        await parts.poller.poll()
    assert [record.getMessage() for record in caplog.records] == [
        f"the cloud is listed: 0 endpoints in scope {SCOPE}",
        "the cloud could not be listed: who?",
        "the cloud could not be listed (failure 2 in a row): who?",
        "the cloud is listed again",
    ]
    assert {vars(record)["namespace"] for record in caplog.records} == {"ml"}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(Unauthorized("who?"), Reason.UNAUTHORIZED, id="401"),
        pytest.param(Forbidden("no"), Reason.FORBIDDEN, id="403"),
    ],
)
async def test_a_revoked_token_is_said_at_once(error: CloudError, reason: Reason) -> None:
    """A person has to act; waiting for three intervals helps nobody."""
    parts = Parts()
    await parts.poller.poll()
    parts.cloud.broken = error
    await parts.poller.poll()
    assert outage(parts) == (reason, False)


@pytest.mark.parametrize(
    ("error", "longest"),
    [
        pytest.param(Unauthorized("who?"), 300.0, id="401"),
        pytest.param(Forbidden("no"), 300.0, id="403"),
        pytest.param(InvalidSpec("no such project"), 300.0, id="422"),
        pytest.param(CloudUnavailable("5xx"), 30.0, id="5xx"),
    ],
)
async def test_a_refused_credential_is_tried_ever_less(error: CloudError, longest: float) -> None:
    """Only a person can change that, so it backs off to minutes; an outage is followed at the usual pace."""
    parts = Parts()
    parts.cloud.broken = error
    async with parts.polling(HOUR):
        gaps = parts.gaps()
        assert gaps[0] < 1.2
        assert longest * 0.9 <= max(gaps) <= longest * 1.1
        assert parts.gaps(since=HOUR / 2)[0] > longest * 0.89
        parts.cloud.broken = None
        parts.poller.hurry()
        await asyncio.sleep(0.1)
        assert outage(parts) is None


async def test_an_outage_is_told_to_those_whom_it_concerns() -> None:
    """Another credential's objects are not looked at: however often one fails and heals, it costs only its own."""
    parts = Parts(objects=5, users=lambda: [KEY])
    parts.cloud.broken = Unauthorized("who?")
    await parts.poller.poll()
    parts.cloud.broken = None
    await parts.poller.poll()
    assert {key for key, _ in parts.woken} == {KEY}


async def test_requests_in_a_loop_are_bounded() -> None:
    """Whoever asks a hundred times a second has a list at once, and then one in each interval of transition."""
    parts = Parts()
    async with parts.polling(0.5):
        for _ in range(6000):
            parts.poller.hurry()
            await asyncio.sleep(0.01)
        assert len(parts.cloud.at) <= 1 + 3 + 60 // 5


@pytest.mark.parametrize("incomplete", [False, True], ids=["failing", "incomplete"])
async def test_three_intervals_without_a_good_list(*, incomplete: bool) -> None:
    """Then, and not before, it is an outage; a list that is never complete is none the better."""
    parts = Parts()
    await parts.poller.poll()
    if incomplete:
        parts.cloud.complete = False
    else:
        parts.cloud.broken = CloudUnavailable("5xx")
    await parts.polls(2, 30)
    assert outage(parts) is None
    await parts.polls(1, 30)
    assert outage(parts) == (Reason.CLOUD_UNAVAILABLE, False)


async def test_an_outage_is_told_once_and_its_message_is_stable() -> None:
    """Whatever the errors say in detail; then once more when nothing was seen for too long to know anything."""
    parts = Parts()
    await parts.poller.poll()
    reported = []
    for number in range(30):
        parts.cloud.broken = CloudUnavailable(f"time-out number {number}")
        await parts.polls(1, 30)
        reported.append(parts.inventory.outage)
    assert len(parts.woken) == 2
    assert reported[:2] == [None, None]
    assert len(set(reported[2:19])) == 1
    assert len(set(reported[19:])) == 1
    assert outage(parts) == (Reason.CLOUD_UNAVAILABLE, True)
    assert parts.witness.counts.count("cloud_outage") == 2


async def test_another_reason_is_told() -> None:
    """An outage that turns out to be a revoked token."""
    parts = Parts()
    parts.cloud.broken = CloudUnavailable("down")
    await parts.poller.poll()
    parts.cloud.broken = Unauthorized("who?")
    await parts.poller.poll()
    assert outage(parts) == (Reason.UNAUTHORIZED, False)
    assert len(parts.woken) == 2


async def test_recovery_wakes_all_once() -> None:
    """Everybody looks again."""
    parts = Parts(objects=5)
    parts.cloud.broken = CloudUnavailable("down")
    await parts.poller.poll()
    parts.woken.clear()
    parts.cloud.broken = None
    await parts.polls(2, 30)
    assert outage(parts) is None
    assert {key for key, _ in parts.woken} == set(parts.cache)
    assert len(parts.woken) == 5
    assert parts.witness.counts.count("cloud_recovered") == 1


async def test_one_good_list_starts_the_time_anew() -> None:
    """Three intervals in a row, not in all."""
    parts = Parts()
    await parts.poller.poll()
    for _ in range(3):
        parts.cloud.broken = CloudUnavailable("5xx")
        await parts.polls(2, 30)
        parts.cloud.broken = None
        await parts.polls(1, 30)
    assert outage(parts) is None
    assert parts.woken == []


@pytest.mark.parametrize(
    ("objects", "bound"),
    [pytest.param(10, 0.2, id="few-are-told-at-once"), pytest.param(5000, STAGGER, id="many-within-a-minute")],
)
async def test_many_are_told_one_after_the_other(objects: int, bound: float) -> None:
    """Ten thousand status writes are no storm."""
    parts = Parts(objects=objects)
    parts.cloud.broken = CloudUnavailable("down")
    await parts.poller.poll()
    delays = [after for _, after in parts.woken]
    assert len(delays) == objects
    assert 0.0 <= min(delays) <= max(delays) <= bound
    assert max(delays) > bound / 2


async def test_results_are_counted() -> None:
    """Complete, incomplete and failed LISTs."""
    parts = Parts()
    await parts.poller.poll()
    parts.cloud.complete = False
    await parts.poller.poll()
    parts.cloud.broken = CloudUnavailable("down")
    await parts.poller.poll()
    results = [item for item in parts.witness.counts if not item.startswith("cloud_")]
    assert results == ["complete", "incomplete", "failed"]

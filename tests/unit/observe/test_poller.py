"""When the cloud is listed, and whom that wakes; on the virtual time of the event loop."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from tokenfactory_operator.domain.errors import (
    CloudUnavailable,
    RateLimited,
)
from unit.support.builders import CLUSTER, KEY, an_endpoint
from unit.support.fakes import Turn
from unit.support.polling import HOUR, Parts, now

pytestmark = pytest.mark.looptime


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


@pytest.mark.rule("R2")
async def test_a_call_without_an_answer_while_a_list_runs() -> None:
    """That LIST began before the end of the call and says nothing of it: the next one follows soon."""
    parts = Parts()
    parts.cloud.takes = 5.0
    async with parts.polling(2):
        parts.poller.uncertain()
        await asyncio.sleep(100)
    assert parts.cloud.at[1] == pytest.approx(6.0)
    assert all(gap >= 27 for gap in pairwise_gaps(parts.cloud.at[1:]))


async def test_a_call_without_an_answer_while_a_list_runs_that_fails() -> None:
    """The LIST that fails has a pause of its own."""
    parts = Parts()
    async with parts.polling(100):
        parts.cloud.takes, parts.cloud.broken = 5.0, RateLimited("wait", retry_after=60.0)
        await asyncio.sleep(30)
        parts.poller.uncertain()
        begun = parts.cloud.at[-1]
        await asyncio.sleep(50)
        assert parts.cloud.at[-1] == begun


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


async def test_requests_in_a_loop_are_bounded() -> None:
    """Whoever asks a hundred times a second has a list at once, and then one in each interval of transition."""
    parts = Parts()
    async with parts.polling(0.5):
        for _ in range(6000):
            parts.poller.hurry()
            await asyncio.sleep(0.01)
        assert len(parts.cloud.at) <= 1 + 3 + 60 // 5


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

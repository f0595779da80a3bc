"""LISTs that fail: when that is an outage, who is told of it, and how often it is tried again."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tokenfactory_operator.domain.errors import (
    CloudError,
    CloudUnavailable,
    Forbidden,
    InvalidSpec,
    RateLimited,
    Unauthorized,
)
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.observe.poller import STAGGER
from unit.support.builders import KEY, SCOPE
from unit.support.polling import HOUR, Parts

pytestmark = pytest.mark.looptime


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

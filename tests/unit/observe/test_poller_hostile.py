"""What the poller does with a cloud that answers nonsense, or never: it goes on, and says what it sees no longer."""

from __future__ import annotations

import asyncio

import pytest

from tokenfactory_operator.domain.errors import CloudError, CloudUnavailable, Unauthorized
from tokenfactory_operator.domain.observed import EndpointList
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.timing import Timing
from unit.support.builders import KEY
from unit.support.fakes import Turn
from unit.support.polling import Parts, TimedCloud, now

pytestmark = pytest.mark.looptime


async def test_a_defect_is_a_list_that_failed() -> None:
    """An exception that no port promises ends nothing: it is counted, said, and the next LIST comes."""
    parts = Parts()
    parts.script.plan(
        "list", Turn(RuntimeError("what no port raises")), Turn(UnicodeEncodeError("utf-8", "", 0, 1, ""))
    )
    async with parts.polling(0.5):
        assert parts.inventory.outage is not None
        assert parts.inventory.outage.reason is Reason.OPERATOR_DEFECT
        await asyncio.sleep(60.0)
        assert parts.inventory.outage is None
    assert parts.witness.counts[:4] == ["defect", "failed", "cloud_outage", "defect"]
    assert "complete" in parts.witness.counts


class Endless(TimedCloud):
    """Its LIST never comes to its end."""

    async def list_endpoints(self) -> EndpointList:
        """See `ports.Cloud`."""
        self.at.append(now())
        await asyncio.Event().wait()
        raise AssertionError


async def test_staleness_is_told_whatever_the_list_is_doing() -> None:
    """A LIST that does not end is no reason to go on saying what was true long ago."""
    parts = Parts()
    age = Timing().inventory_max_age
    async with parts.polling(1.0):
        parts.poller.cloud = Endless(parts.script)
        await asyncio.sleep(age - 5.0)
        assert parts.inventory.outage is None
        parts.woken.clear()
        await asyncio.sleep(10.0)
        assert parts.inventory.outage is not None
        assert parts.inventory.outage.blind
        assert KEY in [key for key, _ in parts.woken]


@pytest.mark.parametrize("error", [CloudUnavailable("connection refused"), Unauthorized("HTTP 401", status=401)])
async def test_staleness_does_not_hide_why_the_lists_fail(error: CloudError) -> None:
    """That the last good list has become old changes no reason: else `Stalled` would end by itself."""
    parts = Parts()
    parts.script.plan("list", Turn(), *[Turn(error)] * 1000)
    told = set[tuple[Reason, bool]]()
    async with parts.polling(1.0):
        for _ in range(1300):
            await asyncio.sleep(1.0)
            if parts.inventory.outage is not None:
                told.add((parts.inventory.outage.reason, error.message in parts.inventory.outage.message))
    assert told == {(error.reason, True)}


async def test_a_bad_item_is_told_once_and_stops_nobody() -> None:
    """What else the LIST shows is a view of the cloud: no outage, and whoever waits for a LIST is woken."""
    parts = Parts()
    bad = EndpointList((), unreadable=True, problem="1 of its items cannot be read")
    parts.script.plan("list")

    async def listed() -> EndpointList:
        return bad

    parts.cloud.list_endpoints = listed  # type: ignore[method-assign]  # a cloud with one bad item
    parts.poller.wait_for_list(KEY)
    await parts.polls(5, 1000.0)
    assert parts.inventory.outage is None
    assert parts.woken == [(KEY, 0.0)]
    assert parts.witness.counts.count("unreadable_items") == 1

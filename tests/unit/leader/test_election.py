"""Who leads: one at a time, whatever happens to leases, clocks and networks; on virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import pytest

from tokenfactory_operator.domain.errors import LeaseHeld
from tokenfactory_operator.leader.election import NoElection
from tokenfactory_operator.leader.lease import RELEASED, LeaseRecord, LeaseTerms
from unit.support.leases import TERMS, Machine, SharedLease, Store

pytestmark = pytest.mark.looptime

STANDBY_GETS: Final = 1.0
"""Seconds between two looks of a follower: half a retry period."""


@asynccontextmanager
async def machines(*names: str, shared: SharedLease | None = None) -> AsyncIterator[list[Machine]]:
    """Started one after the other; none lives on after the test."""
    lease = shared or SharedLease()
    made = [Machine(lease, name) for name in names]
    for machine in made:
        machine.start()
    yield made
    for machine in made:
        machine.kill()
    await asyncio.sleep(0)


def leaders(made: list[Machine]) -> list[str]:
    """Who may act now."""
    return [machine.identity for machine in made if machine.elector.held()]


def now() -> float:
    """Seconds of the loop."""
    return asyncio.get_running_loop().time()


def free() -> SharedLease:
    """A Lease that has been released."""
    return SharedLease(LeaseRecord(holder="", duration=RELEASED, version="0"))


async def test_a_released_lease_is_taken_at_once() -> None:
    """The first start but one, and each start after an orderly end, does not wait."""
    async with machines("a", shared=free()) as made:
        await asyncio.sleep(0.1)
        assert leaders(made) == ["a"]


@pytest.mark.rule("W10")
async def test_without_a_lease_a_process_waits_for_the_duration() -> None:
    """Perhaps somebody has just deleted the leader's: one that still acts notices within that time."""
    async with machines("a") as made:
        await asyncio.sleep(TERMS.duration - 0.5)
        assert leaders(made) == []
        await asyncio.sleep(1.5)
        assert leaders(made) == ["a"]


@pytest.mark.rule("W13")
async def test_a_lease_is_released_although_its_last_renewal_was_cut_off() -> None:
    """The renewal came to the API server, its answer did not come here. What the release says counts all the same."""
    async with machines("a", shared=free()) as made:
        await asyncio.sleep(60.0)
        leader = made[0]
        leader.store.latency = 0.3
        before = leader.shared.writes
        async with asyncio.timeout(10.0):
            while leader.shared.writes == before:  # noqa: ASYNC110 - on virtual time
                await asyncio.sleep(0.01)
        await leader.end()
        assert leader.shared.record is not None
        assert (leader.shared.record.holder, leader.shared.record.duration) == ("", RELEASED)


@pytest.mark.rule("W9")
async def test_a_killed_leader_is_followed_within_the_duration_and_two_seconds() -> None:
    """The standby counts from the last renewal that it has seen, and looks every second."""
    async with machines("a", "b", shared=free()) as made:
        await asyncio.sleep(60.0)
        assert leaders(made) == ["a"]
        made[0].kill()
        killed = now()
        await asyncio.sleep(TERMS.duration + 2.0)
        assert made[1].led_at is not None
        assert made[1].led_at - killed <= TERMS.duration + 2.0
        # From the last renewal, which may be a retry period before the kill, nobody else leads for the duration.
        assert made[1].led_at - killed >= TERMS.duration - TERMS.retry_period


async def test_a_released_leader_is_followed_within_a_look() -> None:
    """An orderly end leaves no gap."""
    async with machines("a", "b", shared=free()) as made:
        await asyncio.sleep(5.0)
        await made[0].end()
        assert leaders(made) == []
        await asyncio.sleep(STANDBY_GETS + 0.1)
        assert leaders(made) == ["b"]


@pytest.mark.rule("W7")
@pytest.mark.parametrize(
    ("broken", "one_try"),
    [("down", 0.0), ("hangs", TERMS.retry_period), ("loses_answers", TERMS.retry_period)],
)
async def test_a_leader_that_is_cut_off_ends_before_another_leads(broken: str, one_try: float) -> None:
    """It gives up at the renew deadline, and may not act any more before the lease passes on."""
    async with machines("a", "b", shared=free()) as made:
        await asyncio.sleep(7.0)
        setattr(made[0].store, broken, True)
        cut = now()
        while not leaders(made[1:]):
            await asyncio.sleep(0.1)
            assert len(leaders(made)) <= 1
        assert made[0].lost_at is not None
        # It ends by itself before its right does: its watchdog is for processes that cannot.
        assert made[0].lost_at - cut <= TERMS.renew_deadline + TERMS.retry_period + one_try


async def test_a_short_outage_is_survived() -> None:
    """Up to the renew deadline the leader goes on."""
    async with machines("a", "b", shared=free()) as made:
        await asyncio.sleep(5.0)
        made[0].store.down = made[1].store.down = True
        await asyncio.sleep(TERMS.renew_deadline - TERMS.retry_period - 0.5)
        assert (made[1].elector.problem() or "").startswith("the Lease ops/lease cannot be read or written")
        made[0].store.down = made[1].store.down = False
        await asyncio.sleep(60.0)
        assert leaders(made) == ["a"]
        assert made[0].lost is None
        assert made[1].elector.problem() is None


@pytest.mark.rule("W8")
@pytest.mark.parametrize("clock", ["boot_offset", "wall_offset"])
async def test_a_clock_that_jumps_ends_the_right_to_act_at_once(clock: str) -> None:
    """A suspended machine shows on the boot clock, a suspended virtual machine on the wall clock only."""
    async with machines("a", shared=free()) as made:
        await asyncio.sleep(5.0)
        setattr(made[0].clocks, clock, getattr(made[0].clocks, clock) + TERMS.acts_for)
        assert leaders(made) == []
        await asyncio.sleep(TERMS.retry_period + 0.1)
        assert made[0].lost is not None, "it led again, though somebody else may have led in between"


@pytest.mark.rule("W8")
async def test_a_wall_clock_that_goes_back_gives_no_longer_right() -> None:
    """The worse of the two clocks counts."""
    async with machines("a", shared=free()) as made:
        await asyncio.sleep(5.0)
        made[0].store.down = True
        made[0].clocks.wall_offset -= 3600.0
        await asyncio.sleep(TERMS.duration)
        assert made[0].lost is not None


@pytest.mark.rule("W10")
async def test_a_deleted_lease_is_made_anew_by_its_leader() -> None:
    """Nobody else takes the moment for a free lease."""
    async with machines("a", "b", shared=free()) as made:
        await asyncio.sleep(5.0)
        made[0].shared.record = None
        late = Machine(made[0].shared, "c")
        late.start()
        await asyncio.sleep(60.0)
        assert leaders([*made, late]) == ["a"]
        late.kill()


async def test_a_lease_that_came_and_went_unseen_makes_no_second_leader() -> None:
    """A leader takes the Lease and a person deletes it while a follower cannot read: that one has seen no change."""
    async with machines("a", "b") as made:
        await asyncio.sleep(5.0)
        made[1].store.down = True
        await asyncio.sleep(TERMS.duration - 4.0)
        assert leaders(made) == ["a"]
        made[0].shared.record = None
        made[1].store.down = False
        for _ in range(500):
            await asyncio.sleep(0.1)
            assert leaders(made) == ["a"]


async def test_a_lease_that_is_given_to_another_is_lost() -> None:
    """Also where a person has edited it: two processes must not argue about who leads."""
    async with machines("a", shared=free()) as made:
        await asyncio.sleep(5.0)
        made[0].shared.edit(holder="a person")
        await asyncio.sleep(TERMS.retry_period + 0.1)
        assert "a person holds it now" in str(made[0].lost)


@pytest.mark.rule("W7", "W9")
@pytest.mark.parametrize(
    ("edit", "leads_after"),
    [
        pytest.param({"holder": ""}, "b", id="nobody"),
        pytest.param({"holder": "a person", "duration": 1}, "b", id="another, for a second"),
        pytest.param({"duration": 1}, "a", id="for a second"),
    ],
)
async def test_what_a_person_writes_into_a_lease_makes_no_second_leader(
    edit: dict[str, object], leads_after: str
) -> None:
    """The leader acts until its next renewal: whatever the Lease says by then, nobody follows before its time ends."""
    async with machines("a", "b", shared=free()) as made:
        for _ in range(20):
            await asyncio.sleep(0.35)
            assert leaders(made) == ["a"]
        made[0].store.hangs = True  # so that it does not notice at once
        made[0].shared.edit(**edit)
        for tick in range(200):
            await asyncio.sleep(0.1)
            assert len(leaders(made)) <= 1
            made[0].store.hangs = tick < 30
        assert leaders(made) == [leads_after]


async def test_an_answer_that_names_another_holder_is_no_renewal() -> None:
    """Something on the way answered, and nothing was written: the right to act ends as without any answer."""
    async with machines("a", shared=free()) as made:
        await asyncio.sleep(5.0)
        made[0].store.answers_for = "another"
        await asyncio.sleep(TERMS.renew_deadline + 2 * TERMS.retry_period)
        assert "names another as the holder" in str(made[0].lost)


@pytest.mark.rule("W8", "X63")
async def test_a_renewal_that_is_not_stored_is_none() -> None:
    """A webhook puts back what was there: the followers see no renewal, so the leader has none either."""
    async with machines("a", "b", shared=free()) as made:
        await asyncio.sleep(5.0)
        made[0].store.undone = True
        while not leaders(made[1:]):
            await asyncio.sleep(0.1)
            assert len(leaders(made)) <= 1
        assert "shows no renewal" in str(made[0].lost)


@pytest.mark.parametrize(
    "edit", [{"acquired": "yesterday"}, {"duration": None}, {"renewed": ""}, {"duration": 86400}, {"transitions": -3}]
)
async def test_other_edits_of_a_lease_are_written_over(edit: dict[str, object]) -> None:
    """The leader goes on, and its next renewal says again what is so."""
    async with machines("a", "b", shared=free()) as made:
        await asyncio.sleep(5.0)
        made[0].shared.edit(**edit)
        await asyncio.sleep(60.0)
        assert leaders(made) == ["a"]
        assert made[0].shared.record is not None
        assert made[0].shared.record.duration == TERMS.duration


async def test_a_count_at_its_end_stops_no_succession() -> None:
    """The API server takes 32 bits: a leader that counted on could never be written, and nobody would lead."""
    shared = SharedLease(LeaseRecord(holder="gone", duration=5, transitions=2**31 - 1, version="0"))
    async with machines("a", shared=shared) as made:
        await asyncio.sleep(20.0)
        assert leaders(made) == ["a"]
        assert shared.record is not None
        assert shared.record.transitions == 2**31 - 1


@pytest.mark.rule("W9")
@pytest.mark.parametrize(("stated", "waits"), [(40, 40.0), (5, TERMS.duration), (None, TERMS.duration)])
async def test_a_follower_waits_for_the_time_that_the_record_states(stated: int | None, waits: float) -> None:
    """Or for its own setting where that is longer: a person may have shortened the other one."""
    shared = SharedLease(LeaseRecord(holder="gone", duration=stated, renewed="x", version="0"))
    async with machines("a", shared=shared) as made:
        await asyncio.sleep(waits - 0.5)
        assert leaders(made) == []
        await asyncio.sleep(2.0)
        assert leaders(made) == ["a"]


async def test_a_label_on_the_lease_does_not_put_off_the_succession() -> None:
    """Only what a renewal changes counts as one."""
    shared = SharedLease(LeaseRecord(holder="gone", duration=15, version="0"))
    async with machines("a", shared=shared) as made:
        for _ in range(8):
            await asyncio.sleep(2.0)
            shared.edit()
        await asyncio.sleep(1.0)
        assert leaders(made) == ["a"]


async def test_an_unanswered_takeover_is_noticed() -> None:
    """The write that takes the lease takes effect, its answer is lost: the next look shows whose it is."""
    async with machines("a", shared=free()) as made:
        made[0].store.loses_answers = True
        await asyncio.sleep(3.0)
        assert leaders(made) == []
        made[0].store.loses_answers = False
        await asyncio.sleep(3.0)
        assert leaders(made) == ["a"]


@pytest.mark.rule("W8")
async def test_the_watchdog_is_told_the_end_of_the_right_to_act() -> None:
    """After each renewal, counted from its start."""
    async with machines("a", shared=free()) as made:
        made[0].store.latency = 0.25
        await asyncio.sleep(9.0)
        assert len(made[0].bounds) > 2
        assert made[0].bounds == pytest.approx([TERMS.acts_for - 0.5] * len(made[0].bounds))


def check_terms(terms: LeaseTerms) -> None:
    """The leader's right ends before a follower's can begin."""
    assert terms.renew_deadline + 2 * terms.retry_period <= terms.acts_for < terms.duration


def test_default_terms_leave_room() -> None:
    """As the settings ask for."""
    check_terms(TERMS)


STORMS: Final[tuple[Callable[[Machine, random.Random], object], ...]] = (
    lambda machine, rng: setattr(machine.store, "down", rng.random() < 0.5),
    lambda machine, rng: setattr(machine.store, "hangs", rng.random() < 0.4),
    lambda machine, rng: setattr(machine.store, "loses_answers", rng.random() < 0.4),
    lambda machine, rng: setattr(machine.store, "latency", rng.uniform(0.0, 1.5)),
    lambda machine, rng: setattr(machine.clocks, "wall_offset", rng.uniform(-5000.0, 5000.0)),
    lambda machine, rng: setattr(machine.clocks, "boot_offset", machine.clocks.boot_offset + rng.uniform(0.0, 20.0)),
    lambda machine, _: setattr(machine.shared, "record", None),
    lambda machine, _: machine.shared.give_to("a person"),
    lambda machine, _: machine.shared.give_to(""),
    lambda machine, _: machine.shared.shorten(),
)


@pytest.mark.rule("W7")
@pytest.mark.parametrize("seed", range(12))
async def test_never_two_leaders_in_a_storm(seed: int) -> None:
    """Outages, lost answers, clocks, deletions and edits by hand: at every moment at most one may act.

    Not among them: a person who writes exactly what a release writes.
    """
    rng = random.Random(seed)
    shared, made = free(), list[Machine]()
    for number in range(3):
        made.append(Machine(shared, f"m{number}"))
        made[-1].start()
    for step in range(2000):
        if step % 50 == 0:
            rng.choice(STORMS)(rng.choice(made), rng)
        if step % 97 == 0:
            index = rng.randrange(len(made))
            if made[index].lost is not None or rng.random() < 0.1:
                made[index].kill()
                made[index] = Machine(shared, f"m{index}.{step}")
                made[index].start()
        await asyncio.sleep(0.1)
        assert len(leaders(made)) <= 1, f"two leaders at step {step}"
    for machine in made:
        machine.kill()
    made.append(Machine(shared, "after it"))
    made[-1].start()
    await asyncio.sleep(TERMS.duration + 2.0)
    assert leaders(made) == ["after it"]
    made[-1].kill()


async def test_without_election_a_renewed_lease_is_respected() -> None:
    """Then there are several processes after all: this one does not start."""
    async with machines("a", shared=free()) as made:
        await asyncio.sleep(5.0)
        with pytest.raises(LeaseHeld, match=r"TOKENFACTORY_LEADER_ELECTION.* a renews the Lease ops/lease"):
            await NoElection(Store(made[0].shared), TERMS).acquire()


@pytest.mark.parametrize(
    ("record", "within"),
    [
        pytest.param(None, 0.1, id="none"),
        pytest.param(LeaseRecord(holder="", duration=RELEASED, version="1"), 0.1, id="released"),
        pytest.param(LeaseRecord(holder="gone", duration=15, version="1"), 15.2, id="its holder is dead"),
    ],
)
async def test_without_election_a_lease_that_nobody_renews_is_no_hindrance(
    record: LeaseRecord | None, within: float
) -> None:
    """A single process leads as soon as it is sure, and until it is told to stop."""
    single = NoElection(Store(SharedLease(record)), TERMS)
    await asyncio.wait_for(single.acquire(), within)
    assert single.held()
    await single.release()
    assert not single.held()

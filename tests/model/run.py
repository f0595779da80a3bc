"""One seed: a world, a while of trouble, a while of quiet, a person who puts right what was asked for, quiet again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from model.administrators import Administrators
from model.api_trouble import Trouble
from model.chance import GARBLED, HAPPENINGS, LIST_RATES, Chance, swarm
from model.clock import Stuck
from model.console import console_made
from model.fates import STALE, Conditions, RandomWeather
from model.people import PLACES, People
from model.tenants import ACTS, Tenants
from model.verdict import Deeds, Verdict
from model.world import World
from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.timing import Timing

TROUBLE: Final = (300.0, 1500.0)
"""Seconds in which things happen."""
MISTAKEN: Final = 900.0
"""Seconds until people have put right what they did by mistake; with another credential a settle time begins anew."""
CALM: Final = 4000.0
"""Seconds until the world has to be in order: all settle times, pauses and slow retries one after the other."""
AFTERWARDS: Final = 1100.0
"""Seconds until every late effect has come, and the watch has brought everything."""
SOON: Final = 300.0
"""Seconds within which an edit is in the cloud, and a deletion is over, where nothing goes wrong any more."""
CONFIRMATIONS: Final = 2
"""How often a person answers what the conditions ask for, in between."""

ELECTING: Final = 0.2
"""Share of the seeds in which two processes elect their leader; its renewals cost more than all else in them."""
TENANTS: Final = 4
"""Of so many seeds, one has tenants with credentials of their own; the others are what they were without them."""
WIRED: Final = 3
"""Of so many seeds, one has the real client: what the cloud says comes to it over HTTP."""
KUBE_WIRED: Final = 0.2
"""Share of the seeds in which the real adapter talks to the API server over HTTP."""
FULL: Final = 0.04
"""Share of the seeds in which LISTs are cut off after so many endpoints, and strangers take all the room."""
PAGE: Final = 20


@dataclass(frozen=True)
class Report:
    """What a run has shown."""

    seed: int
    violations: tuple[str, ...]
    trace: str
    """Empty unless it was asked for."""
    struck: tuple[str, ...]
    """Faults and happenings, by their numbers."""
    calls: int
    late_duplicates: int


class Simulation:
    """The run of one seed; `dropped` are the numbers of faults to leave out."""

    def __init__(self, seed: int, dropped: frozenset[int] = frozenset(), *, traced: bool = False) -> None:
        rng = random.Random(seed)
        rates = swarm(rng)
        self._rng = rng
        self._seed = seed
        self._chance = Chance(random.Random(rng.getrandbits(32)), rates, dropped)
        timing = rng.choice((Timing(), Timing(create_settle=20.0, delete_settle=100.0, lost_settle=200.0)))
        self._electing = rng.random() < ELECTING
        self.world = World(
            random.Random(rng.getrandbits(32)),
            weather=lambda timing: RandomWeather(self._chance, self._chance, timing),
            chance=self._chance,
            timing=timing,
            probed=rng.random() < 0.5,
            traced=traced,
            electing=self._electing,
        )
        weather = self.world.weather
        assert isinstance(weather, RandomWeather)
        self._weather = weather
        self._deeds = Deeds()
        tenants = random.Random(f"tenants {seed}")
        self._tenants_rng = tenants
        self._tenants = (
            Tenants(self.world, self._deeds, self._chance, tenants) if seed % TENANTS == TENANTS - 1 else None
        )
        self._people = People(self.world, weather, self._deeds, self._chance, self._tenants)
        self._verdict = Verdict(self.world, self._deeds)
        self._administrators: Administrators | None = None
        self._prepare(rates, timing)

    def _prepare(self, rates: dict[str, float], timing: Timing) -> None:
        world, rng = self.world, self._rng
        if self._seed % WIRED == WIRED - 1:
            world.around.forms = random.Random(f"forms {self._seed}")
            rates[GARBLED] = world.around.forms.choice((0.0, 0.0, *LIST_RATES))
        kube = random.Random(f"kube {self._seed}")
        if kube.random() < KUBE_WIRED:
            world.around.trouble = trouble = Trouble(self._chance, kube)
            world.kube.admission = world.secrets.admission = trouble.admitted
            world.config_maps.on_patch = world.checks.map_written
            world.kube.on_patch = world.secrets.on_patch = world.checks.finalizers_written
            self._administrators = Administrators(world, self._deeds, trouble, self._chance)
            rates |= trouble.rates
        world.around.missing_page = rng.randint(0, 1)
        world.around.hides = "list.hidden" in rates
        world.checks.view_age = timing.stale_after
        world.checks.stale = STALE * timing.create_settle if "list.stale" in rates else 0.0
        world.vendor.get_by_id = rng.random() < 0.5
        world.vendor.provisioning = rng.choice(((1.0, 5.0), (5.0, 60.0)))
        world.checks.policy = Policy(may_adopt=rng.random() < 0.8, adopt_recreated=rng.random() < 0.3)
        world.restart_after = lambda: self._chance.between(0.5, 20.0)
        full = rng.random() < FULL and not world.around.hides and self._tenants is None
        forms = world.around.forms
        world.vendor.counts = forms is not None and forms.random() < 0.5
        page = forms.randint(1, PAGE) if forms is not None and world.vendor.counts else PAGE
        world.vendor.cap = page if full else None
        for number in range(page if full else rng.randint(0, 2)):
            world.vendor.add(console_made(f"stranger {number}"))

    def run(self) -> Report:
        """From the first object to the last check."""
        try:
            self._trouble()
            self._quiet()
        except Stuck as stuck:
            self.world.trace.violated(f"STUCK: {stuck}")
        trace = self.world.trace
        report = Report(
            seed=self._seed,
            violations=tuple(trace.violations),
            trace=trace.text(),
            struck=tuple(self._chance.struck),
            calls=self.world.network.calls,
            late_duplicates=self.world.checks.late_duplicates,
        )
        self.world.close()
        return report

    def _trouble(self) -> None:
        world, rng = self.world, self._rng
        for _ in range(2 if self._electing else rng.choice((1, 1, 2))):
            world.start()
        length = rng.uniform(*TROUBLE)
        some = PLACES[: rng.randint(1, len(PLACES))]
        for key in PLACES if self._tenants is not None else some:
            world.later(rng.uniform(0.0, 60.0), self._people.create, key)
        kinds = [kind for kind in HAPPENINGS if rng.random() < rng.choice((0.2, 0.5))] or ["user.edit"]
        for _ in range(rng.randint(1, 25)):
            world.later(rng.uniform(1.0, length), self._people.act, rng.choice(kinds))
        if self._tenants is not None:
            self._disturb(self._tenants, length)
        if self._administrators is not None:
            self._administrators.schedule(length)
        world.run_for(length)

    def _disturb(self, tenants: Tenants, length: float) -> None:
        """What happens to the tenants' credentials: some kinds of it, a few times."""
        rng = self._tenants_rng
        kinds = [kind for kind in ACTS if rng.random() < 0.4] or ["secret.rotate"]
        for _ in range(rng.randint(2, 8)):
            self.world.later(rng.uniform(1.0, length), tenants.act, rng.choice(kinds))

    def _quiet(self) -> None:
        world = self.world
        self._chance.active = False
        self._weather.lasting = Conditions()
        if world.around.trouble is not None:
            world.around.trouble.lasting.end()
        world.vendor.maintained = False
        world.vendor.room = True
        world.trace.say("world", "is left alone")
        world.run_for(MISTAKEN)
        ended = len(world.processes) - len(world.alive)  # the next one may not have started yet
        self._settle()
        self._verdict.exactly_one(strict=False)
        self._verdict.nothing_left()
        if not self._verdict.in_order():
            self._verdict.at_rest()  # what is in order has to be at rest at the end
        if world.vendor.cap:
            world.vendor.cap = None
            world.run_for(AFTERWARDS)  # nobody says of what he has not seen listed that it is not there
        world.trace.say("world", "is put right")
        self._people.mend()
        for _ in range(CONFIRMATIONS):
            self._settle()
            if self._verdict.in_order():
                break
            self._people.confirm()
        else:
            self._settle()
        self._verdict.exactly_one(strict=True)
        self._verdict.maps()
        self._verdict.nothing_left()
        self._verdict.at_rest()
        self._still_works()
        ended = len(world.processes) - len(world.alive) - ended
        if ended:
            world.trace.violated(f"ENDED: {ended} processes did, and nothing had gone wrong")

    def _still_works(self) -> None:
        """Whoever was at rest wakes: each object is edited, and then deleted. No worker, queue or timer is stuck."""
        self._people.edit_all()
        self.world.run_until(self._verdict.in_order, limit=SOON, step=5.0)
        self._verdict.exactly_one(strict=True)
        self._people.delete_all()
        self.world.run_until(self._verdict.all_let_go, limit=SOON, step=5.0)
        if not self._verdict.all_let_go():
            self._verdict.exactly_one(strict=True)
        self._verdict.nothing_left()

    def _settle(self) -> None:
        self.world.run_until(self._verdict.in_order, limit=CALM, step=60.0)
        self.world.run_for(AFTERWARDS)


def simulate(seed: int, dropped: frozenset[int] = frozenset(), *, traced: bool = False) -> Report:
    """Run a seed; `traced`: somebody wants to read what happened."""
    return Simulation(seed, dropped, traced=traced).run()


def shrink(report: Report) -> frozenset[int]:
    """Numbers of faults without which the seed still breaks a promise of the same kind."""
    kind = _kind(report.violations)
    dropped: frozenset[int] = frozenset()
    size = max(1, len(report.struck) // 2)
    while size:
        for first in range(0, len(report.struck), size):
            trial = dropped | frozenset(range(first, first + size))
            if trial != dropped and _kind(simulate(report.seed, trial).violations) == kind:
                dropped = trial
        size //= 2
    return dropped


def _kind(violations: Sequence[str]) -> str:
    return violations[0].split("]", 1)[1].split(":", 1)[0] if violations else ""

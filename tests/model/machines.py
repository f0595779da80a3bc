"""Machines and administrators: what breaks, and what is done to the operator, its token and its cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from model.apiserver import Body
from model.chance import Chance
from model.fates import RandomWeather
from model.ports import Token
from model.tenants import Tenants
from model.vendor import owners
from model.verdict import Deeds
from model.world import World
from tokenfactory_operator.ports import Key

WRONG: Final = "another"
"""Scope of the token that the operator has by mistake; nothing can be created with it."""
DOWN: Final = 200.0
"""Seconds for which the operator is stopped before etcd is restored: a call's time-out, and its effect after that."""

MAINTENANCE: Final = 0.5
"""Longest maintenance, as a share of the settle time of a lost endpoint."""


class Machines:
    """Each of its acts happens to one that it picks."""

    def __init__(
        self, world: World, weather: RandomWeather, deeds: Deeds, chance: Chance, tenants: Tenants | None = None
    ) -> None:
        self._world = world
        self._tenants = tenants
        self._weather = weather
        self._deeds = deeds
        self._rng = chance.rng
        self._backups: list[dict[Key, Body]] = []
        self._maintained = float("-inf")
        self.acts: Final[Mapping[str, Callable[[], None]]] = {
            "cloud.outage": self._outage,
            "cloud.revoked": self._revoked,
            "cloud.maintenance": self._maintenance,
            "cloud.capacity": self._capacity,
            "kube.down": self._kube_down,
            "process.kill": self._kill,
            "process.pause": self._pause_process,
            "process.restart": self._restart,
            "lease.handover": self._hand_over,
            "wall.step": self._step_clock,
            "etcd.restore": self._restore,
            "token.rotate": self._rotate,
            "token.wrong": self._mistake,
        }

    def back_up(self) -> None:
        """Keep the objects as they are, for a restore."""
        self._backups.append(dict(self._world.kube.objects))

    def _for_a_while(self, flag: str, low: float, high: float) -> None:
        lasts = self._rng.uniform(low, high)
        self._world.trace.say("world", f"{flag} for {lasts:.1f} s")
        setattr(self._weather.lasting, flag, True)
        self._world.later(lasts, setattr, self._weather.lasting, flag, False)

    def _outage(self) -> None:
        self._for_a_while("cloud_down", 5.0, self._rng.choice((60.0, 900.0)))

    def _revoked(self) -> None:
        self._for_a_while("revoked", 5.0, 300.0)

    def _kube_down(self) -> None:
        self._for_a_while("kube_down", 1.0, self._rng.choice((20.0, 200.0)))

    def _maintenance(self) -> None:
        """Shorter than the settle time of a lost endpoint, however close two of them are."""
        around, settle = self._world.around, self._world.around.timing.lost_settle
        if around.hides or around.vendor.cap or self._world.loop.time() - self._maintained < settle:
            return
        self._maintained = self._world.loop.time()
        self._unlisted()
        lasts = self._rng.uniform(1.0, MAINTENANCE * settle)
        self._world.trace.say("world", f"maintenance for {lasts:.1f} s")
        around.vendor.maintained = True
        self._world.later(lasts, setattr, around.vendor, "maintained", False)

    def _unlisted(self) -> None:
        """What no object names, nobody can miss in a maintenance: it is as if it came when that is over.

        The same is so for what the cloud was told to delete: a list that is empty looks as if it had gone.
        """
        named = {body["status"].get("endpointId") for body in self._world.kube.objects.values()}
        missed = named - self._world.checks.deleted
        for endpoint in self._world.vendor.alive:
            endpoint.late = endpoint.late or endpoint.id not in missed

    def _capacity(self) -> None:
        self._world.trace.say("world", "no GPU is free")
        self._world.vendor.room = False
        self._world.later(self._rng.uniform(30.0, 600.0), setattr, self._world.vendor, "room", True)

    def _process(self) -> Any:  # noqa: ANN401  # a process, or None
        alive = self._world.alive
        return self._rng.choice(alive) if alive else None

    def _kill(self) -> None:
        process = self._process()
        if process is None:
            return
        fate = self._rng.choice(("keep", "keep", "lose", "delay"))
        self._world.trace.say("world", f"kills {process.name}; what is under way: {fate}")
        process.kill()
        if fate == "lose":
            self._world.network.lose(process.place)
        elif fate == "delay":
            # Its process would have waited for the answer as long.
            timeout = self._world.around.timing.request_timeout
            self._world.network.delay(process.place, self._rng.uniform(0.5, timeout))

    def _pause_process(self) -> None:
        process = self._process()
        if process is None or process.gate.paused:
            return
        lasts = self._rng.choice((self._rng.uniform(0.1, 5.0), self._rng.uniform(5.0, 300.0)))
        holder = self._world.leader is process
        self._world.pause(process, lasts)
        if holder and len(self._world.alive) > 1 and lasts > 15.0:
            self._world.later(12.0, self._expire, process.name)

    def _expire(self, name: str) -> None:
        if self._world.lease.holder == name:  # where the world hands the right around
            self._world.lose_lease(gap=3.0)

    def _restart(self) -> None:
        process = self._process()
        if process is not None:
            process.stop()

    def _hand_over(self) -> None:
        self._world.lose_lease(gap=self._rng.uniform(0.0, 20.0))

    def _step_clock(self) -> None:
        process = self._process()
        if process is not None:
            process.clock.skew += self._rng.uniform(-4000.0, 4000.0)

    def _restore(self) -> None:
        """As it has to be done: the operator is stopped, its last calls have ended, then etcd goes back."""
        if self._world.closed or self._world.vendor.cap:
            return  # of what a backup does not know and no LIST shows, nobody can know
        self._world.closed = True
        self._world.trace.say("world", "scales the operator to nothing")
        count = len(self._world.alive)
        for process in self._world.alive:
            process.kill()
        self._world.later(DOWN, self._go_back, self._rng.choice(self._backups), max(1, count))

    def _go_back(self, backup: Mapping[Key, Body], count: int) -> None:
        self._world.closed = False
        if self._traceable(backup) and (self._placed(backup) or not self._world.around.token.elsewhere):
            lost = self._world.kube.restore(backup)
            self._deeds.restores += 1
            self._deeds.let_go |= lost
            if self._world.vendor.maintained:
                self._unlisted()
            self._world.trace.say("world", f"etcd goes back to {', '.join(map(str, backup))}; lost: {lost}")
        for _ in range(count):
            self._world.start()

    def _rotate(self) -> None:
        """The operator gets another token of its project."""
        self._token(Token(f"project-{self._deeds.tokens + 1}"))

    def _mistake(self) -> None:
        """For a while it has another project's."""
        right = self._world.around.token
        if not right.elsewhere and self._placed(self._world.kube.objects):
            self._token(Token(WRONG, elsewhere=True))
            self._world.later(self._rng.uniform(10.0, 900.0), self._token, right)

    def _token(self, token: Token) -> None:
        self._deeds.tokens += 1
        self._world.around.token = token
        self._world.trace.say("world", f"the operator's token is of {token.scope} now, and it is started again")
        for process in self._world.alive:
            process.kill()

    def _placed(self, objects: Mapping[Key, Body]) -> bool:
        """Whether each object that has an endpoint says where: else nobody can tell in another project.

        What went back may name the wrong project, from a time when a create call was refused there.
        """
        bodies = {body["metadata"]["uid"]: body for body in objects.values()}
        owning = [bodies[each.owner] for each in self._world.vendor.alive if each.owner in bodies]
        return all((body["status"].get("scope") or WRONG) != WRONG for body in owning)

    def _traceable(self, backup: Mapping[Key, Body]) -> bool:
        """Whether each endpoint is named by its object as it was then, or else carries its mark.

        Where there are tenants, each object also has to have the credential of the project of its create calls: with no
        other is one seen that takes effect later.
        """
        bodies = {body["metadata"]["uid"]: body for body in backup.values()}
        vendor = self._world.vendor
        named = all(
            bodies[each.owner]["status"].get("endpointId") == each.id or owners(each.now.description) == {each.owner}
            for each in vendor.alive
            if each.owner in bodies
        )
        owning = {each.owner for each in vendor.alive}
        concerned = [body for uid, body in bodies.items() if uid in owning or vendor.asked[uid]]
        return named and (self._tenants is None or all(map(self._tenants.reaches, concerned)))

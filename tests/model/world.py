"""A cluster, a cloud and the operator's processes, all in memory: what a run sets up, disturbs and leaves alone."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Callable, Mapping
from contextvars import copy_context
from typing import Any

from model.apiserver import ApiServer
from model.chance import Chance
from model.checks import Checks
from model.clock import VirtualLoop
from model.fates import Weather
from model.leases import Lease, StoredLease
from model.network import Network
from model.ports import Surroundings
from model.process import OperatorProcess
from model.trace import Trace
from model.vendor import Vendor
from tokenfactory_operator.domain.timing import Timing


class World:
    """Everything of one run."""

    def __init__(
        self,
        rng: random.Random,
        *,
        weather: Callable[[Timing], Weather],
        chance: Chance,
        timing: Timing,
        probed: bool = True,
        traced: bool = True,
        electing: bool = False,
    ) -> None:
        """`electing`: the processes elect their leader by a Lease; else the world hands the right around.

        Garbage is collected when a world is closed, not while it runs: nearly all that it makes lives as long as it.
        """
        gc.disable()
        self.loop = VirtualLoop()
        self.trace = Trace(self.loop.time, wanted=traced)
        self.loop.set_exception_handler(self._lost_exception)
        self.kube = ApiServer(self.loop.time)
        self.secrets = ApiServer(self.loop.time, kind="s")
        self.config_maps = ApiServer(self.loop.time, kind="c")
        self.vendor = Vendor(self.loop, rng)
        self.checks = Checks(self.trace, self.kube, self.secrets, self.vendor)
        self.weather = weather(timing)
        self.lease = Lease()
        self.processes: list[OperatorProcess] = []
        self.restart_after: Callable[[], float] = lambda: 1.0
        self.on_start: Callable[[OperatorProcess], None] = lambda _: None
        self.closed = False
        """Nobody starts a process now."""
        self._rng = rng
        self._probed = probed
        self._context = copy_context()
        self.network = Network(self.loop, self.trace, self._context)
        self.around = Surroundings(
            loop=self.loop,
            trace=self.trace,
            network=self.network,
            weather=self.weather,
            chance=chance,
            kube=self.kube,
            secrets=self.secrets,
            config_maps=self.config_maps,
            lease=StoredLease() if electing else None,
            vendor=self.vendor,
            checks=self.checks,
            timing=timing,
        )

    def _lost_exception(self, _loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        """What nobody handles: a defect, but for the pending tasks that a killed process leaves behind."""
        if context.get("exception") is not None:
            self.trace.violated(f"UNHANDLED: {context['message']}: {context['exception']!r}")

    # Processes

    @property
    def alive(self) -> list[OperatorProcess]:
        """The processes that are not dead."""
        return [process for process in self.processes if not process.gate.dead]

    @property
    def leader(self) -> OperatorProcess | None:
        """The process that holds the lease, if it is not dead."""
        return next((process for process in self.alive if process.right.held()), None)

    def start_again(self) -> None:
        """A process where one has ended, unless somebody has scaled the operator down."""
        if not self.closed:
            self.start()

    def start(self) -> OperatorProcess:
        """A new process; it leads at once where nobody does."""
        process = OperatorProcess(
            self.around,
            self.around.lease or self.lease,
            f"P{len(self.processes) + 1}",
            random.Random(self._rng.getrandbits(32)),
            probed=self._probed,
            on_end=self._ended,
        )
        self.processes.append(process)
        if self.around.lease is not None:
            process.leads = self._leads_alone
        self.on_start(process)
        process.start()
        self._hand_over()
        return process

    def _ended(self, process: OperatorProcess) -> None:
        if self.lease.holder == process.name:
            self.lease.holder = ""
        self.later(self.restart_after(), self.start_again)
        self.later(0.5, self._hand_over)

    def _leads_alone(self, process: OperatorProcess) -> bool:
        """No two act at one moment, whatever each of them believes."""
        return [each for each in self.alive if each.right.held()] == [process]

    def _hand_over(self) -> None:
        """Somebody leads, if somebody can."""
        if self.around.lease is not None:
            return
        ready = [process for process in self.alive if not process.ended and not process.gate.paused]
        if not self.lease.holder and ready:
            self.lease.holder = ready[0].name
        leader = self.leader
        if leader is not None:
            leader.lead()

    def lose_lease(self, *, gap: float) -> None:
        """The leader's lease is over; after the gap somebody gets it, the loser never again."""
        if self.around.lease is not None:
            self.trace.say("user", "takes the lease away")
            self.around.lease.taken_away(self._rng.choice(("", "a person")))
            return
        loser = self.leader
        self.lease.holder = "nobody"
        if loser is not None:
            self.trace.say(loser.name, "loses the lease")
            self.later(min(gap, 3.0), loser.stop)
        self.later(gap, self._free)

    def _free(self) -> None:
        self.lease.holder = ""
        self._hand_over()

    def pause(self, process: OperatorProcess, seconds: float) -> None:
        """SIGSTOP, and SIGCONT later."""
        process.gate.paused = True
        self.trace.say(process.name, f"is paused for {seconds:.1f} s")
        self.later(seconds, self._resume, process)

    def _resume(self, process: OperatorProcess) -> None:
        if not process.gate.dead:
            self.trace.say(process.name, "goes on")
            self.loop.resume(process.gate)
            self._hand_over()

    # Time

    def later(self, seconds: float, callback: Callable[..., object], *args: object) -> None:
        """Have the world do something."""
        self.loop.call_later(seconds, callback, *args, context=self._context)

    def run_for(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def run_until(self, done: Callable[[], bool], *, limit: float, step: float = 1.0) -> bool:
        """Let virtual time pass until something is so; False where it did not come to be."""
        end = self.loop.time() + limit
        while self.loop.time() < end:
            if done():
                return True
            self.run_for(step)
        return done()

    def close(self) -> None:
        """Free what asyncio holds."""
        try:
            while asyncio.all_tasks(self.loop):
                for process in self.processes:
                    process.unbar()
                for task in asyncio.all_tasks(self.loop):
                    task.cancel()
                self.run_for(0.0)
        finally:
            self.loop.close()
            gc.enable()

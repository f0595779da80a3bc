"""A poller before a cloud in memory, on the virtual time of the event loop."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise

from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.errors import (
    CloudError,
)
from tokenfactory_operator.domain.observed import EndpointList
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.observe.poller import Common, Poller, no_cost
from tokenfactory_operator.ports import Key
from tokenfactory_operator.state.cache import ObjectCache
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.state.sequence import SequenceClock
from unit.support.builders import CLUSTER, KEY, SCOPE, an_object
from unit.support.clock import LoopClock
from unit.support.fakes import InMemoryCloud, Script, Witness

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
    """Of the running loop, in seconds."""
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

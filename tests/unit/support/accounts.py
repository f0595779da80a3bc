"""Accounts over objects and Secrets in memory, each before a cloud of its own."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from tokenfactory_operator.credentials.choice import Credential, Credentials
from tokenfactory_operator.credentials.places import Limits
from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.errors import Unauthorized
from tokenfactory_operator.domain.observed import EndpointList
from tokenfactory_operator.domain.resource import parse
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.loop.accounts import Accounts, Parts
from tokenfactory_operator.observe.poller import Common, Poller
from tokenfactory_operator.ports import Cloud, Key
from tokenfactory_operator.state.cache import ObjectCache
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.state.sequence import SequenceClock
from tokenfactory_operator.work.crew import Take
from tokenfactory_operator.work.workqueue import WorkQueue
from unit.support.builders import CLUSTER, NAMESPACE, an_object, labelled_secret
from unit.support.clock import ManualClock
from unit.support.fakes import InMemoryCloud, Script, Witness
from unit.support.secrets import read_through, values_of

OWN, ONE, TWO = "own-token-000000", "one-token-111111", "two-token-222222"


class ACloud(InMemoryCloud):
    """With connections that are open or closed."""

    def __init__(self, credential: Credential, *, refused: bool = False) -> None:
        super().__init__(Script())
        self.refused = refused
        self.token = credential.token.get_secret_value()
        self.closed = False

    async def aclose(self) -> None:
        """Close them."""
        self.closed = True

    async def list_endpoints(self) -> EndpointList:
        """See `ports.Cloud`."""
        if self.refused:
            raise Unauthorized("no such project", refused=True)
        return await super().list_endpoints()


class World:
    """Accounts over objects and Secrets; the workers note what they were given."""

    def __init__(self, *, linger: float = 0.0, limits: Limits | None = None) -> None:
        self.clock = ManualClock()
        self.begun, self.may_go_on = asyncio.Event(), asyncio.Event()
        self.may_go_on.set()
        self.sequence = SequenceClock(self.clock)
        self.own = OWN
        self.objects = ObjectCache()
        self.values = values_of(objects=self.objects)
        self.clouds: list[ACloud] = []
        self.woken: list[Key] = []
        self.follows = False
        """Whether an object that is woken is given to its queue, as the application does."""
        self.broken_lists: set[str | None] = set()
        """Projects that the cloud does not know."""
        self.worked: set[str] = set()
        self.remembered: list[str] = []
        self.forgotten: list[str] = []
        self.finished = asyncio.Event()
        self.broken: dict[str, Exception] = {}
        """What a worker fails with at an object of that name."""
        self.accounts = Accounts(
            Credentials(
                self.values,
                own=lambda: SecretStr(self.own),
                project_id=None,
                on_read=self.remembered.append,
                on_forget=self.forgotten.append,
            ),
            self.objects,
            Parts(
                open_cloud=self.open_cloud,
                make_poller=self.make_poller,
                make_queue=lambda _: WorkQueue(share=lambda key: key.namespace, rng=random.Random(1)),
                work=self.work,
            ),
            wake=self.wake,
            concurrency=2,
            linger=linger,
            defects=Defects(Witness()),
            limits=limits,
        )

    def wake(self, key: Key, _after: float) -> None:
        """Noted."""
        self.woken.append(key)
        if self.follows:
            self.accounts.queue_of(key)

    def open_cloud(self, credential: Credential) -> ACloud:
        """Remembered."""
        self.clouds.append(ACloud(credential, refused=credential.project_id in self.broken_lists))
        return self.clouds[-1]

    def make_poller(self, cloud: Cloud, scope: str, namespace: str, users: Callable[[], Iterable[Key]]) -> Poller:
        """As the application does."""
        timing = Timing()
        inventory = Inventory(
            scope=scope,
            cluster_id=CLUSTER,
            sequence=self.sequence,
            timing=timing,
            namespace=namespace,
            siblings=self.accounts.inventories,
        )
        common = Common(
            cache=self.objects,
            wake=lambda key, _after, **_: self.woken.append(key),
            clock=self.clock,
            timing=timing,
            telemetry=Witness(),
            rng=random.Random(1),
            defects=Defects(Witness()),
        )
        return Poller(common, cloud=cloud, inventory=inventory, users=users)

    async def work(self, queue: WorkQueue[Key], take: Take) -> None:
        """A worker that notes, or breaks."""
        while (key := await take()) is not None:
            if key.name in self.broken:
                queue.done(key)
                raise self.broken[key.name]
            self.begun.set()
            await self.may_go_on.wait()
            self.worked.add(key.name)
            self.finished.set()
            queue.done(key)

    def object(self, name: str, secret: str = "") -> Any:  # noqa: ANN401  # JSON
        """An object with the Secret, or with the operator's own credential."""
        spec = {"credentials": {"secretRef": {"name": secret}}} if secret else {}
        body = an_object(name=name, uid=f"uid-of-{name}", spec=spec)
        self.objects.put(body)
        return body

    def secret(self, name: str, token: str, version: int = 1) -> None:
        """A Secret."""
        read_through(self.values, labelled_secret(name, token=token, version=version))

    def poller(self, name: str) -> Poller:
        """That of an object."""
        body = self.objects.get(Key(NAMESPACE, name))
        assert body is not None
        return self.accounts.poller_of(parse(body))

    @property
    def open_tokens(self) -> set[str]:
        """Whose connections are open."""
        return {cloud.token for cloud in self.clouds if not cloud.closed}


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """Ended in order."""
    made = World()
    made.accounts.start()
    yield made
    assert await made.accounts.shut_down(grace=1.0) == []
    assert made.open_tokens == set()

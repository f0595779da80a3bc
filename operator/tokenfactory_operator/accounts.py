"""An account for each credential in use: connections, inventory, LISTs, and a work queue with workers of its own.

Nothing is shared between two accounts but the event loop, so a credential that is throttled, slow or revoked holds up
its own objects only. An account is opened when the first object needs it and closed when none does any more. Objects
without a usable credential are worked on apart: they are told what is missing, and no call is made for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, Protocol

from pydantic import SecretStr

from tokenfactory_operator.cache import ObjectCache
from tokenfactory_operator.credentials import Credential, Credentials
from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.errors import CredentialsError, LeaseLost
from tokenfactory_operator.domain.observed import EndpointCreate, EndpointList, EndpointPatch, ObservedEndpoint
from tokenfactory_operator.domain.resource import Resource
from tokenfactory_operator.domain.situation import Outage
from tokenfactory_operator.inventory import Inventory
from tokenfactory_operator.poller import Poller
from tokenfactory_operator.ports import Cloud, Key
from tokenfactory_operator.workqueue import QueueStats, Urgency, WorkQueue

REREAD: Final = 1.0
"""Seconds between two looks at the operator's own token, and at which accounts are still needed."""
SWEEP: Final = 30
"""Looks after which the accounts are compared with the objects, whatever has changed."""
PAUSE: Final = 1.0
"""Seconds after which a part that a defect of ours has ended is started again."""
WITHOUT_WORKERS: Final = 2
"""Workers for the objects that have no usable credential."""


class OpenCloud(Cloud, Protocol):
    """A `Cloud` with connections."""

    async def aclose(self) -> None:
        """Close them."""
        ...


@dataclass(frozen=True)
class Parts:
    """How the parts of an account are made."""

    open_cloud: Callable[[Credential], OpenCloud]
    make_poller: Callable[[Cloud, str], Poller]
    """From a cloud and the scope of its credential."""
    make_queue: Callable[[], WorkQueue[Key]]
    work: Callable[[WorkQueue[Key]], Coroutine[Any, Any, None]]
    """One worker's life."""


@dataclass
class Account:
    """What belongs to one credential."""

    queue: WorkQueue[Key]
    poller: Poller | None = None
    cloud: OpenCloud | None = None
    polling: asyncio.Task[None] | None = None
    workers: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """All of them."""
        return [*self.workers, *([self.polling] if self.polling else [])]


class Accounts:
    """Which account an object belongs to now, and the life of each."""

    def __init__(
        self,
        credentials: Credentials,
        objects: ObjectCache,
        parts: Parts,
        *,
        wake: Callable[[Key, float], None],
        concurrency: int,
        linger: float,
        defects: Defects,
    ) -> None:
        """`concurrency`: workers of each account.

        `linger`: seconds that connections outlive their account, so that calls under way can end.
        """
        self._credentials = credentials
        self._objects = objects
        self._parts = parts
        self._defects = defects
        self._wake = wake
        self._concurrency = concurrency
        self._linger = linger
        self._open: dict[Credential, Account] = {}
        self._without = Account(parts.make_queue())
        self._closing: set[asyncio.Task[None]] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        """Workers of closed accounts that still have a pass under way."""
        self._ended = asyncio.Event()
        self._failures: list[BaseException] = []
        self._started = False
        self._stopped = False
        self._stale = False

    # Who belongs where

    def poller_of(self, resource: Resource) -> Poller:
        """The poller of the object's credential; one that knows and reaches nothing where it has none."""
        try:
            poller = self._account(self._credentials.of(resource.body)).poller
        except CredentialsError as error:
            return self._unheard(error)
        assert poller is not None  # noqa: S101 - only `_without` has none
        return poller

    def queue_of(self, key: Key) -> WorkQueue[Key]:
        """The queue in which the object waits; that of the objects without a credential when it is gone."""
        body = self._objects.get(key)
        if body is None or self._stopped:
            return self._without.queue
        try:
            return self._account(self._credentials.of(body)).queue
        except CredentialsError:
            return self._without.queue

    def own(self) -> Inventory | None:
        """The inventory of the operator's own credential, if that can be used."""
        try:
            account = self._open.get(self._credentials.own)
        except CredentialsError:
            return None
        return account.poller.inventory if account is not None and account.poller is not None else None

    def inventories(self) -> tuple[Inventory, ...]:
        """Those of the accounts that are open."""
        return tuple(account.poller.inventory for account in self._open.values() if account.poller is not None)

    def stats(self) -> QueueStats:
        """Of all queues together."""
        return _total([account.queue.stats() for account in self._all()])

    def _all(self) -> list[Account]:
        return [self._without, *self._open.values()]

    def _account(self, credential: Credential) -> Account:
        account = self._open.get(credential)
        if account is None:
            account = self._open[credential] = self._opened(credential)
        return account

    def _unheard(self, error: CredentialsError) -> Poller:
        poller = self._parts.make_poller(_NoCloud(error), "")
        poller.inventory.outage = Outage(error.reason, error.message, blind=True)
        return poller

    # Lives

    def start(self) -> None:
        """Begin to work; call it once, in the running loop. Before, accounts only collect what is queued for them."""
        self._started = True
        self._staff(self._without, WITHOUT_WORKERS, "without")
        for credential, account in self._open.items():
            self._begin(credential, account)
        self._open_own()

    def _open_own(self) -> None:
        with contextlib.suppress(CredentialsError):
            self._account(self._credentials.own)  # polled from the start: a wrong token shows before the first object

    def _opened(self, credential: Credential) -> Account:
        cloud = self._parts.open_cloud(credential)
        poller = self._parts.make_poller(cloud, credential.scope)
        poller.inventory.siblings = self.inventories
        account = Account(self._parts.make_queue(), poller, cloud)
        if self._started and not self._stopped:  # then a pass that is ending may still need its cloud
            self._begin(credential, account)
        return account

    def _begin(self, credential: Credential, account: Account) -> None:
        assert account.poller is not None  # noqa: S101 - only `_without` has none
        account.polling = self._task(account.poller.run, f"poller {credential.scope}")
        self._staff(account, self._concurrency, credential.scope)

    def _staff(self, account: Account, workers: int, name: str) -> None:
        account.workers = [
            self._task(lambda: self._parts.work(account.queue), f"worker {name} {number}") for number in range(workers)
        ]

    def _task(self, life: Callable[[], Coroutine[Any, Any, None]], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._lived(life, name), name=name)
        task.add_done_callback(self._over)
        return task

    async def _lived(self, life: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        """One part, begun anew where a defect of ours has ended it: a credential's answers stop nobody else."""
        while True:
            try:
                return await life()
            except LeaseLost:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the others' work goes on
                self._defects.note(error, f"the {name.partition(' ')[0]}")
                await asyncio.sleep(PAUSE)

    def _over(self, task: asyncio.Task[None]) -> None:
        """A part has ended. Only the lost lease ends one, and then the process ends too."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._failures.append(error)
            self._ended.set()

    async def run(self) -> None:
        """Follow the operator's own token and close what is not needed, until cancelled."""
        looks = 0
        while True:
            await asyncio.sleep(REREAD)
            looks += 1
            if self._credentials.reread():
                self._stale = True
                self._open_own()
                for key in self._objects:
                    self._wake(key, 0.0)
            if self._stale or looks % SWEEP == 0:
                self._stale = False
                self.sweep()

    def credentials_changed(self) -> None:
        """A Secret has: an account may not be needed any more. Whoever has a new one is woken by the caller."""
        self._stale = True

    async def failed(self) -> None:
        """Return when a part has failed; `shut_down` answers with what."""
        await self._ended.wait()

    def sweep(self) -> None:
        """Close the accounts that no object needs any more; the operator's own stays."""
        needed = set(self._needed())
        for credential in [each for each in self._open if each not in needed]:
            self._close(credential, self._open.pop(credential))

    def _needed(self) -> Iterable[Credential]:
        with contextlib.suppress(CredentialsError):
            yield self._credentials.own
        for key in self._objects:
            body = self._objects.get(key)
            with contextlib.suppress(CredentialsError):
                if body is not None:
                    yield self._credentials.of(body)

    def _close(self, credential: Credential, account: Account) -> None:
        account.queue.shut_down()  # its keys have been woken, and wait in their new account's
        if account.polling is not None:
            account.polling.cancel()
        for worker in account.workers:
            self._leaving.add(worker)
            worker.add_done_callback(self._leaving.discard)
        task = asyncio.create_task(self._ended_calls(account, credential.token), name="closing")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _ended_calls(self, account: Account, token: SecretStr) -> None:
        """A call that is cut short ends unknown: each is given the time that it may take."""
        try:
            await asyncio.sleep(self._linger)
        finally:
            if account.cloud is not None:
                await account.cloud.aclose()
            if all(each.token != token for each in self._open):
                self._credentials.forget(token)

    async def shut_down(self, patience: float) -> list[BaseException]:
        """No new work; what is under way may finish within `patience` seconds. Answers what had failed."""
        self._stopped = True
        for account in self._all():
            account.queue.shut_down()
        workers = [*self._leaving, *(task for account in self._all() for task in account.workers)]
        if workers:
            await asyncio.wait(workers, timeout=patience)
        tasks = [*self._leaving, *(task for account in self._all() for task in account.tasks)]
        for task in (*tasks, *self._closing):
            task.cancel()
        await asyncio.gather(*tasks, *self._closing, return_exceptions=True)
        for account in self._all():
            if account.cloud is not None:
                await account.cloud.aclose()
        return self._failures


def _total(parts: Sequence[QueueStats]) -> QueueStats:
    """Several queues seen as one."""
    return QueueStats(
        depth={urgency: sum(part.depth[urgency] for part in parts) for urgency in Urgency},
        delayed=sum(part.delayed for part in parts),
        processing=sum(part.processing for part in parts),
        failing=sum(part.failing for part in parts),
        adds_total=sum(part.adds_total for part in parts),
        oldest_seconds=max(part.oldest_seconds for part in parts),
        unfinished_work_seconds=math.fsum(part.unfinished_work_seconds for part in parts),
        longest_running_processor_seconds=max(part.longest_running_processor_seconds for part in parts),
    )


class _NoCloud:
    """The cloud of objects without a credential: nothing is ever sent. Implements `ports.Cloud`."""

    def __init__(self, error: CredentialsError) -> None:
        self._error = error

    def _refuse(self) -> NoReturn:
        raise CredentialsError(self._error.message, refused=True)

    def blocked_for(self) -> float:
        """Never: there is nobody to block."""
        return 0.0

    def slot(self) -> AbstractAsyncContextManager[None]:
        """A turn to fail."""
        return _turn()

    async def list_endpoints(self) -> EndpointList:
        """Refused."""
        self._refuse()

    async def get_endpoint(self, endpoint_id: str) -> ObservedEndpoint | None:  # noqa: ARG002 - the port's
        """Refused."""
        self._refuse()

    async def create_endpoint(self, body: EndpointCreate) -> ObservedEndpoint:  # noqa: ARG002 - the port's
        """Refused."""
        self._refuse()

    async def update_endpoint(self, endpoint_id: str, patch: EndpointPatch) -> ObservedEndpoint:  # noqa: ARG002 - the port's
        """Refused."""
        self._refuse()

    async def delete_endpoint(self, endpoint_id: str) -> bool:  # noqa: ARG002 - the port's
        """Refused."""
        self._refuse()


@contextlib.asynccontextmanager
async def _turn() -> AsyncIterator[None]:
    yield

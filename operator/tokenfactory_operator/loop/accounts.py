"""An account for each credential in use: connections, inventory, LISTs, and a work queue with workers of its own.

Nothing is shared between two accounts but the event loop, so a credential that is throttled, slow or revoked holds up
its own objects only. An account is opened when the first object needs it and closed when none does any more; how many
there may be is `places`' business. Objects without a usable credential are worked on apart, and so are those whose
credential has not worked yet: they are told what is missing, and nothing is changed in the cloud for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pydantic import SecretStr

from tokenfactory_operator.credentials.choice import Credential, Credentials
from tokenfactory_operator.credentials.nocloud import NoCloud
from tokenfactory_operator.credentials.places import Limits, Place, Places
from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.attempt import is_pending
from tokenfactory_operator.domain.decision_input import Outage
from tokenfactory_operator.domain.errors import CredentialsError, LeaseLost
from tokenfactory_operator.domain.resource import Resource
from tokenfactory_operator.observe.poller import Poller
from tokenfactory_operator.ports import Cloud, JsonObject, Key
from tokenfactory_operator.state.cache import ObjectCache
from tokenfactory_operator.state.inventory import OPERATOR, Inventory
from tokenfactory_operator.work.crew import Crew, Work
from tokenfactory_operator.work.workqueue import QueueStats, Urgency, WorkQueue

REREAD: Final = 1.0
"""Seconds between two looks at the operator's own token, and at which accounts are still needed."""
SWEEP: Final = 30
"""Looks after which the accounts are compared with the objects, whatever has changed."""
PAUSE: Final = 1.0
"""Seconds after which a part that a defect of ours has ended is started again."""
WITHOUT_WORKERS: Final = 4
"""Most workers for the objects that have no credential that works."""


class OpenCloud(Cloud, Protocol):
    """A `Cloud` with connections."""

    async def aclose(self) -> None:
        """Close them."""
        ...


@dataclass(frozen=True)
class Parts:
    """How the parts of an account are made."""

    open_cloud: Callable[[Credential], OpenCloud]
    make_poller: Callable[[Cloud, str, str, Callable[[], Iterable[Key]]], Poller]
    """From a cloud, the scope of its credential, whose that is (a namespace), and which objects have it."""
    make_queue: Callable[[int], WorkQueue[Key]]
    """For so many workers."""
    work: Work


@dataclass
class Account:
    """What belongs to one credential."""

    poller: Poller
    cloud: OpenCloud
    crew: Crew
    place: Place
    polling: asyncio.Task[None] | None = None

    @property
    def works(self) -> bool:
        """Whether its objects have workers of their own: not before the cloud was listed with it once."""
        return self.place.namespace == OPERATOR or self.poller.inventory.listed_once


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
        limits: Limits | None = None,
    ) -> None:
        """`concurrency`: most workers of each account.

        `linger`: seconds that connections outlive their account, so that calls under way can end.
        """
        self._credentials = credentials
        self._objects = objects
        self._parts = parts
        self._defects = defects
        self._wake = wake
        self._concurrency = concurrency
        self._linger = linger
        self._places = Places(limits or Limits(), works=lambda credential: self._open[credential].works)
        self._open: dict[Credential, Account] = {}
        self._without = self._crew(WITHOUT_WORKERS, "without")
        self._nobody = parts.make_queue(1)
        """Takes nothing: there is nobody to work yet, perhaps for months, and what has come and gone needs no look."""
        self._nobody.shut_down()
        self._failed_credentials: dict[str, Poller] = {}
        """By what is wrong: one for all objects that are told the same."""
        self._closing: dict[asyncio.Task[None], SecretStr] = {}
        """Accounts whose calls may still be under way, by their tokens."""
        self._leaving: dict[asyncio.Task[None], None] = {}
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
            return self._account_of(resource.body).poller
        except CredentialsError as error:
            return self._reported(error)

    def queue_of(self, key: Key) -> WorkQueue[Key]:
        """The queue in which the object waits; that of the objects without a credential when it is gone."""
        if not self._started:
            return self._nobody
        body = self._objects.get(key)
        if body is None or self._stopped:
            return self._without.queue
        try:
            account = self._account_of(body)
        except CredentialsError:
            return self._without.queue
        if not account.works:
            return self._without.queue
        account.crew.start()
        return account.crew.queue

    def own(self) -> Inventory | None:
        """The inventory of the operator's own credential, if that can be used."""
        try:
            account = self._open.get(self._credentials.own)
        except CredentialsError:
            return None
        return account.poller.inventory if account is not None else None

    def inventories(self) -> tuple[Inventory, ...]:
        """Those of the accounts that are open."""
        return tuple(account.poller.inventory for account in self._open.values())

    def stats(self) -> QueueStats:
        """Of all queues together."""
        return _total([crew.queue.stats() for crew in self._crews()])

    def _crews(self) -> list[Crew]:
        return [self._without, *(account.crew for account in self._open.values())]

    def _account_of(self, body: JsonObject) -> Account:
        """Raises `CredentialsError`: the object has none, or there is no room for one more."""
        credential = self._credentials.of(body)
        account = self._open.get(credential)
        namespace = body["metadata"].get("namespace", "")
        if account is None:
            place = OPERATOR if self._is_own(credential) else namespace
            account = self._opened(credential, place, needed=_may_have_endpoint(body))
        account.poller.inventory.namespaces.add(namespace)
        return account

    def _is_own(self, credential: Credential) -> bool:
        try:
            return credential == self._credentials.own
        except CredentialsError:
            return False

    def _reported(self, error: CredentialsError) -> Poller:
        """One that says what is wrong, and does nothing."""
        poller = self._failed_credentials.get(error.message)
        if poller is None:
            poller = self._failed_credentials[error.message] = self._parts.make_poller(
                NoCloud(error), "", OPERATOR, tuple
            )
            poller.inventory.outage = Outage(error.reason, error.message, blind=True)
        return poller

    # Lives

    def start(self) -> None:
        """Begin to work, with all objects that there are; call it once, in the running loop."""
        self._started = True
        self._without.start()
        for credential, account in self._open.items():
            self._begin(credential, account)
        self._open_own()
        for key in self._objects:
            self._wake(key, 0.0)

    def _open_own(self) -> None:
        with contextlib.suppress(CredentialsError):
            own = self._credentials.own  # polled from the start: a wrong token shows before the first object
            if own not in self._open:
                self._opened(own, OPERATOR, needed=True)

    def _opened(self, credential: Credential, namespace: str, *, needed: bool) -> Account:
        place, leaves = self._places.take(credential, namespace, needed=needed)
        self._credentials.use(credential.token)
        cloud = self._parts.open_cloud(credential)
        poller = self._parts.make_poller(cloud, credential.scope, namespace, lambda: self._users(credential))
        account = Account(poller, cloud, self._crew(self._concurrency, credential.scope), place)
        self._open[credential] = account
        if self._started and not self._stopped:  # then a pass that is ending may still need its cloud
            self._begin(credential, account)
        if leaves is not None:
            self._close(leaves)
            for key in self._users(leaves):
                self._wake(key, 0.0)  # which may have other accounts opened and closed, this one too
        return account

    def _begin(self, credential: Credential, account: Account) -> None:
        account.polling = self._task(account.poller.run, f"poller {credential.scope}")
        if account.works:
            account.crew.start()

    def _crew(self, limit: int, name: str) -> Crew:
        return Crew(self._parts.make_queue(limit), self._parts.work, limit=limit, spawn=self._task, name=name)

    def _users(self, credential: Credential) -> list[Key]:
        """The objects that have this credential."""
        return [key for key in self._objects if self._credential_of(key) == credential]

    def _credential_of(self, key: Key) -> Credential | None:
        body = self._objects.get(key)
        try:
            return self._credentials.of(body) if body is not None else None
        except CredentialsError:
            return None

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

    async def run(self, *, every: float = REREAD) -> None:
        """Follow the operator's own token and close what is not needed, until cancelled; a look `every` seconds."""
        looks = 0
        while True:
            await asyncio.sleep(every)
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
        """Close the accounts that no object needs any more, and have those looked at that found no place before.

        The operator's own stays.
        """
        self._failed_credentials.clear()
        users: dict[Credential, list[Key]] = {}
        for key in self._objects:
            credential = self._credential_of(key)
            if credential is not None:
                users.setdefault(credential, []).append(key)
        for credential in [each for each in self._open if each not in users and not self._is_own(each)]:
            self._close(credential)
        for credential, account in self._open.items():
            keys = users.pop(credential, ())
            needed = any(_may_have_endpoint(self._objects.get(key) or {}) for key in keys)
            self._places.hand_over(credential, {key.namespace for key in keys}, needed=needed)
            account.poller.inventory.namespace = account.place.namespace
            account.poller.inventory.owners.forget_strangers(self._objects.uids)
        self._let_in(users)

    def _let_in(self, waiting: dict[Credential, list[Key]]) -> None:
        """Wake the objects of as many of these as there is room for: their passes take the places."""
        woken: Counter[str] = Counter()
        for keys in waiting.values():
            namespaces = dict.fromkeys(key.namespace for key in keys)  # each of them may take the place
            namespace = next((each for each in namespaces if self._places.room(each) > woken[each]), None)
            if namespace is not None:
                woken[namespace] += 1
                for key in keys:
                    self._wake(key, 0.0)

    def _close(self, credential: Credential) -> None:
        account = self._open.pop(credential)
        self._places.leave(credential)
        account.crew.queue.shut_down()  # its keys have been woken, and wait in their new account's
        if account.polling is not None:
            account.polling.cancel()
        for worker in account.crew.workers:
            self._leaving[worker] = None
            worker.add_done_callback(lambda ended: self._leaving.pop(ended, None))
        task = asyncio.create_task(self._ended_calls(account), name="closing")
        self._closing[task] = credential.token
        task.add_done_callback(self._closed)

    def _closed(self, task: asyncio.Task[None]) -> None:
        """Logs hide a token for as long as a call may be made with it."""
        token = self._closing.pop(task)
        if token not in {*self._closing.values(), *(each.token for each in self._open)}:
            self._credentials.forget(token)

    async def _ended_calls(self, account: Account) -> None:
        """A call that is cut short ends unknown: each is given the time that it may take.

        Before the first LIST nothing was changed, so there is none: tokens rotated in a loop leave no trail.
        """
        try:
            await asyncio.sleep(self._linger if account.works else 0)
        finally:
            await account.cloud.aclose()

    async def shut_down(self, grace: float) -> list[BaseException]:
        """No new work; what is under way may finish within `grace` seconds. Answers what had failed."""
        self._stopped = True
        for crew in self._crews():
            crew.queue.shut_down()
        workers = [*self._leaving, *(task for crew in self._crews() for task in crew.workers)]
        if workers:
            await asyncio.wait(workers, timeout=grace)
        polling = [account.polling for account in self._open.values() if account.polling is not None]
        tasks = [*workers, *polling]
        for task in (*tasks, *self._closing):
            task.cancel()
        await asyncio.gather(*tasks, *self._closing, return_exceptions=True)
        for account in self._open.values():
            await account.cloud.aclose()
        return self._failures


def _may_have_endpoint(body: JsonObject) -> bool:
    """Whether the object's credential may be the only one that its endpoint can be deleted with."""
    status = body.get("status") or {}
    return bool(status.get("endpointId")) or is_pending(status)


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

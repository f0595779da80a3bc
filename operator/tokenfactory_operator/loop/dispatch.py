"""When does it run? Everything that makes a key be looked at goes through here, and the workers that look.

Sources: the watch (`observed`), the inventory and deadlines (`wake`), the relist (`relisted`). The cache decides
whether an event is news; our own writes are in it before their echo comes back, so they cause no further pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Final

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.attempt import is_pending
from tokenfactory_operator.domain.errors import KubeError, LeaseLost
from tokenfactory_operator.limiter import Limiters
from tokenfactory_operator.loop.reconcile import Reconciler
from tokenfactory_operator.ports import JsonObject, Key
from tokenfactory_operator.state.cache import ObjectCache, key_of, version_of
from tokenfactory_operator.work.crew import Take
from tokenfactory_operator.work.workqueue import Urgency, WorkQueue

ECHO_LIMIT: Final = 30.0
"""Seconds within which the watch has to bring something once we have written; else it is dead, whatever it says."""
SECRETS_BURST: Final = 10
SECRETS_EVERY: Final = 0.5
"""Changes of a namespace's Secrets that are followed at once, and the seconds between those beyond them."""
UNASKED_BURST: Final = 10
UNASKED_EVERY: Final = 5.0
"""The same for what others change of an object without asking for anything: its status, say, or the finalizers.

Who writes it each time that we do, such as a second operator, would be answered without an end.
"""
PACES: Final = 4096
"""Namespaces, and objects, whose pace is remembered."""
RELIST_INTERVAL: Final = 600.0
"""Seconds between two LISTs of our own objects: heals lost events, finds vanished objects."""


def _asked(body: JsonObject) -> tuple[object, ...]:
    """What people ask of an object: another one, another spec, its deletion, or by an annotation."""
    metadata = body["metadata"]
    return tuple(metadata.get(name) or None for name in ("uid", "generation", "deletionTimestamp", "annotations"))


def urgency_of(body: JsonObject) -> Urgency:
    """Deletions and unresolved attempts first, then what a user changed, then the rest."""
    status = body.get("status") or {}
    if body["metadata"].get("deletionTimestamp") or is_pending(status):
        return Urgency.URGENT
    judged = status.get("observedGeneration") == body["metadata"].get("generation")
    asked = (body["metadata"].get("annotations") or {}).get(api.RECONCILE_REQUESTED_AT)
    return Urgency.RESYNC if judged and asked == status.get("lastHandledReconcileAt") else Urgency.EDIT


class Dispatch:
    """Cache and queues together: the only place where keys are added.

    An object waits in the queue of its credential. That may change while it is worked on, so which objects are being
    worked on is known here, for all queues together.
    """

    def __init__(
        self,
        cache: ObjectCache,
        queue_of: Callable[[Key], WorkQueue[Key]],
        *,
        watch_of: Callable[[Key], str] = lambda _: "",
    ) -> None:
        """`watch_of` tells which watch brings an object's events, where there are several."""
        self._cache = cache
        self._watch_of = watch_of
        self._heard: dict[str, float] = {}
        """When each watch has last brought an event."""
        self._queue_of = queue_of
        self._working: set[Key] = set()
        self._again: set[Key] = set()
        self._seen: dict[Key, int] = {}
        self._unechoed: dict[Key, tuple[int, float]] = {}
        self._secrets = Limiters[str](PACES, SECRETS_BURST, every=SECRETS_EVERY)
        """By namespace: when a change of one of its Secrets is followed."""
        self._unasked = Limiters[str](PACES, UNASKED_BURST, every=UNASKED_EVERY)
        """By uid: when a change that asks for nothing is followed."""

    def observed(self, kind: str | None, body: JsonObject) -> None:
        """The watch has brought an event; `kind` is None for the initial listing."""
        key = key_of(body)
        held = self._cache.get(key)
        self._echoed(key, version_of(body))
        if kind == "DELETED":
            # Perhaps it only left the selector: the pass reads the object before it believes that it is gone.
            self._cache.remove(key, body["metadata"]["uid"], version_of(body))
            if self._cache.get(key) is None:
                self._seen.pop(key, None)
            self._queue_of(key).add(key, Urgency.URGENT)
        elif self._cache.put(body):
            asked = held is None or _asked(held) != _asked(body)
            uid, now = body["metadata"]["uid"], asyncio.get_running_loop().time()
            after = 0.0 if asked else self._unasked.wait(uid, now)
            if after > 0.0:
                self.wake(key, after)
            else:
                self._queue_of(key).add(key, urgency_of(body))

    def known(self, body: JsonObject) -> bool:
        """Whether an object that the watch brings is held already; that it was brought is noted."""
        held = self._cache.get(key_of(body))
        same = held is not None and held["metadata"]["uid"] == body["metadata"]["uid"]
        if held is None or not same or version_of(held) < version_of(body):
            return False
        self._echoed(key_of(body), version_of(body))
        return True

    def relisted(
        self, bodies: Sequence[JsonObject], resource_version: str, listed_in: Collection[str] | None = None
    ) -> None:
        """Our own LIST of the objects (of these namespaces): what the watch missed is looked at now."""
        for key in self._cache.replace(bodies, resource_version, listed_in):
            if self._cache.get(key) is None:
                self._seen.pop(key, None)  # no event of the watch told that it is gone
            self.wake(key, 0.0)

    def wake(self, key: Key, after: float, *, pressing: bool = False) -> None:
        """Have a key looked at in `after` seconds, as urgently as its object deserves; `pressing`: as a deletion."""
        body = self._cache.get(key)
        urgency = Urgency.URGENT if pressing or body is None else urgency_of(body)
        self._queue_of(key).add_after(key, after, urgency)

    def secret_changed(self, secret: Key) -> None:
        """Have the objects looked at that need it: at once, but not as often as a namespace can write its Secrets."""
        after = self._secrets.wait(secret.namespace, asyncio.get_running_loop().time())
        for user in self._cache.users_of(secret):
            self.wake(user, after)

    def misplaced(self, key: Key, queue: WorkQueue[Key]) -> bool:
        """Whether the object's credential is another one's by now, so that another queue's workers are its own."""
        return self._queue_of(key) is not queue

    def begin(self, key: Key) -> bool:
        """Whether the object may be worked on now; if another queue's worker has it, its turn comes after that one."""
        if key in self._working:
            self._again.add(key)
            return False
        self._working.add(key)
        return True

    def end(self, key: Key) -> None:
        """The worker is done with it."""
        self._working.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.wake(key, 0.0)

    def wrote(self, body: JsonObject) -> None:
        """This process has written an object: the watch has to bring it back, unless it was quicker than the answer."""
        key, version = key_of(body), version_of(body)
        if self._seen.get(key, 0) < version:
            self._unechoed.setdefault(key, (version, asyncio.get_running_loop().time()))

    def _echoed(self, key: Key, version: int) -> None:
        self._heard[self._watch_of(key)] = asyncio.get_running_loop().time()
        self._seen[key] = max(version, self._seen.get(key, 0))
        waiting = self._unechoed.get(key)
        if waiting is not None and version >= waiting[0]:
            del self._unechoed[key]

    def silence(self) -> dict[str, float]:
        """Of each watch that has not brought back what we wrote: for how many seconds it has brought nothing."""
        for key in [key for key in self._unechoed if self._cache.get(key) is None]:
            del self._unechoed[key]  # deleted meanwhile: its last event is another one
        silent = dict[str, float]()
        for key, (_, since) in self._unechoed.items():
            watch = self._watch_of(key)
            waited = asyncio.get_running_loop().time() - max(since, self._heard.get(watch, since))
            silent[watch] = max(waited, silent.get(watch, 0.0))
        return silent

    def silent_watch(self, served: Callable[[str], bool] = lambda _: True) -> str | None:
        """What is wrong with the watch, if it brings nothing, not even what we wrote; for the liveness probe.

        One that brings other things meanwhile lives: there may be a flood of them, which is no reason to be restarted.
        Nor is one whose namespace is not `served`: its rights are gone, and a restart brings none.
        """
        if any(waited > ECHO_LIMIT and served(watch) for watch, waited in self.silence().items()):
            return f"a watch brought nothing for {ECHO_LIMIT:g} s, not even what was written"
        return None


async def no_pause() -> None:
    """Go on at once."""


async def work(
    queue: WorkQueue[Key],
    dispatch: Dispatch,
    reconciler: Reconciler,
    log: Any,  # noqa: ANN401  # structlog's loggers have no common static type
    *,
    take: Take | None = None,
    pause: Callable[[], Awaitable[None]] = no_pause,
) -> None:
    """One worker: until there is nothing more to take. Raises `LeaseLost`, and nothing else.

    `pause` is awaited after each pass. Where nothing is to be done passes wait for nothing, so that without it ten
    thousand of them would hold the event loop for seconds.
    """
    take = take or queue.get
    while (key := await take()) is not None:
        try:
            await _taken(key, queue, dispatch, reconciler, log)
        finally:
            queue.done(key)
        await pause()


async def _taken(key: Key, queue: WorkQueue[Key], dispatch: Dispatch, reconciler: Reconciler, log: Any) -> None:  # noqa: ANN401  # as above
    if not dispatch.begin(key):
        return
    try:
        queue.cancel_delayed(key)  # this pass sets all its deadlines anew
        await _pass(key, queue, dispatch, reconciler, log)
    finally:
        dispatch.end(key)


async def _pass(key: Key, queue: WorkQueue[Key], dispatch: Dispatch, reconciler: Reconciler, log: Any) -> None:  # noqa: ANN401  # as above
    try:
        if dispatch.misplaced(key, queue):
            queue.forget(key)
            dispatch.wake(key, 0.0)
            return
        again = await reconciler.reconcile(key)
        queue.forget(key)
        if again.after is not None:
            dispatch.wake(key, again.after, pressing=again.pressing)
    except LeaseLost:
        raise
    except KubeError as error:
        delay = queue.retry(key, Urgency.EDIT, at_least=error.retry_after)
        _moved(key, queue, dispatch, delay)
        where = {"namespace": key.namespace, "name": key.name}
        log.warning("the API server did not answer as asked", error=error.message, retry_in=delay, **where)
    except Exception as error:  # noqa: BLE001 - whatever it is, the worker goes on with the next object
        _moved(key, queue, dispatch, queue.retry(key, Urgency.RESYNC))
        await reconciler.defective(key, error)


def _moved(key: Key, queue: WorkQueue[Key], dispatch: Dispatch, delay: float) -> None:
    """Wake an object whose pass has read that it has another credential: nobody else does, and this queue may end."""
    if dispatch.misplaced(key, queue):
        dispatch.wake(key, delay)

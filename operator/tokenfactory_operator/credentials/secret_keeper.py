"""Keeps a Secret as long as an endpoint can only be deleted with it: the finalizer `tokenfactory.nebius.com/in-use`.

Level-triggered as all else: a Secret that held objects name carries the finalizer, one that nobody names does not. It
is put on before the first attempt to create is opened, so that deleting a namespace cannot take the key away before the
endpoints. A Secret that is being deleted is kept for what has an endpoint, and for nothing that has none yet. This
module never looks at a token.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.buckets import Recent
from tokenfactory_operator.credentials.secret_values import SecretValues
from tokenfactory_operator.domain.errors import KubeConflict, KubeError, KubeNotFound, KubeNotStored, LeaseLost
from tokenfactory_operator.ports import JsonObject, Key, Lease, Recorder, Secrets
from tokenfactory_operator.state.cache import ObjectCache, is_bound, key_of, secret_of
from tokenfactory_operator.work.workqueue import Urgency, WorkQueue

NOT_COVERED_EVENT: Final = "SecretNameNotListed"
"""Of the Event on a Secret, and on an object that uses it, whose namespace could not be deleted without a person."""
IN_USE_EVENT: Final = "CredentialsInUse"
"""Of the Event on a Secret that waits for its users."""
LAST_USE: Final = 20.0
"""Seconds within which an object has its finalizer that was decided to get one before a deletion was seen."""
UNLABELLED: Final = 1000
"""Secrets without their label that are remembered: a standby cannot release them, and somebody else leads."""
_NAMED: Final = 3
"""Users that are named in it."""

_LOG = logging.getLogger(__name__)


async def always(_name: str) -> bool:
    """The operator's rights hold in all namespaces."""
    return True


class SecretKeeper:
    """The finalizers of the labelled Secrets, one Secret at a time."""

    def __init__(
        self,
        values: SecretValues,
        objects: ObjectCache,
        *,
        kube: Secrets,
        objects_in: Callable[[str], Awaitable[Iterable[JsonObject]]],
        recorder: Recorder,
        lease: Lease,
        outlives_role: Callable[[str], Awaitable[bool]] = always,
        rng: random.Random | None = None,
    ) -> None:
        """`objects_in` lists the objects of a namespace, also those that a label selector hides from this operator.

        `outlives_role` answers whether a Secret of this name can be released while its namespace is deleted, when the
        operator's Role there is gone already; it may raise `KubeError`.
        """
        self._outlives_role = outlives_role
        self._judged: set[Key] = set()
        """Secrets of which that was asked in this process."""
        self._values = values
        self._secrets = values.secrets
        self._objects = objects
        self._kube = kube
        self._objects_in = objects_in
        self._recorder = recorder
        self._lease = lease
        self._unused: dict[Key, tuple[str, float]] = {}
        """Secrets that are being deleted and that nothing with an endpoint names: their uid, and since when that is."""
        self._unlabelled: Recent[Key, JsonObject] = Recent(UNLABELLED)
        """Secrets that carry our finalizer and can be used by nobody any more: as they were when the label went."""
        self._at_work = False
        self.queue: WorkQueue[Key] = WorkQueue(share=lambda key: key.namespace, rng=rng)

    def look(self, secret: Key) -> None:
        """The Secret, or who needs it, may have changed; before `run` nobody looks."""
        if self._at_work:
            self.queue.add(secret, Urgency.EDIT)

    def look_at_all(self) -> None:
        """After a relist."""
        if self._at_work:
            for secret in (*self._secrets, *self._unlabelled):
                self.queue.add(secret, Urgency.RESYNC)

    def unlabelled(self, body: JsonObject) -> None:
        """The watch has taken a Secret away: is it gone, or has it only lost its label, with our finalizer on it?"""
        if api.IN_USE in _finalizers(body):
            self._unlabelled.store(key_of(body), body)
            self.look(key_of(body))

    async def read(self, body: JsonObject) -> bool:
        """Have the object's credentials read; answers whether they are others now. Raises `KubeError`.

        Each pass reads them, so each one sees to it that a Secret which lost its finalizer gets it back.
        """
        others = await self._values.read(body)
        secret = secret_of(body)
        stored = self._secrets.get(secret) if secret is not None else None
        kept = stored is None or _is_terminating(stored) or api.IN_USE in _finalizers(stored)
        if secret is not None and not kept and api.FINALIZER in _finalizers(body):
            self.look(secret)
        return others

    async def hold(self, body: JsonObject) -> bool:
        """See to it that the object's Secret stays; answers whether all has to be decided anew.

        Raises:
            KubeError: it could not be written.
        """
        secret = secret_of(body)
        stored = self._secrets.get(secret) if secret is not None else None
        if secret is None or stored is None:
            return False
        if _is_terminating(stored) and not is_bound(body):
            return True
        if api.IN_USE in _finalizers(stored):
            return False
        await self._put(secret, stored, body)
        await self._warn(secret, stored, body)
        return True

    def left(self, body: JsonObject) -> None:
        """The object is gone, or has another Secret now."""
        secret = secret_of(body)
        if secret is not None:
            self._values.forget_unused(secret)
            self.look(secret)

    async def run(self) -> None:
        """Work, with all Secrets that there are, until the queue is shut down. Raises `LeaseLost`."""
        self._at_work = True
        self.look_at_all()
        while (secret := await self.queue.get()) is not None:
            try:
                await self._settle(secret)
            except KubeError as error:
                wait = self.queue.retry(secret, Urgency.RESYNC, at_least=error.retry_after)
                text = "the Secret %s could not be kept (again in %.0f s): %s"
                _LOG.warning(text, secret, wait, error.message, extra={"namespace": secret.namespace})
            else:
                self.queue.forget(secret)
            finally:
                self.queue.done(secret)

    async def _settle(self, secret: Key) -> None:
        stored = self._secrets.get(secret)
        if stored is None:
            self._judged.discard(secret)
            self._unused.pop(secret, None)
            await self._settle_unlabelled(secret)
            return
        self._unlabelled.pop(secret, None)
        users, terminating = self._users(secret, stored), _is_terminating(stored)
        if api.IN_USE in _finalizers(stored):
            if users and terminating:
                self._tell(stored, users)
            elif users:
                await self._warn(secret, stored, *(body for user in users if (body := self._objects.get(user))))
            elif not self._may_come_into_use(secret, stored):
                await self._let_go(secret, stored)
        elif not terminating and (held := [user for user in users if self._held(user)]):
            await self._put(secret, stored, *(body for user in held[:1] if (body := self._objects.get(user))))

    def _users(self, secret: Key, stored: JsonObject) -> list[Key]:
        """The objects for which the Secret is kept: all that name it, or only those it cannot do without."""
        users, terminating = sorted(self._objects.users_of(secret)), _is_terminating(stored)
        return [user for user in users if not terminating or self._bound(user)]

    def _may_come_into_use(self, secret: Key, stored: JsonObject) -> bool:
        """Whether a pass that was decided before the deletion was seen may still bind an object to the Secret."""
        if not _is_terminating(stored) or not self._objects.users_of(secret):
            self._unused.pop(secret, None)
            return False
        uid, now = stored["metadata"]["uid"], asyncio.get_running_loop().time()
        known, since = self._unused.get(secret, ("", now))
        if known != uid:
            self._unused[secret] = uid, now
        left = (since if known == uid else now) + LAST_USE - now
        if left > 0:
            self.queue.add_after(secret, left, Urgency.RESYNC)
        return left > 0

    async def _settle_unlabelled(self, secret: Key) -> None:
        """Kept as long as an object names it, since the label may come back; then it must not wait for us for ever."""
        stored = self._unlabelled.get(secret)
        if stored is None or self._objects.users_of(secret) or await self._needed_elsewhere(secret, stored):
            return
        version, left = stored["metadata"]["resourceVersion"], _without_ours(stored)
        try:
            written = await self._kube.set_finalizers(secret, left, resource_version=version, lead=self._lead)
        except (KubeConflict, KubeNotFound):
            text = "the Secret %s has changed since it lost its label: look whether it carries %s"
            _LOG.warning(text, secret, api.IN_USE, extra={"namespace": secret.namespace})
        else:
            self._unlabelled.store(secret, written)
            self._check_stored(written, left, written)
        self._unlabelled.pop(secret, None)

    def _held(self, user: Key) -> bool:
        body = self._objects.get(user)
        return body is not None and api.FINALIZER in _finalizers(body)

    def _bound(self, user: Key) -> bool:
        body = self._objects.get(user)
        return body is not None and is_bound(body)

    async def _needed_elsewhere(self, secret: Key, stored: JsonObject) -> bool:
        terminating = _is_terminating(stored)
        users = (body for body in await self._objects_in(secret.namespace) if secret_of(body) == secret)
        return any(not terminating or is_bound(body) for body in users)

    async def _let_go(self, secret: Key, stored: JsonObject) -> None:
        if await self._needed_elsewhere(secret, stored):
            return
        if not self._users(secret, stored):  # one may have come while the others were listed
            await self._write(secret, stored, _without_ours(stored), stored)

    def _lead(self) -> None:
        if not self._lease.held():
            raise LeaseLost("This process does not hold the lease.")

    async def _put(self, secret: Key, stored: JsonObject, *users: JsonObject) -> None:
        """Put our finalizer on."""
        await self._write(secret, stored, (*_finalizers(stored), api.IN_USE), *users)

    async def _write(self, secret: Key, stored: JsonObject, finalizers: tuple[str, ...], *told: JsonObject) -> None:
        """Write the list; one that is gone is forgotten.

        Raises `KubeError`, also where the answer does not show what was written: `told` have an Event then. After a
        `KubeConflict`, which a webhook may answer for ever, the Secret is held as it is by now.
        """
        version = stored["metadata"]["resourceVersion"]
        try:
            written = await self._kube.set_finalizers(secret, finalizers, resource_version=version, lead=self._lead)
        except KubeNotFound:
            self._secrets.remove(secret, stored["metadata"]["uid"])
        except KubeConflict:
            fresh = await self._kube.get(secret)
            if fresh is None:
                self._secrets.remove(secret, stored["metadata"]["uid"])
            else:
                self._secrets.put(fresh)
            raise
        else:
            self._values.wrote(stored, written)
            self._secrets.put(written)
            self._check_stored(written, finalizers, *told)

    def _check_stored(self, written: JsonObject, finalizers: tuple[str, ...], *told: JsonObject) -> None:
        held = api.IN_USE in finalizers
        if (api.IN_USE in _finalizers(written)) == held:
            return
        what, rest = "finalizer", "removes it. No endpoint is created with this Secret meanwhile."
        if not held:
            what, rest = "removal of the finalizer", "puts it back. The Secret stays, and the removal is tried again."
        text = (
            f"The API server accepted the {what} {api.IN_USE} of the Secret {key_of(written).name} and did not store "
            f"it. A mutating webhook {rest}"
        )
        for subject in told:
            self._recorder.event(subject, reason="WriteNotStored", message=text, warning=True)
        raise KubeNotStored(text)

    async def _warn(self, secret: Key, stored: JsonObject, *users: JsonObject) -> None:
        """Say once, and early, that the end of the namespace would wait for a person."""
        if secret in self._judged:
            return
        try:
            outlives = await self._outlives_role(secret.name)
        except KubeError as error:
            _LOG.debug("the rights on the Secret %s could not be asked for: %s", secret, error.message)
            return
        self._judged.add(secret)
        if outlives:
            return
        text = (
            f"If this namespace is deleted, Kubernetes takes away the operator's right to the Secret {secret.name} "
            f"first. Then nobody removes the finalizer {api.IN_USE}, and the namespace stays until a person does. Add "
            f"{secret.name} to the chart's value rbac.secretNames, or delete the objects before the namespace."
        )
        for subject in (stored, *users[:_NAMED]):
            self._recorder.event(subject, reason=NOT_COVERED_EVENT, message=text, warning=True)

    def _tell(self, stored: JsonObject, users: list[Key]) -> None:
        named = ", ".join(user.name for user in users[:_NAMED])
        rest = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
        key = key_of(stored)
        patch = json.dumps({"metadata": {"finalizers": list(_without_ours(stored)) or None}}, separators=(",", ":"))
        text = (
            f"Needed by DedicatedEndpoint {named}{rest}: their endpoints can only be deleted with this Secret. It goes "
            "when they are gone. To replace it by a new one, end its deletion with `kubectl patch secret "
            f"{key.name} -n {key.namespace} --type=merge -p '{patch}'` and create it again at once: no endpoint is "
            "touched meanwhile. To change a key without a deletion, apply the new value to the Secret as it is."
        )
        self._recorder.event(stored, reason=IN_USE_EVENT, message=text, warning=True)


def _is_terminating(body: JsonObject) -> bool:
    return bool(body["metadata"].get("deletionTimestamp"))


def _finalizers(body: JsonObject) -> tuple[str, ...]:
    return tuple(body["metadata"].get("finalizers") or ())


def _without_ours(body: JsonObject) -> tuple[str, ...]:
    return tuple(name for name in _finalizers(body) if name != api.IN_USE)

"""The values of the Secrets that objects name: read one Secret at a time, of each only the keys that are named.

Secrets are watched by their metadata alone, so their number and size cost nothing here. A value is read when an object
first needs it, and again when the Secret has a newer version; until then the value before serves. Nothing is decided
about endpoints.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.errors import CredentialsError, KubeError
from tokenfactory_operator.ports import JsonObject, Key, Secrets
from tokenfactory_operator.state.cache import ObjectCache, key_of, secret_of, version_of

READERS: Final = 4
"""Secrets that are read at once; each may have 1 MiB."""

_LOG = logging.getLogger(__name__)


def name_in(body: JsonObject) -> str:
    """The key, in its Secret, of an object that names one."""
    given = ((body.get("spec") or {}).get("credentials") or {}).get("secretRef") or {}
    return str(given.get("key") or api.SECRET_KEY)


def _about(secret: Key) -> dict[str, str]:
    return {"namespace": secret.namespace}  # whose share of the log it is


@dataclass(frozen=True)
class _Read:
    version: int
    asked: frozenset[str]
    values: dict[str, SecretStr]


class SecretValues:
    """What the objects' Secrets say, as far as it was read."""

    def __init__(
        self,
        secrets: ObjectCache,
        objects: ObjectCache,
        *,
        kube: Secrets,
        changed: Callable[[Key], None] = lambda _: None,
    ) -> None:
        """`secrets`: the labelled ones, by their metadata; `changed` is told a Secret of which a value is another."""
        self.secrets = secrets
        self._objects = objects
        self._kube = kube
        self._changed = changed
        self.forbidden: set[Key] = set()
        """Secrets that the API server does not let this operator read."""
        self._read: dict[Key, _Read] = {}
        self._turns: dict[Key, asyncio.Lock] = {}
        self._bound = asyncio.Semaphore(READERS)

    def value(self, secret: Key, name: str) -> SecretStr | None:
        """The value of a key; `None` where the Secret has none. Raises `CredentialsError` while it was not read."""
        read = self._read.get(secret)
        if read is None or name not in read.asked:
            raise CredentialsError(f"The Secret {secret.name} has not been read yet.")
        return read.values.get(name)

    async def read(self, body: JsonObject) -> bool:
        """Have the object's credentials read; answers whether they are others now, so that it belongs elsewhere.

        Raises:
            KubeError: they could not be read, and none were before.
        """
        secret = secret_of(body)
        if secret is None or self._is_current(secret, name_in(body)):
            return False
        async with self._turns.setdefault(secret, asyncio.Lock()), self._bound:
            if self._is_current(secret, name_in(body)):
                return False
            return await self._fetch(secret, name_in(body))

    async def read_all(self, bodies: Iterable[JsonObject]) -> None:
        """Have the credentials of all these objects read; what fails is read when it is needed.

        What no object needs any more is forgotten: of one that came and went without a pass nobody says that it left.
        """
        for known in tuple(self._read):
            self.forget_unused(known)
        needed = {(secret, name_in(body)): body for body in bodies if (secret := secret_of(body)) is not None}
        results = await asyncio.gather(*map(self.read, needed.values()), return_exceptions=True)
        for (secret, _), result in zip(needed, results, strict=True):
            if isinstance(result, KubeError):
                _LOG.warning("the Secret %s could not be read: %s", secret, result.message, extra=_about(secret))
            elif isinstance(result, BaseException):
                raise result

    def wrote(self, before: JsonObject, written: JsonObject) -> None:
        """The metadata of the Secret was written on top of `before`: its values are the same."""
        read = self._read.get(key_of(written))
        if read is not None and read.version == version_of(before):
            self._read[key_of(written)] = _Read(version_of(written), read.asked, read.values)

    def forget_unused(self, secret: Key) -> None:
        """An object does not need the Secret any more; perhaps none does."""
        if not self._objects.users_of(secret):
            self._read.pop(secret, None)
            self._turns.pop(secret, None)

    def _is_current(self, secret: Key, name: str) -> bool:
        """Whether reading would bring nothing: a Secret that is not there is not read."""
        known, read = self.secrets.get(secret), self._read.get(secret)
        if known is None:
            return True
        return read is not None and read.version >= version_of(known) and name in read.asked

    async def _fetch(self, secret: Key, name: str) -> bool:
        users = (self._objects.get(user) for user in self._objects.users_of(secret))
        names = frozenset({name, *(name_in(user) for user in users if user is not None)})
        before, known = self._read.get(secret), self.secrets.get(secret)
        try:
            body = await self._kube.read(secret, names)
        except KubeError as error:
            if before is None or name not in before.asked:
                raise
            text = "the Secret %s could not be read again, and is used as it was: %s"
            _LOG.warning(text, secret, error.message, extra=_about(secret))
            return False
        if body is None:  # gone, or without its label: the watch is late
            if known is not None:
                self.secrets.remove(secret, known["metadata"]["uid"])
            changed = True
        else:
            changed = self.taken(secret, body, names)
        if changed:
            self._changed(secret)
        return changed

    def taken(self, secret: Key, body: JsonObject, names: frozenset[str]) -> bool:
        """The Secret was read, with the values of these keys; answers whether one of them is another now."""
        before = self._read.get(secret)
        now = _Read(version_of(body), names, dict(body["data"]))
        self._read[secret] = now
        self.secrets.put({name: part for name, part in body.items() if name != "data"})
        same = (
            before is not None
            and before.asked >= names
            and all(before.values.get(name) == now.values.get(name) for name in names)
        )
        return not same

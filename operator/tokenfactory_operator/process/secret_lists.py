"""Brings the labelled Secrets into memory, by their metadata: by LIST, or one by one where they cannot be listed.

A watched namespace that is being deleted loses the operator's Role before the Secrets that our finalizer keeps. From
then on they cannot be listed, but a ClusterRole may allow to read those of some names. Nothing is written here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from tokenfactory_operator.credentials.secret_values import SecretValues
from tokenfactory_operator.domain.errors import KubeError
from tokenfactory_operator.kube.errors import ApiServerError
from tokenfactory_operator.ports import JsonObject, Key
from tokenfactory_operator.state.cache import secret_of

NAMED_EVERY: Final = 15.0
"""Seconds between two reads of a Secret that cannot be watched."""
_FORBIDDEN: Final = 403

logger = logging.getLogger(__name__)


class Listing(Protocol):
    """Labelled Secrets on the API server, by their metadata (`kube.secrets`). Raises `KubeError` only."""

    async def get(self, key: Key) -> JsonObject | None:
        """One of them; `None` where there is none."""
        ...

    async def list_all(self, namespaces: Sequence[str] | None = None) -> tuple[list[JsonObject], str]:
        """Those of these namespaces (`None`: of the cluster), and a resourceVersion."""
        ...


class Rights(Protocol):
    """What this process may list (`kube.supervision`)."""

    def listable(self) -> tuple[str, ...] | None:
        """Namespaces whose objects may be listed; `None` for all."""
        ...

    def listable_secrets(self) -> tuple[str, ...] | None:
        """Those of them whose Secrets may be listed too."""
        ...

    def no_secrets(self, namespace: str) -> None:
        """A LIST of its Secrets was refused."""
        ...


class SecretLists:
    """Lists the Secrets where that is allowed, and reads them by name where it is not."""

    def __init__(
        self,
        kube: Listing,
        rights: Rights,
        values: SecretValues,
        *,
        names: Iterable[str],
        changed: Callable[[Key], None],
    ) -> None:
        """`names` are looked for wherever Secrets cannot be listed; `changed` is told each Secret that is news."""
        self._kube = kube
        self._rights = rights
        self._values = values
        self._names = frozenset(names)
        self._changed = changed

    async def list_all(self) -> None:
        """Take in every labelled Secret that may be listed. Raises `KubeError`."""
        where = self._rights.listable_secrets()
        for place in (None,) if where is None else where:
            places = None if place is None else (place,)
            try:
                found, version = await self._kube.list_all(places)
            except ApiServerError as error:
                if place is None or error.status != _FORBIDDEN:
                    raise
                self._rights.no_secrets(place)
                continue
            for secret in self._values.secrets.replace(found, version, places):
                self._changed(secret)

    async def read_named(self, bodies: Iterable[JsonObject]) -> None:
        """Where Secrets cannot be listed, read those that these objects, or the settings, name."""
        places = self._unlisted()
        wanted = {Key(place, name) for place in places for name in self._names}
        wanted |= {secret for body in bodies if (secret := secret_of(body)) is not None and secret.namespace in places}
        wanted |= {secret for secret in self._values.secrets if secret.namespace in places}
        self._values.forbidden &= wanted
        for secret in sorted(wanted):
            await self._read(secret)

    async def follow(self, bodies: Callable[[], Iterable[JsonObject]]) -> None:
        """Read them again and again, until cancelled: no watch brings what becomes of them."""
        while True:
            await asyncio.sleep(NAMED_EVERY)
            await self.read_named(bodies())

    def _unlisted(self) -> frozenset[str]:
        served, listed = self._rights.listable(), self._rights.listable_secrets()
        return frozenset(served or ()) - frozenset(listed or ())

    async def _read(self, secret: Key) -> None:
        known = self._values.secrets.get(secret)
        try:
            body = await self._kube.get(secret)
        except KubeError as error:
            if isinstance(error, ApiServerError) and error.status == _FORBIDDEN:
                self._forbid(secret)
            else:
                about = {"namespace": secret.namespace}
                logger.warning("the Secret %s could not be read: %s", secret, error.message, extra=about)
            return
        allowed = secret in self._values.forbidden
        self._values.forbidden.discard(secret)
        if body is not None:
            news = self._values.secrets.put(body)
        else:
            news = known is not None and self._values.secrets.remove(secret, known["metadata"]["uid"])
        if news or allowed:
            self._changed(secret)

    def _forbid(self, secret: Key) -> None:
        """What was read before serves on; without that, an object is told the truth about why there is nothing."""
        if secret not in self._values.forbidden:
            self._values.forbidden.add(secret)
            self._changed(secret)

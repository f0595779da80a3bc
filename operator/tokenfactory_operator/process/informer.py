"""What Kubernetes holds, as this process knows it: lists and watches, and who is told of a change.

kopf watches; our own LISTs come before anything is concluded from an object's absence, and again from time to time.
Secrets are followed by their metadata; their values are read where an object needs them. Nothing is written here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from tokenfactory_operator.assembly import Core
from tokenfactory_operator.domain.errors import KubeError
from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.objects import KubeObjects
from tokenfactory_operator.kube.secrets import KubeSecrets
from tokenfactory_operator.kube.supervision import Supervisor
from tokenfactory_operator.loop.dispatch import RELIST_INTERVAL
from tokenfactory_operator.process import handlers
from tokenfactory_operator.process.secret_lists import SecretLists
from tokenfactory_operator.settings import Settings, StartupError
from tokenfactory_operator.state.cache import key_of

_LOG = structlog.stdlib.get_logger(__name__)

OBJECTS_FIRST: Final = "the watch has not started"
"""Why the process is not ready before kopf is."""


class Informer:
    """Follows the objects and the labelled Secrets."""

    def __init__(
        self,
        settings: Settings,
        client: KubeClient,
        supervisor: Supervisor,
        *,
        core: Core,
    ) -> None:
        self._settings = settings
        self._client = client
        self._supervisor = supervisor
        self._objects = KubeObjects(client)
        self._secrets = (
            SecretLists(
                KubeSecrets(client), supervisor, core.values, names=settings.secret_names, changed=core.secret_changed
            )
            if settings.secret_credentials
            else None
        )
        self._core = core
        self._ready = asyncio.Event()
        supervisor.attach(returned=self._returned, newest=core.cache.newest)

    def problem(self) -> str | None:
        """Why the objects are not watched yet, if they are not."""
        return None if self._ready.is_set() else OBJECTS_FIRST

    async def list_objects(self) -> None:
        """Our own LISTs; raises `KubeError`. At the start they also show whether the rights suffice.

        The Secrets come first: an object must not be told that its Secret is missing because nobody has looked.
        """
        if self._secrets is not None:
            await self._secrets.list_all()
        where = self._supervisor.listable()
        bodies, version = await self._objects.list_all(where, self._settings.object_selector or "")
        if self._secrets is not None:
            await self._secrets.read_named(bodies)
            await self._core.values.read_all(bodies)
        self._core.dispatch.relisted(bodies, version, where)
        self._core.keeper.look_at_all()

    async def relist(self) -> None:
        """List again and again, until cancelled."""
        while True:
            await asyncio.sleep(RELIST_INTERVAL)
            try:
                await self.list_objects()
            except KubeError as error:
                _LOG.warning("the objects could not be listed", error=error.message)

    async def follow_secrets(self) -> None:
        """Follow the Secrets that no watch brings, until cancelled; forever idle where none are read."""
        if self._secrets is None:
            await asyncio.Event().wait()
        else:
            await self._secrets.follow(
                lambda: [body for key in self._core.cache if (body := self._core.cache.get(key))]
            )

    async def watch(self, spawned: Callable[[], None]) -> None:
        """Watch until cancelled; `spawned` is told when kopf has taken the process's signals.

        Raises:
            StartupError: the watch has ended; a restart is the recovery.
        """
        try:
            settings = handlers.build_settings(self._settings.object_selector or "")
            secret_observed = self._core.secret_observed if self._secrets is not None else None
            await handlers.watch(
                handlers.build_registry(
                    self._client,
                    settings,
                    self._core.dispatch.observed,
                    secret_observed,
                    is_known=self._core.dispatch.known,
                    settled=lambda body: self._objects.settled(key_of(body)),
                ),
                settings,
                namespaces=self._settings.watch_namespaces,
                ready=self._ready,
                spawned=spawned,
            )
        except Exception as error:
            # kopf gives up on a watch that answers 401, 404 or 410.
            _LOG.debug("kopf ended", exc_info=error)
            raise StartupError(await self._supervisor.explain(error)) from error

    async def _returned(self, namespace: str) -> None:
        """A namespace has its rights again: what waits there for its next try need not wait longer."""
        await self.list_objects()
        for key in self._core.cache:
            if key.namespace == namespace:
                self._core.dispatch.wake(key, 0.0)

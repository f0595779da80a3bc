"""One run of the operator's own loop that changes nothing: the same reconciler, executor, poller and inventory.

It begins as an operator does that has just started: what a running one remembers it does not know. Nothing is decided
here; this is the one place of the command line that knows the loop.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from tokenfactory_operator.assembly import LabelledSecrets, Outside, OwnCredential, assemble
from tokenfactory_operator.cli.rehearsal.ports import (
    Events,
    KeptObjects,
    NobodyElse,
    NoSecrets,
    RehearsedCloud,
    Sent,
    Silent,
    Unmeasured,
)
from tokenfactory_operator.credentials.choice import Credential
from tokenfactory_operator.credentials.nocloud import NoCloud
from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.errors import CloudError, CredentialsError
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.resource import Resource, parse
from tokenfactory_operator.observe.poller import Poller
from tokenfactory_operator.ports import Cloud, JsonObject, Key, Secrets
from tokenfactory_operator.process.leadership import SystemClock
from tokenfactory_operator.settings import Settings
from tokenfactory_operator.state.cache import secret_of

PASSES: Final = 8
"""Passes over one object at most: each sees the cloud as the one before has left it."""

IDLE: Final = 2
"""Passes in a row without anything new, after which nothing new comes: the first may only have waited for a list."""


@dataclass(frozen=True)
class Rehearsed:
    """What the operator would do for one object, until it waits for something."""

    resource: Resource
    """With the status that it would have."""
    sent: tuple[Sent, ...]
    events: tuple[str, ...]
    """Reasons of the Events that would be told."""
    found: ObservedEndpoint | None
    """Its endpoint as it is, if it has one or would take one over."""
    left: ObservedEndpoint | None
    """Its endpoint as it would be."""


class Stage:
    """The objects and clouds of one rehearsal."""

    def __init__(self, settings: Settings, own: SecretStr, kube: Secrets, *, cluster_id: str) -> None:
        """`own` is the operator's own token; `kube` reads the Secrets that objects name."""
        self._settings = settings
        self._kube = KeptObjects()
        self._events = Events()
        self._clouds: dict[Credential, RehearsedCloud] = {}
        self._core = assemble(self._outside(own, kube, cluster_id))
        self.credentials, self.values = self._core.credentials, self._core.values

    def _outside(self, own: SecretStr, kube: Secrets, cluster_id: str) -> Outside:
        settings, telemetry = self._settings, Unmeasured()
        return Outside(
            kube=self._kube,
            open_cloud=self._cloud,
            own=OwnCredential(lambda: own, settings.project_id, settings.may_use_own_credential),
            secrets=LabelledSecrets(kube, self._kube.list_in, may_be_read=settings.secret_credentials),
            secret_holder=NoSecrets(),
            recorder=self._events,
            telemetry=telemetry,
            lease=NobodyElse(),
            clock=SystemClock(),
            timing=settings.timing(),
            new_attempt=lambda: secrets.token_hex(4),
            cluster_id=cluster_id,
            policy_of=lambda each: settings.policy(each.namespace, own_credential=secret_of(each.body) is None),
            rng=random.Random(0),  # noqa: S311  # jitter, no secret
            defects=Defects(telemetry, Silent()),
            log=Silent(),
            limits=settings.limits(),
        )

    def put(self, bodies: Iterable[JsonObject]) -> None:
        """Have these objects, in place of those of the same name."""
        for body in bodies:
            self._core.cache.put(self._kube.put(body))

    async def open(self, credential: Credential, real: Cloud, users: Iterable[Key]) -> CloudError | None:
        """List the cloud of these objects; answers why it cannot be listed."""
        cloud = self._cloud(credential)
        cloud.real = real
        pollers = [self._poller_of(body) for key in users if (body := self._core.cache.get(key)) is not None]
        for poller in pollers[:1]:
            await poller.poll()
        return cloud.failure

    def _cloud(self, credential: Credential) -> RehearsedCloud:
        """One that refuses every call before it is opened."""
        if credential not in self._clouds:
            self._clouds[credential] = RehearsedCloud(NoCloud(CredentialsError("The cloud was not asked.")))
        return self._clouds[credential]

    def _poller_of(self, body: JsonObject) -> Poller:
        return self._core.accounts.poller_of(parse(body))

    def endpoint(self, endpoint_id: str) -> ObservedEndpoint | None:
        """An endpoint as it is, if a cloud lists it."""
        return next((cloud.found[endpoint_id] for cloud in self._clouds.values() if endpoint_id in cloud.found), None)

    async def rehearse(self, key: Key) -> Rehearsed:
        """Have one object reconciled until nothing more would be sent or said."""
        body = self._core.cache.get(key)
        if body is None:
            raise KeyError(key)
        poller = self._poller_of(body)
        cloud = poller.cloud if isinstance(poller.cloud, RehearsedCloud) else None
        start, reported = len(cloud.sent) if cloud else 0, len(self._events.reasons)
        idle = 0
        for _ in range(PASSES):
            before = self._standing(key, cloud)
            again = await self._core.reconciler.reconcile(key)
            idle = idle + 1 if self._standing(key, cloud) == before and again.after != 0.0 else 0
            if idle == IDLE:
                break
            if cloud is not None:
                await poller.poll()
        resource = parse(self._core.cache.get(key) or body)
        sent = tuple(cloud.sent[start:]) if cloud else ()
        ids = [
            resource.status.endpoint_id or "",
            resource.named_id,
            *(each.after.id for each in sent if each.after is not None),
        ]
        return Rehearsed(
            resource,
            sent,
            tuple(self._events.reasons[reported:]),
            next((cloud.found[each] for each in ids if each in cloud.found), None) if cloud else None,
            next((cloud.endpoints[each] for each in ids if each in cloud.endpoints), None) if cloud else None,
        )

    def _standing(self, key: Key, cloud: RehearsedCloud | None) -> tuple[object, ...]:
        body = self._core.cache.get(key) or {}
        return (
            body.get("status"),
            tuple(body.get("metadata", {}).get("finalizers") or ()),
            len(cloud.sent) if cloud else 0,
        )

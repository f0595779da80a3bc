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
from tokenfactory_operator.credentials.choice import Credential, Credentials
from tokenfactory_operator.credentials.nocloud import NoCloud
from tokenfactory_operator.domain.errors import CloudError, CredentialsError
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.resource import Resource, parse
from tokenfactory_operator.domain.situation import Outage
from tokenfactory_operator.loop.ports import Ports
from tokenfactory_operator.loop.reconcile import Reconciler
from tokenfactory_operator.observe.poller import Poller
from tokenfactory_operator.ports import Cloud, JsonObject, Key
from tokenfactory_operator.process.leadership import SystemClock
from tokenfactory_operator.settings import Settings
from tokenfactory_operator.state.cache import ObjectCache, secret_of
from tokenfactory_operator.state.evidence import OPERATOR
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.state.stamps import Stamps

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

    def __init__(self, settings: Settings, credentials: Credentials, *, cluster_id: str, cache: ObjectCache) -> None:
        self._settings = settings
        self._credentials = credentials
        self._cluster_id = cluster_id
        self._cache = cache
        self._clock = SystemClock()
        self._stamps = Stamps(self._clock)
        self._kube = KeptObjects()
        self._events = Events()
        self._pollers: dict[Credential, Poller] = {}
        self._clouds: dict[Credential, RehearsedCloud] = {}
        self._unheard: dict[str, Poller] = {}
        self._reconciler = Reconciler(
            self._ports(),
            poller_of=self._poller_of,
            secrets=NoSecrets(),
            cluster_id=cluster_id,
            policy_of=lambda each: settings.policy(each.namespace, own_credential=secret_of(each.body) is None),
            rng=random.Random(0),  # noqa: S311  # jitter, no secret
            log=Silent(),
        )

    def _ports(self) -> Ports:
        return Ports(
            kube=self._kube,
            cache=self._cache,
            recorder=self._events,
            telemetry=Unmeasured(),
            lease=NobodyElse(),
            clock=self._clock,
            timing=self._settings.timing(),
            new_attempt=lambda: secrets.token_hex(4),
            wrote=lambda _body: None,
            namespace="",
        )

    def put(self, bodies: Iterable[JsonObject]) -> None:
        """Have these objects, in place of those of the same name."""
        for body in bodies:
            self._cache.put(self._kube.put(body))

    async def open(self, credential: Credential, real: Cloud, namespaces: Iterable[str]) -> CloudError | None:
        """List a cloud; answers why it cannot be listed."""
        cloud = RehearsedCloud(real)
        poller = self._poller(cloud, credential.scope)
        poller.inventory.siblings = lambda: [each.inventory for each in self._pollers.values()]
        poller.inventory.namespaces |= set(namespaces)
        self._pollers[credential], self._clouds[credential] = poller, cloud
        await poller.poll()
        return cloud.failure

    def _poller(self, cloud: Cloud, scope: str) -> Poller:
        timing = self._settings.timing()
        return Poller(
            cloud=cloud,
            inventory=Inventory(scope=scope, cluster_id=self._cluster_id, stamps=self._stamps, timing=timing),
            cache=self._cache,
            wake=lambda _key, _after, **_: None,
            clock=self._clock,
            timing=timing,
            telemetry=Unmeasured(),
            rng=random.Random(0),  # noqa: S311  # jitter, no secret
        )

    def _poller_of(self, resource: Resource) -> Poller:
        try:
            return self._pollers[self._credentials.of(resource.body)]
        except CredentialsError as error:
            if error.message not in self._unheard:
                poller = self._unheard[error.message] = self._poller(NoCloud(error), OPERATOR)
                poller.inventory.outage = Outage(error.reason, error.message, blind=True)
            return self._unheard[error.message]

    def endpoint(self, endpoint_id: str) -> ObservedEndpoint | None:
        """An endpoint as it is, if a cloud lists it."""
        return next((cloud.found[endpoint_id] for cloud in self._clouds.values() if endpoint_id in cloud.found), None)

    async def rehearse(self, key: Key) -> Rehearsed:
        """Have one object reconciled until nothing more would be sent or said."""
        body = self._cache.get(key)
        if body is None:
            raise KeyError(key)
        poller = self._poller_of(parse(body))
        cloud = poller.cloud if isinstance(poller.cloud, RehearsedCloud) else None
        start, told = len(cloud.sent) if cloud else 0, len(self._events.reasons)
        idle = 0
        for _ in range(PASSES):
            before = self._standing(key, cloud)
            again = await self._reconciler.reconcile(key)
            idle = idle + 1 if self._standing(key, cloud) == before and again.after != 0.0 else 0
            if idle == IDLE:
                break
            if cloud is not None:
                await poller.poll()
        resource = parse(self._cache.get(key) or body)
        sent = tuple(cloud.sent[start:]) if cloud else ()
        ids = [
            resource.status.endpoint_id or "",
            resource.named_id,
            *(each.after.id for each in sent if each.after is not None),
        ]
        return Rehearsed(
            resource,
            sent,
            tuple(self._events.reasons[told:]),
            next((cloud.found[each] for each in ids if each in cloud.found), None) if cloud else None,
            next((cloud.endpoints[each] for each in ids if each in cloud.endpoints), None) if cloud else None,
        )

    def _standing(self, key: Key, cloud: RehearsedCloud | None) -> tuple[object, ...]:
        body = self._cache.get(key) or {}
        return (
            body.get("status"),
            tuple(body.get("metadata", {}).get("finalizers") or ()),
            len(cloud.sent) if cloud else 0,
        )

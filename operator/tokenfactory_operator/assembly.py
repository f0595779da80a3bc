"""The core of the operator, wired: who is told what, and which part is made from which.

The application, a rehearsal of the command line, the simulation and the unit tests give it their own outside. So there
is one wiring, and what the tests run is what runs in a cluster. Nothing here starts, and nothing is decided.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from pydantic import SecretStr

from tokenfactory_operator.credentials.choice import Credential, Credentials
from tokenfactory_operator.credentials.places import Limits
from tokenfactory_operator.credentials.secret_keeper import SecretKeeper, always
from tokenfactory_operator.credentials.secret_values import SecretValues
from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.resource import Resource
from tokenfactory_operator.loop.accounts import Accounts, OpenCloud, Parts
from tokenfactory_operator.loop.dispatch import Dispatch, no_pause, work
from tokenfactory_operator.loop.ports import Ports, SecretHolder, Surroundings
from tokenfactory_operator.loop.reconcile import Reconciler
from tokenfactory_operator.observe.list_turns import ListTurns
from tokenfactory_operator.observe.poller import Common, Poller, no_cost
from tokenfactory_operator.ports import (
    Cloud,
    ConfigMaps,
    JsonObject,
    Key,
    Secrets,
)
from tokenfactory_operator.state.cache import ObjectCache, key_of, version_of
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.state.sequence import SequenceClock
from tokenfactory_operator.work.crew import share_of
from tokenfactory_operator.work.workqueue import WorkQueue


@dataclass(frozen=True)
class LabelledSecrets:
    """The Secrets that objects may name, and what is told of them."""

    kube: Secrets
    objects_in: Callable[[str], Awaitable[Iterable[JsonObject]]]
    outlives_role: Callable[[str], Awaitable[bool]] = always
    """See `SecretKeeper`."""
    may_be_read: bool = True
    """Whether objects may name one: a setting."""
    on_read: Callable[[str], None] = lambda _: None
    on_forget: Callable[[str], None] = lambda _: None
    """See `Credentials`."""


@dataclass(frozen=True)
class OwnCredential:
    """The credential that the operator itself was given."""

    read: Callable[[], SecretStr]
    """Its token. Raises `CredentialsError` while that cannot be used."""
    project_id: str | None = None
    allowed: Callable[[str], bool] = lambda _: True
    """Whether the objects of a namespace may use it."""


@dataclass(frozen=True, kw_only=True)
class Outside(Surroundings):
    """What the core needs of the world."""

    open_cloud: Callable[[Credential], OpenCloud]
    own: OwnCredential
    secrets: LabelledSecrets
    cluster_id: str
    policy_of: Callable[[Resource], Policy]
    rng: random.Random
    defects: Defects
    log: Any
    """A structlog logger, or what has its methods."""
    secret_holder: SecretHolder | None = None
    """Keeps the objects' Secrets in place of the `SecretKeeper`: a rehearsal must not write."""
    poller_of: Callable[[Resource], Poller] | None = None
    """Answers in place of the accounts: a test changes an object's credential without any Secret."""
    config_maps: ConfigMaps | None = None
    """`None` where the operator has no right to write them."""
    watch_of: Callable[[Key], str] = lambda _: ""
    """See `Dispatch`."""
    make_queue: Callable[..., WorkQueue[Key]] = WorkQueue
    """Makes a queue from the keywords `share`, `most` and `rng`."""
    concurrency: int = 3
    """Most workers of each account."""
    pause: Callable[[], Awaitable[None]] = no_pause
    """See `work`."""
    spent: Callable[[], float] = no_cost
    """See `Poller`."""
    linger: float = 60.0
    """Seconds that the connections of an account outlive it, so that calls under way can end."""
    limits: Limits = field(default_factory=Limits)


class Core:
    """The parts of one process, from what the watch brings to what is written and sent."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._sequence, self._turns = SequenceClock(outside.clock), ListTurns()
        self.cache = ObjectCache()
        self.values = SecretValues(ObjectCache(), self.cache, kube=outside.secrets.kube, changed=self.secret_changed)
        self.dispatch = Dispatch(
            self.cache,
            lambda key: self.accounts.queue_of(key),  # noqa: PLW0108 - made below
            watch_of=outside.watch_of,
        )
        self.credentials = self._credentials(outside.own, outside.secrets)
        self.accounts = self._accounts()
        self.keeper = self._keeper(outside.secrets)
        self.reconciler = self._reconciler()

    def _credentials(self, own: OwnCredential, secrets: LabelledSecrets) -> Credentials:
        return Credentials(
            self.values if secrets.may_be_read else None,
            own=own.read,
            project_id=own.project_id,
            own_allowed=own.allowed,
            on_read=secrets.on_read,
            on_forget=secrets.on_forget,
        )

    def _accounts(self) -> Accounts:
        outside = self._outside
        return Accounts(
            self.credentials,
            self.cache,
            Parts(
                open_cloud=outside.open_cloud,
                make_poller=self._poller,
                make_queue=self._queue,
                work=lambda queue, take: work(
                    queue, self.dispatch, self.reconciler, outside.log, take=take, pause=outside.pause
                ),
            ),
            wake=self.dispatch.wake,
            concurrency=outside.concurrency,
            linger=outside.linger,
            defects=outside.defects,
            limits=outside.limits,
        )

    def _poller(self, cloud: Cloud, scope: str, namespace: str, users: Callable[[], Iterable[Key]]) -> Poller:
        outside = self._outside
        inventory = Inventory(
            scope=scope,
            cluster_id=outside.cluster_id,
            sequence=self._sequence,
            timing=outside.timing,
            namespace=namespace,
            siblings=self.accounts.inventories,
        )
        common = Common(
            cache=self.cache,
            wake=self.dispatch.wake,
            clock=outside.clock,
            timing=outside.timing,
            telemetry=outside.telemetry,
            rng=outside.rng,
            turns=self._turns,
            defects=outside.defects,
            spent=outside.spent,
        )
        return Poller(common, cloud=cloud, inventory=inventory, users=users)

    def _queue(self, workers: int) -> WorkQueue[Key]:
        return self._outside.make_queue(share=lambda key: key.namespace, most=share_of(workers), rng=self._outside.rng)

    def _keeper(self, secrets: LabelledSecrets) -> SecretKeeper:
        return SecretKeeper(
            self.values,
            self.cache,
            kube=secrets.kube,
            objects_in=secrets.objects_in,
            recorder=self._outside.recorder,
            lease=self._outside.lease,
            outlives_role=secrets.outlives_role,
            rng=self._outside.rng,
        )

    def _reconciler(self) -> Reconciler:
        outside = self._outside
        return Reconciler(
            self._ports(),
            poller_of=outside.poller_of or self.accounts.poller_of,
            secrets=outside.secret_holder or self.keeper,
            policy_of=outside.policy_of,
            config_maps=outside.config_maps,
            cluster_id=outside.cluster_id,
            rng=outside.rng,
            log=outside.log,
        )

    def _ports(self) -> Ports:
        given = {each.name: getattr(self._outside, each.name) for each in fields(Surroundings)}
        return Ports(**given, cache=self.cache, wrote=self.dispatch.wrote)

    # What the watch of the Secrets brings

    def secret_observed(self, kind: str | None, body: JsonObject) -> None:
        """The watch has brought a labelled Secret, or taken it away (deleted, or its label removed)."""
        secret = key_of(body)
        if kind == "DELETED":
            self.values.secrets.remove(secret, body["metadata"]["uid"], version_of(body))
            self.keeper.unlabelled(body)
            self.secret_changed(secret)
        elif self.values.secrets.put(body):
            self.secret_changed(secret)

    def secret_changed(self, secret: Key) -> None:
        """The Secret is another one, or what is known of it: its objects and its keeper look again."""
        self.dispatch.secret_changed(secret)
        self.keeper.look(secret)
        self.accounts.credentials_changed()


def assemble(outside: Outside) -> Core:
    """Wire a core; it does nothing before its accounts are started, or its parts are called."""
    return Core(outside)

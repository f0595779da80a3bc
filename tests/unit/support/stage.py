"""The reconcile path on a stage: real reconciler, executor, poller, inventory and cache between the two fake worlds."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from pydantic import SecretStr

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.assembly import LabelledSecrets, Outside, OwnCredential, assemble
from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.domain.resource import Resource, parse
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.loop.ports import SecretHolder
from tokenfactory_operator.loop.reconcile import Again
from tokenfactory_operator.ports import JsonObject, Key
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.work.workqueue import Urgency, WorkQueue
from unit.support.builders import CLUSTER, KEY, SAME_SETTLE, SCOPE, an_object
from unit.support.clock import ManualClock
from unit.support.config_maps import StoredConfigMaps
from unit.support.fakes import InMemoryCloud, InMemoryKube, NoSecrets, Script, Switch, Witness
from unit.support.secrets import StoredSecrets

WRITES: Final = ("finalizers", "status", "POST", "PATCH", "DELETE")
"""What changes something, as the journal names it."""


class Log:
    """A logger that remembers its lines."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def info(self, event: str, **fields: Any) -> None:  # noqa: ANN401  # structlog's
        """Remembered."""
        self.lines.append({"level": "info", "event": event, **fields})

    def warning(self, event: str, **fields: Any) -> None:  # noqa: ANN401  # structlog's
        """Remembered."""
        self.lines.append({"level": "warning", "event": event, **fields})

    def exception(self, event: str, **_fields: Any) -> None:  # noqa: ANN401  # structlog's
        """Ignored: what a test asks of a defect is counted."""


class NotedQueue(WorkQueue[Key]):
    """Notes what was added to it."""

    def __init__(self, added: list[Key], **given: Any) -> None:  # noqa: ANN401  # the queue's own
        super().__init__(**given)
        self._added = added

    def add_after(self, key: Key, delay_seconds: float, urgency: Urgency) -> None:
        """Noted."""
        self._added.append(key)
        super().add_after(key, delay_seconds, urgency)


async def _nobody_else(_namespace: str) -> tuple[JsonObject, ...]:
    """No object is hidden from the operator."""
    return ()


class Stage:
    """One process of the operator. `restarted` gives the next one, with the same worlds and nothing remembered."""

    def __init__(
        self,
        worlds: Stage | None = None,
        *,
        policy: Policy | None = None,
        timing: Timing | None = None,
        config_maps: StoredConfigMaps | None = None,
        **spec: Any,  # noqa: ANN401  # fields of the wire
    ) -> None:
        self.script: Script = worlds.script if worlds else Script()
        self.kube: InMemoryKube = worlds.kube if worlds else InMemoryKube(self.script)
        self.cloud: InMemoryCloud = worlds.cloud if worlds else InMemoryCloud(self.script)
        self.clock: ManualClock = worlds.clock if worlds else ManualClock()
        self.attempts: Iterator[int] = worlds.attempts if worlds else itertools.count(1)
        self.policy: Policy = worlds.policy if worlds else policy or Policy()
        self.timing: Timing = worlds.timing if worlds else timing or SAME_SETTLE
        self.config_maps: StoredConfigMaps | None = worlds.config_maps if worlds else config_maps
        self.witness, self.lease, self.log = Witness(), Switch(), Log()
        self.woken: list[Key] = []
        self.secrets = StoredSecrets()
        if worlds is None:
            self.kube.store(an_object(spec=spec))
        self.keep_secrets(NoSecrets())

    @property
    def inventory(self) -> Inventory:
        """What the credential knows."""
        return self.poller.inventory

    def keep_secrets(self, keeper: SecretHolder) -> None:
        """A process whose Secrets are kept by this one."""
        self.core = assemble(self._outside(keeper))
        self.cache, self.reconciler = self.core.cache, self.core.reconciler
        self.poller = self.core.accounts.poller_of(parse(an_object()))
        """Of the credential that every object of the stage has."""
        self.watch()

    def _outside(self, keeper: SecretHolder) -> Outside:
        return Outside(
            kube=self.kube,
            open_cloud=lambda _credential: self.cloud,
            own=OwnCredential(lambda: SecretStr("token"), project_id=SCOPE),
            secrets=LabelledSecrets(self.secrets, _nobody_else),
            recorder=self.witness,
            telemetry=self.witness,
            lease=self.lease,
            clock=self.clock,
            timing=self.timing,
            new_attempt=lambda: f"try-{next(self.attempts)}",
            cluster_id=CLUSTER,
            policy_of=lambda _resource: self.policy,
            rng=random.Random(7),
            defects=Defects(self.witness),
            log=self.log,
            namespace="tokenfactory-system",
            secret_holder=keeper,
            poller_of=lambda _resource: self.poller,
            config_maps=self.config_maps,
            make_queue=partial(NotedQueue, self.woken),
        )

    def restarted(self) -> Stage:
        """The process is killed and another one starts."""
        return Stage(self)

    # The world outside

    def watch(self) -> None:
        """The watch catches up with the objects."""
        for body in self.kube.objects.values():
            self.cache.put(body)

    def edit(self, **spec: Any) -> None:  # noqa: ANN401  # fields of the wire
        """A user's edit, seen by the watch."""
        self.kube.edit(KEY, spec=spec)
        self.watch()

    def annotate(self, **annotations: str) -> None:
        """A user's annotations, by their short names, seen by the watch."""
        self.kube.edit(
            KEY, annotations={f"{api.GROUP}/{name.replace('_', '-')}": it for name, it in annotations.items()}
        )
        self.watch()

    def delete(self) -> None:
        """A user's delete, seen by the watch."""
        self.kube.delete(KEY)
        self.watch()

    # Time and work

    def wait_out(self, seconds: float) -> None:
        """Time goes by."""
        self.clock.seconds += seconds

    async def poll(self, seconds: float = 1.0) -> None:
        """Time goes by, and the cloud is listed."""
        self.clock.seconds += seconds
        await self.poller.poll()

    async def reconcile(self, key: Key = KEY) -> Again:
        """One pass."""
        return await self.reconciler.reconcile(key)

    async def turn(self, seconds: float = 1.0, *, key: Key = KEY) -> Again:
        """A LIST, and a pass after it."""
        await self.poll(seconds)
        return await self.reconcile(key)

    async def turns(self, count: int, *, every: float) -> None:
        """So many turns, as long as the object is there."""
        for _ in range(count):
            if KEY in self.kube.objects:
                await self.turn(every)

    async def ready(self, *, lasting: float = 0.0) -> Stage:
        """An object whose endpoint serves, in order, for so many seconds; the journal and the events begin anew."""
        await self.turn()
        self.cloud.turn_up()
        await self.turn()
        await self.turn(lasting)
        assert self.reported("Ready") == "True Available"
        self.script.journal.clear()
        self.witness.events.clear()
        return self

    # What came of it

    @property
    def body(self) -> JsonObject:
        """The object as the API server has it."""
        return self.kube.objects[KEY]

    @property
    def resource(self) -> Resource:
        """The same, as the decision reads it."""
        return parse(self.body)

    @property
    def status(self) -> dict[str, Any]:
        """Its status."""
        status: dict[str, Any] = self.kube.objects[KEY]["status"]
        return status

    def reported(self, condition: str, *, of: Key = KEY) -> str | None:
        """Status and reason of one condition."""
        conditions = self.kube.objects[of]["status"].get("conditions", ())
        found = {item["type"]: f"{item['status']} {item['reason']}" for item in conditions}
        return found.get(condition)

    def message(self, condition: str) -> str:
        """What one condition says."""
        return next(str(item["message"]) for item in self.status["conditions"] if item["type"] == condition)

    @property
    def attempt(self) -> tuple[str, str]:
        """Id and state of the attempt that is written."""
        written = self.status["createAttempt"]
        return written["id"], written["state"]

    def journal(self, *kinds: str) -> list[str]:
        """What was written and sent, in order; with kinds, only those."""
        wanted = kinds or WRITES
        return [note for note in self.script.journal if note.startswith(wanted)]

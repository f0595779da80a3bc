"""The one level-triggered path: gather, decide, act, report.

Whatever happened (a create, an edit, a restart, a tick, a deletion) the same pass runs; what *is* decides, not what
changed. The input is `gathering`'s, the decision `domain.plan`'s, the action `acting`'s and `execute`'s.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tokenfactory_operator.decision import actions, attempts, ownership, plan, questions
from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.decision_input import DecisionInput, Known, Policy
from tokenfactory_operator.domain.errors import (
    KubeConflict,
    KubeError,
    KubeNotFound,
    LeaseLost,
    OperatorError,
    RateLimited,
)
from tokenfactory_operator.domain.identity import Identity
from tokenfactory_operator.domain.reasons import ConditionType, Reason
from tokenfactory_operator.domain.resource import Resource, parse
from tokenfactory_operator.loop.acting import BACKOFF_FIRST, Acting
from tokenfactory_operator.loop.cleanup import Cleanup
from tokenfactory_operator.loop.connections import Connections
from tokenfactory_operator.loop.execute import Executor
from tokenfactory_operator.loop.gathering import confirm, gather, note
from tokenfactory_operator.loop.holdings import Held, Holdings
from tokenfactory_operator.loop.pause import Pause
from tokenfactory_operator.loop.ports import Ports, SecretHolder
from tokenfactory_operator.observe import unselected
from tokenfactory_operator.observe.poller import Poller
from tokenfactory_operator.ports import ConfigMaps, JsonObject, Key
from tokenfactory_operator.report import status
from tokenfactory_operator.state.projects import Projects

MAX_STEPS: Final = 12
"""Actions in one pass before the key goes back to the end of the queue."""
LEFT_LAST: Final = 60.0
"""Seconds at most between two tries to delete what is left of an object that is gone; another one may wait for it."""
QUIET: Final = 5.0
"""Seconds of waiting for the credential that are not worth a status write."""

BLOCKED: Final = actions.Unjudged(
    Reason.RATE_LIMITED, "The cloud has asked this credential to wait; nothing is sent until then."
)


class Outdated(Exception):
    """What was decided is not told any more: the cloud was seen since, or has not been seen for too long by now."""


@dataclass(frozen=True)
class Again:
    """When the key has to be looked at again."""

    after: float | None = None
    """Seconds; None: only when something changes."""
    pressing: bool = False
    """A deletion, an unresolved attempt or a duplicate: first in the queue."""


class Reconciler:
    """Works on one object at a time; the queue sees to it that nobody else works on the same one."""

    def __init__(
        self,
        ports: Ports,
        *,
        poller_of: Callable[[Resource], Poller],
        secrets: SecretHolder,
        cluster_id: str,
        policy_of: Callable[[Resource], Policy] = lambda _: Policy(),
        config_maps: ConfigMaps | None = None,
        rng: random.Random,
        log: Any,  # noqa: ANN401  # structlog's bound loggers have no common static type
    ) -> None:
        """`config_maps`: `None` where the operator has no right to write them."""
        self._ports = ports
        executor = Executor(ports)
        self._acting = Acting(ports, executor, rng, log)
        self._cleanup = Cleanup(ports, executor, log)
        self._poller_of = poller_of
        self._cluster_id = cluster_id
        self._policy_of = policy_of
        self._rng = rng
        self._defects = Defects(ports.telemetry, log)
        self.connections = Connections(config_maps, ports, self._defects, rng)
        self._secrets = secrets
        self._projects = Projects(ports.cache)
        self._holdings = Holdings(ports.cache, secrets.left)

    async def reconcile(self, key: Key) -> Again:
        """One pass; raises `KubeError` or `LeaseLost` where the API server could not be reached or the lease went."""
        body = self._ports.cache.get(key)
        if body is None:
            return await self._missing(key)
        conflict: KubeError | None = None
        for _ in range(MAX_STEPS):
            if body is None:
                return await self._vanished(key)
            if await self._secrets.read(body):  # a conflict may have shown an edit, which is no news any more
                return Again(after=0.0)  # by another account's worker
            resource = parse(body)
            if await self._left_behind(key, resource):
                return self._later(key)
            try:
                again = await self._step(key, resource)
            except (KubeConflict, KubeNotFound) as error:
                conflict, body = error, await self._read(key)
                continue
            except Outdated:
                again = None
            if again is not None:
                return again
            conflict, body = None, self._ports.cache.get(key)
        if conflict is not None:
            raise conflict  # a webhook may answer so for ever: the pauses grow
        return Again(after=BACKOFF_FIRST)

    async def defective(self, key: Key, error: Exception) -> None:
        """A pass failed by a fault of ours, and the caller will try again: say so on the object, as far as that works.

        Raises `LeaseLost`, and nothing else.
        """
        failure = self._defects.note(error, f"Reconciling {key}")
        body = self._ports.cache.get(key)
        if body is None:
            return
        try:
            resource = parse(body)
            s = self._gather(key, resource, self._poller_of(resource))
            verdict = actions.Unjudged(failure.reason, failure.message)
            await self._report(s, actions.Decision(verdict=verdict), self._poller_of(resource))
        except LeaseLost:
            raise
        except (OperatorError, Outdated):
            pass  # the next pass says it
        except Exception:  # noqa: BLE001 - the same fault, most likely: an Event needs nothing but the name
            self._ports.recorder.event(body, reason=str(Reason.OPERATOR_DEFECT), message=failure.message, warning=True)

    async def _step(self, key: Key, resource: Resource) -> Again | None:
        """Decide once and do it; None means that it has to be decided anew at once."""
        poller = self._poller_of(resource)
        s = self._gather(key, resource, poller)
        judged = ownership.judged(s)
        decision = plan.decide(judged)
        if isinstance(decision.action, actions.Call):
            return await self._act_in_turn(key, s, decision, poller)
        if not isinstance(decision.action, actions.Nothing):
            await self._acting.act(s, decision, poller)
            return None
        if decision.adopts:
            self._holdings.claim(decision.adopts, resource.uid)  # nothing is awaited since it was decided
        if decision.hurry:
            poller.hurry()
        if decision.after_list:
            poller.wait_for_list(key)  # one may come while the status is written
        resource = await self._report(judged, decision, poller)  # nothing has changed since it was decided
        if decision.adopts:
            s.memory.adopting(decision.adopts)
        if decision.in_order or questions.over(judged):
            s.memory.doubt_over()  # the next one is a new question
        pressing = resource.terminating or attempts.unresolved(s) is not None or len(s.evidence.own) > 1
        return Again(after=_sooner(decision.after, self.connections.due(resource.uid)), pressing=pressing)

    def _gather(self, key: Key, resource: Resource, poller: Poller) -> DecisionInput:
        """Note what this pass sees, and gather what is decided from."""
        memory, inventory = self._holdings.hold(key, resource, poller), poller.inventory
        identity = Identity(self._cluster_id, resource.uid)
        known = Known(resource, identity, memory, self._ports.timing, inventory.stamp())
        note(known, inventory, self._projects)
        s = gather(
            known,
            inventory,
            self._projects,
            policy=self._policy_of(resource),
            catalog=poller.catalog.view,
            claimed_by=lambda endpoint_id: self._holdings.claimed_by(key, resource, endpoint_id),
        )
        confirm(s, inventory)
        return s

    # Act

    async def _act_in_turn(
        self, key: Key, s: DecisionInput, decision: actions.Decision, poller: Poller
    ) -> Again | None:
        """Take a turn at the cloud first; after a wait decide again: it may have taken long, and a lot been seen."""
        pause = Pause()
        wrong = isinstance(decision.action, actions.Update | actions.ProbeGone) and _said_ready(s.resource)
        resource = await self._report(s, decision, poller) if wrong else s.resource  # the turn may be minutes away
        binds = isinstance(decision.action, actions.Create | actions.Update)
        if binds and await self._secrets.hold(resource.body):
            return None
        try:
            async with poller.cloud.slot(key.namespace):
                if pause.happened() or resource is not s.resource:  # a report has changed the object
                    fresh = self._holdings.same(key)
                    if fresh is None or self._poller_of(fresh) is not poller:
                        return None  # another object, or another credential since
                    s = self._gather(key, fresh, poller)
                    again = plan.decide(s)
                    if type(again.action) is not type(decision.action):
                        return None
                    decision = again
                await self._acting.act(s, decision, poller)
        except RateLimited as error:
            return await self._blocked(key, error, poller)
        return None

    async def _blocked(self, key: Key, error: RateLimited, poller: Poller) -> Again:
        """The credential may not call now, and nothing was sent: said only where it takes more than a moment."""
        wait = (error.retry_after or 0.0) + self._rng.uniform(0.0, BACKOFF_FIRST)
        body, fresh = self._ports.cache.get(key), self._holdings.same(key)
        if fresh is not None and wait > QUIET and status.doubt_reported(fresh.status) is None:  # a question stays asked
            s = self._gather(key, fresh, poller)
            await self._report(s, actions.Decision(verdict=BLOCKED), poller)
        return Again(after=wait, pressing=body is None or bool(body["metadata"].get("deletionTimestamp")))

    # Report

    async def _report(self, s: DecisionInput, decision: actions.Decision, poller: Poller) -> Resource:
        """Write what was decided into the status; answers the object then. Raises `Outdated`."""
        if decision.verdict is None:
            return s.resource
        wanted = status.after(s, decision, decision.verdict, now=self._ports.timestamp())
        wanted = await self.connections.publish(s.resource, wanted)
        seen, now = s.evidence.view.last_view, poller.inventory.stamp()
        if poller.inventory.last_view > seen or s.now - seen <= self._ports.timing.stale_after < now - seen:
            raise Outdated
        resource = await self._ports.write_status(s.resource, wanted)
        self._ports.check_stored(resource, "its status", stored=status.shows(resource.status, wanted))
        return resource

    # Objects that are gone

    async def _missing(self, key: Key) -> Again:
        """The watch has taken the object away: is it gone, or has it only left the selector?

        One that is there is not ours to work on: were it, the watch would bring it.
        """
        body = await self._ports.kube.get(key)
        if body is None:
            return await self._bury(key)
        resource = parse(body)
        if await self._left_behind(key, resource):
            return self._later(key)
        held = self._holdings.get(key)
        if held is not None and held.memory.uid == resource.uid:
            if resource.has_finalizer:
                unselected.tell(self._ports.recorder, body)
            if self._cleanup.pending(held.memory) is None:
                await self._abandon(key, held)  # whoever looks after it now: nobody here could confirm what is missing
        return Again()

    async def _read(self, key: Key) -> JsonObject | None:
        """The object as the API server has it: a watch may have lost it, or only the selector did."""
        body = await self._ports.kube.get(key)
        held = self._ports.cache.get(key)
        if body is not None and held is not None:  # one that the watch took away is not worked on
            self._ports.cache.put(body)
            return self._ports.cache.get(key)
        if held is not None:
            self._ports.cache.remove(key, held["metadata"]["uid"])
        return None

    async def _left_behind(self, key: Key, resource: Resource) -> bool:
        """Whether an endpoint that this process made, and could not write down, still needs its DELETE."""
        held = self._holdings.get(key)
        if held is None:
            return False
        slipped = resource.terminating and not resource.has_finalizer
        if held.memory.uid != resource.uid or slipped:
            return not await self._abandon(key, held)
        return False

    async def _vanished(self, key: Key) -> Again:
        """In the middle of a pass: let go by it, or taken away by the watch, and then perhaps only by its selector."""
        held = self._holdings.get(key)
        left = held is not None and self._cleanup.pending(held.memory) is not None
        return await self._missing(key) if left else await self._bury(key)

    async def _bury(self, key: Key) -> Again:
        held = self._holdings.get(key)
        if held is not None and not await self._abandon(key, held):
            return self._later(key)
        return Again()

    async def _abandon(self, key: Key, held: Held) -> bool:
        """Forget an object that is gone; False while an endpoint of it still has to be deleted."""
        await self._secrets.read(held.body)
        poller = self._poller_of(parse(held.body))
        memory = held.memory
        if not await self._cleanup.cleared(key, held.body, memory, poller):
            held.tries += 1
            return False
        poller.inventory.forget(memory.uid, held.endpoint_id)
        self._holdings.gone(key, memory.uid)
        self.connections.forget(memory.uid)
        self._secrets.left(held.body)
        return True

    def _later(self, key: Key) -> Again:
        """Something is left of an object that is gone, and could not be deleted: the pauses grow."""
        held = self._holdings.get(key)
        most = min(LEFT_LAST, 2.0 * BACKOFF_FIRST * 2.0 ** min(held.tries if held is not None else 0, 10))
        return Again(after=self._rng.uniform(BACKOFF_FIRST, most), pressing=True)


def _sooner(one: float | None, other: float | None) -> float | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _said_ready(resource: Resource) -> bool:
    """The status says of this generation that nothing is to be done."""
    ready = resource.status.condition(ConditionType.READY)
    current = resource.status.observed_generation == resource.generation
    return current and ready is not None and ready.status == "True"

"""The one level-triggered path: gather, decide, act, report.

Whatever happened (a create, an edit, a restart, a tick, a deletion) the same pass runs; what *is* decides, not what
changed. This module gathers and reports; the decision is `domain.plan`'s, the action `execute`'s.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain import actions, attempts, claims, outcome, ownership, plan, proof, status
from tokenfactory_operator.domain.attempt import Event, State
from tokenfactory_operator.domain.call_memory import Failure
from tokenfactory_operator.domain.errors import (
    CloudError,
    Handling,
    KubeConflict,
    KubeError,
    KubeNotFound,
    LeaseLost,
    OperatorError,
    RateLimited,
)
from tokenfactory_operator.domain.identity import Identity
from tokenfactory_operator.domain.memory import Memory
from tokenfactory_operator.domain.reasons import ConditionType, Reason
from tokenfactory_operator.domain.resource import Resource, parse
from tokenfactory_operator.domain.situation import Policy, Situation
from tokenfactory_operator.loop.connections import Connections
from tokenfactory_operator.loop.execute import Executor
from tokenfactory_operator.loop.leftovers import Leftovers
from tokenfactory_operator.loop.ports import Ports
from tokenfactory_operator.observe import unselected
from tokenfactory_operator.observe.poller import Poller
from tokenfactory_operator.ports import ConfigMaps, JsonObject, Key
from tokenfactory_operator.state.cache import secret_of
from tokenfactory_operator.state.projects import Projects

MAX_STEPS: Final = 12
"""Actions in one pass before the key goes back to the end of the queue."""
BACKOFF_FIRST: Final = 1.0
BACKOFF_LAST: Final = 300.0
"""Seconds; full jitter between nothing and twice the last, within these."""
SLOW_RETRY: Final = 300.0
"""Seconds between tries that wait for a person."""
QUIET: Final = 5.0
"""Seconds of waiting for the credential that are not worth a status write."""

BLOCKED: Final = actions.Unjudged(
    Reason.RATE_LIMITED, "The cloud has asked this credential to wait; nothing is sent until then."
)


class SecretHolder(Protocol):
    """Who keeps the Secrets that objects need (`secret_keeper`)."""

    async def read(self, body: JsonObject) -> bool:
        """Have the object's credentials read; answers whether they are others now. Raises `KubeError`."""
        ...

    async def hold(self, body: JsonObject) -> bool:
        """See to it that the object's Secret stays; answers whether all has to be decided anew. Raises `KubeError`."""
        ...

    def left(self, body: JsonObject) -> None:
        """The object is gone, or has another Secret now."""
        ...


@dataclass
class _Held:
    """What is kept of one object between two passes."""

    memory: Memory
    resource: Resource
    poller: Poller
    """Of the credential that it had then."""

    @property
    def body(self) -> JsonObject:
        """The object as it was then."""
        return self.resource.body


@dataclass(frozen=True)
class Again:
    """When the key has to be looked at again."""

    after: float | None = None
    """Seconds; None: only when something changes."""
    pressing: bool = False
    """A deletion, an unresolved attempt or a twin: first in the queue."""


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
        self._executor = Executor(ports)
        self._leftovers = Leftovers(ports, self._executor, log)
        self._poller_of = poller_of
        self._cluster_id = cluster_id
        self._policy_of = policy_of
        self._rng = rng
        self._log = log
        self._defects = Defects(ports.telemetry, log)
        self.connections = Connections(config_maps, ports, self._defects, rng)
        self._secrets = secrets
        self._projects = Projects(ports.cache)
        self._held: dict[Key, _Held] = {}
        self._claims: dict[str, str] = {}
        """Endpoint → uid of the object that is adopting it: nobody else may, until that object is gone."""

    async def reconcile(self, key: Key) -> Again:
        """One pass; raises `KubeError` or `LeaseLost` where the API server could not be reached or the lease went."""
        body = self._ports.cache.get(key)
        if body is None:
            return await self._missing(key)
        if await self._secrets.read(body):
            return Again(after=0.0)  # by another account's worker
        for _ in range(MAX_STEPS):
            if body is None:
                return await self._vanished(key)
            resource = self._parsed(key, body)
            if await self._left_behind(key, resource):
                return Again(after=BACKOFF_FIRST, pressing=True)
            try:
                again = await self._step(key, resource)
            except (KubeConflict, KubeNotFound):
                body = await self._read(key)
                continue
            if again is not None:
                return again
            body = self._ports.cache.get(key)
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
            resource = self._parsed(key, body)
            s = self._gather(key, resource, self._poller_of(resource))
            verdict = actions.Unjudged(failure.reason, failure.message)
            await self._report(s, actions.Decision("defective", verdict=verdict, record=s.recorded_id or None))
        except LeaseLost:
            raise
        except OperatorError:
            pass  # the next pass says it
        except Exception:  # noqa: BLE001 - the same fault, most likely: an Event needs nothing but the name
            self._ports.recorder.event(body, reason=str(Reason.OPERATOR_DEFECT), message=failure.message, warning=True)

    async def _step(self, key: Key, resource: Resource) -> Again | None:
        """Decide once and do it; None means that it has to be decided anew at once."""
        poller = self._poller_of(resource)
        s = self._gather(key, resource, poller)
        decision = plan.decide(s)
        if isinstance(decision.action, plan.CALLS):
            return await self._act_in_turn(key, s, decision, poller)
        if not isinstance(decision.action, actions.Nothing):
            await self._act(s, decision, poller)
            return None
        if decision.adopts:
            self._claims.setdefault(decision.adopts, resource.uid)  # nothing is awaited since it was decided
        resource = await self._report(s, decision)
        if decision.adopts:
            s.memory.adopting(decision.adopts)
        if decision.in_order or _no_doubt(s):
            s.memory.doubt_over()  # the next one is a new question
        if decision.hurry:
            poller.hurry()
        if decision.after_list:
            poller.wait_for_list(key)
        pressing = resource.terminating or attempts.unresolved(s) is not None or len(s.evidence.own) > 1
        return Again(after=_sooner(decision.after, self.connections.due(resource.uid)), pressing=pressing)

    # Gather

    def _parsed(self, key: Key, body: JsonObject) -> Resource:
        """The object, parsed once however often it is looked at."""
        held = self._held.get(key)
        return held.resource if held is not None and held.resource.body is body else parse(body)

    def _gather(self, key: Key, resource: Resource, poller: Poller) -> Situation:
        inventory = poller.inventory
        memory = self._remember(key, resource, poller)
        now = inventory.stamp()
        self._note(resource, memory, now)
        memory.credential_seen(now, usable=bool(inventory.scope))
        identity = Identity(self._cluster_id, resource.uid)
        here = memory.attempts.latest
        made = inventory.made_by(identity, here.id) if here is not None else None
        if here is not None and here.state is State.IN_DOUBT and made is not None:
            here = memory.attempts.happened(Event.SEEN, endpoint_id=made)
        written = resource.status.create_attempt
        attempt = here.id if here is not None else (written.id if written else "")
        recorded = resource.status.endpoint_id or (here.endpoint_id if here else "")
        if recorded and resource.status.scope in (None, inventory.scope):
            inventory.expect(recorded)
        seen = inventory.last_seen(recorded)
        if seen is not None:
            memory.endpoints.recorded_seen(seen)  # in whatever scope: a probe must send what it was last
        evidence = inventory.evidence(resource, recorded=recorded, attempt=attempt, named=resource.named_id)
        memory.endpoints.mark_seen(inventory.marked(resource.uid))
        memory.endpoints.known(inventory.known_since(resource.uid, recorded))
        if memory.confirmed_doubt not in (None, Reason.CREDENTIALS_MISMATCH) and recorded and evidence.untrusted:
            inventory.confirm(recorded)
        other = resource.status.scope
        if other and inventory.scope and other != inventory.scope:
            evidence = replace(evidence, same_project=self._projects.same(other, inventory))
        policy = self._policy_of(resource)
        s = Situation(resource, identity, evidence, memory, self._ports.timing, now, policy, poller.catalog.view)
        claimed_by = self._claimed_by(key, resource, claims.adoption_target(s))
        return replace(s, evidence=replace(evidence, claimed_by=claimed_by)) if claimed_by else s

    def _remember(self, key: Key, resource: Resource, poller: Poller) -> Memory:
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = _Held(Memory(resource.uid), resource, poller)
        if secret_of(held.body) != secret_of(resource.body):
            self._secrets.left(held.body)
        before, now = ((body.get("status") or {}).get("endpointId") or "" for body in (held.body, resource.body))
        heard = bool(poller.inventory.scope)  # without a credential it stays the last one's
        if (heard and held.poller is not poller) or before != now:
            held.poller.inventory.unexpect(before)
        if heard and held.poller is not poller:
            held.memory.endpoints.credential_changed()
        if held.poller is not poller:
            held.memory.calls.credential_changed()
        held.resource, held.poller = resource, poller if heard else held.poller
        return held.memory

    def _claimed_by(self, key: Key, resource: Resource, target: str) -> str:
        """Who else has, or is adopting, the endpoint that this object is to adopt: claims are serialised per id."""
        uid = self._claims.get(target, "") if target else ""
        if uid not in ("", resource.uid):  # first: an id that was only observed is no claim against one under way
            holder = self._ports.cache.uids.get(uid)
            return str(holder) if holder is not None else self._gone_by_name(uid)
        taken = self._claims.get(target) == resource.uid or bool(resource.origin)
        if not target or (taken and resource.status.endpoint_id == target):
            return ""  # one that only looked on before has the id in its status too, and nothing more
        holder = self._ports.cache.holder(target, besides=key)
        return str(holder) if holder is not None else ""

    def _gone_by_name(self, uid: str) -> str:
        """An object that is gone, or out of sight, and has not been cleaned up after."""
        place = next((str(key) for key, held in self._held.items() if held.memory.uid == uid), f"uid {uid}")
        return f"an object that was deleted ({place})"

    @staticmethod
    def _note(resource: Resource, memory: Memory, now: float) -> None:
        """What this process sees for the first time."""
        if resource.has_finalizer:
            memory.attempts.finalizer_seen(now)
        doubt = status.doubt_told(resource.status) if resource.request_pending else None
        memory.requested(resource.requested_at, now, pending=resource.request_pending, doubt=doubt)
        memory.attempts.recorded(resource.status.endpoint_id)

    # Act

    async def _act_in_turn(self, key: Key, s: Situation, decision: actions.Decision, poller: Poller) -> Again | None:
        """Take a turn at the cloud first, then decide again: waiting may have taken long, and a lot been seen."""
        wrong = isinstance(decision.action, actions.Update | actions.ProbeGone) and _said_ready(s.resource)
        resource = await self._report(s, decision) if wrong else s.resource  # the turn may be minutes away
        binds = isinstance(decision.action, actions.Create | actions.Update)
        if binds and await self._secrets.hold(resource.body):
            return None
        try:
            async with poller.cloud.slot(key.namespace):
                fresh = self._same(key)
                if fresh is None or self._poller_of(fresh) is not poller:
                    return None  # another object, or another credential since
                s = self._gather(key, fresh, poller)
                again = plan.decide(s)
                if type(again.action) is type(decision.action):
                    await self._act(s, again, poller)
        except RateLimited as error:
            return await self._blocked(key, error, poller)
        return None

    def _same(self, key: Key) -> Resource | None:
        """The object as it is now, if it is still the one that was decided about."""
        body, held = self._ports.cache.get(key), self._held.get(key)
        same = body is not None and held is not None and held.memory.uid == body["metadata"]["uid"]
        return self._parsed(key, body) if body is not None and same else None

    async def _blocked(self, key: Key, error: RateLimited, poller: Poller) -> Again:
        """The credential may not call now, and nothing was sent: said only where it takes more than a moment."""
        wait = (error.retry_after or 0.0) + self._rng.uniform(0.0, BACKOFF_FIRST)
        body, fresh = self._ports.cache.get(key), self._same(key)
        if fresh is not None and wait > QUIET and status.doubt_told(fresh.status) is None:  # a question stays asked
            s = self._gather(key, fresh, poller)
            record = s.recorded_id or None
            await self._report(s, actions.Decision("blocked", verdict=BLOCKED, record=record))
        return Again(after=wait, pressing=body is None or bool(body["metadata"].get("deletionTimestamp")))

    async def _act(self, s: Situation, decision: actions.Decision, poller: Poller) -> None:
        name = type(decision.action).__name__
        self._log.info("acting", action=name, check=decision.check, **_where(s.resource))
        started = self._ports.clock.monotonic()
        counted, ended, said = name, "interrupted", dict[str, Any]()
        try:
            await self._executor.execute(s, decision, poller)
        except CloudError as error:
            counted, ended = error.reason, "refused" if error.refused else "failed"
            said = {"reason": error.reason, "error": error.message}
            said["retry_in"] = self._failed(s, error, name, now=poller.inventory.stamp())
        except KubeError as error:
            ended, said = "put off", {"error": error.message}
            raise
        else:
            ended = outcome.done(decision.action)
            if not isinstance(decision.action, actions.ReadCatalog):  # which says nothing about what had failed
                s.memory.calls.succeeded()
            if isinstance(decision.action, actions.Rescope):
                s.memory.doubt_over()  # that the project is the same says nothing about what is missing in it
        finally:
            seconds = self._ports.clock.monotonic() - started
            self._ports.telemetry.reconciled(outcome=counted, seconds=seconds)
            note = self._log.warning if "reason" in said else self._log.info
            endpoint = outcome.concerned(s, decision.action)
            note(ended, action=name, endpoint=endpoint, seconds=round(seconds, 3), **said, **_where(s.resource))

    def _failed(self, s: Situation, error: CloudError, action: str, *, now: float) -> float:
        """Seconds until the next try, from the end of the call: one that took longer is not repeated at once."""
        wait = self._wait(error, s.memory.calls.failures + 1)
        failure = Failure(
            error=error,
            generation=s.resource.generation,
            not_before=now + wait,
            requested_at=s.resource.requested_at,
            action=action,
            at=now,
        )
        s.memory.calls.failed(failure)
        return wait

    def _wait(self, error: CloudError, failures: int) -> float:
        if error.handling in (Handling.WAITING_ON_USER, Handling.TERMINAL):
            return SLOW_RETRY * self._rng.uniform(0.9, 1.1)
        most = min(BACKOFF_LAST, BACKOFF_FIRST * 2.0 ** min(failures, 10))
        return max(self._rng.uniform(0.0, most), error.retry_after or 0.0)

    # Report

    async def _report(self, s: Situation, decision: actions.Decision) -> Resource:
        if decision.verdict is None:
            return s.resource
        wanted = status.after(s, decision, decision.verdict, now=self._ports.timestamp())
        wanted = await self.connections.publish(s.resource, wanted)
        return await self._ports.write_status(s.resource, wanted)

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
            return Again(after=BACKOFF_FIRST, pressing=True)
        held = self._held.get(key)
        if resource.has_finalizer and held is not None and held.memory.uid == resource.uid:
            unselected.tell(self._ports.recorder, body)
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
        held = self._held.get(key)
        if held is None:
            return False
        slipped = resource.terminating and not resource.has_finalizer
        if held.memory.uid != resource.uid or slipped:
            return not await self._abandon(key, held)
        return False

    async def _vanished(self, key: Key) -> Again:
        """In the middle of a pass: let go by it, or taken away by the watch, and then perhaps only by its selector."""
        held = self._held.get(key)
        left = held is not None and self._leftovers.pending(held.memory) is not None
        return await self._missing(key) if left else await self._bury(key)

    async def _bury(self, key: Key) -> Again:
        held = self._held.get(key)
        if held is not None and not await self._abandon(key, held):
            return Again(after=self._rng.uniform(BACKOFF_FIRST, 5.0), pressing=True)
        return Again()

    async def _abandon(self, key: Key, held: _Held) -> bool:
        """Forget an object that is gone; False while an endpoint of it still has to be deleted."""
        await self._secrets.read(held.body)
        poller = self._poller_of(held.resource)
        memory = held.memory
        if not await self._leftovers.cleared(key, held.body, memory, poller):
            return False
        poller.inventory.forget(memory.uid, (held.body.get("status") or {}).get("endpointId") or "")
        self._claims = {claimed: uid for claimed, uid in self._claims.items() if uid != memory.uid}
        self._held.pop(key, None)
        self.connections.forget(memory.uid)
        self._secrets.left(held.body)
        return True


def _sooner(one: float | None, other: float | None) -> float | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _said_ready(resource: Resource) -> bool:
    """The status says of this generation that nothing is to be done."""
    ready = next((item.status for item in resource.status.conditions if item.type == ConditionType.READY), "")
    return ready == "True" and resource.status.observed_generation == resource.generation


def _no_doubt(s: Situation) -> bool:
    """What a person can confirm about endpoints is over, though the object may stand still for another reason."""
    seen = ownership.judge(s).kept is not None and attempts.unresolved(s) is None
    return proof.confirmed(s) and seen and not s.evidence.untrusted


def _where(resource: Resource) -> dict[str, str]:
    return {"namespace": resource.namespace, "name": resource.name, "uid": resource.uid}

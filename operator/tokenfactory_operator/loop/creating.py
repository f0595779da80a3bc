"""Creating an endpoint: hold the object, open an attempt, POST (docs/protocol.md, Create 2 to 5).

What is not known is remembered as in doubt *before* the call, so that no way out of this module leaves a POST
unaccounted for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.decision import actions, attempts, creation
from tokenfactory_operator.domain.attempt import PENDING, Attempt, Event
from tokenfactory_operator.domain.decision_input import DecisionInput
from tokenfactory_operator.domain.desired import create_body, owner_mark
from tokenfactory_operator.domain.errors import CloudError, CloudUnavailable, KubeConflict
from tokenfactory_operator.domain.resource import Resource, parse
from tokenfactory_operator.loop.finalizers import Finalizers
from tokenfactory_operator.loop.ports import Ports
from tokenfactory_operator.observe.poller import Poller
from tokenfactory_operator.ports import Key
from tokenfactory_operator.report import status

NAMESAKES: Final = (
    "If both clusters are in use, that is as it should be. If this one replaces that one, both endpoints are billed: "
    "see docs/disaster-recovery.md."
)
"""What a person may have to do about an endpoint of the same name in another cluster."""


class Creation:
    """One attempt, or the next POST of one that was refused."""

    def __init__(self, ports: Ports, finalizers: Finalizers) -> None:
        self._ports = ports
        self._finalizers = finalizers

    async def create(
        self, s: DecisionInput, decision: actions.Decision, action: actions.Create, poller: Poller
    ) -> None:
        """Open an attempt, or go on with one, and POST; raises `CloudError`, `KubeError` or `LeaseLost`."""
        begun = s.memory.attempts.latest
        if action.resume and begun is not None:
            attempt, resource = begun, await self._read_again(s.resource)
        else:
            resource = await self._hold(s)
            attempt, resource = await self._open(s, decision, resource, after_unknown=action.after_unknown)
        await self._post(s, resource, attempt, poller, read_at=self._ports.clock.monotonic())

    async def _read_again(self, resource: Resource) -> Resource:
        body = await self._ports.kube.get(Key(resource.namespace, resource.name))
        if body is None or body["metadata"]["uid"] != resource.uid:
            raise KubeConflict("The object is gone.")
        self._ports.cache.put(body)
        fresh = parse(body)
        # Whatever it is, a pause too: no write follows whose precondition would find it.
        if fresh.resource_version != resource.resource_version:
            raise KubeConflict("The object has changed since the create was decided.")
        return fresh

    async def _hold(self, s: DecisionInput) -> Resource:
        if s.resource.has_finalizer:
            return s.resource
        # Said before the write, which may take effect and fail: this process sends nothing until it opens an attempt.
        s.memory.hold.putting(clean=s.memory.attempts.latest is None and s.resource.status.create_attempt is None)
        return await self._finalizers.put(s)

    async def _open(
        self, s: DecisionInput, decision: actions.Decision, resource: Resource, *, after_unknown: int
    ) -> tuple[Attempt, Resource]:
        _, doubt_ended = attempts.unknown_before(s)
        attempt = Attempt(
            self._ports.new_attempt(), after_unknown=after_unknown, doubt_ended=doubt_ended, scope=s.evidence.scope
        )
        s.memory.attempts.opening(attempt.id)
        now = self._ports.timestamp()
        opened = api.CreateAttempt(id=attempt.id, state=PENDING, since=now, after_unknown=after_unknown or None)
        wanted = status.opening(replace(s, resource=resource), decision, attempt=opened, now=now)
        resource = await self._ports.write_status(resource, wanted)
        stored = resource.status.create_attempt
        shown = stored is not None and (stored.id, resource.status.scope) == (attempt.id, attempt.scope)
        self._ports.check_stored(resource, "its create attempt", stored=shown)
        s.memory.attempts.opened(attempt)
        return attempt, resource

    async def _post(
        self, s: DecisionInput, resource: Resource, attempt: Attempt, poller: Poller, *, read_at: float
    ) -> None:
        late = self._ports.clock.monotonic() - read_at > self._ports.timing.send_deadline
        if late or resource.spec is None:
            raise KubeConflict("The object was read too long ago to act on it.")
        if poller.inventory.carrying(resource.uid):
            raise KubeConflict("An endpoint of this object was seen after the create was decided.")
        body = create_body(resource, resource.spec, owner_mark(resource, s.identity, attempt.id))
        beside = creation.beside(s)
        self._ports.lead()
        # From here on nobody knows, until an answer does: a crash, a cancellation and a time-out are all the same.
        s.memory.post_begun()
        ended_by, endpoint_id = Event.UNANSWERED, ""
        try:
            begun = poller.inventory.stamp()
            endpoint = await poller.cloud.create_endpoint(body)
            if endpoint.foreign_to(s.identity) or poller.inventory.seen_before(endpoint.id, begun):
                raise CloudUnavailable(
                    f"creating the endpoint: the answer names {endpoint.id}, which is another's or was there before"
                )
            ended_by, endpoint_id = Event.CREATED, endpoint.id
        except CloudError as error:
            ended_by = Event.REFUSED if error.refused else Event.UNANSWERED
            raise
        finally:
            s.memory.attempts.happened(ended_by, ended=poller.inventory.stamp(), endpoint_id=endpoint_id)
        answered = poller.inventory.take_answer(endpoint, created=True)
        s.memory.calls.answered(answered)
        s.memory.endpoints.seen(endpoint.id, answered)  # whatever credential the object has from now on
        if s.resource.status.endpoint_id or s.memory.endpoints.gone():
            longest = creation.RECREATE_PAUSE_MAX * self._ports.timing.lost_settle
            s.memory.recreation.recreated(answered, forgotten=s.now - s.memory.recreation.last > 2 * longest)
        self._ports.mutated("create", poller)
        self._ports.emit(resource, "CreatedEndpoint", f"Created endpoint {endpoint.id}.")
        if beside:
            text = f"Created endpoint {endpoint.id} beside another cluster's. {beside} {NAMESAKES}"
            self._ports.emit(resource, "CreatedBesideNamesake", text, warning=True)

"""What did it do, and in which order? Carries out the one action of a decision.

Each mutation checks the lease just before it is sent. What is not known is remembered as unknown *before* the call, so
that no way out of this module leaves a POST unaccounted for. Nothing is decided here, and nothing is retried.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain import actions, creation, status
from tokenfactory_operator.domain.attempt import PENDING, Attempt, Event, State
from tokenfactory_operator.domain.desired import create_body, owner_mark
from tokenfactory_operator.domain.drift import Difference
from tokenfactory_operator.domain.errors import (
    CloudConflict,
    CloudError,
    CloudUnavailable,
    EndpointNotFound,
    Handling,
    KubeConflict,
    KubeRefused,
    LeaseLost,
    RateLimited,
    Unauthorized,
)
from tokenfactory_operator.domain.observed import EndpointPatch
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.domain.resource import Resource, parse
from tokenfactory_operator.domain.situation import Correction, Situation
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.domain.transitions import Change, changes
from tokenfactory_operator.observe.poller import Poller
from tokenfactory_operator.ports import Clock, JsonObject, Key, Kube, Lease, Recorder, Telemetry, about_namespace
from tokenfactory_operator.state.cache import FOR_EVER, ObjectCache

FORCE_RELEASED: Final = "ForceReleased"
"""Event of an object that a person has let go; told in the operator's own namespace too."""


def _unheard(_resource: Resource, _change: Change) -> None:
    """Nobody listens."""


NAMESAKES: Final = (
    "If both clusters are in use, that is as it should be. If this one replaces that one, both endpoints are billed: "
    "see docs/disaster-recovery.md."
)
"""What a person may have to do about an endpoint of the same name in another cluster."""


@dataclass(frozen=True)
class Tools:
    """The ports that acting needs."""

    kube: Kube
    cache: ObjectCache
    recorder: Recorder
    telemetry: Telemetry
    lease: Lease
    clock: Clock
    timing: Timing
    new_attempt: Callable[[], str]
    """A fresh random attempt id of 8 hex digits."""
    wrote: Callable[[JsonObject], None]
    """Told of each object as written: the watch has to bring it back."""
    namespace: str
    """The operator's own: what must be told though the object's namespace takes no Events is told there."""
    told: Callable[[Resource, Change], None] = _unheard
    """Told of each change of state, once its status is written."""

    def lead(self) -> None:
        """Raises `LeaseLost` unless this process may act now."""
        if not self.lease.held():
            raise LeaseLost("This process does not hold the lease.")

    def timestamp(self) -> str:
        """RFC 3339, for status and conditions."""
        return rfc3339(self.clock.now())

    async def write_status(self, resource: Resource, wanted: api.Status) -> Resource:
        """Bring the stored status to `wanted` if it differs, and tell what that changes; answers the object then."""
        if wanted == resource.status:
            return resource
        patch = status.merge_patch(resource.body.get("status") or {}, wanted.to_dict())
        if not patch:
            return resource
        self.lead()
        key = Key(resource.namespace, resource.name)
        version = resource.resource_version
        try:
            body = await self.kube.patch_status(key, patch, uid=resource.uid, resource_version=version)
        except KubeRefused as error:
            smallest = status.smallest(resource.status, wanted)
            patch = status.merge_patch(resource.body.get("status") or {}, smallest.to_dict())
            body = await self.kube.patch_status(key, patch, uid=resource.uid, resource_version=version)
            text = f"The status could not be written in full, only what is needed to go on: {error.message}"
            self.recorder.event(resource.body, reason="StatusReduced", message=text, warning=True)
        self._tell(resource, wanted)
        return self._written(body)

    def _tell(self, resource: Resource, wanted: api.Status) -> None:
        edited = wanted.observed_generation != resource.status.observed_generation
        for change in changes(resource.status, wanted, asked=edited or resource.terminating):
            self.recorder.event(
                resource.body, reason=str(change.reason), message=change.message, warning=change.warning
            )
            self.told(resource, change)

    async def write_finalizers(self, resource: Resource, finalizers: tuple[str, ...]) -> Resource:
        """Write the whole list, under the precondition that nobody wrote in between."""
        self.lead()
        key = Key(resource.namespace, resource.name)
        body = await self.kube.set_finalizers(key, finalizers, resource_version=resource.resource_version)
        return self._written(body)

    def _written(self, body: JsonObject) -> Resource:
        self.cache.put(body)
        self.wrote(body)
        return parse(body)


def rfc3339(moment: datetime) -> str:
    """UTC with seconds, as Kubernetes writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


class Executor:
    """One method for each action."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._methods: Final[Mapping[type, Callable[..., Awaitable[None]]]] = {
            actions.AddFinalizer: self._add_finalizer,
            actions.RemoveFinalizer: self._remove_finalizer,
            actions.Rescope: self._rescope,
            actions.Create: self._create,
            actions.Update: self._update,
            actions.DeleteEndpoints: self._delete,
            actions.DeleteTwin: self._delete_twin,
            actions.Release: self._release,
            actions.ProbeGone: self._probe,
            actions.ReadCatalog: self._read_catalog,
        }

    async def execute(self, s: Situation, decision: actions.Decision, poller: Poller) -> None:
        """Carry out `decision.action`; raises `CloudError`, `KubeError` or `LeaseLost`."""
        await self._methods[type(decision.action)](s, decision, poller)

    async def _add_finalizer(self, s: Situation, _decision: actions.Decision, _poller: Poller) -> None:
        await self._put_finalizer(s)

    async def _remove_finalizer(self, s: Situation, decision: actions.Decision, _poller: Poller) -> None:
        action: Any = decision.action
        left = tuple(name for name in s.resource.finalizers if name != api.FINALIZER)
        await self._let_go(s, left)
        if not left and s.resource.terminating:
            # The API server deletes it in the same step, and its answer carries no newer version to tell that by.
            # An echo of an earlier write that comes late must not bring it back, or it would be deleted once more.
            self._tools.cache.remove(Key(s.resource.namespace, s.resource.name), s.resource.uid, FOR_EVER)
        if action.event:
            warning = action.event in (FORCE_RELEASED, Reason.OWNERSHIP_CONFLICT)
            self._tell(s.resource, action.event, action.message, warning=warning)
        if action.event == FORCE_RELEASED:
            text = f"{s.resource.namespace}/{s.resource.name}: {action.message}"
            home = about_namespace(self._tools.namespace)
            self._tools.recorder.event(home, reason=FORCE_RELEASED, message=text, warning=True)

    async def _let_go(self, s: Situation, left: tuple[str, ...]) -> None:
        s.memory.let_go = True  # before the write, whose answer may be lost
        try:
            await self._tools.write_finalizers(s.resource, left)
        except KubeConflict:
            s.memory.let_go = False
            raise

    async def _rescope(self, s: Situation, decision: actions.Decision, _poller: Poller) -> None:
        action: Any = decision.action
        await self._tools.write_status(s.resource, status.rescoped(s, action.scope))

    # Create: exactly-once.md, Create 2 to 5

    async def _create(self, s: Situation, decision: actions.Decision, poller: Poller) -> None:
        action: Any = decision.action
        if action.resume and s.memory.attempt is not None:
            attempt, resource = s.memory.attempt, await self._read_again(s.resource)
        else:
            resource = await self._hold(s)
            attempt, resource = await self._open(s, decision, resource, after_unknown=action.after_unknown)
        await self._post(s, resource, attempt, poller, read_at=self._tools.clock.monotonic())

    async def _read_again(self, resource: Resource) -> Resource:
        body = await self._tools.kube.get(Key(resource.namespace, resource.name))
        if body is None or body["metadata"]["uid"] != resource.uid:
            raise KubeConflict("The object is gone.")
        self._tools.cache.put(body)
        fresh = parse(body)
        # Whatever it is, a pause too: no write follows whose precondition would find it.
        if fresh.resource_version != resource.resource_version:
            raise KubeConflict("The object has changed since the create was decided.")
        return fresh

    async def _hold(self, s: Situation) -> Resource:
        if s.resource.has_finalizer:
            return s.resource
        # Said before the write, which may take effect and fail: this process sends nothing until it opens an attempt.
        s.memory.finalizer_clean = s.memory.attempt is None and s.resource.status.create_attempt is None
        return await self._put_finalizer(s)

    async def _put_finalizer(self, s: Situation) -> Resource:
        resource = await self._tools.write_finalizers(s.resource, (*s.resource.finalizers, api.FINALIZER))
        s.memory.first = True
        return resource

    async def _open(
        self, s: Situation, decision: actions.Decision, resource: Resource, *, after_unknown: int
    ) -> tuple[Attempt, Resource]:
        before = s.memory.attempt
        if before is not None and before.state is State.OPEN:
            s.memory.unsent.add(before.id)
        attempt = Attempt(self._tools.new_attempt(), after_unknown=after_unknown, scope=s.evidence.scope)
        s.memory.unsent.add(attempt.id)
        now = self._tools.timestamp()
        opened = api.CreateAttempt(id=attempt.id, state=PENDING, since=now, after_unknown=after_unknown or None)
        verdict = creation.still_failing(s) or actions.Verdict(Reason.CREATING, "Creating the endpoint.", synced=None)
        held = replace(s, resource=resource)
        wanted = status.opening(held, decision, verdict, attempt=opened, now=now)
        resource = await self._tools.write_status(resource, wanted)
        s.memory.unsent.discard(attempt.id)
        s.memory.attempt = attempt
        return attempt, resource

    async def _post(
        self, s: Situation, resource: Resource, attempt: Attempt, poller: Poller, *, read_at: float
    ) -> None:
        late = self._tools.clock.monotonic() - read_at > self._tools.timing.send_deadline
        if late or resource.spec is None:
            raise KubeConflict("The object was read too long ago to act on it.")
        if poller.inventory.shows(resource.uid):
            raise KubeConflict("An endpoint of this object was seen after the create was decided.")
        body = create_body(resource, resource.spec, owner_mark(resource, s.identity, attempt.id))
        beside = creation.beside(s)
        self._tools.lead()
        # From here on nobody knows, until an answer does: a crash, a cancellation and a time-out are all the same.
        s.memory.finalizer_clean = False
        s.memory.word = None  # what a person has allowed is this one POST
        s.memory.attempt = sent = attempt.after(Event.SENT)
        ended_by, endpoint_id = Event.UNANSWERED, ""
        try:
            endpoint = await poller.cloud.create_endpoint(body)
            ended_by, endpoint_id = Event.CREATED, endpoint.id
        except CloudError as error:
            ended_by = Event.REFUSED if error.refused else Event.UNANSWERED
            raise
        finally:
            s.memory.attempt = sent.after(ended_by, ended=poller.inventory.stamp(), endpoint_id=endpoint_id)
        s.memory.mutated = poller.inventory.learned(endpoint, created=True)
        if s.resource.status.endpoint_id or s.memory.gone:
            forgotten = s.now - s.memory.recreated > 2 * creation.RECREATE_PAUSE_MAX * self._tools.timing.lost_settle
            s.memory.recreations = 1 if forgotten else s.memory.recreations + 1
            s.memory.recreated = s.memory.mutated
        self._mutated("create", poller)
        self._tell(resource, "CreatedEndpoint", f"Created endpoint {endpoint.id}.")
        if beside:
            text = f"Created endpoint {endpoint.id} beside another cluster's. {beside} {NAMESAKES}"
            self._tell(resource, "CreatedBesideNamesake", text, warning=True)

    # The others

    async def _update(self, s: Situation, decision: actions.Decision, poller: Poller) -> None:
        action: Any = decision.action
        await self._patch(s, action.endpoint_id, action.patch, poller)
        self._remember_corrections(s, action.differences)
        self._mutated("update", poller)
        text = f"Changed {', '.join(action.patch.fields)} of endpoint {action.endpoint_id}"
        if action.adopts:
            self._tell(s.resource, "AdoptedEndpoint", f"Adopted endpoint {action.endpoint_id}.")
        elif action.drift:
            self._tools.telemetry.counted("corrected_drift")
            self._tell(s.resource, "CorrectedDrift", f"{text}: {'; '.join(str(item) for item in action.differences)}")
        else:
            self._tell(s.resource, "UpdatedEndpoint", f"{text}.")

    @staticmethod
    def _remember_corrections(s: Situation, differences: tuple[Difference, ...]) -> None:
        for item in differences:
            before = s.memory.corrections.get(item.field)
            again = (
                before is not None and before.generation == s.resource.generation and before.observed == item.observed
            )
            s.memory.corrections[item.field] = Correction(
                tries=before.tries + 1 if before is not None and again else 1,
                last=s.memory.mutated,
                observed=item.observed,
                generation=s.resource.generation,
            )

    async def _patch(self, s: Situation, endpoint_id: str, patch: EndpointPatch, poller: Poller) -> None:
        with self._accounted(s, poller):
            endpoint = await poller.cloud.update_endpoint(endpoint_id, patch)
        s.memory.mutated = poller.inventory.learned(endpoint)

    @contextmanager
    def _accounted(self, s: Situation, poller: Poller) -> Iterator[None]:
        """Around a PATCH or DELETE: one that ends without a clear answer is remembered."""
        self._tools.lead()
        try:
            yield
        except CloudError as error:
            if not error.refused:
                # It may have taken effect: no LIST from before its end says what the cloud has now.
                s.memory.unanswered = s.memory.mutated = poller.inventory.stamp()
                poller.uncertain()
            raise

    async def _delete(self, s: Situation, decision: actions.Decision, poller: Poller) -> None:
        action: Any = decision.action
        for endpoint_id in action.endpoint_ids:
            await self._delete_one(s, endpoint_id, poller)

    async def _delete_twin(self, s: Situation, decision: actions.Decision, poller: Poller) -> None:
        action: Any = decision.action
        await self._delete_one(s, action.endpoint_id, poller)
        self._tools.telemetry.counted("deleted_duplicate")
        text = f"Deleted endpoint {action.endpoint_id}, a duplicate of {action.kept_id} that a late answer made."
        self._tell(s.resource, "DeletedDuplicateEndpoint", text, warning=True)

    async def _delete_one(self, s: Situation, endpoint_id: str, poller: Poller) -> None:
        with self._accounted(s, poller):
            await poller.cloud.delete_endpoint(endpoint_id)
        hidden = endpoint_id in s.evidence.hidden | s.evidence.overdue
        ended = poller.inventory.delete_answered(endpoint_id, hidden=hidden)
        s.memory.deletes[endpoint_id] = s.memory.mutated = ended
        self._mutated("delete", poller)

    async def _release(self, s: Situation, decision: actions.Decision, poller: Poller) -> None:
        action: Any = decision.action
        try:
            await self._patch(s, action.endpoint_id, action.patch, poller)
        except EndpointNotFound:
            poller.inventory.proven_gone(action.endpoint_id)
            s.memory.gone[action.endpoint_id] = poller.inventory.stamp()
        s.memory.released[action.endpoint_id] = poller.inventory.stamp()
        self._mutated("release", poller)

    async def _probe(self, s: Situation, decision: actions.Decision, poller: Poller) -> None:
        action: Any = decision.action
        s.memory.probed[action.endpoint_id] = s.now
        try:
            found = await poller.cloud.get_endpoint(action.endpoint_id)
        except CloudError as error:
            if _never_answers(error):
                s.memory.looked.add(action.endpoint_id)
            raise
        s.memory.looked.add(action.endpoint_id)
        if found is None and action.look_only:
            poller.inventory.lost_sight(action.endpoint_id)
        elif found is None:
            await self._probe_by_patch(s, action, poller)
        else:
            poller.inventory.found_hidden(found)

    async def _probe_by_patch(self, s: Situation, action: actions.ProbeGone, poller: Poller) -> None:
        patch = EndpointPatch(description=action.description)
        try:
            with self._accounted(s, poller):
                found = await poller.cloud.update_endpoint(action.endpoint_id, patch)
        except EndpointNotFound:
            await self._api_is_well(poller)
            poller.inventory.proven_gone(action.endpoint_id)
            s.memory.gone[action.endpoint_id] = poller.inventory.stamp()
            self._tools.telemetry.counted("endpoint_lost")
            self._tell(
                s.resource, Reason.ENDPOINT_LOST, f"Endpoint {action.endpoint_id} is gone from the cloud.", warning=True
            )
        else:
            poller.inventory.found_hidden(found)

    @staticmethod
    async def _api_is_well(poller: Poller) -> None:
        """A 404 says something only where the API answers for what surely exists: the catalog.

        Raises:
            CloudError: it does not.
        """
        if not (await poller.catalog.read()).templates:
            raise CloudUnavailable("The endpoint answers 404, but the catalog is empty too: the API is not well.")

    async def _read_catalog(self, s: Situation, _decision: actions.Decision, poller: Poller) -> None:
        await poller.catalog.refresh(since=s.catalog.tried)

    async def abandon(self, body: Mapping[str, Any], endpoint_id: str, poller: Poller) -> None:
        """DELETE what this process has just made for an object that is gone (exactly-once.md, Create 5)."""
        self._tools.lead()
        await poller.cloud.delete_endpoint(endpoint_id)
        poller.inventory.delete_answered(endpoint_id)
        self._mutated("delete", poller)
        text = f"Deleted endpoint {endpoint_id}: the object was gone before its id could be written down."
        self._tools.recorder.event(body, reason="DeletedEndpoint", message=text, warning=True)

    def _mutated(self, operation: str, poller: Poller) -> None:
        self._tools.telemetry.mutated(operation)
        poller.mutated()

    def _tell(self, resource: Resource, reason: str, message: str, *, warning: bool = False) -> None:
        self._tools.recorder.event(resource.body, reason=str(reason), message=message, warning=warning)


def _never_answers(error: CloudError) -> bool:
    """Reading by id is not documented (the vendor's operations): a refusal of it will be one the next time too."""
    if error.handling is Handling.TERMINAL:
        return True
    passes = isinstance(error, Unauthorized | RateLimited | CloudConflict)
    refused = error.status is not None and error.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return (refused and not passes) or error.status == HTTPStatus.NOT_IMPLEMENTED

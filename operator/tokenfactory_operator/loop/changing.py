"""Changing and deleting endpoints that there are, and looking for one by id.

A call that ends without a clear answer is remembered: it may take effect yet, and no earlier LIST says what there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from tokenfactory_operator.decision import actions, upkeep
from tokenfactory_operator.domain.call_memory import Correction
from tokenfactory_operator.domain.decision_input import DecisionInput
from tokenfactory_operator.domain.errors import (
    CloudConflict,
    CloudError,
    CloudUnavailable,
    EndpointNotFound,
    Handling,
    RateLimited,
    Unauthorized,
)
from tokenfactory_operator.domain.observed import EndpointPatch
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.loop.ports import Ports
from tokenfactory_operator.observe.poller import Poller


class Changes:
    """PATCH, DELETE and GET of one endpoint; each raises `CloudError` or `LeaseLost`."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def update(self, s: DecisionInput, action: actions.Update, poller: Poller) -> None:
        """PATCH what differs."""
        await self._patch(s, action.endpoint_id, action.patch, poller)
        for item in action.differences:
            tries = upkeep.corrected(s, item).tries + 1
            accepted = Correction(tries, s.memory.calls.mutated, item.observed, s.resource.generation)
            s.memory.correction_accepted(item.field, accepted)
        self._ports.mutated("update", poller)
        text = f"Changed {', '.join(action.patch.fields)} of endpoint {action.endpoint_id}"
        if action.adopts:
            self._ports.emit(s.resource, "AdoptedEndpoint", f"Adopted endpoint {action.endpoint_id}.")
        elif action.drift:
            self._ports.telemetry.counted("corrected_drift")
            self._ports.emit(
                s.resource, "CorrectedDrift", f"{text}: {'; '.join(str(item) for item in action.differences)}"
            )
        else:
            self._ports.emit(s.resource, "UpdatedEndpoint", f"{text}.")

    async def _patch(self, s: DecisionInput, endpoint_id: str, patch: EndpointPatch, poller: Poller) -> None:
        with self._accounted(s, poller):
            endpoint = await poller.cloud.update_endpoint(endpoint_id, patch)
        s.memory.calls.answered(poller.inventory.take_answer(endpoint))

    @contextmanager
    def _accounted(self, s: DecisionInput, poller: Poller) -> Iterator[None]:
        """Around a PATCH or DELETE: one that ends without a clear answer is remembered."""
        self._ports.lead()
        try:
            yield
        except CloudError as error:
            if not error.refused:
                # It may have taken effect: no LIST from before its end says what the cloud has now.
                s.memory.calls.ended_unclear(poller.inventory.stamp())
                poller.uncertain()
            raise

    async def delete(self, s: DecisionInput, action: actions.DeleteEndpoints, poller: Poller) -> None:
        """DELETE each of these."""
        for endpoint_id in action.endpoint_ids:
            await self._delete_one(s, endpoint_id, poller)

    async def delete_duplicate(self, s: DecisionInput, action: actions.DeleteDuplicate, poller: Poller) -> None:
        """DELETE the duplicate."""
        await self._delete_one(s, action.endpoint_id, poller)
        self._ports.telemetry.counted("deleted_duplicate")
        text = f"Deleted endpoint {action.endpoint_id}: a late create call made it beside {action.kept_id}."
        self._ports.emit(s.resource, "DeletedDuplicateEndpoint", text, warning=True)

    async def _delete_one(self, s: DecisionInput, endpoint_id: str, poller: Poller) -> None:
        with self._accounted(s, poller):
            there = await poller.cloud.delete_endpoint(endpoint_id)
        ended = poller.inventory.delete_answered(endpoint_id, there=there)
        s.memory.endpoints.delete_answered(endpoint_id, ended)
        s.memory.calls.answered(ended)
        self._ports.mutated("delete", poller)

    async def release(self, s: DecisionInput, action: actions.Release, poller: Poller) -> None:
        """Turn the mark into a released one."""
        try:
            await self._patch(s, action.endpoint_id, action.patch, poller)
        except EndpointNotFound:
            poller.inventory.proven_gone(action.endpoint_id)
            s.memory.endpoints.proven_gone(action.endpoint_id, poller.inventory.stamp())
        s.memory.endpoints.release_answered(action.endpoint_id, poller.inventory.stamp())
        self._ports.mutated("release", poller)

    async def probe(self, s: DecisionInput, action: actions.ProbeGone, poller: Poller) -> None:
        """Look for an endpoint by id, and then by a PATCH."""
        s.memory.endpoints.probe_begun(action.endpoint_id, s.now)
        try:
            found = await poller.cloud.get_endpoint(action.endpoint_id)
        except CloudError as error:
            if _never_answers(error):
                s.memory.endpoints.look_answered(action.endpoint_id)
            raise
        s.memory.endpoints.look_answered(action.endpoint_id)
        if found is None and action.look_only:
            poller.inventory.lost_sight(action.endpoint_id)
        elif found is None:
            await self._probe_by_patch(s, action, poller)
        else:
            poller.inventory.found_by_id(found)

    async def _probe_by_patch(self, s: DecisionInput, action: actions.ProbeGone, poller: Poller) -> None:
        patch = EndpointPatch(description=action.description)
        try:
            with self._accounted(s, poller):
                found = await poller.cloud.update_endpoint(action.endpoint_id, patch)
        except EndpointNotFound:
            await self._api_is_well(poller)
            poller.inventory.proven_gone(action.endpoint_id)
            s.memory.endpoints.proven_gone(action.endpoint_id, poller.inventory.stamp())
            self._ports.telemetry.counted("endpoint_lost")
            self._ports.emit(
                s.resource, Reason.ENDPOINT_LOST, f"Endpoint {action.endpoint_id} is gone from the cloud.", warning=True
            )
        else:
            poller.inventory.found_by_id(found)

    @staticmethod
    async def _api_is_well(poller: Poller) -> None:
        """A 404 says something only where the API answers for what surely exists: the catalog.

        Raises:
            CloudError: it does not.
        """
        if not (await poller.catalog.read()).templates:
            raise CloudUnavailable("The endpoint answers 404, but the catalog is empty too: the API is not well.")

    async def abandon(self, body: Mapping[str, Any], endpoint_id: str, poller: Poller) -> None:
        """DELETE what this process has just made for an object that is gone (docs/protocol.md, Create 5)."""
        self._ports.lead()
        await poller.cloud.delete_endpoint(endpoint_id)
        poller.inventory.delete_answered(endpoint_id)
        self._ports.mutated("delete", poller)
        text = f"Deleted endpoint {endpoint_id}: the object was gone before its id could be written down."
        self._ports.recorder.event(body, reason="DeletedEndpoint", message=text, warning=True)


def _never_answers(error: CloudError) -> bool:
    """Reading by id is not documented (the vendor's operations): a refusal of it will be one the next time too."""
    if error.handling is Handling.TERMINAL:
        return True
    passes = isinstance(error, Unauthorized | RateLimited | CloudConflict)
    refused = error.status is not None and error.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return (refused and not passes) or error.status == HTTPStatus.NOT_IMPLEMENTED

"""The two worlds in memory: small, stateful and honest implementations of the ports, with faults by script.

Each call may carry out its effect and lose its answer, or be refused before it; what happens elsewhere meanwhile is
told with `meanwhile`. A shared journal keeps the order in which mutations and writes arrived.
"""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tokenfactory_operator.domain.catalog import Template
from tokenfactory_operator.domain.errors import EndpointNotFound, KubeConflict, KubeNotFound
from tokenfactory_operator.domain.observed import EndpointCreate, EndpointList, EndpointPatch, ObservedEndpoint
from tokenfactory_operator.kube.merge_patch import merged
from tokenfactory_operator.ports import JsonObject, Key, Lead, anybody
from tokenfactory_operator.state.cache import key_of
from unit.support.builders import an_object


@dataclass(frozen=True)
class Turn:
    """How one call goes that does not simply succeed."""

    error: BaseException | None = None
    effect: bool = False
    """The effect takes place before the error."""
    meanwhile: Callable[[], None] = lambda: None
    """What happens elsewhere while the call runs, after its effect."""


@dataclass
class Script:
    """Turns by the name of the call, each used once."""

    journal: list[str] = field(default_factory=list)
    turns: dict[str, deque[Turn]] = field(default_factory=dict)

    def plan(self, call: str, *turns: Turn) -> None:
        """How the next calls of this name go."""
        self.turns.setdefault(call, deque()).extend(turns)

    def planned(self, call: str) -> bool:
        """Whether the next call of this name has a turn."""
        return bool(self.turns.get(call))

    def run(self, call: str, effect: Callable[[], Any], *, note: str = "") -> Any:  # noqa: ANN401  # each call's own answer
        """Carry a call out as its turn says."""
        if note:
            self.journal.append(note)
        waiting = self.turns.get(call)
        turn = waiting.popleft() if waiting else Turn(effect=True)
        answer = effect() if turn.effect or turn.error is None else None
        turn.meanwhile()
        if turn.error is not None:
            raise turn.error
        return answer


class InMemoryKube:
    """`ports.Kube` with resource versions, preconditions and finalizers."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.objects: dict[Key, dict[str, Any]] = {}
        self._version = 100

    def store(self, body: Any) -> JsonObject:  # noqa: ANN401  # JSON
        """A write by anybody: a new version; a terminating object without finalizers goes."""
        kept = copy.deepcopy(dict(body))
        self._version += 1
        kept["metadata"]["resourceVersion"] = str(self._version)
        key = key_of(kept)
        if kept["metadata"].get("deletionTimestamp") and not kept["metadata"].get("finalizers"):
            self.objects.pop(key, None)
        else:
            self.objects[key] = kept
        return copy.deepcopy(kept)

    def edit(self, key: Key, *, spec: Mapping[str, Any] | None = None, **metadata: Any) -> JsonObject:  # noqa: ANN401  # JSON
        """A user's edit; a changed spec makes a new generation."""
        body = copy.deepcopy(self.objects[key])
        body["metadata"].update(metadata)
        if spec:
            body["spec"].update(spec)
            body["metadata"]["generation"] += 1
        return self.store(body)

    def delete(self, key: Key) -> None:
        """A user's delete."""
        self.edit(key, deletionTimestamp="2025-01-01T12:00:00Z")

    def replace(self, key: Key, uid: str) -> None:
        """The object is forced away and another takes its name."""
        self.objects.pop(key)
        self.store(an_object(name=key.name, uid=uid))

    async def get(self, key: Key) -> JsonObject | None:
        """See `ports.Kube`."""
        return self.script.run("get", lambda: copy.deepcopy(self.objects.get(key)))  # type: ignore[no-any-return]  # the effect's answer

    async def set_finalizers(
        self, key: Key, finalizers: tuple[str, ...], *, resource_version: str, lead: Lead = anybody
    ) -> JsonObject:
        """See `ports.Kube`."""
        lead()

        def effect() -> JsonObject:
            body = self._checked(key, resource_version)
            body["metadata"]["finalizers"] = list(finalizers)
            return self.store(body)

        return self.script.run("set_finalizers", effect, note=f"finalizers {len(finalizers)}")  # type: ignore[no-any-return]  # as above

    async def patch_status(self, key: Key, patch: JsonObject, *, uid: str, resource_version: str) -> JsonObject:
        """See `ports.Kube`."""

        def effect() -> JsonObject:
            body = self._checked(key, resource_version)
            if body["metadata"]["uid"] != uid:
                raise KubeNotFound("another object took the name")
            body["status"] = merged(body.get("status") or {}, patch)
            return self.store(body)

        before = self.objects.get(key, {}).get("status") or {}
        attempt = (
            (merged(before, patch).get("createAttempt") or {}).get("state", "") if "createAttempt" in patch else ""
        )
        return self.script.run("patch_status", effect, note=f"status {attempt}".strip())  # type: ignore[no-any-return]  # as above

    def _checked(self, key: Key, resource_version: str) -> dict[str, Any]:
        held = self.objects.get(key)
        if held is None:
            raise KubeNotFound("no such object")
        if held["metadata"]["resourceVersion"] != resource_version:
            raise KubeConflict("the object has been modified")
        return copy.deepcopy(held)


class InMemoryCloud:
    """`ports.Cloud`: endpoints by id, listed unless hidden."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.endpoints: dict[str, ObservedEndpoint] = {}
        self.hidden: set[str] = set()
        self.spoilt: dict[str, str | None] = {}
        """Those whose items have no id: their descriptions; `None` where not even that can be read."""
        self.counts = False
        """Its LIST says how many endpoints there are, hidden ones too."""
        self.answers_get = True
        self.makes_keys = False
        """It answers a routing key where none is given."""
        self.templates: tuple[Template, ...] = (Template("openai/gpt-oss-120b"),)
        self.complete = True
        self.lists = self.catalogs = 0
        self._made = 0

    def blocked_for(self) -> float:
        """Never."""
        return 0.0

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        waits = self.script.planned("slot")
        self.script.run("slot", lambda: None, note="slot")
        if waits:
            await asyncio.sleep(0)  # what happens meanwhile happens while this task waits
        yield

    def slot(self, namespace: str = "") -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - the port's
        """See `ports.Cloud`."""
        return self._slot()

    async def list_endpoints(self) -> EndpointList:
        """See `ports.Cloud`."""
        self.lists += 1

        def effect() -> EndpointList:
            left_out = self.hidden | self.spoilt.keys()
            shown = tuple(endpoint for name, endpoint in self.endpoints.items() if name not in left_out)
            spoilt = [text for name, text in self.spoilt.items() if name in self.endpoints]
            return EndpointList(
                shown,
                view=self.complete,
                unreadable=None in spoilt,
                nameless=tuple(text for text in spoilt if text is not None),
                left_out=len(self.endpoints) - len(shown) - len(spoilt) if self.counts else 0,
            )

        return self.script.run("list", effect)  # type: ignore[no-any-return]  # as above

    async def list_templates(self) -> tuple[Template, ...]:
        """See `ports.Cloud`."""
        self.catalogs += 1
        return self.script.run("templates", lambda: self.templates)  # type: ignore[no-any-return]  # as above

    async def get_endpoint(self, endpoint_id: str) -> ObservedEndpoint | None:
        """See `ports.Cloud`."""
        return self.script.run(  # type: ignore[no-any-return]  # as above
            "get_endpoint",
            lambda: self.endpoints.get(endpoint_id) if self.answers_get else None,
            note=f"GET {endpoint_id}",
        )

    async def create_endpoint(self, body: EndpointCreate) -> ObservedEndpoint:
        """See `ports.Cloud`."""

        def effect() -> ObservedEndpoint:
            self._made += 1
            made = f"dedicated/llm-{self._made}" if self.makes_keys else None
            endpoint = ObservedEndpoint(
                f"ep-{self._made}",
                **{**vars(body), "routing_key": body.routing_key or made},
                enabled=True,
                ready_replicas=0,
                status="starting",
                readiness="not_ready",
                created_at=f"2025-01-01T12:00:{self._made:02}Z",
            )
            self.endpoints[endpoint.id] = endpoint
            return endpoint

        return self.script.run("create", effect, note="POST")  # type: ignore[no-any-return]  # as above

    async def update_endpoint(self, endpoint_id: str, patch: EndpointPatch) -> ObservedEndpoint:
        """See `ports.Cloud`."""

        def effect() -> ObservedEndpoint:
            if endpoint_id not in self.endpoints:
                raise EndpointNotFound("no such endpoint", refused=True, status=404)
            sent = {name: getattr(patch, name) for name in patch.fields}
            if "scaling" in sent:
                sent["min_replicas"], sent["max_replicas"] = sent.pop("scaling")
            self.endpoints[endpoint_id] = replace(self.endpoints[endpoint_id], **sent)
            return self.endpoints[endpoint_id]

        note = f"PATCH {endpoint_id} {','.join(patch.fields)}"
        return self.script.run("update", effect, note=note)  # type: ignore[no-any-return]  # as above

    async def delete_endpoint(self, endpoint_id: str) -> bool:
        """See `ports.Cloud`."""
        gone = self.script.run("delete", lambda: self.endpoints.pop(endpoint_id, None), note=f"DELETE {endpoint_id}")
        return gone is not None

    async def aclose(self) -> None:
        """See `accounts.OpenCloud`."""

    def turn_up(self, endpoint_id: str = "ep-1", **changes: Any) -> None:  # noqa: ANN401  # the vendor's fields
        """The deployment of an endpoint serves what is reserved."""
        ready = {"status": "running", "readiness": "ready", "ready_replicas": 1, **changes}
        self.endpoints[endpoint_id] = replace(self.endpoints[endpoint_id], **ready)


@dataclass
class Switch:
    """`ports.Lease` that is lost after so many checks."""

    left: int = 1_000_000

    def held(self) -> bool:
        """Whether a check is left."""
        self.left -= 1
        return self.left >= 0


@dataclass
class Witness:
    """`ports.Recorder` and `ports.Telemetry` that remember."""

    events: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    counts: list[str] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)

    def event(self, subject: JsonObject, *, reason: str, message: str, warning: bool = False) -> None:
        """See `ports.Recorder`."""
        assert subject["kind"] == "Namespace" or subject["metadata"]["uid"]
        assert message or not warning
        self.events.append(reason)
        self.messages.append(message)

    def reconciled(self, *, outcome: str, seconds: float) -> None:
        """See `ports.Telemetry`."""
        assert seconds >= 0
        self.outcomes.append(outcome)

    def mutated(self, operation: str) -> None:
        """See `ports.Telemetry`."""
        self.counts.append(operation)

    def listed(self, result: str) -> None:
        """See `ports.Telemetry`."""
        self.counts.append(result)

    def counted(self, event: str) -> None:
        """See `ports.Telemetry`."""
        self.counts.append(event)


class NoSecrets:
    """No object names a Secret; implements `loop.ports.SecretHolder`."""

    async def read(self, body: JsonObject) -> bool:  # noqa: ARG002 - the protocol's
        """Nothing to read."""
        return False

    async def hold(self, body: JsonObject) -> bool:  # noqa: ARG002 - the protocol's
        """Nothing to hold."""
        return False

    def left(self, body: JsonObject) -> None:
        """Nothing to let go."""

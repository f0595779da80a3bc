"""The simulated cloud: every endpoint there is or ever was, GPUs, and what is still to happen.

All methods are synchronous and are called from one event loop, so each is one indivisible step. Time passes only in
`settle`. It judges nothing about requests beyond quota and existence; bodies were validated before.
"""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tokenfactory_simulator import lifecycle
from tokenfactory_simulator.agenda import Agenda
from tokenfactory_simulator.billing import Meter
from tokenfactory_simulator.clock import Clock
from tokenfactory_simulator.endpoint import Endpoint, autoscaled, changed
from tokenfactory_simulator.entry import Entry
from tokenfactory_simulator.errors import ApiError
from tokenfactory_simulator.lifecycle import Override, Phase
from tokenfactory_simulator.pools import Pools
from tokenfactory_simulator.settings import Settings


class Cloud:
    """Endpoints by id, in the order of their creation."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self.clock = clock
        self.settings = settings
        self.now = clock.now()
        self.entries: dict[str, Entry] = {}
        self.pools = Pools()
        self._alive: dict[str, dict[str, Entry]] = {}
        self._waiting: dict[str, None] = {}
        self._agenda = Agenda()

    def settle(self) -> float:
        """Let everything happen that is due by now, each at its own instant; answers the time in seconds."""
        now = self.clock.now()
        while due := self._agenda.pop(now):
            self.now, action = due
            action()
        self.now = now
        return now

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Let something happen so many seconds from now."""
        self._agenda.plan(self.now + seconds, action)

    def configure(self, settings: Settings) -> None:
        """Other settings from now on; GPUs that became free are given to who waits."""
        self.settings = settings
        self._allocate()

    def alive(self, project: str) -> Iterator[Entry]:
        """The endpoints of a project that exist now."""
        return iter(self._alive.get(project, {}).values())

    def existing(self, endpoint_id: str) -> Entry:
        """The entry of an endpoint that exists.

        Raises:
            ApiError: 404, it never did or was deleted.
        """
        entry = self.entries.get(endpoint_id)
        if entry is None or entry.deleted_at is not None:
            raise ApiError(404, f"Dedicated endpoint {endpoint_id} not found", kind="not_found_error")
        return entry

    def create(self, project: str, fields: dict[str, Any]) -> Entry:
        """A new endpoint with a new id; the same fields twice make two.

        Raises:
            ApiError: the quota is exceeded, or the routing key is in use and must be unique.
        """
        endpoint_id = f"ep-{secrets.token_hex(8)}"
        optional: dict[str, Any] = {"description": None, "custom_weights_id": None, "reservation_policy": None}
        slug = fields["model_name"].rpartition("/")[2].lower()[:80]
        complete = {**optional, "enabled": True, "routing_key": f"dedicated/{slug}-{secrets.token_hex(6)}", **fields}
        shape = lifecycle.Shape(complete["region"], complete["gpu_type"], complete["gpu_count"])
        endpoint = Endpoint(
            id=endpoint_id,
            number=len(self.entries) + 1,
            project=project,
            created=self.now,
            deployment=lifecycle.start(shape, complete["min_replicas"]),
            **complete,
        )
        if not endpoint.enabled:
            off = replace(endpoint.deployment, phase=Phase.STOPPED, target=0)
            endpoint = replace(endpoint, deployment=off)
        self._check_quota(endpoint, before=None)
        self._check_routing_key(endpoint)
        entry = Entry(endpoint, Meter(self.now))
        entry.history.append((self.now, endpoint))
        self.entries[endpoint_id] = self._alive.setdefault(project, {})[endpoint_id] = entry
        self._note(entry)
        return entry

    def change(self, entry: Entry, fields: dict[str, Any]) -> Entry:
        """Change an endpoint's fields.

        Raises:
            ApiError: as `create`.
        """
        after = changed(entry.endpoint, fields, now=self.now, timing=self.settings.timing())
        self._check_quota(after, before=entry.endpoint)
        self._check_routing_key(after)
        self._put(entry, after)
        return entry

    def delete(self, entry: Entry) -> None:
        """End an endpoint for good; its GPUs are free at once."""
        entry.end(self.now)
        del self._alive[entry.endpoint.project][entry.endpoint.id]
        self._waiting.pop(entry.endpoint.id, None)
        self.pools.move(entry.endpoint.deployment, None)
        self._allocate()

    def autoscale(self, entry: Entry, replicas: int) -> Entry:
        """Let the vendor's autoscaler ask for replicas: best effort, what is not free is not waited for."""
        self._put(entry, autoscaled(entry.endpoint, replicas, now=self.now))
        got = max(entry.endpoint.min_replicas, len(entry.endpoint.deployment.ready_at))
        if got < entry.endpoint.replicas:
            self._put(entry, autoscaled(entry.endpoint, got, now=self.now))
        return entry

    def override(self, entry: Entry, override: Override | None) -> Entry:
        """Show a state set by hand, or the true one again."""
        shown = replace(entry.endpoint.deployment, override=override)
        self._put(entry, replace(entry.endpoint, deployment=shown))
        return entry

    def _put(self, entry: Entry, after: Endpoint) -> None:
        self.pools.move(entry.endpoint.deployment, after.deployment)
        entry.put(after, self.now)
        self._note(entry)

    def _note(self, entry: Entry) -> None:
        """Whatever follows from an endpoint's new state: the end of stopping, and its place among who waits."""
        endpoint = entry.endpoint
        if endpoint.deployment.phase is Phase.STOPPING:
            self._agenda.plan(
                endpoint.deployment.until, lambda: self._finish_stopping(entry, endpoint.deployment.until)
            )
        if endpoint.deployment.wants_gpus(endpoint.shape):
            self._waiting.setdefault(endpoint.id)
        else:
            self._waiting.pop(endpoint.id, None)
        self._allocate()

    def _finish_stopping(self, entry: Entry, due: float) -> None:
        deployment = entry.endpoint.deployment
        if entry.deleted_at is None and deployment.phase is Phase.STOPPING and deployment.until == due:
            self._put(entry, replace(entry.endpoint, deployment=lifecycle.stopped(deployment)))

    def _allocate(self) -> None:
        """Give free GPUs to who waits, the longest first, until none of it frees others."""
        while any(self._give(endpoint_id) for endpoint_id in list(self._waiting)):
            pass

    def _give(self, endpoint_id: str) -> bool:
        """Give one endpoint what is free; answers whether it left GPUs of another kind for the others."""
        entry = self.entries[endpoint_id]
        endpoint = entry.endpoint
        free = self.pools.free(endpoint.shape.pool, self.settings.capacity)
        timing = self.settings.timing()
        placed = lifecycle.place(endpoint.deployment, endpoint.shape, free=free, now=self.now, timing=timing)
        if placed is endpoint.deployment:
            return False
        if not placed.wants_gpus(endpoint.shape):
            del self._waiting[endpoint_id]
        self.pools.move(endpoint.deployment, placed)
        entry.put(replace(endpoint, deployment=placed), self.now)
        return placed.shape != endpoint.deployment.shape

    def _check_quota(self, endpoint: Endpoint, before: Endpoint | None) -> None:
        quota = self.settings.quotas.get(endpoint.project, self.settings.quotas.get("*"))
        more = endpoint.reserved_gpus - (before.reserved_gpus if before else 0)
        if quota is None or more <= 0:
            return
        used = sum(entry.endpoint.reserved_gpus for entry in self.alive(endpoint.project))
        if used + more > quota:
            text = f"GPU quota exceeded for project {endpoint.project}: {used} of {quota} in use, {more} more requested"
            raise ApiError(self.settings.quota_status, text, kind="quota_exceeded")

    def _check_routing_key(self, endpoint: Endpoint) -> None:
        if not self.settings.unique_routing_keys:
            return
        others = (entry.endpoint for entries in self._alive.values() for entry in entries.values())
        if any(other.routing_key == endpoint.routing_key and other.id != endpoint.id for other in others):
            raise ApiError(409, f"routing_key {endpoint.routing_key} is already in use", kind="conflict_error")

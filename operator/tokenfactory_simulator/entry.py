"""The cloud's book-keeping around one endpoint: its past, its meter, its end, its answer as bytes."""

from collections import deque
from dataclasses import dataclass, field

from tokenfactory_simulator.billing import Meter
from tokenfactory_simulator.clock import Clock
from tokenfactory_simulator.endpoint import Endpoint
from tokenfactory_simulator.lifecycle import next_change, view
from tokenfactory_simulator.render import encode, endpoint_json
from tokenfactory_simulator.settings import Settings

HISTORY = 64
"""Changes remembered for stale answers; older ones are shown as the oldest remembered."""


@dataclass(slots=True)
class _Rendered:
    body: bytes
    since: float
    until: float
    settings: Settings


@dataclass(slots=True)
class Entry:
    """One endpoint, alive or deleted. Only `Cloud` replaces what it holds."""

    endpoint: Endpoint
    meter: Meter
    deleted_at: float | None = None
    history: deque[tuple[float, Endpoint]] = field(default_factory=lambda: deque(maxlen=HISTORY))
    _rendered: _Rendered | None = None

    def put(self, endpoint: Endpoint, now: float) -> None:
        """Replace the endpoint, booking what the old one used."""
        if self.deleted_at is None:
            self.meter.settle(self.endpoint.deployment, now)
        self.endpoint = endpoint
        self.history.append((now, endpoint))
        self._rendered = None

    def end(self, now: float) -> None:
        """Delete it."""
        self.meter.settle(self.endpoint.deployment, now)
        self.deleted_at = now

    def gpu_seconds(self, now: float) -> float:
        """What it used so far."""
        return self.meter.counted if self.deleted_at is not None else self.meter.read(self.endpoint.deployment, now)

    def at(self, instant: float) -> Endpoint | None:
        """The endpoint as it was then; `None` before its creation and after its deletion."""
        if instant < self.endpoint.created or (self.deleted_at is not None and instant >= self.deleted_at):
            return None
        past = (endpoint for since, endpoint in reversed(self.history) if since <= instant)
        return next(past, self.history[0][1])

    def rendered(self, now: float, clock: Clock, settings: Settings) -> bytes:
        """Its JSON now, from the cache while neither it nor its deployment's state nor the settings changed."""
        cached = self._rendered
        if cached is None or cached.settings is not settings or not cached.since <= now < cached.until:
            body = render_at(self.endpoint, now, clock, settings)
            cached = _Rendered(body, now, next_change(self.endpoint.deployment, now), settings)
            self._rendered = cached
        return cached.body


def render_at(endpoint: Endpoint, instant: float, clock: Clock, settings: Settings) -> bytes:
    """An endpoint's JSON as of an instant."""
    shown = view(endpoint.deployment, instant)
    return encode(endpoint_json(endpoint, shown, clock.wall(endpoint.created), settings))

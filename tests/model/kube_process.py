"""What of one process stands between the real adapter and the core: events of the watch, Events, refusals.

They are wired as the application wires them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from model.apiserver import Body
from model.kube_wire import KubeWire, WiredApi
from model.ports import Place, Surroundings, WorldClock
from model.telling import Recorder
from tokenfactory_operator.kube.echoes import Line
from tokenfactory_operator.kube.events import EventRecorder
from tokenfactory_operator.kube.forms import BOOKMARK
from tokenfactory_operator.kube.lean import lean
from tokenfactory_operator.kube.refusals import Refusals
from tokenfactory_operator.loop.dispatch import Dispatch
from tokenfactory_operator.ports import JsonObject, Key
from tokenfactory_operator.state.cache import key_of


class Told:
    """`ports.Recorder`: into the trace, and to the API server."""

    def __init__(self, traced: Recorder, written: EventRecorder) -> None:
        self._both = (traced, written)

    def event(self, subject: JsonObject, *, reason: str, message: str, warning: bool = False) -> None:
        """See `ports.Recorder`."""
        for each in self._both:
            each.event(subject, reason=reason, message=message, warning=warning)


class KubeSide:
    """The real parts of `kube` of one process."""

    def __init__(self, around: Surroundings, place: Place, clock: WorldClock, traced: Recorder) -> None:
        assert around.trouble is not None
        self.refusals = Refusals(now=clock.monotonic, count=lambda _: None)
        self.api = WiredApi(around, KubeWire(around, place, around.trouble), answered=self.refusals.answered)
        self._events = EventRecorder(self.api.client, clock=clock, instance=place.name)
        self.recorder = Told(traced, self._events)
        self._brought: asyncio.Queue[tuple[str | None, Body]] = asyncio.Queue()

    def start(self, object_at: Callable[[Key], JsonObject | None]) -> None:
        """Write Events from now on; the loop runs."""
        self._events.start()
        self.refusals.tell(self.recorder, object_at, lambda _: None)

    def brought(self, kind: str | None, body: Body) -> None:
        """The watch has brought an event; `kind` is None for the initial listing."""
        self._brought.put_nowait((kind, body))

    async def follow(self, dispatch: Dispatch) -> None:
        """Tell of what is news, one event after the other, as kopf's connection does."""
        line = Line(dispatch.known, lambda body: self.api.settled(key_of(body)))
        while True:
            kind, body = await self._brought.get()
            if kind is None:
                if not dispatch.known(body):
                    dispatch.observed(None, lean(body))
                continue
            event = json.loads(await line.news(json.dumps({"type": kind, "object": body}).encode()))
            if event["type"] != BOOKMARK:
                dispatch.observed(kind, lean(event["object"]))

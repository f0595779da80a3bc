"""The watch as kopf delivers it: a queue for each uid of which the last event counts.

So events of different uids may change places. Late, lost and repeated where the seed says so.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import Final

from model.apiserver import ApiServer, Body
from model.chance import Chance
from model.clock import VirtualLoop
from model.trace import Trace

PAUSE_WHILE_DOWN: Final = 1.0
"""Seconds between two looks whether the API server is up again."""


class Watch:
    """One process's watch."""

    def __init__(
        self,
        *,
        kube: ApiServer,
        chance: Chance,
        loop: VirtualLoop,
        trace: Trace,
        name: str,
        context: Context,
        observed: Callable[[str | None, Body], None],
        down: Callable[[], bool],
    ) -> None:
        self._kube = kube
        self._chance = chance
        self._loop = loop
        self._trace = trace
        self._name = name
        self._context = context
        self._observed = observed
        self._down = down
        self._pending: dict[str, tuple[str | None, Body]] = {}
        self._listening = False

    def start(self) -> None:
        """List, then watch."""
        if self._down():
            self._loop.call_later(PAUSE_WHILE_DOWN, self.start, context=self._context)
            return
        for body in list(self._kube.objects.values()):
            self._bring(None, body)
        self._kube.listen(self._event)
        self._listening = True

    def stop(self) -> None:
        """Bring nothing any more."""
        if self._listening:
            self._kube.unlisten(self._event)
        self._listening = False

    def _event(self, kind: str, body: Body) -> None:
        if self._chance.strikes("watch.lost"):
            self._trace.say(self._name, f"  watch loses {kind} {body['metadata']['uid']}")
        else:
            self._bring(kind, body)

    def _bring(self, kind: str | None, body: Body) -> None:
        uid = body["metadata"]["uid"]
        waiting = uid in self._pending
        self._pending[uid] = (kind, body)
        if not waiting:
            late = self._chance.strikes("watch.late")
            delay = self._chance.between(1.0, 90.0) if late else self._chance.between(0.002, 0.1)
            self._loop.call_later(delay, self._deliver, uid, context=self._context)

    def _deliver(self, uid: str) -> None:
        if self._down():
            self._loop.call_later(PAUSE_WHILE_DOWN, self._deliver, uid, context=self._context)
            return
        kind, body = self._pending.pop(uid)
        self._observed(kind, body)
        if kind != "DELETED" and self._chance.strikes("watch.repeated"):
            self._loop.call_later(self._chance.between(0.1, 60.0), self._observed, kind, body, context=self._context)

"""Kubernetes Events on what has happened: the adapter behind the `Recorder` port.

`event` only notes; one background task writes, at its own pace, what one bounded queue holds. While objects are written
it waits, for the API server does one thing instead of another. A failing write disturbs nobody: it is logged and
dropped. Events are `v1`, not `events.k8s.io/v1`: the API server stores both as one thing, and
`kubectl describe`, `kubectl get events` and the built-in `view` role know their count and times (seen on 1.37).

An Event lives in its subject's namespace; the API server refuses any other. A cluster-scoped subject's Events go to
`default`, but for a Namespace that is given with `metadata.namespace` equal to its name: then they go into itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from datetime import datetime
from typing import Final

from tokenfactory_operator.api.v1alpha1 import LONGEST_NAME
from tokenfactory_operator.domain.errors import KubeError, KubeNotFound, bounded
from tokenfactory_operator.kube.client import AS_MANAGER, MANAGER, MERGE_PATCH, KubeClient
from tokenfactory_operator.kube.correlation import Correlator, Occurrence, Subject
from tokenfactory_operator.kube.errors import ApiServerError
from tokenfactory_operator.kube.event_queue import EventQueue, Waiting
from tokenfactory_operator.kube.paths import EVENTS
from tokenfactory_operator.ports import Clock, JsonObject

QUEUE_LIMIT: Final = 4000
"""Different Events that may wait to be written; beyond them, those of the namespace that has most are dropped."""
MESSAGE_LIMIT: Final = 1024
"""Characters of a message (`events.k8s.io/v1` allows no more)."""
FLUSH_DEADLINE: Final = 5.0
"""Seconds that `stop` gives to what still waits."""
GIVE_WAY: Final = 30.0
"""Seconds that Events wait at most while objects are written: of a thousand endpoints each needs its own writes first.

A warning does not wait, nor do those before it. Nor do any where half of the queue is full.
"""
PAUSE: Final = 0.1
"""Seconds between two looks at whether objects are written."""

_NAME_LIMIT: Final = LONGEST_NAME - 17
"""Leaves a dot and 16 hex digits within the longest name of an object."""

logger = logging.getLogger(__name__)


def _subject(document: JsonObject) -> Subject:
    metadata = document.get("metadata") or {}
    return Subject(
        api_version=document.get("apiVersion", ""),
        kind=document.get("kind", ""),
        namespace=metadata.get("namespace", ""),
        name=metadata.get("name", ""),
        uid=metadata.get("uid", ""),
    )


def _reference(subject: Subject) -> dict[str, str]:
    fields = {
        "apiVersion": subject.api_version,
        "kind": subject.kind,
        "namespace": subject.namespace,
        "name": subject.name,
        "uid": subject.uid,
    }
    return {name: value for name, value in fields.items() if value}


def _timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class EventRecorder:
    """Writes Events in the background between `start` and `stop`."""

    def __init__(self, client: KubeClient, *, clock: Clock, instance: str = "", limit: int = QUEUE_LIMIT) -> None:
        """`instance` names this process in the Events (default: the host's name, in a pod the pod's)."""
        self._client = client
        self._clock = clock
        self._instance = instance or os.uname().nodename
        self._correlator = Correlator()
        self._waiting = EventQueue(limit)
        self._half = limit // 2
        self._dropping = False
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self._failing = False
        self._until = 0.0
        """Monotonic time until which Events give way."""

    def event(self, subject: JsonObject, *, reason: str, message: str, warning: bool = False) -> None:
        """Note an Event on `subject`, of which apiVersion, kind and metadata are read. Never waits, never raises."""
        occurrence = Occurrence(
            subject=_subject(subject),
            kind="Warning" if warning else "Normal",
            reason=reason,
            message=bounded(message, MESSAGE_LIMIT),
        )
        now = self._clock.monotonic()
        if warning or not self._waiting:
            self._until = now if warning else now + GIVE_WAY
        dropped = self._waiting.put(occurrence, self._clock.now())
        if dropped is not None:
            level = logging.DEBUG if self._dropping else logging.WARNING  # once, until all are written
            self._dropping = True
            name = f"{dropped.subject.namespace}/{dropped.subject.name}"
            logger.log(level, "%d events wait, others are dropped: %s on %s", len(self._waiting), dropped.reason, name)
        self._idle.clear()
        self._wake.set()

    def start(self) -> None:
        """Begin to write; call it once, in the running loop."""
        self._task = asyncio.create_task(self._run(), name="event recorder")

    async def stop(self, deadline: float = FLUSH_DEADLINE) -> None:
        """Write what still waits for at most `deadline` seconds, then end the task."""
        if self._task is None:
            return
        task, self._task = self._task, None
        self._until = 0.0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline):
                await self._idle.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        if self._waiting:
            logger.warning("stopped with %d events unwritten", len(self._waiting))

    async def flushed(self) -> None:
        """Return when nothing waits to be written."""
        await self._idle.wait()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            while self._waiting:
                await self._give_way()
                await self._record(*self._waiting.pop())
            self._dropping = False
            self._wake.clear()
            self._idle.set()

    async def _give_way(self) -> None:
        while self._client.writing and self._clock.monotonic() < self._until and len(self._waiting) < self._half:  # noqa: ASYNC110  # no one event ends it
            await asyncio.sleep(PAUSE)

    async def _record(self, occurrence: Occurrence, waiting: Waiting) -> None:
        if not self._correlator.admit(occurrence.subject, self._clock.monotonic()):
            logger.debug(
                "too many events on %s or in its namespace, dropped %s", occurrence.subject.name, occurrence.reason
            )
            return
        try:
            await self._write(occurrence, waiting)
        except KubeError as error:
            self._report(error, occurrence)
        except Exception:  # whatever one event does, the next ones are written
            logger.exception("cannot write an event: %s", occurrence.reason)
        else:
            self._failing = False

    def _report(self, error: KubeError, occurrence: Occurrence) -> None:
        """Say once that Events fail; a namespace that is going away takes none by design."""
        expected = isinstance(error, KubeNotFound) or (
            isinstance(error, ApiServerError) and error.of_a_terminating_namespace
        )
        level = logging.DEBUG if expected or self._failing else logging.WARNING
        self._failing = self._failing or not expected
        about = {"namespace": occurrence.subject.namespace}
        logger.log(
            level, "dropped the event %s on %s: %s", occurrence.reason, occurrence.subject.name, error, extra=about
        )

    async def _write(self, occurrence: Occurrence, waiting: Waiting) -> None:
        series = self._correlator.series(occurrence, self._clock.monotonic())
        if series is not None:
            count = series.count + waiting.count
            try:
                await self._raise_count(occurrence, series.event_name, count=count, last=waiting.last)
            except KubeNotFound:
                self._correlator.forget(occurrence)
            else:
                self._remember(occurrence, series.event_name, count)
                return
        self._remember(occurrence, await self._create(occurrence, waiting), waiting.count)

    def _remember(self, occurrence: Occurrence, event_name: str, count: int) -> None:
        self._correlator.recorded(occurrence, event_name=event_name, count=count, now=self._clock.monotonic())

    async def _create(self, occurrence: Occurrence, waiting: Waiting) -> str:
        subject = occurrence.subject
        name = f"{subject.name[:_NAME_LIMIT].rstrip('-.')}.{secrets.token_hex(8)}"
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name},
            "involvedObject": _reference(subject),
            "type": occurrence.kind,
            "reason": occurrence.reason,
            "message": occurrence.message,
            "count": waiting.count,
            "firstTimestamp": _timestamp(waiting.first),
            "lastTimestamp": _timestamp(waiting.last),
            "source": {"component": MANAGER},
            "reportingComponent": MANAGER,
            "reportingInstance": self._instance,
        }
        await self._client.request("POST", EVENTS.within(_place(subject)), query=AS_MANAGER, body=body)
        return name

    async def _raise_count(self, occurrence: Occurrence, name: str, *, count: int, last: datetime) -> None:
        await self._client.request(
            "PATCH",
            EVENTS.named(name, _place(occurrence.subject)),
            query=AS_MANAGER,
            body={"count": count, "lastTimestamp": _timestamp(last)},
            content_type=MERGE_PATCH,
        )


def _place(subject: Subject) -> str:
    return subject.namespace or "default"

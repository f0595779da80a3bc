"""Every status that the operator can write, by its own code: each reason, and each state that an endpoint can show."""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tokenfactory_operator.decision.actions import SYNCED, Decision, Hindered, Verdict
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.reasons import Reason
from tokenfactory_operator.report import status
from tokenfactory_operator.report.conditions import MESSAGES
from unit.support.builders import an_endpoint
from unit.support.scene import Scene
from unit.support.verdicts import KINDS

NOW: Final = "2025-01-01T12:00:00Z"
STATUSES: Final = ("starting", "running", "updating", "stopping", "stopped", "error", "unheard-of", None)
READINESSES: Final = ("ready", "partially_ready", "not_ready", "unheard-of", None)
OF_SYNCED: Final = tuple(
    reason
    for reason in Reason
    if reason not in {*MESSAGES, Reason.STOPPED_IN_CONSOLE, Reason.READY, Reason.NOT_SERVING}
    or reason in (Reason.CREATING, Reason.UPDATING)
)
"""The reasons that `Synced` can have, and with it a verdict; the others are what an endpoint shows."""


@dataclass(frozen=True)
class Written:
    """One object with a status, and what it comes from."""

    body: dict[str, Any]
    verdict: Verdict
    decision: Decision

    def said(self, kind: str) -> dict[str, Any]:
        """The condition of a type; empty if there is none."""
        return next((item for item in self.body["status"]["conditions"] if item["type"] == kind), {})

    @property
    def paused(self) -> bool:
        """Whether it says so."""
        return bool(self.said("Synced")["reason"] == Reason.RECONCILE_PAUSED)


def _write(scene: Scene, decision: Decision, verdict: Verdict) -> Written:
    situation = scene.situation()
    after = status.after(situation, decision, verdict, now=NOW)
    body = copy.deepcopy(scene.body)
    body.setdefault("apiVersion", "tokenfactory.nebius.com/v1alpha1")
    body.setdefault("kind", "DedicatedEndpoint")
    body["status"] = after.to_dict()
    return Written(body, verdict, decision)


def _scene(endpoint: ObservedEndpoint | None, *, before: str = "", enabled: bool | None = None) -> Scene:
    """An object whose endpoint is listed, or none; `before` names what its status told earlier."""
    scene = Scene().spec(**({} if enabled is None else {"enabled": enabled})).recorded()
    scene.lists(*([endpoint] if endpoint else []))
    if before:
        first = Scene().recorded().lists(an_endpoint())
        scene.body["status"] = _write(first, Decision(in_order=True), SYNCED).body["status"]
    if before == "older":
        scene.body["metadata"]["generation"] += 1
    return scene


def _shown() -> Iterator[Written]:
    """The cloud has what the spec says, and the endpoint shows each state."""
    states = itertools.product(STATUSES, READINESSES, (0, 1), (None, False), (None, False), (True, False))
    for state, readiness, replicas, on, enabled, confirmed in states:
        endpoint = an_endpoint(status=state, readiness=readiness, ready_replicas=replicas, enabled=on)
        yield _write(_scene(endpoint, enabled=enabled), Decision(in_order=confirmed), SYNCED)
        paused = Hindered(Reason.RECONCILE_PAUSED, "Paused.")
        yield _write(_scene(endpoint, enabled=enabled), Decision(in_order=confirmed), paused)


def _reported() -> Iterator[Written]:
    """Each other verdict, beside an endpoint and without one, and after each kind of earlier status."""
    endpoints = (None, an_endpoint(), an_endpoint(status="starting", readiness="not_ready", ready_replicas=0))
    for reason, kind, endpoint, before in itertools.product(OF_SYNCED, KINDS, endpoints, ("", "same", "older")):
        verdict = kind(reason, f"Why: {reason}.")
        if not verdict.synced:
            yield _write(_scene(endpoint, before=before), Decision(), verdict)


@functools.cache
def everything() -> tuple[Written, ...]:
    """All of them, in the same order each time."""
    return (*_shown(), *_reported())

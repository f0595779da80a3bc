"""One fault, at one call: the weather of the exhaustive scopes. Everything else takes its usual time."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from model.chance import Chance
from model.fates import KUBE_TIMEOUT
from model.network import Fate
from tokenfactory_operator.domain.errors import (
    CloudConflict,
    CloudUnavailable,
    QuotaExceeded,
    RateLimited,
    Unauthorized,
)

CLOUD: Final = 0.1
KUBE: Final = 0.01
"""Seconds, there and back each."""

CHANGE_FAULTS: Final[Mapping[str, Callable[[], Fate]]] = {
    "request lost, connection broke": lambda: Fate(None, None, breaks=1.0),
    "request lost, time-out": lambda: Fate(None, None),
    "answer lost, connection broke": lambda: Fate(CLOUD, None, breaks=1.0),
    "answer lost, time-out": lambda: Fate(CLOUD, None),
    "effect after the connection broke": lambda: Fate(25.0, None, breaks=1.0),
    "effect after the time-out": lambda: Fate(85.0, None),
    "502, not done": lambda: Fate(CLOUD, CLOUD, refusal=CloudUnavailable("HTTP 502", status=502)),
    "502, done": lambda: Fate(CLOUD, CLOUD, fault=CloudUnavailable("HTTP 502", status=502)),
    "409": lambda: Fate(CLOUD, CLOUD, refusal=CloudConflict("HTTP 409", status=409)),
    "429": lambda: Fate(CLOUD, CLOUD, refusal=RateLimited("HTTP 429", retry_after=7.0, refused=True, status=429)),
    "401": lambda: Fate(CLOUD, CLOUD, refusal=Unauthorized("HTTP 401", refused=True, status=401)),
    "no quota": lambda: Fate(CLOUD, CLOUD, refusal=QuotaExceeded("HTTP 422", refused=True, status=422)),
    "slow": lambda: Fate(40.0, CLOUD),
}
LIST_FAULTS: Final[Mapping[str, Callable[[], Fate]]] = {
    "request lost, time-out": lambda: Fate(None, None),
    "502": lambda: Fate(CLOUD, CLOUD, refusal=CloudUnavailable("HTTP 502", status=502)),
    "slow": lambda: Fate(0.2, 30.0),
    "list.stale": lambda: Fate(CLOUD, CLOUD),
    "list.partial": lambda: Fate(CLOUD, CLOUD),
    "list.hidden": lambda: Fate(CLOUD, CLOUD),
}
KUBE_FAULTS: Final[Mapping[str, Callable[[], Fate]]] = {
    "request lost": lambda: Fate(None, None, breaks=0.5),
    "answer lost, connection broke": lambda: Fate(KUBE, None, breaks=0.5),
    "answer lost, time-out": lambda: Fate(KUBE, None),
    "effect after the time-out": lambda: Fate(KUBE_TIMEOUT + 1.0, None),
    "slow": lambda: Fate(6.0, KUBE),
    "kube.conflict": lambda: Fate(KUBE, KUBE),
}
FAULTS: Final = {"kube": KUBE_FAULTS, "LIST": LIST_FAULTS}
"""By the kind of call; every other kind has `CHANGE_FAULTS`."""


@dataclass
class Script:
    """Which fault comes at which call, counted from the trigger of the flow."""

    at: int = 0
    """Number of the call, from 1; 0 for none."""
    fault: str = ""
    lost_event: int = 0
    """Number of the watch event to lose."""

    crash_call: int = 0
    """Number of the call during which the process dies."""
    crash: Callable[[], None] = lambda: None  # a field's default
    """Told when that call is sent."""

    def __post_init__(self) -> None:
        """Nothing has happened yet."""
        self.running = False
        self.calls: list[str] = []
        """Kinds of the calls since the trigger."""
        self.events = 0
        self.armed = ""
        self.incomplete = False
        """Whether every LIST lacks a page now."""

    def fate(self, kind: str, usual: float) -> Fate:
        """What becomes of the next call."""
        if not self.running:
            return Fate(usual, usual)
        self.calls.append(kind)
        if len(self.calls) == self.crash_call:
            self.crash()
        if len(self.calls) != self.at:
            return Fate(usual, usual)
        self.armed = self.fault
        fate = FAULTS.get(kind, CHANGE_FAULTS)[self.fault]()
        return fate._replace(name=self.fault)


class ScriptedWeather:
    """See `fates.Weather`."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def cloud(self, call: str) -> Fate:
        """See `Weather`."""
        return self._script.fate(call, CLOUD)

    def kube(self, call: str) -> Fate:
        """See `Weather`."""
        del call
        return self._script.fate("kube", KUBE)


class ScriptedChance(Chance):
    """Strikes where the script says so."""

    def __init__(self, script: Script) -> None:
        super().__init__(random.Random(0), {})
        self._script = script

    @property
    def loses_events(self) -> bool:
        """See `Chance`."""
        return True

    def strikes(self, kind: str) -> bool:
        """See `Chance`."""
        script = self._script
        if not script.running:
            return False
        if kind == "watch.lost":
            script.events += 1
            return script.events == script.lost_event
        if kind == "list.partial" and script.incomplete:
            return True
        if kind == "kube.conflict":  # asked just before the call is counted
            return script.fault == kind and len(script.calls) + 1 == script.at
        if kind == script.armed:
            script.armed = ""
            return True
        return False

    def between(self, low: float, high: float) -> float:
        """The worst: as old as it may be; in the middle for delays that only order events."""
        return high if high > 1.0 else (low + high) / 2

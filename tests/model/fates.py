"""Which fault strikes which call, within what is promised of the cloud (docs/protocol.md, Assumptions).

An effect that comes after its caller has given up, the lag of a LIST and its age together stay below the settle time;
what exceeds it is marked `late`, and only some seeds have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from model.chance import VERY_LATE, Chance
from model.network import Fate
from tokenfactory_operator.domain.errors import (
    CloudConflict,
    CloudError,
    CloudUnavailable,
    InvalidSpec,
    KubeError,
    QuotaExceeded,
    RateLimited,
    Unauthorized,
)
from tokenfactory_operator.domain.timing import Timing

STALE: Final = 0.25
LAG: Final = 0.25
AFTER: Final = 0.4
"""Shares of the settle time: the greatest age of a LIST, the greatest lag of a new endpoint, the latest effect after
its caller has given up. Together less than 1."""
BAD_GPU: Final = "gpu-that-is-not-there"
"""What the cloud refuses with 422."""
KUBE_TIMEOUT: Final = 15.0
"""Seconds; as the adapter's."""


class Weather(Protocol):
    """Where calls are made, and what may go wrong with each."""

    def cloud(self, call: str) -> Fate:
        """For a call to the cloud: POST, PATCH, DELETE, GET or LIST."""
        ...

    def kube(self, call: str) -> Fate:
        """For a call to the API server."""
        ...


@dataclass
class Conditions:
    """What lasts for a while."""

    cloud_down: bool = False
    revoked: bool = False
    kube_down: bool = False


class RandomWeather:
    """Draws each fate from the seed."""

    def __init__(self, cloud: Chance, kube: Chance, timing: Timing) -> None:
        self._cloud = cloud
        self._kube = kube
        self._timing = timing
        self.lasting = Conditions()

    def cloud(self, call: str) -> Fate:
        """See `Weather`."""
        dice = self._cloud
        reach, back = dice.between(0.02, 0.4), dice.between(0.02, 0.3)
        if self.lasting.cloud_down:
            return Fate(None, None, breaks=dice.between(0.01, 3.0), name="outage")
        if self.lasting.revoked:
            return Fate(reach, back, refusal=Unauthorized("token revoked", refused=True, status=401), name="revoked")
        changes = call != "LIST"
        return (
            self._lost(dice, reach, changes=changes)
            or (self._answered_badly(dice, call, reach, back) if changes or dice.strikes("cloud.5xx") else None)
            or self._late(dice, call, back)
            or Fate(reach, back)
        )

    def _lost(self, dice: Chance, reach: float, *, changes: bool) -> Fate | None:
        breaks = dice.rng.choice((None, dice.between(0.5, 5.0)))
        if dice.strikes("cloud.lost_request"):
            return Fate(None, None, breaks=breaks, name="request lost")
        if changes and dice.strikes("cloud.lost_answer"):
            return Fate(reach, None, breaks=breaks, name="answer lost")
        return None

    @staticmethod
    def _answered_badly(dice: Chance, call: str, reach: float, back: float) -> Fate | None:
        if call == "LIST":
            return Fate(reach, back, refusal=CloudUnavailable("HTTP 502", status=502), name="502")
        if dice.strikes("cloud.5xx_after_effect"):
            return Fate(reach, back, fault=CloudUnavailable("HTTP 502", status=502), name="502, done")
        refusal: CloudError | None = None
        if dice.strikes("cloud.throttled"):
            refusal = RateLimited("HTTP 429", retry_after=dice.between(1, 40), refused=True, status=429)
        elif dice.strikes("cloud.5xx"):
            refusal = CloudUnavailable("HTTP 502, not done", status=502)
        elif dice.strikes("cloud.conflict"):
            refusal = CloudConflict("HTTP 409", status=409)
        elif call in ("POST", "PATCH") and dice.strikes("cloud.quota"):
            refusal = QuotaExceeded("no room", refused=dice.rng.random() < 0.5, status=429)
        return Fate(reach, back, refusal=refusal, name=str(refusal)) if refusal is not None else None

    def _late(self, dice: Chance, call: str, back: float) -> Fate | None:
        settle, timeout = self._timing.create_settle, self._timing.request_timeout
        if call in ("LIST", "GET"):
            return None
        breaks = dice.rng.choice((None, dice.between(0.2, 5.0)))
        end = timeout if breaks is None else breaks
        if dice.strikes("cloud.late_effect"):
            return Fate(end + dice.between(0.0, AFTER * settle), None, breaks=breaks, name="effect late")
        if call == "POST" and dice.strikes(VERY_LATE):
            reach = timeout + settle + dice.between(1.0, 15 * settle)
            return Fate(reach, None, breaks=breaks, name="effect very late", late=True)
        if dice.strikes("cloud.slow"):
            return Fate(dice.between(0.5, 0.8 * timeout), back, name="slow")
        return None

    def kube(self, call: str) -> Fate:
        """See `Weather`."""
        dice = self._kube
        reach, back = dice.between(0.002, 0.05), dice.between(0.002, 0.05)
        if self.lasting.kube_down:
            return Fate(None, None, breaks=dice.between(0.01, 2.0), name="down")
        breaks = dice.rng.choice((None, dice.between(0.2, 5.0)))
        if dice.strikes("kube.lost_request"):
            return Fate(None, None, breaks=breaks, name="request lost")
        if call != "GET" and dice.strikes("kube.lost_answer"):
            return Fate(reach, None, breaks=breaks, name="answer lost")
        if dice.strikes("kube.slow"):
            return Fate(dice.between(0.5, 1.3 * KUBE_TIMEOUT), back, name="slow")
        return Fate(reach, back)


class Lost(CloudUnavailable):
    """The request has not reached the cloud; nobody knows."""


def broken_kube(text: str) -> KubeError:
    """No answer came."""
    return KubeError(text)


def refuse(gpu_type: str | None) -> None:
    """The cloud's judgement of a body; raises `InvalidSpec`."""
    if gpu_type == BAD_GPU:
        raise InvalidSpec("HTTP 422: unknown gpu_type", refused=True, status=422)

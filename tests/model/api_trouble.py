"""What goes wrong at the API server itself, where the real adapter talks to it: single answers, and what lasts a while.

Nothing here reads or writes an object on its own.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from model.apiserver import Body
from model.chance import RATES, Chance
from model.kube_forms import Answered, Garbled
from model.network import Fate
from tokenfactory_operator.domain.errors import KubeConflict, KubeError, KubeNotFound

if TYPE_CHECKING:
    from model.kube_requests import Asked

KINDS: Final = (
    "api.5xx",
    "api.5xx_done",
    "api.throttled",
    "api.refused",
    "api.conflict",
    "api.unserved",
    "api.expired",
    "api.garbled",
    "api.garbled_done",
    "api.unstored",
)
"""Faults of single requests."""
SHARES: Final = (0.0, 0.15, 0.35, 0.6)
"""Of these kinds, how many a seed has."""
LONGEST: Final = 40
"""Seconds that a `Retry-After` asks for at most."""


class Trouble:
    """Draws what becomes of each request from the seed."""

    def __init__(self, chance: Chance, rng: random.Random) -> None:
        """`rng`: chooses which kinds there are, and the forms of answers."""
        self.rng = rng
        self._chance = chance
        share = rng.choice(SHARES)
        self.rates: Final = {kind: rng.choice(RATES) for kind in KINDS if rng.random() < share}

    def fate(self, asked: Asked, usual: Fate) -> Fate:
        """What becomes of a request that would have this fate."""
        if usual.reach is None or usual.back is None:
            return usual
        refusal = self._refusal(asked)
        if refusal is not None:
            return usual._replace(refusal=refusal, name=f"{refusal}, not done")
        fault = self._fault()
        return usual._replace(fault=fault, name=f"{fault}, done") if fault is not None else usual

    def _refusal(self, asked: Asked) -> KubeError | None:
        """What is said in place of doing it."""
        strikes, choose = self._chance.strikes, self._chance.rng.choice
        if strikes("api.throttled"):
            return Answered("slow down", 429, retry_after=self._chance.rng.randint(1, LONGEST))
        if strikes("api.5xx"):
            return Answered("etcd is not well", choose((500, 503, 504)))
        if strikes("api.garbled"):
            return Garbled("no answer of the API server")
        if strikes("api.unserved"):
            return KubeNotFound("no such subresource") if asked.status else Answered("no such resource", 410)
        return self._refused_write() if asked.method != "GET" else self._refused_read(asked)

    def _refused_write(self) -> KubeError | None:
        if self._chance.strikes("api.refused"):
            return Answered("a policy is against it", self._chance.rng.choice((400, 401, 403, 413, 422)))
        if self._chance.strikes("api.conflict"):
            return KubeConflict("the object has been modified, says a webhook")
        return None

    def _refused_read(self, asked: Asked) -> KubeError | None:
        if asked.query.get("continue") and self._chance.strikes("api.expired"):
            return Answered("the provided continue parameter is too old", 410)
        return None

    def _fault(self) -> KubeError | None:
        """What is said though it is done."""
        if self._chance.strikes("api.5xx_done"):
            return Answered("a time-out", self._chance.rng.choice((500, 503, 504)))
        return Garbled("no answer of the API server") if self._chance.strikes("api.garbled_done") else None

    def judge(self, asked: Asked) -> None:
        """What the API server says before it looks at any object; raises what refuses the request."""

    def admitted(self, before: Body, after: Body) -> Body:
        """What is stored in place of `after`."""
        return before if self._chance.strikes("api.unstored") else after

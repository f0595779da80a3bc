"""What goes wrong at the API server itself, where the real adapter talks to it: single answers, and what lasts a while.

Nothing here reads or writes an object on its own.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

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
HELD: Final = 0.2
"""Share of the objects that another controller holds too."""
FOREIGN: Final = "example.com/backup"
"""The beginning of its finalizers."""
CONNECTED: Final = 0.3
"""Share of the objects that ask for a ConfigMap."""
LONGEST: Final = 40
"""Seconds that a `Retry-After` asks for at most."""


@dataclass
class Lasting:
    """What administrators have done, as long as it lasts."""

    denied: tuple[str, str, str] | None = None
    """Verb, resource and namespace without rights; an empty one stands for all."""
    refused: tuple[str, int, int] | None = None
    """Part that a policy is against, from how many characters on, and the HTTP status with which it says so."""
    dropped: str | None = None
    """What a webhook takes away from what is written."""
    pruned: frozenset[str] | None = None
    """Fields of the status that the CRD does not know."""

    def end(self) -> None:
        """All of it is over."""
        for each in fields(self):
            setattr(self, each.name, None)


class Trouble:
    """Draws what becomes of each request from the seed."""

    def __init__(self, chance: Chance, rng: random.Random) -> None:
        """`rng`: chooses which kinds there are, and the forms of answers."""
        self.rng = rng
        self._chance = chance
        share = rng.choice(SHARES)
        self.lasting = Lasting()
        self.may_forget: Callable[[str], bool] = lambda _: True
        """Whether the status of the object with this uid may lose what it says of its endpoint: the cloud shows it."""
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
            return Answered("a policy is against it", self._chance.rng.choice((400, 401, 403, 404, 413, 422)))
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

    def of_new(self) -> dict[str, Any]:
        """What a new object's spec says besides: it may ask for a ConfigMap."""
        return {"connection": {}} if self.rng.random() < CONNECTED else {}

    def held(self) -> dict[str, list[str]]:
        """What a new object's metadata say besides: another controller may hold it, or many."""
        if self.rng.random() >= HELD:
            return {}
        return {"finalizers": [f"{FOREIGN}-{number}" for number in range(self.rng.choice((1, 2, 60)))]}

    def forgets(self) -> bool:
        """Whether an Event has lived long enough."""
        return self.rng.random() < HELD

    def undone(self) -> bool:
        """Whether a webhook puts back the Lease that was there before the write."""
        return self.lasting.dropped == "lease" or self._chance.strikes("api.unstored")

    def judge(self, asked: Asked) -> None:
        """What the API server says before it looks at any object; raises what refuses the request."""
        given = (asked.verb, asked.plural, asked.key.namespace)
        denied = self.lasting.denied
        if denied is not None and all(not each or each == have for each, have in zip(denied, given, strict=True)):
            raise Answered(f"cannot {asked.verb} {asked.plural}", 403)

    def admitted(self, before: Body, after: Body) -> Body:
        """What is stored in place of `after`: webhooks come first, then the schema, then policies."""
        if self._chance.strikes("api.unstored"):
            return before
        of_status = after["metadata"] is before["metadata"]
        after = self._mutated(before, after, of_status=of_status)
        if self.lasting.pruned and of_status:
            kept = {name: part for name, part in after["status"].items() if name not in self.lasting.pruned}
            after = {**after, "status": {"observedGeneration": -1, **kept}}
        self._judge_policy(after, of_status=of_status)
        return after

    def _judge_policy(self, after: Body, *, of_status: bool) -> None:
        if self.lasting.refused is not None:
            part, length, status = self.lasting.refused
            given = after["status"] if of_status else after["metadata"].get("finalizers")
            if of_status == (part == "status") and len(json.dumps(given)) > length:
                raise Answered(f"a policy is against these {part}", status)

    def _mutated(self, before: Body, after: Body, *, of_status: bool) -> Body:
        dropped, metadata, status = self.lasting.dropped, after["metadata"], after.get("status") or {}
        match dropped:
            case None:
                pass
            case "finalizers" | "annotations" if not of_status:
                return {**after, "metadata": {**metadata, dropped: [] if dropped == "finalizers" else {}}}
            case "removal" if not of_status:
                names = (before["metadata"].get("finalizers") or (), metadata.get("finalizers") or ())
                return {**after, "metadata": {**metadata, "finalizers": list(dict.fromkeys(chain(*names)))}}
            case "messages" if of_status:
                short = [{**item, "message": ""} for item in status.get("conditions", ())]
                return {**after, "status": {**status, "conditions": short}}
            case "status" if of_status:
                return before
            case _ if of_status and dropped in status and self.may_forget(metadata["uid"]):
                return {**after, "status": {name: part for name, part in status.items() if name != dropped}}
        return after

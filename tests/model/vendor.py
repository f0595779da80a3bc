"""The cloud in memory: endpoints with their whole history, so that what is claimed can be held against what was true.

A create makes an endpoint, always another one; a change takes a while to be applied; a deletion is accepted before the
endpoint is gone. What a LIST shows may be old, and a new endpoint appears in it after a while: within the settle time,
which is what the operator assumes of the cloud (docs/protocol.md, Assumptions).
"""

from __future__ import annotations

import random
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from model.clock import VirtualLoop
from tokenfactory_operator.domain.errors import EndpointNotFound
from tokenfactory_operator.domain.observed import EndpointCreate, EndpointPatch, ObservedEndpoint

EPOCH: Final = datetime(2031, 1, 1, tzinfo=UTC)
_UID = re.compile(r"\[k8s (?P<cluster>\S+) \S+ uid=(?P<uid>\S+) try=[^\s\]]+\]")
CLUSTER: Final = "c1"


def owners(description: str | None) -> set[str]:
    """The uids in the marks of a description; those of another cluster with its name before them."""
    found = _UID.finditer(description or "")
    return {item["uid"] if item["cluster"] == CLUSTER else f"{item['cluster']}/{item['uid']}" for item in found}


@dataclass
class Endpoint:
    """One endpoint, from its creation on."""

    id: str
    owner: str
    """Uid of the object that a POST of the operator made it for, or that adopted it; empty for strangers and copies."""
    created: float
    visible: float
    """From when on a LIST shows it."""
    late: bool
    """It came after the settle time: nobody could have known of it."""
    history: list[tuple[float, ObservedEndpoint]] = field(default_factory=list)
    gone: float | None = None
    mutated: float = float("-inf")
    """Effect of the operator's last mutation whose answer it has got."""
    copy_of: str = ""
    adopted: bool = False
    """Its present owner has taken it over."""
    former: set[str] = field(default_factory=set)
    """Uids that it was marked with before."""
    project: str = ""
    """In which only the credentials of that project reach it; empty: the operator's own."""
    released: bool = False
    """The operator has turned its mark into a released one."""

    @property
    def now(self) -> ObservedEndpoint:
        """As it is."""
        return self.history[-1][1]

    @property
    def number(self) -> int:
        """The number in its id."""
        return int(self.id.removeprefix("ep-"))

    @property
    def alive(self) -> bool:
        """Whether it exists, and costs money."""
        return self.gone is None

    def at(self, moment: float) -> ObservedEndpoint | None:
        """As it was."""
        if moment < self.created or (self.gone is not None and moment >= self.gone):
            return None
        if moment >= self.history[-1][0]:
            return self.history[-1][1]
        return self.history[bisect_right(self.history, moment, key=lambda item: item[0]) - 1][1]

    def between(self, start: float, end: float) -> list[ObservedEndpoint]:
        """Every state that it had at some moment of the interval."""
        first = self.at(start)
        later = [shown for at, shown in self.history if start < at <= end]
        return ([first] if first is not None else []) + later


class Vendor:
    """All endpoints, of all projects: each has another id."""

    def __init__(self, loop: VirtualLoop, rng: random.Random) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self.asked: defaultdict[str, set[str]] = defaultdict(set)
        """Uid → projects to which a POST was ever sent for the object: its effect may come much later."""
        self.belated: set[str] = set()
        """Uids of objects of which a POST takes effect later than the operator can be prepared for."""
        self.room = True
        """Whether there are GPUs: without, an endpoint is accepted and does not get ready."""
        self.get_by_id = True
        self.maintained = False
        """LISTs are empty and every id answers 404, though everything is there."""
        self.cap: int | None = None
        """How many endpoints a LIST shows at most, the oldest ones."""
        self.counts = False
        """A LIST says how many endpoints there are in all."""
        self.provisioning = (5.0, 60.0)
        self.on_create: Callable[[Endpoint], None] = lambda _: None
        self.on_take: Callable[[Endpoint, str], None] = lambda *_: None
        """Told of an endpoint that is about to get this uid's mark, in place of another's or of none."""
        self._loop = loop
        self._rng = rng
        self._ids = 0
        self._versions: dict[str, int] = {}

    @property
    def alive(self) -> list[Endpoint]:
        """Those that exist."""
        return [endpoint for endpoint in self.endpoints.values() if endpoint.alive]

    def of(self, uid: str) -> list[Endpoint]:
        """Those that exist and were made for an object."""
        return [endpoint for endpoint in self.alive if endpoint.owner == uid]

    def find(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint, if it exists."""
        endpoint = self.endpoints.get(endpoint_id)
        return endpoint if endpoint is not None and endpoint.alive else None

    # The API's operations

    def create(self, body: EndpointCreate, project: str = "", *, lag: float = 0.0, late: bool = False) -> Endpoint:
        """POST."""
        shown = ObservedEndpoint(
            id="",
            name=body.name,
            description=body.description,
            enabled=True,
            routing_key=body.routing_key,
            model_name=body.model_name,
            flavor_name=body.flavor_name,
            region=body.region,
            gpu_type=body.gpu_type,
            gpu_count=body.gpu_count,
            custom_weights_id=body.custom_weights_id or "",
            min_replicas=body.min_replicas,
            max_replicas=body.max_replicas,
        )
        owner = next(iter(owners(body.description)), "")
        endpoint = self.add(shown, owner=owner, lag=lag, late=late, project=project)
        self.on_create(endpoint)
        return endpoint

    def add(
        self,
        shown: ObservedEndpoint,
        *,
        owner: str = "",
        lag: float = 0.0,
        late: bool = False,
        copy_of: str = "",
        project: str = "",
    ) -> Endpoint:
        """Make an endpoint, starting."""
        self._ids += 1
        now = self._loop.time()
        made = ObservedEndpoint(
            **{
                **_fields(shown),
                "id": f"ep-{self._ids}",
                "routing_key": shown.routing_key or f"dedicated/key-{self._ids:04d}",
                "ready_replicas": 0,
                "status": "starting",
                "readiness": "not_ready",
                "created_at": (EPOCH + timedelta(seconds=now)).isoformat(),
            }
        )
        endpoint = Endpoint(made.id, owner, now, now + lag, late, [(now, made)], copy_of=copy_of, project=project)
        self.endpoints[made.id] = endpoint
        self._settle(endpoint)
        return endpoint

    def update(self, endpoint_id: str, patch: EndpointPatch, *, after: float = 0.0) -> ObservedEndpoint:
        """PATCH; the answer shows the endpoint as it will be, `after` seconds later."""
        endpoint = self._existing(endpoint_id)
        sent = {name: getattr(patch, name) for name in patch.fields}
        if patch.description is not None:
            self._marked(endpoint, patch.description)
        if "scaling" in sent:
            sent["min_replicas"], sent["max_replicas"] = sent.pop("scaling")
        if after:
            self._loop.call_later(after, self.apply, endpoint, sent)
            return replace(endpoint.now, **sent)
        self.apply(endpoint, sent)
        return endpoint.now

    def _marked(self, endpoint: Endpoint, description: str) -> None:
        before = endpoint.owner or endpoint.copy_of
        for uid in owners(description):
            if uid != before and "/" not in uid:
                self.on_take(endpoint, uid)
                endpoint.former.add(before)
                endpoint.owner, endpoint.copy_of, endpoint.adopted = uid, "", True
        endpoint.released = "[k8s-released" in description

    def apply(self, endpoint: Endpoint, sent: dict[str, Any]) -> None:
        """A new configuration, whoever asks for it; what it needs is rolled out."""
        before = endpoint.now
        self.change(endpoint, **sent)
        heavy = {"gpu_type", "gpu_count", "min_replicas", "custom_weights_id"}
        if endpoint.now.enabled != before.enabled:
            self.change(endpoint, status="starting" if endpoint.now.enabled else "stopping", readiness="not_ready")
            self._settle(endpoint)
        elif endpoint.now.enabled and any(getattr(before, name) != getattr(endpoint.now, name) for name in heavy):
            self.change(endpoint, status="updating")
            self._settle(endpoint)

    def delete(self, endpoint_id: str, *, after: float = 0.0) -> None:
        """DELETE; the endpoint is gone `after` seconds later."""
        endpoint = self._existing(endpoint_id)
        if after:
            self._loop.call_later(after, self.vanish, endpoint)
        else:
            self.vanish(endpoint)

    def _existing(self, endpoint_id: str) -> Endpoint:
        endpoint = self.find(endpoint_id)
        if endpoint is None:
            raise EndpointNotFound("no such endpoint", refused=True, status=404)
        return endpoint

    def listing(self, moment: float, project: str = "") -> tuple[list[Endpoint], int]:
        """What a LIST of a project shows of this moment, and how many more it says that there are."""
        every = [
            item
            for item in self.endpoints.values()
            if item.project == project and item.visible <= moment and item.at(moment) is not None
        ]
        shown = every[: self.cap]
        return shown, (len(every) - len(shown) if self.counts else 0)

    # What happens at the vendor's

    def vanish(self, endpoint: Endpoint) -> None:
        """The endpoint is gone."""
        if endpoint.alive:
            endpoint.gone = self._loop.time()

    def change(self, endpoint: Endpoint, **fields: Any) -> None:  # noqa: ANN401  # fields of `ObservedEndpoint`
        """Let the endpoint be different from now on."""
        if endpoint.alive:
            endpoint.history.append((self._loop.time(), replace(endpoint.now, **fields)))

    def _settle(self, endpoint: Endpoint) -> None:
        """Bring the deployment to what was asked for, after a while; the last request counts."""
        version = self._versions[endpoint.id] = self._versions.get(endpoint.id, 0) + 1
        self._loop.call_later(self._rng.uniform(*self.provisioning), self._deployed, endpoint, version)

    def _deployed(self, endpoint: Endpoint, version: int) -> None:
        if not endpoint.alive or version != self._versions[endpoint.id]:
            return
        if endpoint.now.enabled is False:
            self.change(endpoint, status="stopped", readiness="not_ready", ready_replicas=0)
        elif self.room:
            self.change(endpoint, status="running", readiness="ready", ready_replicas=endpoint.now.min_replicas)
        else:
            self._settle(endpoint)

    def degrade(self, endpoint: Endpoint, status: str, readiness: str, ready: int, lasts: float) -> None:
        """Something breaks at the vendor's, for a while."""
        if endpoint.now.enabled:
            self.change(endpoint, status=status, readiness=readiness, ready_replicas=ready)
            version = self._versions[endpoint.id] = self._versions[endpoint.id] + 1
            self._loop.call_later(lasts, self._deployed, endpoint, version)


def _fields(shown: ObservedEndpoint) -> dict[str, Any]:
    return {each.name: getattr(shown, each.name) for each in fields(ObservedEndpoint) if each.init}

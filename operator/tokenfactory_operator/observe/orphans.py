"""Which endpoints have lost their object? Finds and tells; it never deletes one (docs/protocol.md, Orphans).

A *suspect* carries marks of this cluster, and no object that the cache has is named in them. The cache holds what the
watch shows of the selected objects, so it can only raise a suspicion. A suspect that the cloud still lists
`CREATE_SETTLE` later is judged by a LIST of all objects in the watched namespaces, begun after that and without the
label selector: an object outside the selector is another operator's to look after, and none of ours is gone because of
it. A mark that names a namespace which is not watched says nothing here, and is left alone.

Without suspects nothing is asked of the API server, and a check costs one set difference.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tokenfactory_operator.domain.decision_input import Sighting
from tokenfactory_operator.domain.errors import KubeError
from tokenfactory_operator.domain.identity import OwnerMark, subject
from tokenfactory_operator.observe.unselected import tell, unattended
from tokenfactory_operator.ports import Clock, JsonObject, Recorder, about_namespace
from tokenfactory_operator.state.cache import ObjectCache
from tokenfactory_operator.state.inventory import Inventory

REASON: Final = "OrphanedEndpoint"
"""Of the Event."""
JUDGE_AGAIN: Final = 600.0
"""Seconds after which those suspects are judged again that stay suspects (with a selector there may be many)."""
MOST_EVENTS: Final = 10
"""Events for those found at once; one more says how many there are besides. Each is in the log."""
_SHORTEST_INTERVAL: Final = 1.0

ListAll = Callable[[], Awaitable[tuple[Sequence[JsonObject], str]]]
Watches = Callable[[str], bool]
"""A complete LIST of the objects in the watched namespaces, whatever their labels; raises `KubeError`."""

_LOG = logging.getLogger(__name__)


def everywhere(_namespace: str) -> bool:
    """Every namespace is watched."""
    return True


@dataclass(frozen=True)
class Suspect:
    """An endpoint without an object, as far as somebody knows."""

    seen: Sighting
    scope: str
    namespace: str
    """Whose credential lists it; empty for the operator's own."""
    marks: tuple[OwnerMark, ...]
    """Those of this cluster; never empty."""

    def __str__(self) -> str:
        owner = self.marks[0]
        elsewhere = len(self.seen.endpoint.marks) > len(self.marks)
        look = " It carries another cluster's mark too: look there first." if elsewhere else ""
        return (
            f"Endpoint {self.seen.endpoint.id} in scope {self.scope} carries the mark of {owner.subject} with uid "
            f"{owner.identity.uid}, an object that no longer exists. It costs money while it runs. Delete it in the "
            "cloud's console, or create a DedicatedEndpoint of that name with its id in spec.endpointId to take it "
            f"over.{look}"
        )


def suspects(
    inventories: Iterable[Inventory], objects: ObjectCache, *, cluster_id: str, watches: Watches = everywhere
) -> dict[str, Suspect]:
    """Endpoints of this cluster, by id, that no object owns and of which none speaks, of the watched namespaces.

    An object speaks of an endpoint when its spec or status names the id, or when it has the name in the mark and its
    status counts the endpoint among the conflicting ones (a predecessor's endpoint).
    """
    found: dict[str, Suspect] = {}
    for inventory in inventories:
        for seen in inventory.unowned(objects.uids):
            marks = tuple(mark for mark in seen.endpoint.marks if mark.identity.cluster_id == cluster_id)
            found.setdefault(seen.endpoint.id, Suspect(seen, inventory.scope, inventory.namespace, marks))
    if not found:
        return {}
    namesakes = {mark.subject for suspect in found.values() for mark in suspect.marks}
    said = {
        place: _conflicting(objects.get(key))
        for key in objects.uids.values()
        if (place := subject(key.namespace, key.name)) in namesakes
    }
    return {
        endpoint_id: suspect
        for endpoint_id, suspect in found.items()
        if not objects.keys_of(uids=(), endpoint_ids=(endpoint_id,))
        and not any(endpoint_id in said.get(mark.subject, ()) for mark in suspect.marks)
        and all(_in(watches, mark) for mark in suspect.marks)
    }


def _conflicting(body: JsonObject | None) -> frozenset[str]:
    """Endpoints that stand in the way of an object, as its status says."""
    return frozenset(((body or {}).get("status") or {}).get("conflictingEndpoints") or ())


def _in(watches: Watches, mark: OwnerMark) -> bool:
    """A subject that was shortened still begins with its whole namespace, which has 63 characters at most."""
    return watches(mark.subject.partition("/")[0])


class Orphans:
    """Those found so far. Every time is the monotonic clock's, in seconds."""

    def __init__(
        self,
        *,
        cluster_id: str,
        cache: ObjectCache,
        list_all: ListAll,
        recorder: Recorder,
        clock: Clock,
        settle: float,
        namespace: str,
        watches: Watches = everywhere,
    ) -> None:
        """`settle` is `CREATE_SETTLE`; `namespace` is the operator's own, where the Events go.

        `watches` says whether the objects of a namespace are known at present: of no other one is an orphan told.
        """
        self._cluster_id = cluster_id
        self._cache = cache
        self._list_all = list_all
        self._recorder = recorder
        self._clock = clock
        self._settle = settle
        self._namespace = namespace
        self._watches = watches
        self._since: dict[str, float] = {}
        self._judged: dict[str, float] = {}
        self._orphans: dict[str, Suspect] = {}
        self._silent: frozenset[str] = frozenset()
        """Uids of objects outside the selector that are being deleted, and of which that was told."""
        self._namespaces: tuple[str, ...] = ()

    def counts(self) -> Mapping[str, int]:
        """How many there are, by the namespace whose credential lists them (empty: the operator's own)."""
        found = Counter(suspect.namespace for suspect in self._orphans.values())
        return {namespace: found[namespace] for namespace in (*self._namespaces, *found)}

    async def run(self, inventories: Callable[[], Iterable[Inventory]]) -> None:
        """Check twice in a settle time, until cancelled."""
        while True:
            await asyncio.sleep(max(_SHORTEST_INTERVAL, self._settle / 2))
            try:
                await self.check(inventories())
            except KubeError as error:
                _LOG.warning("endpoints without an object cannot be judged: %s", error.message)

    async def check(self, inventories: Iterable[Inventory]) -> None:
        """Look for suspects, and judge those that are ripe. Raises `KubeError`: then nothing new is told."""
        known = tuple(inventories)
        now = self._clock.monotonic()
        self._namespaces = tuple(inventory.namespace for inventory in known)
        found = self._suspects(known, self._cache)
        self._since = {endpoint_id: self._since.get(endpoint_id, now) for endpoint_id in found}
        self._judged = {endpoint_id: at for endpoint_id, at in self._judged.items() if endpoint_id in found}
        self._orphans = {endpoint_id: found[endpoint_id] for endpoint_id in self._orphans if endpoint_id in found}
        ripe = {endpoint_id: suspect for endpoint_id, suspect in found.items() if self._ripe(suspect)}
        if any(now - self._judged.get(endpoint_id, float("-inf")) >= JUDGE_AGAIN for endpoint_id in ripe):
            await self._judge(ripe, known)
            self._judged |= dict.fromkeys(ripe, now)

    def _ripe(self, suspect: Suspect) -> bool:
        """A LIST begun a settle time after the first suspicion still shows it."""
        return suspect.seen.listed - self._since[suspect.seen.endpoint.id] >= self._settle

    async def _judge(self, ripe: Mapping[str, Suspect], inventories: tuple[Inventory, ...]) -> None:
        bodies, _ = await self._list_all()
        objects = ObjectCache()
        for body in bodies:
            objects.put(body)
        self._tell_unselected(ripe, objects)
        # Of the inventories as they are now: what was deleted or adopted meanwhile is no orphan.
        unowned = self._suspects(inventories, objects).keys() & self._suspects(inventories, self._cache).keys()
        before = self._orphans.keys()
        orphans = {endpoint_id: suspect for endpoint_id, suspect in ripe.items() if endpoint_id in unowned}
        self._tell([suspect for endpoint_id, suspect in orphans.items() if endpoint_id not in before])
        self._orphans = orphans

    def _tell_unselected(self, ripe: Mapping[str, Suspect], objects: ObjectCache) -> None:
        """Those that have their object, outside the selector, where that is being deleted and nobody says a word."""
        owners = {mark.identity.uid for suspect in ripe.values() for mark in suspect.marks}
        found = (objects.get(objects.uids[uid]) for uid in owners & objects.uids.keys() - self._cache.uids.keys())
        silent = {body["metadata"]["uid"]: body for body in found if body is not None and unattended(body)}
        for uid in silent.keys() - self._silent:
            tell(self._recorder, silent[uid])
        self._silent = frozenset(silent)

    def _suspects(self, inventories: Iterable[Inventory], objects: ObjectCache) -> dict[str, Suspect]:
        return suspects(inventories, objects, cluster_id=self._cluster_id, watches=self._watches)

    def _tell(self, orphans: Sequence[Suspect]) -> None:
        for suspect in orphans:
            about = {"namespace": suspect.namespace} if suspect.namespace else {}  # whose share of the log it is
            _LOG.warning("%s", suspect, extra=about)
        for suspect in orphans[:MOST_EVENTS]:
            self._event(str(suspect))
        rest = len(orphans) - MOST_EVENTS
        if rest > 0:
            self._event(f"{rest} more endpoints carry marks of objects that no longer exist; the log names each.")

    def _event(self, message: str) -> None:
        """About the operator's namespace: the object's own may be gone, or take no Events any more."""
        self._recorder.event(about_namespace(self._namespace), reason=REASON, message=message, warning=True)

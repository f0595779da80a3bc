"""What one process did to the endpoints of one object, and saw of them: a record for each.

Part of `Memory`. A record is changed only by what has happened; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.timing import NEVER


@dataclass(frozen=True, slots=True)
class EndpointMemory:
    """What this process did to one endpoint, and saw of it, for one object."""

    named: float = NEVER
    """First sight of its id in the spec, with this credential."""
    known_since: float = NEVER
    """Since when it is known to exist, if it was seen as this object's."""
    marked: bool = False
    """The object's mark was seen on it, though it may carry none any more."""
    shown: bool = False
    """A LIST or a look by id has shown it with that mark."""
    attempt: str = ""
    """The attempt in the object's mark when it was seen last; empty if it carried none, or another owner's beside."""
    last_seen: ObservedEndpoint | None = None
    """As it was last seen, for the probe of a vanished one; of the recorded endpoint only."""
    deleted: float = NEVER
    """End of the last DELETE that answered 2xx or 404."""
    deleted_first: float = NEVER
    """End of the first one."""
    released: float = NEVER
    """End of the call that turned its mark into a released one, or that found it gone."""
    probed: float = NEVER
    """When GET by id was last tried because LIST does not show it."""
    looked: bool = False
    """A GET by id has told all that it can, with this credential."""
    gone: float = NEVER
    """When GET did not answer 200 and PATCH then answered 404."""


NOTHING: Final = EndpointMemory()


class EndpointMemories:
    """Endpoint id → what is remembered of it."""

    __slots__ = ("_by_id",)

    def __init__(self) -> None:
        self._by_id: dict[str, EndpointMemory] = {}

    def __getitem__(self, endpoint_id: str) -> EndpointMemory:
        return self._by_id.get(endpoint_id, NOTHING)

    def _change(self, endpoint_id: str, **changes: object) -> None:
        self._by_id[endpoint_id] = replace(self[endpoint_id], **changes)  # type: ignore[arg-type]  # of its fields

    # What has happened

    def name_seen(self, endpoint_id: str, at: float) -> None:
        """The spec names it; the first sight counts."""
        if self[endpoint_id].named == NEVER:
            self._change(endpoint_id, named=at)

    def seen(self, endpoint_id: str, since: float = NEVER, *, marked: bool = False, shown: bool = False) -> None:
        """It is known to exist since then; what was known before stays, and the first time counts."""
        before = self[endpoint_id]
        first = since if before.known_since == NEVER else before.known_since
        now = replace(before, known_since=first, marked=before.marked or marked, shown=before.shown or shown)
        if now != before:
            self._by_id[endpoint_id] = now

    def mark_seen(self, endpoint_id: str, attempt: str) -> None:
        """The object's mark on it names this attempt now; empty if there is none, or another owner's beside it."""
        if self[endpoint_id].attempt != attempt:
            self._change(endpoint_id, attempt=attempt)

    def recorded_seen(self, endpoint: ObservedEndpoint) -> None:
        """The recorded endpoint was last seen so; what another one looked like is of no use any more."""
        if self[endpoint.id].last_seen is endpoint:
            return
        for endpoint_id, memory in self._by_id.items():
            if memory.last_seen is not None:
                self._by_id[endpoint_id] = replace(memory, last_seen=None)
        self._change(endpoint.id, last_seen=endpoint)

    def delete_answered(self, endpoint_id: str, at: float) -> None:
        """A DELETE has answered 2xx or 404."""
        first = self[endpoint_id].deleted_first
        self._change(endpoint_id, deleted=at, deleted_first=at if first == NEVER else first)

    def release_answered(self, endpoint_id: str, at: float) -> None:
        """The call that releases it has been answered."""
        self._change(endpoint_id, released=at)

    def probe_begun(self, endpoint_id: str, at: float) -> None:
        """It is looked for by id."""
        self._change(endpoint_id, probed=at)

    def look_answered(self, endpoint_id: str) -> None:
        """A GET by id has told all that it can."""
        self._change(endpoint_id, looked=True)

    def proven_gone(self, endpoint_id: str, at: float) -> None:
        """GET did not answer 200, and PATCH answered 404."""
        self._change(endpoint_id, gone=at)

    def credential_changed(self) -> None:
        """What is known by id, and that a DELETE was answered, was known beside the other credential's LISTs."""
        for endpoint_id in self._by_id:
            self._change(endpoint_id, named=NEVER, probed=NEVER, looked=False, deleted=NEVER, deleted_first=NEVER)

    # What is asked

    def deleted(self) -> Mapping[str, float]:
        """Endpoint id → end of the last answered DELETE, for those that have one."""
        return {item: memory.deleted for item, memory in self._by_id.items() if memory.deleted > NEVER}

    def gone(self) -> frozenset[str]:
        """Ids of those that were proven gone."""
        return frozenset(item for item, memory in self._by_id.items() if memory.gone > NEVER)

    def attempts(self) -> Mapping[str, str]:
        """Endpoint id → the attempt in its mark, for those that were last seen as this object's alone."""
        return {item: memory.attempt for item, memory in self._by_id.items() if memory.attempt}

    def known_since(self) -> Mapping[str, float]:
        """Endpoint id → since when it is known to exist, for those that were seen as this object's."""
        return {item: memory.known_since for item, memory in self._by_id.items() if memory.known_since > NEVER}

"""Whose mark is on which endpoint of one credential, and when a mark was seen last.

An endpoint that is present stands in the index of each mark that it carries. When a mark goes, with its endpoint or by
an edit, what is left of it is when it was seen last. Nothing is concluded here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.timing import NEVER
from tokenfactory_operator.state.index import Index

MOST_STRANGERS: Final = 10_000
"""Uids that no object has, and whose marks are remembered."""


@dataclass(slots=True)
class Past:
    """What is left of the marks of one object that no endpoint carries any more."""

    ids: set[str] = field(default_factory=set)
    """Endpoints that carried one."""
    seen: float = NEVER
    """When one was last seen of which no answer says that its endpoint is gone."""
    tries: dict[str, float] = field(default_factory=dict)
    """Attempt → when its mark was seen last."""


class Owners:
    """The marks of one cluster on the endpoints of one credential."""

    def __init__(self, cluster_id: str) -> None:
        self._cluster_id = cluster_id
        self.by_uid = Index[str, str]()
        self.by_subject = Index[str, str]()
        """`namespace/name` → endpoints that an object of it has, or has released."""
        self.elsewhere = Index[str, str]()
        """The same for the objects of other clusters."""
        self._past: dict[str, Past] = {}

    def add(self, endpoint: ObservedEndpoint) -> None:
        """The endpoint is present with these marks."""
        for mark in endpoint.marks:
            if mark.identity.cluster_id == self._cluster_id:
                self.by_uid.add(mark.identity.uid, endpoint.id)
                self.by_subject.add(mark.subject, endpoint.id)
            else:
                self.elsewhere.add(mark.subject, endpoint.id)
        released = endpoint.released
        if released is not None and released.cluster_id == self._cluster_id:
            self.by_subject.add(released.subject, endpoint.id)

    def remove(self, endpoint: ObservedEndpoint, seen: float, *, explained: bool = False) -> None:
        """The endpoint, or its marks, went; both were seen last at `seen`.

        `explained`: by an answer to a call of ours, so that having seen it says nothing about what else there may be.
        """
        for mark in endpoint.marks:
            self.elsewhere.discard(mark.subject, endpoint.id)
            if mark.identity.cluster_id == self._cluster_id:
                self.by_subject.discard(mark.subject, endpoint.id)
                self.by_uid.discard(mark.identity.uid, endpoint.id)
                self.hint(mark.identity.uid, mark.attempt, seen, explained=explained)
                self._past[mark.identity.uid].ids.add(endpoint.id)
        if endpoint.released is not None:
            self.by_subject.discard(endpoint.released.subject, endpoint.id)

    def hint(self, uid: str, attempt: str, seen: float, *, explained: bool = False) -> None:
        """Something with this mark was there at `seen`; `explained`: and is not there any more for sure."""
        past = self._past.setdefault(uid, Past())
        past.seen = past.seen if explained else max(past.seen, seen)
        past.tries[attempt] = max(past.tries.get(attempt, NEVER), seen)

    def ever(self, uid: str) -> frozenset[str]:
        """Endpoints that carry the object's mark, or were seen with it."""
        past = self._past.get(uid)
        now = self.by_uid.get(uid)
        return frozenset(now) if past is None else frozenset(past.ids).union(now)

    def last_seen(self, uid: str) -> float:
        """When a mark of the object was last seen that is gone by now, without an answer that says so."""
        past = self._past.get(uid)
        return past.seen if past is not None else NEVER

    def attempt_last_seen(self, uid: str, attempt: str) -> float:
        """The same for the mark of one attempt."""
        past = self._past.get(uid)
        return past.tries.get(attempt, NEVER) if past is not None else NEVER

    def forget(self, uid: str) -> None:
        """The object is gone: nobody will ask."""
        self._past.pop(uid, None)

    def forget_strangers(self, uids: Mapping[str, object]) -> None:
        """Of the objects that are not among these remember the latest only: anybody may write any uid into a mark."""
        strangers = [uid for uid in self._past if uid not in uids]
        for uid in strangers[: max(0, len(strangers) - MOST_STRANGERS)]:
            del self._past[uid]

    def marks(self, endpoint: ObservedEndpoint | None) -> bool:
        """Whether the endpoint carries a mark of this cluster."""
        marks = endpoint.marks if endpoint is not None else ()
        return any(mark.identity.cluster_id == self._cluster_id for mark in marks)

    def own(self, endpoint: ObservedEndpoint, uids: Mapping[str, object]) -> bool:
        """Whether one of the endpoint's marks names one of these objects."""
        return any(
            mark.identity.cluster_id == self._cluster_id and mark.identity.uid in uids for mark in endpoint.marks
        )

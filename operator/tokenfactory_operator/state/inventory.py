"""What is known of the endpoints of one credential, and what may be concluded from it.

Seeing an endpoint proves that it exists; not seeing it proves something only by the rules of exactly-once.md, Evidence.
This module keeps the evidence; it calls nobody and decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Final

from tokenfactory_operator.domain.identity import Identity, owner_marks, subject
from tokenfactory_operator.domain.observed import Changes, EndpointList, ObservedEndpoint
from tokenfactory_operator.domain.resource import Resource
from tokenfactory_operator.domain.situation import NEVER, Absence, Evidence, Outage, Sighting
from tokenfactory_operator.domain.timing import Timing
from tokenfactory_operator.state.stamps import Stamps

OPERATOR: Final = ""
"""In place of a namespace: the operator's own credential."""
MASS_ABSENCE: Final = 0.10
"""Share of the known endpoints that may be missing at once (and more than one) before the list is not believed."""
PAGE_SIZES: Final = frozenset({20, 25, 30, 50, 100, 200, 250, 500, 1000})
"""Lengths at which a list without a page token may be cut off: the usual limits of APIs."""


class Inventory:
    """The endpoints of one credential, with the evidence for each."""

    def __init__(self, *, scope: str, cluster_id: str, stamps: Stamps, timing: Timing) -> None:
        self.scope = scope
        self.namespace = OPERATOR
        """In whose name its credential has a place (`places`); empty for the operator's own."""
        self.namespaces: set[str] = set()
        """Those whose objects have, or had, its credential; with `OPERATOR`, which any object may have had."""
        self._cluster_id = cluster_id
        self._stamps = stamps
        self._timing = timing
        self._present: dict[str, Sighting] = {}
        self._vanished: dict[str, ObservedEndpoint] = {}
        """Id → as it was last seen, for those that are not present and that nobody here has deleted."""
        self._buried: dict[str, float] = {}
        """Id → start of the LIST that first left it out after it was deleted: a stale one may show it once more."""
        self._by_uid: dict[str, set[str]] = {}
        self._by_subject: dict[str, set[str]] = {}
        self._in_other_clusters: dict[str, set[str]] = {}
        """Subject → endpoints that another cluster's object of that namespace and name has."""
        self._evidence: dict[str, float] = {}
        self._known_since: dict[str, float] = {}
        self._known_of: dict[str, set[str]] = {}
        self._identity_evidence: dict[str, float] = {}
        self._attempt_evidence: dict[str, dict[str, float]] = {}
        self._complete: list[float] = []
        self._length = self._longest = 0
        """Of the last complete LIST, and of the longest one, in endpoints."""
        self._newest_shown = NEVER
        self.last_view = NEVER
        """Start of the last LIST whose pages all came, complete or not quite."""
        self._known: set[str] = set()
        self._expected: set[str] = set()
        self._unlisted: dict[str, float] = {}
        self._hidden: set[str] = set()
        self._deleted: set[str] = set()
        self._confirmed: set[str] = set()
        self._missing: set[str] | None = None
        self.outage: Outage | None = None
        self.siblings: Callable[[], Iterable[Inventory]] = tuple
        """The inventories of all credentials in use; this one may be among them."""

    def __len__(self) -> int:
        return len(self._present)

    def stamp(self) -> float:
        """A new stamp: taken at the start of each request and at the end of each answer."""
        return self._stamps.take()

    @property
    def last_complete(self) -> float:
        """Start of the last complete LIST; `NEVER` if there was none."""
        return self._complete[-1] if self._complete else NEVER

    @property
    def listed_once(self) -> bool:
        """Whether there has been a LIST whose pages all came."""
        return self.last_view > NEVER

    def listed(self, begun: float, answer: EndpointList) -> Changes:
        """Take in a LIST whose request started at `begun`.

        It never overwrites what an answer that ended after that start has taught, and an incomplete one proves
        presence only.
        """
        before: list[ObservedEndpoint] = []
        changed: list[ObservedEndpoint] = []
        now = self.stamp()
        for endpoint in answer.endpoints:
            old = self._present.get(endpoint.id)
            if old is not None and old.taught > begun:
                continue
            same = old is not None and (old.endpoint is endpoint or old.endpoint == endpoint)
            # What has not changed stays the object that it was: its marks are parsed already.
            kept = old.endpoint if old is not None and same else endpoint
            # What one object's call has taught is news to every other one that names the endpoint.
            told = old is not None and old.taught > old.listed
            self._sight(Sighting(kept, taught=old.taught if old else NEVER, listed=begun), old, now)
            self._newest_shown = max(self._newest_shown, self._unlisted.pop(endpoint.id, NEVER))
            self._hidden.discard(endpoint.id)
            if not same or told:
                changed.append(endpoint)
                before.extend([old.endpoint] if old else [])
        hidden = self._note_nameless(answer, now)
        self.last_view = begun if answer.view else self.last_view
        vanished = self._drop_missing(begun, answer, hidden) if answer.complete else []
        return self._changes((*before, *changed, *vanished))

    def _note_nameless(self, answer: EndpointList, now: float) -> set[str]:
        """Items without an id may be any endpoint of the objects that their marks name: answers those ids."""
        named = [mark for text in answer.nameless for mark in owner_marks(text)]
        for mark in named:
            self._identity_evidence[mark.identity.uid] = now
            self._attempt_evidence.setdefault(mark.identity.uid, {})[mark.attempt] = now
        ids = {item for mark in named for item in self._known_of.get(mark.identity.uid, ())}
        self._evidence.update(dict.fromkeys(ids, now))
        return ids

    def _drop_missing(self, begun: float, answer: EndpointList, hidden: set[str]) -> list[ObservedEndpoint]:
        shown = {endpoint.id for endpoint in answer.endpoints} | hidden
        missing = [
            seen
            for endpoint_id, seen in self._present.items()
            if endpoint_id not in shown and seen.taught <= begun and not self._kept_unseen(endpoint_id, begun)
        ]
        for seen in missing:
            self._forget(seen.endpoint)
            if seen.endpoint.id in self._deleted:
                self._buried.setdefault(seen.endpoint.id, begun)
        self._complete.append(begun)
        self._length = len(answer.endpoints)
        self._longest = max(self._longest, self._length)
        self._missing = None
        self._forget_unnamed()
        self._prune()
        return [seen.endpoint for seen in missing]

    def _kept_unseen(self, endpoint_id: str, begun: float) -> bool:
        """Taken to exist though not listed: observed by id, or created so lately that a LIST may lag behind."""
        created = self._unlisted.get(endpoint_id)
        return endpoint_id in self._hidden or (created is not None and begun <= created + self._timing.create_settle)

    def learned(self, endpoint: ObservedEndpoint, *, created: bool = False) -> float:
        """Take in a 2xx answer that has just ended (POST, PATCH, GET); answers its stamp."""
        ended = self.stamp()
        old = self._present.get(endpoint.id)
        self._sight(Sighting(endpoint, taught=ended, listed=old.listed if old else NEVER), old, self.stamp())
        if created:
            self._unlisted[endpoint.id] = ended
        return ended

    def found_hidden(self, endpoint: ObservedEndpoint) -> None:
        """A GET by id answered 200 for an endpoint that the complete LISTs do not show: they hide things."""
        self.learned(endpoint)
        self._hidden.add(endpoint.id)

    def lost_sight(self, endpoint_id: str) -> None:
        """A hidden endpoint does not answer by id any more."""
        self._hidden.discard(endpoint_id)
        seen = self._present.get(endpoint_id)
        if seen is not None and max(seen.listed, seen.taught) < self.last_complete:
            self._forget(seen.endpoint)
            self._missing = None

    def marked(self, uid: str) -> frozenset[str]:
        """Endpoints that carry the object's mark, or were seen with it."""
        return frozenset(self._known_of.get(uid, ()))

    def known_since(self, uid: str, recorded: str) -> dict[str, float]:
        """Id → end of the first answer that showed it, for the recorded one and all that ever had the object's mark."""
        ids = {recorded, *self._known_of.get(uid, ())} & self._known_since.keys()
        return {endpoint_id: self._known_since[endpoint_id] for endpoint_id in ids}

    def delete_answered(self, endpoint_id: str, *, hidden: bool = False) -> float:
        """A DELETE answered 2xx or 404: that it will be missing is expected. Answers the stamp.

        `hidden`: the LISTs did not show it before, so that they do not show it now says nothing; a look by id does.
        """
        self.proven_gone(endpoint_id)
        if hidden:
            self._hidden.add(endpoint_id)
        return self.stamp()

    def proven_gone(self, endpoint_id: str) -> None:
        """PATCH by id answered 404 in the API's own form: its being missing says nothing against the list.

        Nor against another credential's that can see it too: one id is one endpoint, whoever lists it. A credential
        that never saw it knows nothing of it.
        """
        for other in self.siblings() if endpoint_id in self._known_since else ():
            if other is not self and endpoint_id in other._known:  # noqa: SLF001 - of the same class
                other._expect_missing(endpoint_id)  # noqa: SLF001
        self._expect_missing(endpoint_id)
        self._unlisted.pop(endpoint_id, None)
        self._hidden.discard(endpoint_id)

    def _expect_missing(self, endpoint_id: str) -> None:
        self._deleted.add(endpoint_id)
        self._missing = None
        if endpoint_id in self._vanished:  # a LIST had left it out before: the answer to its deletion was lost
            self._buried.setdefault(endpoint_id, self.last_complete)

    def expect(self, endpoint_id: str) -> None:
        """An object's status names this endpoint: it counts as known, also before any LIST of this process."""
        self._expected.add(endpoint_id)
        if endpoint_id not in self._known:
            self._known.add(endpoint_id)
            self._missing = self._missing if endpoint_id in self._present else None

    def confirm(self, endpoint_id: str) -> None:
        """A person says that this endpoint's absence is real."""
        self._confirmed.add(endpoint_id)
        self._missing = None
        self._unlisted.pop(endpoint_id, None)

    def unexpect(self, endpoint_id: str) -> None:
        """The object names another one now, or has another credential: nobody here can confirm its absence any more."""
        self._expected.discard(endpoint_id)
        self._hidden.discard(endpoint_id)  # and nobody looks for it by id

    def forget(self, uid: str, endpoint_id: str) -> None:
        """The object is gone: nothing will be asked about it any more."""
        self._identity_evidence.pop(uid, None)
        self._attempt_evidence.pop(uid, None)
        self._known_of.pop(uid, None)
        self._expected.discard(endpoint_id)
        self._hidden.discard(endpoint_id)  # nobody looks for it by id any more: from now on it is one of the unnamed
        if endpoint_id and endpoint_id not in self._present:
            self._drop_traces(endpoint_id)

    def _forget_unnamed(self) -> None:
        """What no object names, nobody can confirm: it speaks against the LIST for a time, not for ever."""
        for endpoint_id in self.missing() - self._expected:
            absence = Absence(self._evidence.get(endpoint_id, NEVER), self._complete)
            if absence.proven(after=NEVER, settle=self._timing.delete_settle):
                self._drop_traces(endpoint_id)

    def _drop_traces(self, endpoint_id: str) -> None:
        self._evidence.pop(endpoint_id, None)
        self._known_since.pop(endpoint_id, None)
        self._unlisted.pop(endpoint_id, None)
        self._vanished.pop(endpoint_id, None)
        self._missing = None
        for group in (self._known, self._deleted, self._confirmed, self._hidden):
            group.discard(endpoint_id)

    # What may be concluded

    def untrusted(self) -> str:
        """Why absence from this inventory proves nothing now; empty when it does (exactly-once.md, Evidence)."""
        if self._hidden:
            return f"The cloud's list does not show {_some(self._hidden)}, which answers by id."
        overdue = self._overdue()
        if overdue:
            return f"The cloud created {_some(overdue)} and still does not list it."
        missing = self.missing()
        if len(missing) > 1 and len(missing) > MASS_ABSENCE * len(self._known):
            return f"{len(missing)} of {len(self._known)} known endpoints are missing at once from the cloud's list."
        return ""

    def _overdue(self) -> set[str]:
        # In the order of their creation: every pass asks, also while a thousand are being created.
        latest = self.last_complete - self._timing.create_settle
        return {item[0] for item in takewhile(lambda item: item[1] < latest, self._unlisted.items())}

    def missing(self) -> set[str]:
        """Known endpoints that the last complete LIST should show and does not."""
        if not self._complete:
            return set()
        if self._missing is None:
            absent = self._known - self._present.keys() - self._deleted - self._confirmed
            self._missing = {item for item in absent if self._evidence.get(item, NEVER) < self.last_complete}
        return self._missing

    def evidence(
        self, resource: Resource, *, recorded: str, attempt: str, named: str = "", claimed_by: str = ""
    ) -> Evidence:
        """Everything about one object; `recorded`, `attempt` and `named` may be empty."""
        uid = resource.uid
        place = subject(resource.namespace, resource.name)
        return Evidence(
            scope=self.scope,
            known=self.listed_once,
            outage=self.outage,
            untrusted=self.untrusted(),
            elsewhere=self._shown_elsewhere(resource),
            last_list=self.last_complete,
            last_view=self.last_view,
            own=self._sightings(self._by_uid.get(uid, ())),
            recorded=self._present.get(recorded),
            named=self._present.get(named),
            claimed_by=claimed_by,
            predecessors=tuple(
                seen
                for seen in self._sightings(self._by_subject.get(place, ()))
                if seen.endpoint.id not in self._buried and not seen.endpoint.carries(Identity(self._cluster_id, uid))
            ),
            namesakes=tuple(
                seen
                for seen in self._sightings(self._in_other_clusters.get(place, ()))
                if not seen.endpoint.carries(Identity(self._cluster_id, uid))
            ),
            identity_absence=Absence(self._identity_evidence.get(uid, NEVER), self._complete),
            attempt_absence=Absence(self._attempt_evidence.get(uid, {}).get(attempt, NEVER), self._complete),
            recorded_absence=Absence(self._evidence.get(recorded, NEVER), self._complete),
            hidden=frozenset(self._hidden),
            witnessed=not recorded or recorded in self._present or self._witnessed(recorded),
            cut_at=self._cut_at(),
            newest_shown=self._newest_shown,
            overdue=frozenset(self._overdue()),
        )

    def _witnessed(self, recorded: str) -> bool:
        """Whether the last complete LIST shows another one that belongs to the same project for sure.

        That is one with a mark of this cluster, one that another object's status names, or one that was known while the
        recorded one still was.
        """
        before = self._evidence.get(recorded, NEVER)
        return any(
            seen.listed >= self.last_complete > NEVER
            and (
                endpoint_id in self._expected
                or self._known_since[endpoint_id] <= before
                or any(mark.identity.cluster_id == self._cluster_id for mark in seen.endpoint.marks)
            )
            for endpoint_id, seen in self._present.items()
        )

    def _cut_at(self) -> int:
        """The length of the last complete LIST, where it may leave out what does not fit: a page, and never longer."""
        return self._length if self._length in PAGE_SIZES and self._length == self._longest else 0

    def _shown_elsewhere(self, resource: Resource) -> frozenset[str]:
        """Endpoints of this object that only other credentials' lists show: of those that it may have had itself.

        What a stranger's project holds is no evidence: anybody can write a mark there.
        """
        if self.shows(resource.uid):
            return frozenset()
        may_have_had = {resource.namespace, OPERATOR}
        heard = (
            other
            for other in self.siblings()
            if other is not self and other.outage is None and not may_have_had.isdisjoint(other.namespaces)
        )
        return frozenset(item for other in heard for item in other._by_uid.get(resource.uid, ()))  # noqa: SLF001 - of the same class

    def shows(self, uid: str) -> bool:
        """Whether an endpoint with the mark of this object is taken to exist."""
        return uid in self._by_uid

    def marked_and_listed(self) -> Iterator[tuple[str, str]]:
        """Uid and id of each endpoint with a mark of this cluster that a LIST has shown."""
        for uid, ids in self._by_uid.items():
            yield from ((uid, endpoint_id) for endpoint_id in ids if self._present[endpoint_id].listed > NEVER)

    def unowned(self, uids: Mapping[str, object]) -> tuple[Sighting, ...]:
        """Endpoints with marks of this cluster, of which none names one of these uids."""
        dead = self._by_uid.keys() - uids.keys()
        candidates = self._sightings({endpoint_id for uid in dead for endpoint_id in self._by_uid[uid]})
        return tuple(seen for seen in candidates if not self._owned(seen.endpoint, uids))

    def made_by(self, identity: Identity, attempt: str) -> str | None:
        """Id of the endpoint that is taken to exist and carries this `try` of the object; None too where several do."""
        found = self._sightings(self._by_uid.get(identity.uid, ()))
        made = [seen.endpoint.id for seen in found if seen.endpoint.attempt_of(identity) == attempt]
        return made[0] if len(made) == 1 else None

    def endpoint(self, endpoint_id: str) -> ObservedEndpoint | None:
        """The endpoint as it is known, if it is present."""
        seen = self._present.get(endpoint_id)
        return seen.endpoint if seen else None

    def last_seen(self, endpoint_id: str) -> ObservedEndpoint | None:
        """The endpoint as an answer showed it last, also where LIST does not show it any more."""
        return self.endpoint(endpoint_id) or self._vanished.get(endpoint_id)

    def _owned(self, endpoint: ObservedEndpoint, uids: Mapping[str, object]) -> bool:
        owners = (mark.identity for mark in endpoint.marks)
        return any(owner.cluster_id == self._cluster_id and owner.uid in uids for owner in owners)

    # Book-keeping

    def _sightings(self, ids: Iterable[str]) -> tuple[Sighting, ...]:
        return tuple(self._present[endpoint_id] for endpoint_id in sorted(ids))

    def _sight(self, seen: Sighting, old: Sighting | None, now: float) -> None:
        if old is not None and old.endpoint.description != seen.endpoint.description:
            self._unindex(old.endpoint)
        endpoint_id = seen.endpoint.id
        self._present[endpoint_id] = seen
        self._vanished.pop(endpoint_id, None)
        self._evidence[endpoint_id] = now
        self._known_since.setdefault(endpoint_id, now)
        self._known.add(endpoint_id)
        if endpoint_id in self._buried:
            self._deleted.add(endpoint_id)  # that it will be missing again is expected
        self._confirmed.discard(endpoint_id)
        if self._missing:
            self._missing.discard(endpoint_id)
        for mark in seen.endpoint.marks:
            if mark.identity.cluster_id != self._cluster_id:
                self._in_other_clusters.setdefault(mark.subject, set()).add(endpoint_id)
                continue
            uid = mark.identity.uid
            self._by_uid.setdefault(uid, set()).add(endpoint_id)
            self._known_of.setdefault(uid, set()).add(endpoint_id)
            self._by_subject.setdefault(mark.subject, set()).add(endpoint_id)
            self._identity_evidence[uid] = now
            self._attempt_evidence.setdefault(uid, {})[mark.attempt] = now
        released = seen.endpoint.released
        if released is not None and released.cluster_id == self._cluster_id:
            self._by_subject.setdefault(released.subject, set()).add(endpoint_id)

    def _forget(self, endpoint: ObservedEndpoint) -> None:
        del self._present[endpoint.id]
        if endpoint.id not in self._deleted:
            self._vanished[endpoint.id] = endpoint
        self._unindex(endpoint)

    def _unindex(self, endpoint: ObservedEndpoint) -> None:
        released = endpoint.released
        subjects = {mark.subject for mark in endpoint.marks} | ({released.subject} if released else set())
        for index, keys in (
            (self._by_uid, {mark.identity.uid for mark in endpoint.marks}),
            (self._by_subject, subjects),
            (self._in_other_clusters, subjects),
        ):
            for key in keys & index.keys():
                index[key].discard(endpoint.id)
                if not index[key]:
                    del index[key]

    def _changes(self, endpoints: Iterable[ObservedEndpoint]) -> Changes:
        seen = tuple(endpoints)
        uids = frozenset(mark.identity.uid for endpoint in seen for mark in endpoint.marks)
        doubled = frozenset(uid for uid in uids if len(self._by_uid.get(uid, ())) > 1)
        return Changes(frozenset(endpoint.id for endpoint in seen), uids, doubled)

    def _prune(self) -> None:
        """Keep the starts that any settle time can still need, and one before them, which proves as much as all."""
        horizon = self.last_complete - 2 * (self._timing.delete_settle + self._timing.create_settle)
        needed = min(horizon, self.last_complete - self._timing.longest_settle)
        first = next(index for index, begun in enumerate(self._complete) if begun >= needed)
        del self._complete[: max(0, first - 1)]
        for endpoint_id in [item for item, begun in self._buried.items() if begun < horizon]:
            del self._buried[endpoint_id]
            if endpoint_id not in self._present and endpoint_id not in self._expected:
                self._drop_traces(endpoint_id)


def _some(ids: Iterable[str], limit: int = 3) -> str:
    named = sorted(ids)
    rest = f" and {len(named) - limit} more" if len(named) > limit else ""
    return f"endpoint {', '.join(named[:limit])}{rest}"

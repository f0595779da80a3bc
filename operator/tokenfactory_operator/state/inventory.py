"""What is known of the endpoints of one credential: a record for each, changed by what answers and LISTs tell.

Seeing an endpoint proves that it exists. Not seeing it proves something only by docs/protocol.md, Evidence.
This module keeps the evidence; it calls nobody and decides nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from tokenfactory_operator.domain.decision_input import Outage, Sighting
from tokenfactory_operator.domain.identity import Identity, owner_marks
from tokenfactory_operator.domain.observed import Changes, EndpointList, ObservedEndpoint
from tokenfactory_operator.domain.timing import NEVER, Timing
from tokenfactory_operator.state.lists import Lists
from tokenfactory_operator.state.owners import Owners
from tokenfactory_operator.state.record import EndpointRecord, Explained
from tokenfactory_operator.state.sequence import SequenceClock
from tokenfactory_operator.state.trust import Trust

OPERATOR: Final = ""
"""In place of a namespace: the operator's own credential."""
MOST_UNNAMED: Final = 20_000
"""Missing endpoints that no object names and that are remembered; the oldest are forgotten first."""


class Inventory:
    """The endpoints of one credential, with the evidence for each."""

    def __init__(
        self,
        *,
        scope: str,
        cluster_id: str,
        sequence: SequenceClock,
        timing: Timing,
        namespace: str = OPERATOR,
        siblings: Callable[[], Iterable[Inventory]] = tuple,
    ) -> None:
        """`siblings`: the inventories of all credentials in use; this one may be among them."""
        self.scope = scope
        self.namespace = namespace
        """In whose name its credential has a place (`places`)."""
        self.namespaces = {namespace}
        """Those whose objects have, or had, its credential; with `OPERATOR`, which any object may have had."""
        self.siblings = siblings
        self.cluster_id = cluster_id
        self._sequence = sequence
        self._timing = timing
        self._records: dict[str, EndpointRecord] = {}
        self.owners = Owners(cluster_id)
        self.lists = Lists(timing)
        self.trust = Trust(timing)
        self.newest_shown = NEVER
        """End of the latest POST of this process whose endpoint a LIST has shown."""
        self.outage: Outage | None = None

    def __len__(self) -> int:
        return sum(record.present for record in self._records.values())

    def stamp(self) -> float:
        """A new stamp: taken at the start of each request and at the end of each answer."""
        return self._sequence.take()

    @property
    def last_complete(self) -> float:
        """Start of the last complete LIST; `NEVER` if there was none."""
        return self.lists.last_complete

    @property
    def last_view(self) -> float:
        """Start of the last LIST whose pages all came, complete or not quite."""
        return self.lists.last_view

    @property
    def listed_once(self) -> bool:
        """Whether there has been a LIST whose pages all came."""
        return self.last_view > NEVER

    # What LISTs tell

    def listed(self, begun: float, answer: EndpointList) -> Changes:
        """Take in a LIST whose request started at `begun`.

        It never overwrites what an answer that ended after that start has told, and an incomplete one proves presence
        only.
        """
        changed: list[ObservedEndpoint] = []  # as they were, and as they are
        now = self.stamp()
        for endpoint in answer.endpoints:
            record = self._record(endpoint.id)
            if record.answered > begun:
                continue
            # What has not changed stays the object that it was: its marks are parsed already.
            same = record.endpoint is endpoint or record.endpoint == endpoint
            if same and record.steady:
                # It is the LIST's own from now on, which is the next LIST's too: held once, and known by one look.
                record.endpoint, record.listed, record.seen = endpoint, begun, now
                continue
            old = record.endpoint if record.present else None
            # What one object's call has told is news to every other one that names the endpoint.
            if old is None or not same or record.answered > record.listed:
                changed += [endpoint] if old is None else [old, endpoint]
            self._show(record, endpoint if old is None or not same else old, now)
            self.newest_shown = max(self.newest_shown, record.created)
            record.in_list(begun)
            self._note(record)
        nameless = self._note_nameless(answer, now)
        if answer.view:
            self.lists.viewed(begun)
        vanished = self._complete(begun, answer, nameless) if answer.complete else []
        lapsed = self._lapsed(now) if answer.nameless or answer.unreadable else ()
        return self._changes((*changed, *vanished, *lapsed))

    def _lapsed(self, now: float) -> list[ObservedEndpoint]:
        """Endpoints that are taken to exist, and that nothing has shown for so long that their state is not known."""
        since = now - self._timing.stale_after
        lapsed = (record.endpoint for record in self._records.values() if record.unshown_since(since))
        return [endpoint for endpoint in lapsed if endpoint is not None]

    def _note_nameless(self, answer: EndpointList, now: float) -> set[str]:
        """Items without an id may be any endpoint of the objects that their marks name: answers those ids."""
        if not answer.nameless:
            return set()
        marks = [mark for text in answer.nameless for mark in owner_marks(text)]
        for mark in marks:
            self.owners.hint(mark.identity.uid, mark.attempt, now)
        uids = {mark.identity.uid for mark in marks}  # once each: thousands of items may have one
        ids = {item for uid in uids for item in self.owners.ever(uid)}
        for endpoint_id in ids:
            record = self._record(endpoint_id)
            record.hinted = now
            self._note(record)
        return ids

    def _complete(self, begun: float, answer: EndpointList, nameless: set[str]) -> list[ObservedEndpoint]:
        """What follows from what a complete LIST does not show; answers the endpoints that are not present any more."""
        unshown = [record for record in self._records.values() if record.listed != begun or record.left_out > NEVER]
        vanished = []
        for record in unshown:
            shown = record.listed == begun or record.answered > begun or record.id in nameless
            if record.present and not shown:
                vanished.extend(self._vanish_unless_kept(record, begun))
        self.lists.completed(begun, len(answer.endpoints), left_out=answer.left_out)
        self.trust.completed(unshown, begun)
        self._forget_unnamed()
        self._forget_deleted(unshown)
        return vanished

    def _vanish_unless_kept(self, record: EndpointRecord, begun: float) -> list[ObservedEndpoint]:
        """It is kept though not listed: observed by id, or created so lately that a LIST may lag behind."""
        if record.hidden or (record.unlisted and begun <= record.created + self._timing.create_settle):
            return []
        if record.told_gone:
            record.bury(begun)
        return self._vanish(record)

    def _forget_unnamed(self) -> None:
        """What no object names, nobody can confirm: it speaks against the LIST for a time, not for ever."""
        missing = (self._records[endpoint_id] for endpoint_id in self.trust.missing)
        unnamed = [record for record in missing if not record.expected]
        surplus = set(heapq.nsmallest(len(unnamed) - MOST_UNNAMED, unnamed, key=lambda record: record.evidence))
        for record in unnamed:
            absence = self.lists.absence(record.evidence)
            if record in surplus or absence.proven(after=NEVER, settle=self._timing.delete_settle):
                self._drop(record)

    def _forget_deleted(self, records: Iterable[EndpointRecord]) -> None:
        """What was deleted long ago comes back in no LIST."""
        for record in [each for each in records if NEVER < each.left_out < self.lists.horizon]:
            record.left_out = NEVER
            if not record.present and not record.expected:
                self._drop(record)

    # What calls tell

    def take_answer(self, endpoint: ObservedEndpoint, *, created: bool = False) -> float:
        """Take in a 2xx answer that has just ended (POST, PATCH, GET); answers its stamp."""
        record = self._record(endpoint.id)
        ended = self.stamp()
        self._show(record, endpoint, self.stamp())
        record.answered = ended
        if created:
            record.created = ended
        self._note(record)
        return ended

    def found_by_id(self, endpoint: ObservedEndpoint) -> None:
        """A look by id answered 2xx. Unless the last complete LIST shows the endpoint by now, the LISTs hide it."""
        hidden = not self._record(endpoint.id).in_last_list(self.last_complete)
        self.take_answer(endpoint)
        self._hide(endpoint.id, hidden=hidden)

    def lost_sight(self, endpoint_id: str) -> None:
        """A hidden endpoint does not answer by id any more."""
        self._hide(endpoint_id, hidden=False)
        record = self._records.get(endpoint_id)
        if record is not None and record.unshown_since(self.last_complete):
            self._vanish(record)
            self._note(record)

    def delete_answered(self, endpoint_id: str, *, there: bool = False) -> float:
        """A DELETE answered 2xx or 404: that it will be missing is expected. Answers the stamp.

        `there`: it was 2xx. If the last LIST did not show the endpoint, its absence from the next ones says nothing.
        """
        record, complete = self._record(endpoint_id), self.last_complete
        shown = record.in_last_list(complete)
        hidden = there and (record.hidden or endpoint_id in self.trust.overdue(complete))
        self.proven_gone(endpoint_id, by=Explained.DELETED)
        self._hide(endpoint_id, hidden=hidden)
        ended = self.stamp()
        if not there or shown:
            record.accepted = NEVER
        elif record.accepted == NEVER:
            record.accepted = ended
        return ended

    def proven_gone(self, endpoint_id: str, *, by: Explained = Explained.GONE) -> None:
        """PATCH by id answered 404 in the API's own form: its being missing says nothing against the list.

        Nor against another credential's that can see it too: one id is one endpoint, whoever lists it. A credential
        that never saw it knows nothing of it.
        """
        record = self._record(endpoint_id)
        for other in self.siblings() if record.first_seen > NEVER else ():
            if other is not self:
                other.gone_elsewhere(endpoint_id, by)
        self._expect_missing(record, by)
        record.created, record.hidden = NEVER, False
        self._note(record)

    def gone_elsewhere(self, endpoint_id: str, by: Explained) -> None:
        """The same, by a call with another credential; nothing if this one does not know it."""
        record = self._records.get(endpoint_id)
        if record is not None and record.known:
            self._expect_missing(record, by)
            self._note(record)

    def _expect_missing(self, record: EndpointRecord, by: Explained) -> None:
        if record.explained is not Explained.DELETED:
            record.explained = by
        if record.vanished:  # a LIST had left it out before: the answer to its deletion was lost
            record.bury(self.last_complete)

    def _hide(self, endpoint_id: str, *, hidden: bool) -> None:
        record = self._record(endpoint_id) if hidden else self._records.get(endpoint_id)
        if record is not None:
            record.hidden = hidden
            self._note(record)

    # What objects and people tell

    def expect(self, endpoint_id: str) -> None:
        """An object's status names this endpoint: it counts as known, also before any LIST of this process."""
        record = self._record(endpoint_id)
        record.expected = True
        if not record.known:
            record.known = True
            self._note(record)

    def confirm(self, endpoint_id: str) -> None:
        """A person says that this endpoint's absence is real."""
        record = self._record(endpoint_id)
        record.explained = record.explained or Explained.CONFIRMED
        record.created = NEVER
        self._note(record)

    def unexpect(self, endpoint_id: str) -> None:
        """The object names another one now, or has another credential: nobody here can confirm its absence any more."""
        record = self._records.get(endpoint_id)
        if record is not None:
            record.expected = False
            self._hide(endpoint_id, hidden=False)  # and nobody looks for it by id

    def forget(self, uid: str, endpoint_id: str) -> None:
        """The object is gone: nothing will be asked about it any more."""
        self.owners.forget(uid)
        self.unexpect(endpoint_id)
        record = self._records.get(endpoint_id)
        if record is not None and not record.present:
            self._drop(record)

    # What may be concluded

    def untrusted(self) -> str:
        """Why absence from this inventory proves nothing now; empty when it does (docs/protocol.md, Evidence)."""
        return self.trust.doubt(self.last_complete, len(self._records))

    def record(self, endpoint_id: str) -> EndpointRecord | None:
        """What is known of this endpoint."""
        return self._records.get(endpoint_id)

    def records(self) -> Iterable[EndpointRecord]:
        """Of all endpoints that something is known of."""
        return self._records.values()

    def sightings(self, ids: Iterable[str]) -> tuple[Sighting, ...]:
        """Those of the endpoints that are taken to exist, in the order of their ids."""
        found = (self._records[endpoint_id].sighting() for endpoint_id in sorted(ids) if endpoint_id in self._records)
        return tuple(seen for seen in found if seen is not None)

    def carrying(self, uid: str) -> tuple[str, ...]:
        """Ids of the endpoints that are taken to exist and carry the mark of this object."""
        return self.owners.by_uid.get(uid)

    def marked(self, uid: str) -> frozenset[str]:
        """Endpoints that carry the object's mark, or were seen with it."""
        return self.owners.ever(uid)

    def seen_before(self, endpoint_id: str, stamp: float) -> bool:
        """Whether an answer had shown the endpoint before `stamp`."""
        record = self._records.get(endpoint_id)
        return record is not None and NEVER < record.first_seen < stamp

    def marked_and_listed(self) -> Iterator[tuple[str, str]]:
        """Uid and id of each endpoint with a mark of this cluster that a LIST has shown."""
        for uid, ids in self.owners.by_uid.items():
            yield from ((uid, endpoint_id) for endpoint_id in ids if self._records[endpoint_id].listed > NEVER)

    def unowned(self, uids: Mapping[str, object]) -> tuple[Sighting, ...]:
        """Endpoints with marks of this cluster, of which none names one of these uids."""
        dead = self.owners.by_uid.besides(uids)
        candidates = self.sightings({endpoint_id for uid in dead for endpoint_id in self.owners.by_uid.get(uid)})
        return tuple(seen for seen in candidates if not self.owners.own(seen.endpoint, uids))

    def made_by(self, identity: Identity, attempt: str) -> str | None:
        """Id of the endpoint that is taken to exist and carries this `try` of the object; None too where several do."""
        found = self.sightings(self.carrying(identity.uid))
        made = [seen.id for seen in found if seen.endpoint.attempt_of(identity) == attempt]
        return made[0] if len(made) == 1 else None

    def endpoint(self, endpoint_id: str) -> ObservedEndpoint | None:
        """The endpoint as it is known, if it is present."""
        record = self._records.get(endpoint_id)
        return record.endpoint if record is not None and record.present else None

    def last_seen(self, endpoint_id: str, namespace: str) -> ObservedEndpoint | None:
        """The endpoint as an answer showed it last, also where LIST does not show it any more.

        Where it is not present, another credential that an object of `namespace` may have had can have seen it later.
        """
        record = self._records.get(endpoint_id)
        if record is not None and record.present:
            return record.endpoint
        others = (other.record(endpoint_id) for other in self.beside(namespace))
        records = [each for each in (record, *others) if each is not None and each.endpoint is not None]
        return max(records, key=lambda each: each.seen).endpoint if records else None

    def beside(self, namespace: str) -> Iterator[Inventory]:
        """The inventories of other credentials that an object of this namespace may have had.

        What a stranger's project holds is no evidence: anybody can write a mark there.
        """
        for other in self.siblings():
            if other is not self and not other.namespaces.isdisjoint((namespace, OPERATOR)):
                yield other

    # Its records

    def _record(self, endpoint_id: str) -> EndpointRecord:
        record = self._records.get(endpoint_id)
        if record is None:
            record = self._records[endpoint_id] = EndpointRecord(endpoint_id)
        return record

    def _note(self, record: EndpointRecord) -> None:
        """After each event of a record that may have changed what it says of the LISTs."""
        self.trust.note(record, self.last_complete)

    def _show(self, record: EndpointRecord, endpoint: ObservedEndpoint, now: float) -> None:
        old = record.endpoint if record.present else None
        if old is not None and old.description != endpoint.description:
            self.owners.remove(old, record.seen, explained=endpoint.released is not None)
        if old is None or old.description != endpoint.description:
            self.owners.add(endpoint)
        if record.refutes(self.last_complete) and not record.unlisted:
            self.lists.disproved(now)
        record.shown(endpoint, now)

    def _vanish(self, record: EndpointRecord) -> list[ObservedEndpoint]:
        gone = record.endpoint
        if gone is None:
            return []
        self.owners.remove(gone, record.seen, explained=record.told_gone)
        record.vanish()
        return [gone]

    def _drop(self, record: EndpointRecord) -> None:
        """Forget what is known of it; but not that it was deleted, as long as an older view may show it."""
        self.trust.forget(record)
        del self._records[record.id]
        if record.left_out > NEVER:
            rest = self._record(record.id)
            rest.left_out = record.left_out
            self._note(rest)

    def _changes(self, endpoints: Sequence[ObservedEndpoint]) -> Changes:
        uids = frozenset(mark.identity.uid for endpoint in endpoints for mark in endpoint.marks)
        doubled = frozenset(uid for uid in uids if len(self.owners.by_uid.get(uid)) > 1)
        return Changes(frozenset(endpoint.id for endpoint in endpoints), uids, doubled)

"""What the inventory of one credential proves about one object: the part of a decision's input that comes from here.

It only reads. What may be concluded from absence is `Absence`'s and `trust`'s business.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenfactory_operator.domain.decision_input import Absence, CloudView, Evidence, RecordedEvidence, Sighting
from tokenfactory_operator.domain.identity import Identity, subject
from tokenfactory_operator.domain.resource import Resource
from tokenfactory_operator.domain.timing import NEVER
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.state.record import EndpointRecord


def evidence_for(inventory: Inventory, resource: Resource, *, recorded: str, attempt: str) -> Evidence:
    """Everything about one object; `recorded` and `attempt` may be empty."""
    return _Look(inventory, resource).evidence(recorded, attempt)


class _Look:
    """At an inventory, for one object."""

    def __init__(self, inventory: Inventory, resource: Resource) -> None:
        self._inventory = inventory
        self._owners = inventory.owners
        self._lists = inventory.lists
        self._trust = inventory.trust
        self._resource = resource
        self._identity = Identity(inventory.cluster_id, resource.uid)

    def evidence(self, recorded: str, attempt: str) -> Evidence:
        uid, place = self._resource.uid, subject(self._resource.namespace, self._resource.name)
        own, target = self._inventory.sightings(self._inventory.carrying(uid)), self._record(self._resource.named_id)
        of_attempt = [seen for seen in own if seen.endpoint.shows(self._identity, attempt)]
        return Evidence(
            scope=self._inventory.scope,
            view=self._view(),
            recorded=self._recorded(recorded),
            own=own,
            named=target.sighting() if target else None,
            elsewhere=self._shown_elsewhere(),
            predecessors=self._strangers(item for item in self._owners.by_subject.get(place) if not self._buried(item)),
            namesakes=self._strangers(self._owners.elsewhere.get(place)),
            identity_absence=self._absence(self._owners.last_seen(uid), own),
            attempt_absence=self._absence(self._owners.attempt_last_seen(uid, attempt), of_attempt),
            accepted=self._accepted(recorded),
        )

    def _view(self) -> CloudView:
        inventory = self._inventory
        return CloudView(
            outage=inventory.outage,
            untrusted=inventory.untrusted(),
            last_list=inventory.last_complete,
            first_view=self._lists.first_view,
            last_view=inventory.last_view,
            hidden=frozenset(self._trust.hidden),
            overdue=self._trust.overdue(inventory.last_complete),
            cut_off=self._lists.cut_off(),
            newest_shown=inventory.newest_shown,
        )

    def _recorded(self, endpoint_id: str) -> RecordedEvidence:
        record = self._record(endpoint_id)
        present = record is not None and record.present
        return RecordedEvidence(
            seen=record.sighting() if record else None,
            absence=self._lists.absence(record.evidence if record else NEVER),
            witnessed=not endpoint_id or present or self._witnessed(record),
        )

    def _record(self, endpoint_id: str) -> EndpointRecord | None:
        return self._inventory.record(endpoint_id)

    def _buried(self, endpoint_id: str) -> bool:
        """It was deleted, and a LIST has left it out since."""
        record = self._record(endpoint_id)
        return record is not None and record.left_out > NEVER

    def _accepted(self, recorded: str) -> dict[str, float]:
        found = (self._record(item) for item in {recorded, *self._owners.ever(self._resource.uid)})
        return {each.id: each.accepted for each in found if each is not None and each.accepted > NEVER}

    def _strangers(self, ids: Iterable[str]) -> tuple[Sighting, ...]:
        """Those of the endpoints that do not carry this object's mark."""
        found = self._inventory.sightings(ids)
        return tuple(seen for seen in found if not seen.endpoint.carries(self._identity))

    def _absence(self, before: float, present: Iterable[Sighting]) -> Absence:
        """Of what these carry, and others carried until `before`."""
        records = (self._record(seen.id) for seen in present)
        return self._lists.absence(max((before, *(record.seen for record in records if record is not None))))

    def _witnessed(self, recorded: EndpointRecord | None) -> bool:
        """Whether the last complete LIST shows another endpoint that belongs to the same project for sure.

        That is one with a mark of this cluster, one that another object's status names, or one that was known while the
        recorded one still was.
        """
        before, complete = recorded.evidence if recorded else NEVER, self._inventory.last_complete
        return any(
            record.present
            and record.listed >= complete > NEVER
            and (record.expected or record.first_seen <= before or self._owners.marks(record.endpoint))
            for record in self._inventory.records()
        )

    def _shown_elsewhere(self) -> frozenset[str]:
        """Endpoints of this object that only other credentials' lists show: of those that it may have had itself."""
        uid = self._resource.uid
        if self._inventory.carrying(uid):
            return frozenset()
        others = (other for other in self._inventory.beside(self._resource.namespace) if other.outage is None)
        return frozenset(endpoint_id for other in others for endpoint_id in other.carrying(uid))

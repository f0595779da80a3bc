"""Whether the absence of an endpoint from one credential's LISTs may be believed (docs/protocol.md, Evidence).

Kept beside the records: the ids of those that speak against the LIST, which are few, so that every pass may ask.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile
from typing import Final

from tokenfactory_operator.domain.timing import NEVER, Timing
from tokenfactory_operator.state.record import EndpointRecord

MASS_ABSENCE: Final = 0.10
"""Share of the known endpoints that may be missing at once (and more than one) before the list is not believed."""


class Trust:
    """Which endpoints speak against the LISTs. `complete` is the start of the last complete one."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self.hidden: set[str] = set()
        self.missing: set[str] = set()
        """Known endpoints that the last complete LIST should show and does not."""
        self._named: set[str] = set()
        """Those of the hidden and the missing ones that objects name."""
        self._unlisted: dict[str, EndpointRecord] = {}
        """In the order of their creation: every pass asks, also while a thousand are being created."""
        self._unknown: set[str] = set()
        """Those of which only a call of ours has told: no LIST has to show them."""

    def note(self, record: EndpointRecord, complete: float) -> None:
        """The record has changed."""
        _keep(self.hidden, record.id, held=record.hidden)
        _keep(self._unknown, record.id, held=not record.known)
        missing = record.missing_from(complete)
        _keep(self.missing, record.id, held=missing)
        _keep(self._named, record.id, held=record.expected and (missing or record.hidden))
        if record.unlisted:
            self._unlisted[record.id] = record
        else:
            self._unlisted.pop(record.id, None)

    def completed(self, unshown: Iterable[EndpointRecord], complete: float) -> None:
        """A complete LIST does not show these."""
        missing = [record for record in unshown if record.missing_from(complete)]
        self.missing = {record.id for record in missing}
        self._named = {record.id for record in missing if record.expected} | (self._named & self.hidden)

    def forget(self, record: EndpointRecord) -> None:
        """There is no such record any more."""
        for ids in (self.hidden, self._unknown, self.missing, self._named):
            ids.discard(record.id)
        self._unlisted.pop(record.id, None)

    def overdue(self, complete: float) -> frozenset[str]:
        """Endpoints that a POST made, and that the LISTs have not shown for the settle time."""
        latest = complete - self._timing.create_settle
        return frozenset(record.id for record in takewhile(lambda each: each.created < latest, self._unlisted.values()))

    def doubt(self, complete: float, records: int) -> str:
        """Why absence proves nothing now; empty when it does. `records`: how many endpoints there is a record of."""
        if self.hidden:
            return f"The cloud's list does not show {_some(self.hidden)}, which answers by id."
        overdue = self.overdue(complete)
        if overdue:
            return f"The cloud created {_some(overdue)} and still does not list it."
        if complete > NEVER and self._many(self.missing, records):
            known = self._known(records)
            return f"{len(self.missing)} of {known} known endpoints are missing at once from the cloud's list."
        return ""

    def leaves_many_out(self, records: int) -> bool:
        """Whether so many are left out at once, of those that objects name, whether they answer by id or not."""
        return self._many(self._named, records)

    def _many(self, ids: set[str], records: int) -> bool:
        return len(ids) > 1 and len(ids) > MASS_ABSENCE * self._known(records)

    def _known(self, records: int) -> int:
        return records - len(self._unknown)


def _keep(ids: set[str], endpoint_id: str, *, held: bool) -> None:
    if held:
        ids.add(endpoint_id)
    else:
        ids.discard(endpoint_id)


def _some(ids: Iterable[str], limit: int = 3) -> str:
    named = sorted(ids)
    rest = f" and {len(named) - limit} more" if len(named) > limit else ""
    return f"endpoint {', '.join(named[:limit])}{rest}"

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
        self._unlisted: dict[str, EndpointRecord] = {}
        """In the order of their creation: every pass asks, also while a thousand are being created."""
        self._unknown: set[str] = set()
        """Those of which only a call of ours has told: no LIST has to show them."""

    def note(self, record: EndpointRecord, complete: float) -> None:
        """The record has changed."""
        _keep(self.hidden, record.id, held=record.hidden)
        _keep(self._unknown, record.id, held=not record.known)
        _keep(self.missing, record.id, held=record.missing_from(complete))
        if record.unlisted:
            self._unlisted[record.id] = record
        else:
            self._unlisted.pop(record.id, None)

    def completed(self, unshown: Iterable[EndpointRecord], complete: float) -> None:
        """A complete LIST does not show these."""
        self.missing = {record.id for record in unshown if record.missing_from(complete)}

    def forget(self, record: EndpointRecord) -> None:
        """There is no such record any more."""
        for ids in (self.hidden, self._unknown, self.missing):
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
        missing, known = len(self.missing), records - len(self._unknown)
        if missing > 1 and missing > MASS_ABSENCE * known and complete > NEVER:
            return f"{missing} of {known} known endpoints are missing at once from the cloud's list."
        return ""


def _keep(ids: set[str], endpoint_id: str, *, held: bool) -> None:
    if held:
        ids.add(endpoint_id)
    else:
        ids.discard(endpoint_id)


def _some(ids: Iterable[str], limit: int = 3) -> str:
    named = sorted(ids)
    rest = f" and {len(named) - limit} more" if len(named) > limit else ""
    return f"endpoint {', '.join(named[:limit])}{rest}"

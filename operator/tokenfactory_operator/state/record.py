"""What one credential's answers have told of one endpoint, in one place.

A record changes by its named events only; `Inventory` calls them, and keeps the indices that hold ids. Nothing is
concluded here. Times are stamps (`sequence`), in seconds; `NEVER` where the thing has not happened.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from tokenfactory_operator.domain.decision_input import Sighting
from tokenfactory_operator.domain.identity import Identity
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.domain.timing import NEVER


class Explained(enum.Enum):
    """Why it says nothing against the LIST that an endpoint is not in it."""

    DELETED = "deleted"
    """A DELETE was answered: an older LIST may show it once more."""
    GONE = "gone"
    """A PATCH by id answered 404."""
    CONFIRMED = "confirmed"
    """A person says that it is gone: true until it is seen again."""


@dataclass(slots=True, eq=False)
class EndpointRecord:
    """One endpoint as one credential knows it."""

    id: str
    endpoint: ObservedEndpoint | None = None
    """As it was shown last; `None` if it never was, or vanished after a call of ours had deleted it."""
    present: bool = False
    """It is taken to exist."""
    answered: float = NEVER
    """End of the last answer about it (POST, PATCH, GET by id) since it became present."""
    listed: float = NEVER
    """Start of the last LIST that showed it since it became present."""
    seen: float = NEVER
    """When a LIST or an answer last showed it."""
    hinted: float = NEVER
    """When a LIST last had an item without an id that may have been this endpoint."""
    first_seen: float = NEVER
    created: float = NEVER
    """End of the POST that made it, until a LIST shows it."""
    left_out: float = NEVER
    """Start of the LIST that first left it out after it was deleted: an older view may show it once more."""
    known: bool = False
    """It was seen, or an object's status names it: the LIST should show it."""
    expected: bool = False
    """An object's status names it."""
    hidden: bool = False
    """It answers by id, and the LISTs do not show it."""
    accepted: float = NEVER
    """End of the first DELETE that was accepted (2xx) while the LISTs did not show it, until one of them does."""
    explained: Explained | None = None

    @property
    def evidence(self) -> float:
        """The last sign that it exists."""
        return max(self.seen, self.hinted)

    @property
    def last_shown(self) -> float:
        """By an answer or a LIST since it became present, whichever is the newer; `NEVER` while it is not present."""
        return max(self.listed, self.answered)

    @property
    def vanished(self) -> bool:
        """It was present and is not any more, and no call of ours had deleted it before."""
        return not self.present and self.endpoint is not None

    @property
    def unlisted(self) -> bool:
        """A POST made it, and no LIST has shown it yet."""
        return self.created > NEVER

    @property
    def told_gone(self) -> bool:
        """Whether the cloud has answered that it is gone, or will be."""
        return self.explained in (Explained.DELETED, Explained.GONE)

    @property
    def steady(self) -> bool:
        """A LIST that shows it as it is held has nothing to add but its time."""
        return (
            self.present
            and self.answered <= self.listed
            and self.created == NEVER
            and not self.hidden
            and self.accepted == NEVER
            and self.explained is not Explained.CONFIRMED
        )

    def shown(self, endpoint: ObservedEndpoint, now: float) -> None:
        """A LIST or an answer shows it."""
        self.endpoint, self.present, self.known = endpoint, True, True
        self.seen = now
        if self.first_seen == NEVER:
            self.first_seen = now
        if self.left_out > NEVER:
            self.explained = Explained.DELETED  # that it will be missing again is expected
        elif self.explained is Explained.CONFIRMED:
            self.explained = None

    def in_list(self, begun: float) -> None:
        """A LIST begun at `begun` shows it, so the LISTs do not hide it."""
        self.listed, self.created, self.hidden, self.accepted = begun, NEVER, False, NEVER

    def vanish(self) -> None:
        """It is not taken to exist any more."""
        self.present, self.answered, self.listed = False, NEVER, NEVER
        if self.told_gone:
            self.endpoint = None

    def bury(self, begun: float) -> None:
        """A LIST begun at `begun` leaves it out after its deletion; the first one counts."""
        if self.left_out == NEVER:
            self.left_out = begun

    def in_last_list(self, complete: float) -> bool:
        """Whether the last complete LIST, begun at `complete`, shows it, or one begun later that is not complete."""
        return NEVER < complete <= self.listed

    def missing_from(self, complete: float) -> bool:
        """Whether the complete LIST begun at `complete` should show it and does not."""
        return self.explained is None and self._absent_from(complete)

    def refutes(self, complete: float) -> bool:
        """Whether that LIST was wrong if it is seen now: only after a DELETE an older view may show it once more."""
        return self.explained is not Explained.DELETED and self._absent_from(complete)

    def _absent_from(self, complete: float) -> bool:
        return self.known and not self.present and self.evidence < complete

    def unshown_since(self, stamp: float) -> bool:
        """Whether it is taken to exist, and nothing has shown it since then."""
        return self.present and self.last_shown < stamp

    def shows(self, identity: Identity) -> bool:
        """Whether it carries this object's mark, and not only a POST's answer has shown it."""
        marked = self.present and self.endpoint is not None and self.endpoint.carries(identity)
        return marked and (self.hidden or self.listed > NEVER)

    def sighting(self) -> Sighting | None:
        """It as the decision sees it; `None` while it is not present."""
        if not self.present or self.endpoint is None:
            return None
        return Sighting(self.endpoint, self.answered, self.listed)

"""What the cloud says about one endpoint, in the operator's own terms.

Parsing is lenient: only the id is certain. `None` means that the answer did not tell, which is never taken for a
difference; an empty string means that it told "none".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tokenfactory_operator.domain.identity import Identity, OwnerMark, ReleasedMark, owner_marks, released_mark
from tokenfactory_operator.domain.reasons import Reason

SERVING_READINESS: Final[Mapping[str, Reason]] = {
    "ready": Reason.READY,
    "partially_ready": Reason.PARTIALLY_READY,
}
"""Readiness that takes traffic; the vendor: readiness decides whether to send it."""
LEAVING: Final = frozenset({"stopping", "stopped", "deleting", "deleted", "terminating", "terminated"})
"""States of a deployment that takes no traffic, or soon will not, whatever readiness still says."""
_SEPARATORS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|[\s_-]+")


def spelled(word: str | None) -> str:
    """A state or readiness in the vendor's spelling: `PartiallyReady` and `partially-ready` are `partially_ready`."""
    return _SEPARATORS.sub("_", (word or "").strip()).lower()


@dataclass(frozen=True, slots=True)
class ObservedEndpoint:
    """One endpoint as an answer showed it; names are the vendor's."""

    id: str
    name: str | None = None
    description: str | None = None
    enabled: bool | None = None
    routing_key: str | None = None
    model_name: str | None = None
    flavor_name: str | None = None
    region: str | None = None
    gpu_type: str | None = None
    gpu_count: int | None = None
    custom_weights_id: str | None = None
    min_replicas: int | None = None
    max_replicas: int | None = None
    ready_replicas: int | None = None
    status: str | None = None
    """`deployment.status` as sent: starting, running, updating, stopping, stopped, error, or a newer value."""
    readiness: str | None = None
    """`deployment.readiness` as sent: ready, partially_ready, not_ready, or a newer value."""
    created_at: str | None = None
    """RFC 3339, as sent."""
    _marks: tuple[OwnerMark, ...] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def marks(self) -> tuple[OwnerMark, ...]:
        """The owner marks in the description, parsed once."""
        if self._marks is None:
            object.__setattr__(self, "_marks", owner_marks(self.description))
        return self._marks or ()

    @property
    def released(self) -> ReleasedMark | None:
        """The mark of a released endpoint, if the description carries one."""
        return released_mark(self.description)

    def carries(self, identity: Identity) -> bool:
        """Whether one of the marks names this identity."""
        return any(mark.identity == identity for mark in self.marks)

    def foreign_to(self, identity: Identity) -> bool:
        """Whether one of the marks names another identity."""
        return any(mark.identity != identity for mark in self.marks)

    def mark_of_another_id(self, identity: Identity) -> OwnerMark | None:
        """The mark with this uid and another cluster id, if none names the identity: no two objects share a uid."""
        if self.carries(identity):
            return None
        return next((mark for mark in self.marks if mark.identity.uid == identity.uid), None)

    def shows(self, identity: Identity, attempt: str) -> bool:
        """Whether one of the marks names this attempt of this identity."""
        return any(mark.identity == identity and mark.attempt == attempt for mark in self.marks)

    def attempt_of(self, identity: Identity) -> str | None:
        """The `try` of this identity's first mark."""
        return next((mark.attempt for mark in self.marks if mark.identity == identity), None)

    def sole_attempt_of(self, identity: Identity) -> str:
        """The same, where no mark names another identity; else empty."""
        return "" if self.foreign_to(identity) else self.attempt_of(identity) or ""

    @property
    def serving(self) -> Reason:
        """Whether it takes traffic, as the reason of the condition."""
        if self.readiness is None:
            # Older answers have ready_replicas only (vendor's page on the lifecycle).
            return Reason.READY if (self.ready_replicas or 0) > 0 else Reason.NOT_SERVING
        return SERVING_READINESS.get(spelled(self.readiness), Reason.NOT_SERVING)

    @property
    def leaving(self) -> bool:
        """Whether it is being stopped or deleted, or was."""
        return spelled(self.status) in LEAVING

    @property
    def serves(self) -> bool:
        """Whether it takes traffic, and goes on with it."""
        return self.serving is not Reason.NOT_SERVING and not self.leaving


@dataclass(frozen=True)
class EndpointList:
    """The answer to a LIST, all pages together."""

    endpoints: tuple[ObservedEndpoint, ...]
    view: bool = True
    """Every page came with 200 and parsed: it shows how the cloud is now, apart from single items."""
    unreadable: bool = False
    """What one of the items is was not told."""
    problem: str = ""
    """Why it is not complete, or not quite, for people."""
    nameless: tuple[str, ...] = ()
    """Descriptions of items without an id, and of items whose id came again with another description.

    Nothing is proven of the owners that their marks name.
    """

    left_out: int = 0
    """How many more items it says that there are than it shows."""

    @property
    def complete(self) -> bool:
        """Otherwise it proves presence only."""
        return self.view and not self.unreadable


@dataclass(frozen=True)
class Changes:
    """What a LIST has changed: whose objects have to look again."""

    endpoint_ids: frozenset[str] = frozenset()
    uids: frozenset[str] = frozenset()
    """Uids in the marks of those endpoints, before and after."""
    doubled: frozenset[str] = frozenset()
    """Those of them that more than one endpoint is marked with."""


@dataclass(frozen=True)
class EndpointCreate:
    """The body of a POST, without what the spec leaves to the cloud."""

    name: str
    description: str
    model_name: str
    flavor_name: str
    gpu_type: str
    gpu_count: int
    region: str
    min_replicas: int
    max_replicas: int
    custom_weights_id: str | None = None
    routing_key: str | None = None


@dataclass(frozen=True)
class EndpointPatch:
    """The body of a PATCH: only the fields that differ. `None` means not sent."""

    name: str | None = None
    description: str | None = None
    gpu_type: str | None = None
    gpu_count: int | None = None
    scaling: tuple[int, int] | None = None
    """(min_replicas, max_replicas), always together."""
    enabled: bool | None = None
    custom_weights_id: str | None = None
    """An empty string clears it (the wire says "UNSET")."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields that are sent, in a stable order."""
        return tuple(name for name, value in vars(self).items() if value is not None)

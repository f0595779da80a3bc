"""What an endpoint is to an object, and what is done with it: the one table of both.

`ownership` says which role an endpoint has; the checks carry out what the table says.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


class Role(enum.Enum):
    """What an endpoint that the object has, by its mark or by its status, is to it."""

    KEPT = "kept"
    """The endpoint of this object."""
    DUPLICATE = "duplicate"
    """Made for this object by another attempt."""
    TAKEN_OVER = "taken over"
    """Adopted for this object, and not the one that is kept."""
    COPY = "copy"
    """It carries the mark of an attempt that has made another endpoint, or of one that cannot have made both."""
    FOREIGN = "foreign"
    """It carries another owner's mark, or may not be adopted."""
    UNPROVEN = "unproven"
    """Nothing but the status says that it is this object's (ADR 31)."""
    ADOPTING = "adopting"
    """Written down as this object's, and the mark has yet to follow."""
    PREDECESSOR = "predecessor"
    """The same, while it still carries an earlier object's mark (ADR 35)."""


class Deed(enum.Enum):
    """What is done with an endpoint."""

    KEEP = "keep"
    """It is brought to what the spec says."""
    DELETE = "delete"
    RELEASE = "release"
    """It stays in the cloud, with a mark that says that it was let go on purpose."""
    LEAVE = "leave"
    """It stays in the cloud as it is."""
    ASK = "ask"
    """A person decides: nothing is done with it."""


@dataclass(frozen=True)
class Deeds:
    """By what becomes of the object."""

    living: Deed
    deleted: Deed
    """The object is being deleted, and its endpoint with it."""
    retained: Deed
    """The object is being deleted, and its endpoint stays."""


TABLE: Final[Mapping[Role, Deeds]] = {
    Role.KEPT: Deeds(living=Deed.KEEP, deleted=Deed.DELETE, retained=Deed.RELEASE),
    Role.DUPLICATE: Deeds(living=Deed.DELETE, deleted=Deed.DELETE, retained=Deed.DELETE),
    Role.TAKEN_OVER: Deeds(living=Deed.ASK, deleted=Deed.DELETE, retained=Deed.LEAVE),
    Role.COPY: Deeds(living=Deed.ASK, deleted=Deed.LEAVE, retained=Deed.LEAVE),
    Role.FOREIGN: Deeds(living=Deed.ASK, deleted=Deed.LEAVE, retained=Deed.LEAVE),
    Role.UNPROVEN: Deeds(living=Deed.ASK, deleted=Deed.ASK, retained=Deed.LEAVE),
    Role.ADOPTING: Deeds(living=Deed.KEEP, deleted=Deed.DELETE, retained=Deed.RELEASE),
    Role.PREDECESSOR: Deeds(living=Deed.KEEP, deleted=Deed.LEAVE, retained=Deed.LEAVE),
}

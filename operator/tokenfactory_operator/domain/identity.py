"""Who owns an endpoint: the mark in its description, and where it lives: the scope.

The protocol's "Identity" section. The mark is the only thing that survives every crash of ours, so it decides
ownership; `status` is a cache of it. Namespace and name are in it for people and for finding a predecessor.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from sys import intern
from typing import Final

MAX_TOKEN: Final = 4096
"""Characters; anything longer is no token: most likely the wrong file was mounted, or put into the Secret."""
DESCRIPTION_LIMIT: Final = 500
"""Characters; the vendor's limit for `description`."""
NAME_LIMIT: Final = 100
"""Characters; the vendor's limit for `name`."""
ADOPTED: Final = "adopted"
"""Stands in place of an attempt's id in the mark of an adopted endpoint."""
RESTORED: Final = "restored"
"""The same in a mark that is put back, where the attempt is not known."""

_SUBJECT_LIMIT: Final = 106
"""Leaves 300 characters for the user's text, whatever the cluster id (32 at most) and the uid are."""
# Any white space between the parts: the cloud gives descriptions back as sent but for that.
_MARK = re.compile(r"\[k8s\s+(?P<cluster>\S+)\s+(?P<subject>\S+)\s+uid=(?P<uid>\S+)\s+try=(?P<attempt>[^\s\]]+)\]")
_RELEASED = re.compile(r"\[k8s-released\s+(?P<cluster>\S+)\s+(?P<subject>[^\s\]]+)\]")


def _digest(text: str, length: int = 8) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 9]}-{_digest(text)}"


def subject(namespace: str, name: str) -> str:
    """`namespace/name` as it stands in marks: at most 106 characters, cut with a hash of the whole."""
    return _shortened(f"{namespace}/{name}", _SUBJECT_LIMIT)


def display_name(namespace: str, name: str) -> str:
    """The endpoint's name where the spec gives none: within the vendor's 100 characters."""
    return _shortened(f"{namespace}/{name}", NAME_LIMIT)


def scope(*, project_id: str | None, token: str) -> str:
    """Where the endpoints of a credential live: the explicit project, else a short hash of the token."""
    return project_id or f"token-{_digest(token, 12)}"


@dataclass(frozen=True, slots=True)
class Identity:
    """What never changes about one object: its cluster and its uid."""

    cluster_id: str
    uid: str


@dataclass(frozen=True, slots=True)
class OwnerMark:
    """`[k8s <cluster-id> <namespace>/<name> uid=<uid> try=<attempt>]`."""

    identity: Identity
    subject: str
    attempt: str

    def __str__(self) -> str:
        return f"[k8s {self.identity.cluster_id} {self.subject} uid={self.identity.uid} try={self.attempt}]"

    def owner(self, cluster_id: str) -> str:
        """The owner for people of this cluster; its uid only tells an object from an earlier one of the same name."""
        if self.identity.cluster_id == cluster_id:
            return f"{self.subject} (uid {self.identity.uid})"
        return f"{self.subject} of the cluster {self.identity.cluster_id}"


@dataclass(frozen=True, slots=True)
class ReleasedMark:
    """`[k8s-released <cluster-id> <namespace>/<name>]`: was ours, was let go on purpose."""

    cluster_id: str
    subject: str

    def __str__(self) -> str:
        return f"[k8s-released {self.cluster_id} {self.subject}]"


def owner_marks(description: str | None) -> tuple[OwnerMark, ...]:
    """Every owner mark in a description, in order; more than one means that somebody pasted one."""
    return tuple(
        OwnerMark(Identity(intern(found["cluster"]), found["uid"]), found["subject"], found["attempt"])
        for found in _MARK.finditer(description or "")
    )


def released_mark(description: str | None) -> ReleasedMark | None:
    """The mark of a released endpoint, if the description carries one."""
    found = _RELEASED.search(description or "")
    return ReleasedMark(found["cluster"], found["subject"]) if found else None


def text_without_marks(description: str | None) -> str:
    """The part of a description that is the user's, white space folded as the cloud may fold it."""
    return " ".join(_RELEASED.sub(" ", _MARK.sub(" ", description or "")).split())


def described(text: str, mark: OwnerMark | ReleasedMark) -> str:
    """A description that ends in `mark`; the text gives way where both do not fit into 500 characters."""
    room = DESCRIPTION_LIMIT - len(str(mark)) - 1
    kept = text if len(text) <= room else text[: room - 1] + "…"
    return f"{kept} {mark}" if kept else str(mark)

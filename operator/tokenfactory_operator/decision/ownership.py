"""Which endpoints does the object have, and what is each to it? Judged once for each decision, and once for a status.

An object has the endpoints that carry its mark, or did when they were seen last, and the one that is recorded as its
own. Each has one role, the first that fits; `TABLE` says what is done with it. No check judges anything of it anew.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from tokenfactory_operator.api.v1alpha1 import DeletionPolicy
from tokenfactory_operator.decision import claims
from tokenfactory_operator.decision.actions import Hindered
from tokenfactory_operator.domain.decision_input import DecisionInput, Sighting
from tokenfactory_operator.domain.identity import ADOPTED
from tokenfactory_operator.domain.observed import ObservedEndpoint


class Role(enum.Enum):
    """What an endpoint that the object has, by its mark or by its status, is to it."""

    KEPT = "kept"
    """The endpoint of this object, though its mark may have yet to follow."""
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
    PREDECESSOR = "predecessor"
    """Written down as this object's, while it still carries an earlier object's mark (ADR 35)."""


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
    Role.PREDECESSOR: Deeds(living=Deed.KEEP, deleted=Deed.LEAVE, retained=Deed.LEAVE),
}


@dataclass(frozen=True)
class Ownership:
    """What the endpoints of one object are to it."""

    roles: Mapping[str, Role]
    """Endpoint id → its role."""
    seen: Mapping[str, Sighting]
    """Those of them that are taken to exist, by id."""
    kept: Sighting | None
    """The endpoint of this object, if it is seen: another does not take the place of one that may be there (C42)."""
    deeds: Mapping[str, Deed]
    """Endpoint id → what is done with it now."""
    retained: bool
    """The endpoint stays when the object goes. Left out of the spec, status and mark decide: a status may be wiped."""
    target: str
    """Id of the endpoint that the object is to adopt; empty if none."""
    obstacle: Hindered | None
    """What stands against that."""
    adopts: bool
    """The object's mark, once put on the endpoint that is kept, completes its adoption."""
    copies: tuple[str, ...]
    """Ids of endpoints that carry the same `try` of this object."""
    imitations: tuple[str, ...]
    """Ids of endpoints that carry the `try` of another one, and surely are not it."""
    of_another_id: tuple[ObservedEndpoint, ...]
    """Endpoints with a mark of this object's uid and of another cluster id only: its own, of before that was changed,
    or a copy's."""

    def to(self, *deeds: Deed) -> frozenset[str]:
        """Ids of the endpoints with which one of these is done."""
        return frozenset(item for item, deed in self.deeds.items() if deed in deeds)


@dataclass(frozen=True)
class Judged(DecisionInput):
    """An input, and the ownership of the object's endpoints in it."""

    own: Ownership = field(kw_only=True)


def judged(s: DecisionInput) -> Judged:
    """The same input, with the ownership judged by it. One that is judged already must not have changed since."""
    return s if isinstance(s, Judged) else Judged(**vars(s), own=judge(s))


def judge(s: DecisionInput) -> Ownership:
    """What the endpoints of the object are to it."""
    recorded, target, unlisted = s.evidence.recorded.seen, claims.adoption_target(s), claims.unlisted(s)
    unproven = claims.unproven(s, target)
    marked = recorded is not None and recorded.endpoint.carries(s.identity)
    adopting = recorded is not None and recorded.id == target and not (marked or unproven)
    unmarked = recorded if recorded is not None and not (recorded.endpoint.marks or unproven) else None
    copies, imitations = claims.copies(s, unmarked), claims.imitations(s)
    copied = {*copies, *imitations} - claims.originals(s)
    likeliest = claims.likeliest(s, recorded if adopting else unmarked, copied)
    kept = None if unlisted else likeliest
    obstacle = None if unlisted and target == s.recorded_id else claims.obstacle(s, target)
    refused = adopting and obstacle is not None and not s.resource.origin  # or only observed so far
    shown = {each.id: each for each in (*s.evidence.own, recorded) if each is not None}
    tries = claims.out_of_sight(s) | {item: each.endpoint.attempt_of(s.identity) or "" for item, each in shown.items()}
    itself = {s.recorded_id}
    fitting: tuple[tuple[Role, Collection[str]], ...] = (
        (Role.COPY, copied),
        (Role.PREDECESSOR, itself if claims.still_of_predecessor(s) else ()),
        (Role.FOREIGN, _foreign(s, shown)),
        (Role.FOREIGN, itself if refused else ()),
        (Role.UNPROVEN, itself if unproven else ()),
        (Role.KEPT, itself if kept is None else {kept.id}),
        (Role.TAKEN_OVER, {item for item, attempt in tries.items() if attempt == ADOPTED}),
    )
    roles = {
        item: next((role for role, ids in fitting if item in ids), Role.DUPLICATE)
        for item in {*tries, s.recorded_id} - {""}
    }
    left_out = not s.resource.said("deletionPolicy")
    retained = s.resource.deletion_policy is DeletionPolicy.RETAIN or (left_out and claims.taken_over(s, likeliest))
    return Ownership(
        roles=roles,
        seen=shown,
        kept=kept,
        deeds={item: _deed(s, TABLE[role], retained=retained) for item, role in roles.items()},
        retained=retained,
        target=target,
        obstacle=obstacle,
        adopts=kept is not None and kept.id == target and not claims.had_mark(s, kept.endpoint),
        copies=copies,
        imitations=imitations,
        of_another_id=claims.of_another_id(s),
    )


def _deed(s: DecisionInput, row: Deeds, *, retained: bool) -> Deed:
    if not s.resource.terminating:
        return row.living
    return row.retained if retained else row.deleted


def _foreign(s: DecisionInput, shown: Mapping[str, Sighting]) -> set[str]:
    """Ids of those that carry another owner's mark, or did when they were seen last."""
    last = s.memory.endpoints[s.recorded_id].last_seen  # one LIST that leaves it out does not make it ours again
    known = (*(each.endpoint for each in shown.values()), last)
    return {each.id for each in known if each is not None and each.foreign_to(s.identity)}

"""Which endpoints does the object have, and what is each to it? Judged once for each decision (`Situation.roles`).

An object has the endpoints that carry its mark, and the one that is recorded as its own, listed or not. Each has one
role, the first that fits; what is done with it is in the table of `roles`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from tokenfactory_operator.domain import adoption, facts
from tokenfactory_operator.domain.roles import TABLE, Deed, Role
from tokenfactory_operator.domain.situation import Sighting, Situation


def judged(s: Situation) -> Situation:
    """The same situation, with the roles of its endpoints."""
    return replace(s, roles=_judge(s))


def roles(s: Situation) -> Mapping[str, Role]:
    """Endpoint id → what the endpoint is to the object."""
    return _judge(s) if s.roles is None else s.roles


def seen(s: Situation) -> dict[str, Sighting]:
    """Those of the object's endpoints that are taken to exist, by id."""
    recorded = (s.evidence.recorded,) if s.evidence.recorded else ()
    return {each.endpoint.id: each for each in (*s.evidence.own, *recorded)}


def when_living(s: Situation, *deeds: Deed) -> frozenset[str]:
    """Ids of the endpoints with which one of these is done while the object lives."""
    return frozenset(item for item, role in roles(s).items() if TABLE[role].living in deeds)


def when_deleted(s: Situation, *deeds: Deed) -> frozenset[str]:
    """The same while the object is being deleted, and its endpoint with it."""
    return frozenset(item for item, role in roles(s).items() if TABLE[role].deleted in deeds)


def when_retained(s: Situation, *deeds: Deed) -> frozenset[str]:
    """The same while the object is being deleted, and its endpoint stays."""
    return frozenset(item for item, role in roles(s).items() if TABLE[role].retained in deeds)


def _judge(s: Situation) -> Mapping[str, Role]:
    recorded, kept = facts.recorded_id(s), facts.own_endpoint(s)
    fitting: tuple[tuple[Role, Iterable[str]], ...] = (
        (Role.COPY, {*facts.copies(s), *facts.imitations(s)} - {recorded}),
        (Role.PREDECESSOR, [recorded] if facts.still_a_predecessors(s) else ()),
        (Role.FOREIGN, _foreign(s)),
        (Role.UNPROVEN, _id(facts.unproven(s))),
        (Role.ADOPTING, _id(facts.being_adopted(s))),
        (Role.KEPT, _id(kept) if kept is not None else [recorded]),
        (Role.TAKEN_OVER, [each.endpoint.id for each in s.evidence.own if facts.adopted(s, each)]),
    )
    found = dict.fromkeys((*seen(s), *([recorded] if recorded else [])), Role.DUPLICATE)
    for role, ids in reversed(fitting):
        found.update((item, role) for item in ids if item in found)
    return found


def _foreign(s: Situation) -> set[str]:
    """Those that are surely not this object's, whatever else stands on them."""
    found = {item for item, each in seen(s).items() if each.endpoint.foreign_to(s.identity)}
    last = s.memory.last_seen.get(facts.recorded_id(s))  # one LIST that leaves it out does not make it ours again
    if last is not None and last.foreign_to(s.identity):
        found.add(last.id)
    if facts.being_adopted(s) is not None and adoption.adoption(s) is not None:
        found.add(facts.recorded_id(s))  # it was only observed, or its adoption is refused
    return found


def _id(sighting: Sighting | None) -> tuple[str, ...]:
    return (sighting.endpoint.id,) if sighting is not None else ()

"""From an endpoint that exists to the manifest that takes it over, and changes nothing but its owner mark.

What the spec may leave out is left out, so that it stays the cloud's. Nothing is decided here: the marks say whose an
endpoint is, and the operator whether it may be taken over.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.domain.errors import visible
from tokenfactory_operator.domain.identity import DESCRIPTION_LIMIT, Identity, OwnerMark, subject, text_without_marks
from tokenfactory_operator.domain.observed import ObservedEndpoint

NAME_LIMIT: Final = 63
"""Characters of an object's name: it is a DNS label then, which every tool takes."""
MARK_ROOM: Final = len(str(OwnerMark(Identity("x" * 8, "0" * 36), "", "adopted"))) + 1
"""Characters that an owner mark needs besides `namespace/name`, with the default name of a cluster."""
_OF_A_PLACE: Final = re.compile(r"([a-z0-9-]{1,63})/([a-z0-9.-]{1,63})")


@dataclass(frozen=True)
class Moved:
    """One endpoint and its manifest."""

    endpoint: ObservedEndpoint
    manifest: dict[str, Any]
    warnings: tuple[str, ...] = ()
    """What applying it changes besides the mark."""


@dataclass(frozen=True)
class Left:
    """One endpoint that is not imported, and why."""

    endpoint: ObservedEndpoint
    why: str
    problem: bool = False
    """A person has to do something about it first."""


@dataclass(frozen=True)
class Owners:
    """Whose the endpoints of this cluster are."""

    cluster_id: str
    """Empty: not known, so that every mark is somebody's."""
    places: Collection[str]
    """`namespace/name` of each object that names an endpoint."""
    uids: Collection[str]
    """Of all objects."""
    ids: Collection[str]
    """Endpoints that an object names, in its spec or its status."""
    whole: bool = True
    """All objects of the cluster are known: without that no object can be called gone."""


def moved(
    endpoints: Sequence[ObservedEndpoint],
    *,
    namespace: str,
    owners: Owners,
    observe: bool,
    taken: Collection[str],
    only: Collection[str] = (),
) -> Iterator[Moved | Left]:
    """A manifest for each endpoint that has no object, in the order of the cloud.

    `taken`: names that are in use; `only`: the ids of those that are wanted, if not all are. The place of an object
    that an endpoint has lost is given to no other, wanted or not.
    """
    lost = {
        endpoint.id: place
        for endpoint in endpoints
        if _owned(endpoint, owners) is None and (place := _place_of_the_mark(endpoint, owners)) is not None
    }
    names = {*taken, *(name for where, name in lost.values() if where == namespace)}
    given: dict[tuple[str, str], str] = {}
    for endpoint in endpoints:
        if only and endpoint.id not in only:
            continue
        why = _owned(endpoint, owners)
        if why is not None:
            yield Left(endpoint, *why)
            continue
        place = lost.get(endpoint.id) or (namespace, unique(name_for(endpoint), endpoint.id, names))
        if place in given:
            yield _second(endpoint, place, first=given[place])
            continue
        result = _manifest(endpoint, name=place[1], namespace=place[0], observe=observe)
        if isinstance(result, Moved):
            given[place] = endpoint.id
            names |= {place[1]} if place[0] == namespace else set()
        yield result


def _second(endpoint: ObservedEndpoint, place: tuple[str, str], *, first: str) -> Left:
    text = f"it carries the mark of {'/'.join(place)}, as {first} does, and an object has one endpoint"
    return Left(endpoint, f"{text}: import the one to keep by its id, and delete the other", problem=True)


def _owned(endpoint: ObservedEndpoint, owners: Owners) -> tuple[str, bool] | None:
    if endpoint.id in owners.ids:
        return "an object of this cluster has it", False
    for mark in endpoint.marks:
        ours = mark.identity.cluster_id == owners.cluster_id
        if ours and mark.identity.uid in owners.uids:
            return f"{visible(mark.subject)} of this cluster has it", False
        if not ours:
            return f"{visible(mark.owner(owners.cluster_id))} has it: release it there first", True
        if not owners.whole:
            text = visible(mark.owner(owners.cluster_id))
            return f"it carries the mark of {text}, which is not among the objects that could be listed", True
        if _place_of_the_mark(endpoint, owners) is None or mark.subject in owners.places:
            return f"it carries the mark of {visible(mark.owner(owners.cluster_id))}, which is gone", True
    return None


def _place_of_the_mark(endpoint: ObservedEndpoint, owners: Owners) -> tuple[str, str] | None:
    """Where the object was that the endpoint has lost: only one of the same name may take it over."""
    subjects = {mark.subject for mark in endpoint.marks if mark.identity.cluster_id == owners.cluster_id}
    found = _OF_A_PLACE.fullmatch(next(iter(subjects), "")) if len(subjects) == 1 else None
    return (found[1], found[2]) if found is not None else None


def name_for(endpoint: ObservedEndpoint) -> str:
    """A name for the object, of what people call the endpoint; it may be in use already."""
    called = (endpoint.name or "").rpartition("/")[2] or (endpoint.model_name or "").rpartition("/")[2] or endpoint.id
    slug = re.sub(r"[^a-z0-9]+", "-", called.lower()).strip("-")[:NAME_LIMIT].strip("-")
    return slug or "endpoint"


def unique(name: str, endpoint_id: str, taken: Collection[str]) -> str:
    """The name, or with the end of the id where it is taken: the same each time, whatever else is imported."""
    if name not in taken:
        return name
    digits = re.sub(r"[^a-z0-9]", "", endpoint_id.lower()) or "0"
    for length in (6, *range(7, len(digits) + 1)):
        longer = f"{name[: NAME_LIMIT - length - 1]}-{digits[-length:]}"
        if longer not in taken:
            return longer
    return next(each for at in range(2, len(taken) + 3) if (each := f"{name[: NAME_LIMIT - 6]}-{at}") not in taken)


def _manifest(endpoint: ObservedEndpoint, *, name: str, namespace: str, observe: bool) -> Moved | Left:
    low, high = endpoint.min_replicas, endpoint.max_replicas
    spec = {
        "model": endpoint.model_name,
        "flavor": endpoint.flavor_name,
        "region": endpoint.region,
        "gpu": {"type": endpoint.gpu_type, "count": endpoint.gpu_count},
        # One replica is the default: left out, so that an autoscaler may own it.
        "scaling": {"maxReplicas": high} if low == 1 else {"minReplicas": low, "maxReplicas": high},
        # One that is stopped would count as stopped by a person, against the spec.
        **({"enabled": False} if endpoint.enabled is False else {}),
        "endpointId": endpoint.id,
        **({"managementPolicy": "Observe"} if observe else {}),
    }
    try:
        api.Spec.model_validate(spec)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        return Left(endpoint, f"its {field} cannot be in a spec: {visible(str(first['msg']))}", problem=True)
    manifest = {
        "apiVersion": api.API_VERSION,
        "kind": api.KIND,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
    return Moved(endpoint, manifest, () if observe else tuple(_warnings(endpoint, namespace, name)))


def _warnings(endpoint: ObservedEndpoint, namespace: str, name: str) -> Iterator[str]:
    room = DESCRIPTION_LIMIT - MARK_ROOM - len(subject(namespace, name))
    text = text_without_marks(endpoint.description)
    if len(text) > room:
        yield f"its description has {len(text)} characters and is cut to {room}, since the owner mark needs the rest"

"""`list`: the endpoints of the cloud and the objects of the cluster, side by side. It only reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tokenfactory_operator.api.v1alpha1 import ManagementPolicy
from tokenfactory_operator.cli.commands import command
from tokenfactory_operator.cli.errors import Exit
from tokenfactory_operator.cli.objects import Shown
from tokenfactory_operator.cli.session import Session
from tokenfactory_operator.cli.sight import sight
from tokenfactory_operator.domain.errors import CloudError, visible
from tokenfactory_operator.domain.identity import ADOPTED, Identity
from tokenfactory_operator.domain.observed import ObservedEndpoint
from tokenfactory_operator.ports import Key

NOTHING = "-"
COLUMNS = ("ENDPOINT", "OWNER", "OBJECT", "STATE", "GPUS", "MODEL", "REGION")


@dataclass(frozen=True)
class Row:
    """An endpoint, an object, or both."""

    endpoint: ObservedEndpoint | None
    owner: str
    """owned, adopted, observed, orphaned, foreign, released, nobody or unknown; else missing or none yet."""
    place: str
    """The object, or what a mark says of it."""

    @property
    def gpus(self) -> int:
        """Those that it reserves."""
        each = self.endpoint
        return 0 if each is None or each.enabled is False else (each.gpu_count or 0) * (each.min_replicas or 0)


@command()
async def listing(session: Session) -> Exit:
    """List the cloud's endpoints with their objects, and the operator's objects without an endpoint.

    OWNER is owned (made for the object), adopted, observed, orphaned (its object is gone), foreign (of another cluster
    or owner), released, nobody, or unknown (its object may be where you may not look); missing is an object whose
    endpoint is not listed. An endpoint that several objects name has a line for each. GPUS are those reserved.

    Examples:
    kubectl tokenfactory list
    kubectl tokenfactory list -o json | jq '.[] | select(.owner == "orphaned") | .endpointId'
    """
    bodies, left_out = await session.every_object()
    if left_out:
        session.out.note(f"{left_out} An endpoint is unknown where its object may be elsewhere.")
    try:
        seen = await sight(session, bodies)
    except CloudError as error:
        raise await session.failed(error) from None
    await session.note_unknown_settings()
    watched = (await session.access()).settings.watch_namespaces
    every = side_by_side(seen.endpoints, [Shown.of(body) for body in bodies], seen.cluster_id, whole=not left_out)
    rows = [row for row in every if row.endpoint or not watched or row.place.partition("/")[0] in watched]
    if session.out.as_json:
        session.out.json([_as_json(row) for row in rows])
        return Exit.DONE
    session.out.table(COLUMNS, [_cells(row) for row in rows])
    session.out.line(f"\nGPUs reserved: {gpus_reserved(rows)}.")
    return Exit.DONE


def side_by_side(
    endpoints: Sequence[ObservedEndpoint], shown: Sequence[Shown], cluster_id: str, *, whole: bool = True
) -> list[Row]:
    """A row for each endpoint and each object that has or names it, and for each object without an endpoint here.

    `whole`: all objects of the cluster are among `shown`; else none can be called gone.
    """
    by_uid = {each.uid: each for each in shown}
    by_id: dict[str, list[Shown]] = defaultdict(list)
    for each in shown:
        for endpoint_id in {each.endpoint_id, each.named_id} - {""}:
            by_id[endpoint_id].append(each)
    rows: list[Row] = []
    placed: set[Key] = set()
    for endpoint in endpoints:
        owner = _owner(endpoint, by_uid, cluster_id)
        holders = by_id.get(endpoint.id, [])
        placed |= {each.key for each in ([owner] if owner else []) + holders}
        rows += _rows(endpoint, owner, holders, cluster_id, whole=whole)
    return rows + [
        Row(None, "missing" if each.endpoint_id or each.named_id else "none yet", str(each.key))
        for each in shown
        if each.key not in placed
    ]


def gpus_reserved(rows: Sequence[Row]) -> int:
    """Of all endpoints; one may have several rows."""
    return sum({row.endpoint.id: row.gpus for row in rows if row.endpoint is not None}.values())


def _owner(endpoint: ObservedEndpoint, by_uid: Mapping[str, Shown], cluster_id: str) -> Shown | None:
    """The object of which the endpoint carries the mark."""
    uids = [mark.identity.uid for mark in endpoint.marks if mark.identity.cluster_id == cluster_id]
    return next((by_uid[uid] for uid in uids if uid in by_uid), None)


def _rows(
    endpoint: ObservedEndpoint, owner: Shown | None, holders: Sequence[Shown], cluster_id: str, *, whole: bool
) -> Iterator[Row]:
    marked = _marked(endpoint, owner, cluster_id, whole=whole)
    if marked is not None:
        yield marked
    elif not holders and endpoint.released is not None:
        yield Row(endpoint, "released", visible(endpoint.released.subject))
    elif not holders:
        yield Row(endpoint, "nobody", NOTHING)
    for holder in holders:
        place = str(holder.key)
        if holder is not owner and holder.policy is ManagementPolicy.OBSERVE:
            yield Row(endpoint, "observed", place)
        elif marked is None:
            yield Row(endpoint, "nobody", place)
        elif marked.place != place:
            yield Row(endpoint, "foreign", place)


def _marked(endpoint: ObservedEndpoint, owner: Shown | None, cluster_id: str, *, whole: bool) -> Row | None:
    """What its mark says; None where it has none."""
    if owner is not None:
        adopted = endpoint.attempt_of(Identity(cluster_id, owner.uid)) == ADOPTED
        return Row(endpoint, "adopted" if adopted else "owned", str(owner.key))
    if not endpoint.marks:
        return None
    mark = endpoint.marks[0]
    lost = "orphaned" if whole else "unknown"
    return Row(endpoint, lost if mark.identity.cluster_id == cluster_id else "foreign", visible(mark.subject))


def _cells(row: Row) -> tuple[str, ...]:
    each = row.endpoint
    if each is None:
        return (NOTHING, row.owner, row.place, NOTHING, "0", NOTHING, NOTHING)
    state = "/".join(filter(None, (each.status, each.readiness))) or NOTHING
    return (each.id, row.owner, row.place, state, str(row.gpus), each.model_name or NOTHING, each.region or NOTHING)


def _as_json(row: Row) -> dict[str, object]:
    each = row.endpoint
    return {
        "endpointId": each.id if each is not None else None,
        "owner": row.owner,
        "object": row.place if row.place != NOTHING else None,
        "status": each.status if each is not None else None,
        "readiness": each.readiness if each is not None else None,
        "gpusReserved": row.gpus,
        "model": each.model_name if each is not None else None,
        "region": each.region if each is not None else None,
    }
